"""The layers of every net. A layer holds its parameters and the spread its weights are drawn with; nothing else changes
while a net trains, so every net is pure under `torch.func` and `vmap`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_zoo.architectures.functions import ACTIVATIONS, Activation, spectral_norm, windowed
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng

GeneratorNorm = Literal["none", "batch"]
CriticNorm = Literal["none", "layer", "batch", "spectral"]
Init = Literal["he", "normal"]
Net = TypeVar("Net", bound=nn.Module)


class Apply(nn.Module):
    """A function without parameters as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Weighted(nn.Module):
    """Weight and bias of a layer.

    The weight is drawn with standard deviation `std`, uniformly as in the code of Gulrajani et al. 2017 or `normal`; if
    `spectral`, it is used divided by its largest singular value.
    """

    bias: nn.Parameter | None
    start: Tensor

    def __init__(
        self, shape: tuple[int, ...], outputs: int, std: float, *, spectral: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
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
        if self.bias is not None:
            self.bias.zero_()


class Linear(Weighted):
    """(N, inputs) -> (N, outputs). `he`: variance 2 / inputs (He et al. 2015), for a layer before a ReLU; else
    2 / (inputs + outputs) (Glorot & Bengio 2010).
    """

    def __init__(self, inputs: int, outputs: int, *, he: bool = False, spectral: bool = False) -> None:
        variance = 2 / inputs if he else 2 / (inputs + outputs)
        super().__init__((outputs, inputs), outputs, math.sqrt(variance), spectral=spectral)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.effective_weight(), self.bias)


class Conv(Weighted):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride), rounded up; zero padding.

    `he`: variance 4 / (fan in + fan out), else 2 / (fan in + fan out), where fan in = inputs size^2 and fan out =
    outputs size^2 / stride^2, as in the code of Gulrajani et al. 2017.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        stride: int = 1,
        *,
        he: bool = True,
        spectral: bool = False,
        bias: bool = True,
    ) -> None:
        std = math.sqrt((4 if he else 2) / (inputs + outputs / stride**2)) / size
        super().__init__((outputs, inputs, size, size), outputs, std, spectral=spectral, bias=bias)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2
        return F.conv2d(x, self.effective_weight(), self.bias, self.stride, padding)


class ConvPool(Conv):
    """A `Conv` and the mean over 2x2 windows, as one convolution: (N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2
        return F.conv2d(x, windowed(self.effective_weight()) / 4, self.bias, 2, padding)


class UpsampleConv(Conv):
    """Nearest upsampling and a `Conv`, as one transposed convolution: (N, inputs, H, W) -> (N, outputs, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2
        transposed = self.effective_weight().flip(2, 3).transpose(0, 1)
        return F.conv_transpose2d(x, windowed(transposed), self.bias, 2, padding)


class UpConv(Weighted):
    """(N, inputs, H, W) -> (N, outputs, 2H, 2W): the transpose of a `Conv` of stride 2, `he` with the same fans."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        std = math.sqrt(4 / (inputs / 4 + outputs)) / size
        super().__init__((inputs, outputs, size, size), outputs, std)

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=padding, output_padding=1)


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
        self.mean, self.var = mean, var  # not copied into what is there: in a stack each row has its own

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True)
        return F.batch_norm(x, self.mean, self.var, self.weight, self.bias)


def norm(kind: str, channels: int) -> nn.Module:
    """The layer of a normalisation; spectral normalisation is none of the features but of the weights."""
    return {"none": nn.Identity, "spectral": nn.Identity, "layer": LayerNorm, "batch": BatchNorm}[kind](channels)


def block(name: str, layer: nn.Module, channels: int, activation: Activation, norm_kind: str) -> dict[str, nn.Module]:
    """A layer of `channels` outputs, its normalisation and its activation, by name."""
    function = ACTIVATIONS[activation].function
    return {name: layer, f"{name}_norm": norm(norm_kind, channels), f"{name}_activation": Apply(function)}


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
            # torch's own layers draw from the global generator: a net would depend on what was drawn before
            elif any(True for _ in layer.parameters(recurse=False)):
                kind = type(layer).__name__
                raise UserError(f"layer {name!r} ({kind}) has no keyed initialisation: build it of gan_zoo's layers")


def calibrate(net: nn.Module, batch: Tensor, forward: Callable[[Tensor], Tensor] | None = None) -> None:
    """Set every batch norm of `net` to its statistics on `batch` and put the net in evaluation mode.

    `forward` runs the net where its weights are not its own.

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
            (forward or net)(batch)
    finally:
        for hook in hooks:
            hook.remove()
    net.eval()


def initialised(net: Net, init: str) -> Net:
    """The net, its weights to be drawn from N(0, 0.02^2) if `init` is "normal" (Radford et al. 2016, section 4)."""
    if init == "normal":
        for layer in net.modules():
            if isinstance(layer, Weighted):
                layer.std, layer.normal = 0.02, True
    return net


WIDEST, DEEPEST = 65_536, 1_000


def require(architecture: str, **options: int) -> None:
    """Raises: UserError unless each option is at least 1, a depth at most DEEPEST and any other at most WIDEST."""
    for name, value in options.items():
        most = DEEPEST if name.endswith("depth") else WIDEST
        if not 1 <= value <= most:
            raise UserError(f"architecture {architecture}: {name} is {value}, must be from 1 to {most}")


def check_size(architecture: str, shape: tuple[int, ...], *sizes: int) -> None:
    """Raises: UserError unless `shape` is (C, size, size) for one of the sizes."""
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] not in sizes:
        supported = ", ".join(f"{size}x{size}" for size in sizes)
        asked = "x".join(map(str, shape[1:] if len(shape) == 3 else shape))
        raise UserError(
            f"architecture {architecture}: makes images of {supported}, not samples of {asked}; use mlp for those"
        )
