"""The layers of every net: pure under `torch.func` and `vmap`, with no work that a double backward throws away.

A layer holds its parameters and the spread its weights are drawn with; nothing else changes while a net trains. The
second derivative of a framework's `relu` or `avg_pool2d` is an explicit tensor of zeros that the backward of a gradient
penalty would carry through the whole net: here a ReLU is a product with a constant mask and a pool a mean of slices,
with the same values and derivatives.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_zoo.errors import UserError
from gan_zoo.rng import Rng

Activation = Literal["relu", "leaky_relu", "softplus", "tanh", "gated"]
GeneratorNorm = Literal["none", "batch"]
CriticNorm = Literal["none", "layer", "batch", "spectral"]


def relu(x: Tensor) -> Tensor:
    """max(0, x), with derivative 0 at 0."""
    return x * (x > 0)


def leaky_relu(x: Tensor) -> Tensor:
    """max(0.2 x, x), with derivative 0.2 at 0 (slope of the DCGAN paper)."""
    slope = torch.full((), 0.2, dtype=x.dtype, device=x.device)
    return x * torch.where(x > 0, 1.0, slope)


def softplus(x: Tensor) -> Tensor:
    """softplus(2x + 2) / 2 - 1, as in table 1 of Gulrajani et al. 2017."""
    return F.softplus(2 * x + 2) / 2 - 1


def gated(x: Tensor) -> Tensor:
    """sigma(a) tanh(b) of the two halves a, b of axis 1 (van den Oord et al. 2016, eq. 2)."""
    a, b = x.chunk(2, dim=1)
    return a.sigmoid() * b.tanh()


def mean_pool(x: Tensor) -> Tensor:
    """Mean over 2x2 windows: (N, C, 2H, 2W) -> (N, C, H, W)."""
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


def upsample(x: Tensor) -> Tensor:
    """Every pixel repeated in a 2x2 window: (N, C, H, W) -> (N, C, 2H, 2W)."""
    height, width = x.shape[-2:]
    windows = x[..., :, None, :, None].expand(*x.shape[:-1], 2, width, 2)
    return windows.reshape(*x.shape[:-2], 2 * height, 2 * width)


class Nonlinearity(NamedTuple):
    """A function of a layer's outputs and how many of them it takes for one of its own."""

    function: Callable[[Tensor], Tensor]
    inputs: int = 1


ACTIVATIONS: Mapping[str, Nonlinearity] = {
    "relu": Nonlinearity(relu),
    "leaky_relu": Nonlinearity(leaky_relu),
    "softplus": Nonlinearity(softplus),
    "tanh": Nonlinearity(torch.tanh),
    "gated": Nonlinearity(gated, inputs=2),
}


class Apply(nn.Module):
    """A function without parameters as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def spectral_norm(weight: Tensor, start: Tensor, iterations: int = 10) -> Tensor:
    """Largest singular value of `weight` as a matrix (outputs, rest), by power iteration from `start` (outputs,).

    sigma = u^T W v with u, v constants of the derivative (Miyato et al. 2018, algorithm 1). They carry u from one step
    to the next and iterate once; a pure function of the parameters has nothing to carry it in, so it iterates
    `iterations` times from the same start every time. Either estimate is at most sigma.
    """
    matrix = weight.flatten(1)
    constant, u = matrix.detach(), start
    for _ in range(iterations):
        v = F.normalize(u @ constant, dim=0)
        u = F.normalize(constant @ v, dim=0)
    return u @ matrix @ v


class Weighted(nn.Module):
    """Weight and bias of a layer; the weight is drawn with standard deviation `std` and used divided by its largest
    singular value if `spectral`.

    The draw is uniform, as in the code of Gulrajani et al. 2017, or `normal`.
    """

    start: Tensor

    def __init__(self, shape: tuple[int, ...], outputs: int, std: float, spectral: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.std, self.normal, self.spectral = std, False, spectral
        if spectral:
            start = Rng(0, "power iteration").normal(shape[0])
            self.register_buffer("start", start, persistent=False)

    def effective_weight(self) -> Tensor:
        return self.weight / spectral_norm(self.weight, self.start) if self.spectral else self.weight

    def reset(self, rng: Rng) -> None:
        """Draw the weight from `rng`, in float32 whatever the net's type; the bias is zero."""
        shape = self.weight.shape
        unit = rng.normal(*shape) if self.normal else math.sqrt(3) * (2 * rng.uniform(*shape) - 1)
        self.weight.copy_(self.std * unit)
        self.bias.zero_()


class Linear(Weighted):
    """(N, inputs) -> (N, outputs). `he`: variance 2 / inputs (He et al. 2015), for a layer before a ReLU; else
    2 / (inputs + outputs) (Glorot & Bengio 2010).
    """

    def __init__(self, inputs: int, outputs: int, *, he: bool = False, spectral: bool = False) -> None:
        variance = 2 / inputs if he else 2 / (inputs + outputs)
        super().__init__((outputs, inputs), outputs, math.sqrt(variance), spectral)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.effective_weight(), self.bias)


class Norm(nn.Module):
    """Scale and shift of `channels` (axis 1), which begin as 1 and 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def reset(self, rng: Rng) -> None:
        """The initial state; nothing in it is random."""
        self.weight.fill_(1)
        self.bias.zero_()


class LayerNorm(Norm):
    """Each sample normalised over all its own features, scaled by channel, as in the WGAN-GP code; mixes no samples."""

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, 1, self.weight, self.bias)


class BatchNorm(Norm):
    """Each channel normalised by the batch while training, by the statistics that `calibrate` set in evaluation.

    There is no running average, so training changes no buffer. Statistics that were never set are NaN.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("mean", torch.full((channels,), torch.nan))
        self.register_buffer("var", torch.full((channels,), torch.nan))

    def reset(self, rng: Rng) -> None:
        super().reset(rng)
        self.mean.fill_(torch.nan)
        self.var.fill_(torch.nan)

    def measure(self, x: Tensor) -> None:
        """Keep the mean and (biased) variance of the batch `x` for evaluation."""
        axes = [axis for axis in range(x.dim()) if axis != 1]
        var, mean = torch.var_mean(x, axes, correction=0)
        self.mean.copy_(mean)
        self.var.copy_(var)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True)
        return F.batch_norm(x, self.mean, self.var, self.weight, self.bias)


def norm(kind: str, channels: int) -> nn.Module:
    """The layer of a normalisation; spectral normalisation is none of the features but of the weights."""
    return {"none": nn.Identity, "spectral": nn.Identity, "layer": LayerNorm, "batch": BatchNorm}[kind](channels)


class Critic(nn.Sequential):
    """(N, *shape) -> (N,) raw scores, of layers that end in one feature.

    `per_sample`: no layer mixes the samples of a batch, so real and fake may be scored in one pass.
    """

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.per_sample = not any(isinstance(layer, BatchNorm) for layer in self.modules())

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).squeeze(1)


def initialise(net: nn.Module, rng: Rng) -> None:
    """Draw every weight of `net` in place, each from `rng.child(<its name>)`; biases become zero.

    A weight's draw depends on its name and shape only: not on other layers, nor on anything drawn before.
    """
    with torch.no_grad():
        for name, layer in net.named_modules():
            if isinstance(layer, (Weighted, Norm)):
                layer.reset(rng.child(f"{name}.weight"))
            elif any(True for _ in layer.parameters(recurse=False)):
                kind = type(layer).__name__
                raise UserError(f"layer {name!r} ({kind}) has no keyed initialisation: build it of gan_zoo's layers")


def calibrate(net: nn.Module, batch: Tensor) -> None:
    """Set every batch norm of `net` to its statistics on `batch` and put the net in evaluation mode.

    One pass: each statistic is taken with the layers before it normalised by the same batch, so on `batch` itself the
    net gives what it gave in training mode. Afterwards samples are independent ("standing statistics", Brock et al.
    2019).
    """

    def measure(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, BatchNorm)
        layer.measure(inputs[0])

    net.train()
    hooks = [layer.register_forward_pre_hook(measure) for layer in net.modules() if isinstance(layer, BatchNorm)]
    try:
        with torch.no_grad():
            net(batch)
    finally:
        for hook in hooks:
            hook.remove()
    net.eval()


def require(place: str, **options: int) -> None:
    """UserError unless each of the options is at least 1."""
    for name, value in options.items():
        if value < 1:
            raise UserError(f"architecture {place}: {name} is {value}, must be at least 1")
