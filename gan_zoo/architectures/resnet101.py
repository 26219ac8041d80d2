"""The 101-layer residual nets of figure 2 of Gulrajani et al. 2017 (gan_64x64.py): 33 bottleneck blocks in each."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from gan_zoo.architectures.functions import relu
from gan_zoo.architectures.layers import Apply, Conv, Critic, CriticNorm, Linear, UpConv, check_size, norm, require
from gan_zoo.architectures.resnet import Resample


@dataclass(frozen=True)
class ResNet101:
    """Bottleneck nets with batch normalisation in the generator; `dim` channels at 32x32, twice as many a level further
    in, half as many at 64x64.
    """

    z_dim: int = 128
    dim: int = 64
    critic_norm: CriticNorm = "layer"

    def __post_init__(self) -> None:
        require("figure2-resnet101", **{"z_dim": self.z_dim, "dim // 4": self.dim // 4})

    @property
    def critic_mixes_samples(self) -> bool:
        return self.critic_norm == "batch"

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises: UserError unless `shape` is (C, 64, 64)."""
        check_size("figure2-resnet101", shape, 64)

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, *shape) in [-1, 1]."""
        self.check(shape)
        inputs = 8 * self.dim
        layers: dict[str, nn.Module] = {"input": Linear(self.z_dim, 16 * inputs)}
        layers["features"] = nn.Unflatten(1, (inputs, 4, 4))
        for size, channels, blocks in self._levels():
            if size > 4:
                layers[f"up{size}"] = Bottleneck(inputs, channels, "up", "batch")
            layers |= plain(size, channels, blocks, "batch")
            inputs = channels
        layers |= {"output": Conv(inputs, shape[0], 1, he=False), "fifth": Apply(fifth), "tanh": nn.Tanh()}
        return nn.Sequential(OrderedDict(layers))

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, *shape) -> (N,)."""
        self.check(shape)
        inputs, spectral = self.dim // 2, self.critic_norm == "spectral"
        layers: dict[str, nn.Module] = {"input": Conv(shape[0], inputs, 1, he=False, spectral=spectral)}
        for size, channels, blocks in reversed(self._levels()):
            if size < 64:
                layers[f"down{size}"] = Bottleneck(inputs, channels, "down", self.critic_norm)
            layers |= plain(size, channels, blocks, self.critic_norm)
            inputs = channels
        output = Linear(16 * inputs, 1, spectral=spectral)
        return Critic({**layers, "flatten": nn.Flatten(), "output": output, "fifth": Apply(fifth)})

    def _levels(self) -> list[tuple[int, int, int]]:
        """(size, channels, plain blocks) from 4x4 to 64x64."""
        return [(2 ** (i + 2), 8 * self.dim // 2**i, 5 if i == 4 else 6) for i in range(5)]


class Bottleneck(nn.Module):
    """shortcut(x) + 0.3 norm(conv(relu(conv(relu(conv(relu(x))))))): 1x1, 3x3, 1x1 on half the channels."""

    def __init__(self, inputs: int, outputs: int, resample: Resample, norm_kind: CriticNorm) -> None:
        super().__init__()
        spectral, narrow, wide = norm_kind == "spectral", outputs // 2, inputs // 2
        conv = partial(Conv, spectral=spectral)
        middles: dict[Resample, nn.Module] = {
            "up": UpConv(wide, narrow, 3),
            "down": conv(wide, narrow, 3, stride=2),
            "none": conv(wide, narrow, 3),
        }
        shortcuts: dict[Resample, nn.Module] = {
            "up": nn.Sequential(OrderedDict(conv=Conv(inputs, 4 * outputs, 1, he=False), shuffle=nn.PixelShuffle(2))),
            "down": conv(inputs, outputs, 1, stride=2, he=False),
            "none": nn.Identity(),
        }
        body = {
            "activation1": Apply(relu),
            "conv1": conv(inputs, wide, 1),
            "activation2": Apply(relu),
            "conv2": middles[resample],
            "activation3": Apply(relu),
            "conv3": conv(narrow, outputs, 1, bias=False),
            "norm": norm(norm_kind, outputs),
        }
        self.shortcut, self.body = shortcuts[resample], nn.Sequential(OrderedDict(body))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + 0.3 * self.body(x)


def plain(size: int, channels: int, blocks: int, norm_kind: CriticNorm) -> dict[str, nn.Module]:
    """`blocks` bottlenecks that keep size and channels, by name."""
    return {f"at{size}_{i}": Bottleneck(channels, channels, "none", norm_kind) for i in range(1, blocks + 1)}


def fifth(x: Tensor) -> Tensor:
    """x / 5: the code's scale of a deep net's output at the start."""
    return x / 5
