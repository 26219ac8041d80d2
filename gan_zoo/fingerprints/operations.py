"""The operations that training consists of, each by itself, at the sizes that it meets."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_zoo.architectures import functions
from gan_zoo.architectures.layers import BatchNorm, Conv, ConvPool, LayerNorm, UpConv, UpsampleConv
from gan_zoo.engine.descent import descend, optimizer_numbers
from gan_zoo.engine.state import new_optimizer
from gan_zoo.engine.weights import Weights
from gan_zoo.fingerprints.hashing import fingerprint, numbers
from gan_zoo.numerics.roots import root
from gan_zoo.optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, NAdam, RAdam, RMSprop
from gan_zoo.rng import Rng

Compute = Callable[[], str]

PRODUCTS = [  # rows, terms, columns
    *((64, 2, 64), (64, 16, 128), (64, 64, 64), (64, 64, 1), (64, 64, 2), (128, 64, 64), (64, 128, 128)),
    *((128, 128, 128), (128, 64, 784), (50, 128, 4096), (64, 784, 512), (512, 64, 784), (50, 4096, 1)),
    *((256, 2, 512), (256, 512, 512), (512, 256, 512), (512, 256, 2), (128, 8192, 64)),
]
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": torch.exp,
    "log": lambda x: x.abs().log(),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "softplus of table 1": functions.softplus,
    "elu": F.elu,
    "root": lambda x: root(x.abs()),
    "sixth power": lambda x: x.pow(6.0),
    "sine": torch.sin,
    "cosine": torch.cos,
    "gated": functions.gated,
    "sum": lambda x: x.sum(),
    "sum of rows": lambda x: x.sum(0),
    "mean": lambda x: x.mean(),
    "standard deviation": lambda x: x.std(correction=0),
    "norm of rows": lambda x: torch.linalg.vector_norm(x, dim=1),
    "softmax": lambda x: x.softmax(1),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "quantile": lambda x: torch.quantile(x.double(), torch.tensor([0.05, 0.5, 0.95]).double()),
    "spectral norm": lambda x: functions.spectral_norm(x, numbers(len(x), key="start")),
}
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolution 5x5, stride 2, of an image": (lambda: Conv(1, 16, 5, stride=2), (16, 1, 28, 28)),
    "convolution 5x5, stride 2": (lambda: Conv(16, 32, 5, stride=2), (16, 16, 14, 14)),
    "convolution 5x5, stride 2, wide": (lambda: Conv(64, 128, 5, stride=2), (50, 64, 14, 14)),
    "convolution 5x5, stride 2, of 50": (lambda: Conv(128, 256, 5, stride=2), (50, 128, 7, 7)),
    "transposed convolution 5x5": (lambda: UpConv(32, 16, 5), (16, 32, 7, 7)),
    "transposed convolution 5x5, wide": (lambda: UpConv(128, 64, 5), (50, 128, 7, 7)),
    "transposed convolution 5x5, to an image": (lambda: UpConv(64, 1, 5), (50, 64, 14, 14)),
    "convolution 3x3": (lambda: Conv(32, 32, 3), (16, 32, 8, 8)),
    "convolution 3x3, wide": (lambda: Conv(128, 128, 3), (64, 128, 8, 8)),
    "convolution 1x1": (lambda: Conv(3, 32, 1), (16, 3, 16, 16)),
    "convolution 3x3 with a pool": (lambda: ConvPool(32, 32, 3), (16, 32, 16, 16)),
    "convolution 3x3 after upsampling": (lambda: UpsampleConv(32, 32, 3), (16, 32, 8, 8)),
    "layer normalisation": (lambda: LayerNorm(32), (16, 32, 8, 8)),
    "batch normalisation": (lambda: BatchNorm(32), (16, 32, 8, 8)),
    "batch normalisation of units": (lambda: BatchNorm(128), (64, 128)),
}


def product(rows: int, terms: int, columns: int, dtype: torch.dtype = torch.float32) -> str:
    """a b with either factor as it lies in memory or transposed, and with a bias."""
    a, b = numbers(rows, terms, key="a").to(dtype), numbers(terms, columns, key="b").to(dtype)
    a_turned, b_turned = a.t().contiguous().t(), b.t().contiguous().t()
    bias = numbers(columns, key="bias").to(dtype)
    return fingerprint([a @ b, a @ b_turned, a_turned @ b, a_turned @ b_turned, torch.addmm(bias, a, b_turned)])


def function(of: Callable[[Tensor], Tensor], dtype: torch.dtype) -> str:
    """A function and its derivative."""
    x = numbers(64, 130).to(dtype).requires_grad_()
    value = of(x)
    return fingerprint([value, *torch.autograd.grad(value.sum(), x)])


def layer(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> str:
    """A layer, its derivatives by input and weights, and those of the norm of that by the input, as a penalty's."""
    net = make()
    for name, weight in net.named_parameters():
        weight.data.copy_(numbers(*weight.shape, key=name) / 8)
    x = numbers(*shape).requires_grad_()
    out = net(x)
    (gradient,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
    weights = list(net.parameters())
    first = torch.autograd.grad(out.sum(), weights, retain_graph=True)
    second = torch.autograd.grad(gradient.square().sum(), [w for w in weights if w.dim() > 1] or weights[:1])
    return fingerprint([out, gradient, *first, *second])


def optimiser(spec: Any) -> str:
    """Three steps on a vector."""
    weights = Weights.copy_of({"w": numbers(1003)})
    optimizer = new_optimizer(weights, spec)
    for i in range(3):
        descend(weights, optimizer, numbers(1003, key=f"gradient {i}"), optimizer_numbers(spec))
    return fingerprint([weights.vector])


def _batches_of_products() -> str:
    """Products of stacked matrices, as stacked seeds have them."""
    return fingerprint([torch.bmm(numbers(4, 64, 64, key="a"), numbers(4, 64, 64, key="b"))])


def draws() -> str:
    rng = Rng(0, "draws")
    return fingerprint(
        [rng.normal(1003), rng.normal(7), rng.uniform(1003), rng.integers(1000, (99,)), rng.permutation(99)]
    )


def operations() -> Iterator[tuple[str, Compute]]:
    for size in PRODUCTS:
        yield f"product {'x'.join(map(str, size))}", partial(product, *size)
    yield "product 300x128x300 float64", partial(product, 300, 128, 300, torch.float64)
    yield "product, batch of 4", _batches_of_products
    for name, of in FUNCTIONS.items():
        yield name, partial(function, of, torch.float32)
    for name in ("exp", "log", "root", "sum", "mean", "logsumexp", "sine", "cosine"):
        yield f"{name} float64", partial(function, FUNCTIONS[name], torch.float64)
    for name, (make, shape) in LAYERS.items():
        yield name, partial(layer, make, shape)
    yield "Adam", partial(optimiser, Adam(1e-3, (0.5, 0.9)))
    yield "RMSProp", partial(optimiser, RMSprop(1e-3))
    for settings in (AdamW(1e-3), SGD(1e-3, momentum=0.9), NAdam(1e-3), RAdam(1e-3), Adagrad(1e-3), Adadelta()):
        yield type(settings).__name__, partial(optimiser, settings)
    yield "draws", draws


OPERATIONS = dict(operations())
