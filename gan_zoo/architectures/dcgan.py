"""DCGAN (Radford et al. 2016) in the form of Gulrajani et al. 2017: 5x5 filters, stride 2, from 4x4 features up.

Levels of gan_mnist.py (28x28: 4x4 -> 8x8, cropped to 7x7 -> 14x14 -> 28x28), gan_cifar.py (32x32) and gan_64x64.py.
Channels halve from level to level and end at `dim`. There is no norm after the critic's first layer. Their generator of
MNIST ends in a sigmoid on [0, 1], which is this tanh on [-1, 1]; their batch norm at 4x4 is by unit at 28x28 and 32x32
and by channel at 64x64: here always by channel.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from gan_zoo.architectures.functions import ACTIVATIONS, Activation
from gan_zoo.architectures.layers import (
    Apply,
    Conv,
    Critic,
    CriticNorm,
    GeneratorNorm,
    Init,
    Linear,
    UpConv,
    block,
    check_size,
    initialised,
    require,
)


@dataclass(frozen=True)
class Dcgan:
    """`dim` channels beside the image, twice as many a level further in.

    `init`: `he` as the code of Gulrajani et al. 2017 for MNIST and CIFAR-10, `normal` N(0, 0.02^2) as Radford et al.
    """

    z_dim: int = 128
    dim: int = 64
    generator_norm: GeneratorNorm = "none"
    critic_norm: CriticNorm = "none"
    activation: Activation = "relu"
    critic_activation: Activation = "leaky_relu"
    init: Init = "he"

    def __post_init__(self) -> None:
        require("dcgan", z_dim=self.z_dim, dim=self.dim)

    @property
    def critic_mixes_samples(self) -> bool:
        return self.critic_norm == "batch"

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises: UserError unless `shape` is (C, 28, 28), (C, 32, 32) or (C, 64, 64)."""
        check_size("dcgan", shape, 28, 32, 64)

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, *shape) in [-1, 1]."""
        self.check(shape)
        net = generator(shape, self.z_dim, self.dim, self.activation, self.generator_norm)
        return initialised(net, self.init)

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, *shape) -> (N,)."""
        self.check(shape)
        return initialised(critic(shape, self.dim, self.critic_activation, self.critic_norm), self.init)


def generator(
    shape: tuple[int, ...],
    z_dim: int,
    dim: int,
    activation: Activation,
    norm: GeneratorNorm,
    *,
    depth: int = 0,
    doubling: bool = True,
) -> nn.Module:
    """A linear layer to 4x4 features and transposed convolutions to the image, `depth` layers in all (0: the
    least), with `dim` channels at every level if not `doubling`.
    """
    sizes = levels(shape)[:0:-1]
    fan = ACTIVATIONS[activation].inputs
    channels = [dim * 2 ** (len(sizes) - 1 - i) if doubling else dim for i in range(len(sizes))]
    wide = [fan * c for c in channels]
    layers: dict[str, nn.Module] = {"input": Linear(z_dim, wide[0] * sizes[0] ** 2)}
    for i, (size, extra) in enumerate(zip(sizes, _shared_out(depth - len(sizes) - 1, len(sizes)), strict=True)):
        up = UpConv(channels[i - 1], wide[i], 5) if i else nn.Unflatten(1, (wide[0], size, size))
        layers |= block(f"up{size}", up, wide[i], activation, norm)
        if size % 2:
            layers[f"crop{size}"] = Apply(partial(crop, size=size))
        for j in range(1, extra + 1):
            layers |= block(f"at{size}_{j}", Conv(channels[i], wide[i], 5), wide[i], activation, norm)
    return nn.Sequential(OrderedDict({**layers, "output": UpConv(channels[-1], shape[0], 5), "tanh": nn.Tanh()}))


def critic(shape: tuple[int, ...], dim: int, activation: Activation, norm: CriticNorm, *, depth: int = 0) -> Critic:
    """Convolutions of stride 2 down to 4x4 features and a linear layer, `depth` layers in all (0: the least)."""
    sizes = levels(shape)[1:]
    fan, spectral = ACTIVATIONS[activation].inputs, norm == "spectral"
    layers: dict[str, nn.Module] = {}
    inputs = shape[0]
    for i, (size, extra) in enumerate(zip(sizes, _shared_out(depth - len(sizes) - 1, len(sizes)), strict=True)):
        channels = dim * 2**i
        down = Conv(inputs, fan * channels, 5, stride=2, spectral=spectral)
        layers |= block(f"down{size}", down, fan * channels, activation, norm if i else "none")
        for j in range(1, extra + 1):
            more = Conv(channels, fan * channels, 5, spectral=spectral)
            layers |= block(f"at{size}_{j}", more, fan * channels, activation, norm)
        inputs = channels
    return Critic({**layers, "flatten": nn.Flatten(), "output": Linear(inputs * size**2, 1, spectral=spectral)})


def levels(shape: tuple[int, ...]) -> list[int]:
    """Side lengths from the image's to 4, each half of the one before, rounded up: 28, 14, 7, 4."""
    sizes = [shape[-1]]
    while sizes[-1] > 4:
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def _shared_out(extra: int, places: int) -> list[int]:
    """`extra` (at least 0) things on `places` as evenly as can be, later places first: 4 on 3 is 1, 1, 2."""
    return [(max(extra, 0) + place) // places for place in range(places)]


def crop(x: Tensor, size: int) -> Tensor:
    """The first `size` rows and columns."""
    return x[..., :size, :size]
