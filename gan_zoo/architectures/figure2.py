"""The pairs of nets of figure 2 of Gulrajani et al. 2017, for 64x64 images, as in gan_64x64.py: a baseline and six
variations, the last of them in resnet101.py.

Their critics have layer normalisation under the penalty and batch normalisation under the other losses: `critic_norm`.
"""

from dataclasses import dataclass, replace

from torch import nn

from gan_zoo.architectures import dcgan
from gan_zoo.architectures.layers import Critic, CriticNorm, check_size, require
from gan_zoo.architectures.mlp import Mlp


@dataclass(frozen=True)
class Baseline:
    """DCGAN: batch normalisation in the generator, N(0, 0.02^2) weights."""

    z_dim: int = 128
    dim: int = 64
    critic_norm: CriticNorm = "layer"

    def __post_init__(self) -> None:
        require("figure2", z_dim=self.z_dim, dim=self.dim)

    @property
    def critic_mixes_samples(self) -> bool:
        return self.critic_norm == "batch"

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises: UserError unless `shape` is (C, 64, 64)."""
        check_size("figure2", shape, 64)

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, *shape) in [-1, 1]."""
        self.check(shape)
        return self.dcgan().generator(shape)

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, *shape) -> (N,)."""
        self.check(shape)
        return self.dcgan().critic(shape)

    def dcgan(self) -> dcgan.Dcgan:
        """The DCGAN that this one is."""
        return dcgan.Dcgan(self.z_dim, self.dim, "batch", self.critic_norm, init="normal")


@dataclass(frozen=True)
class ConstantFilters(Baseline):
    """A generator without normalisation and with `dim` filters in every layer."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        self.check(shape)
        return dcgan.generator(shape, self.z_dim, self.dim, "relu", "none", doubling=False)


@dataclass(frozen=True)
class MlpGenerator(Baseline):
    """A generator of four hidden layers of 512 ReLUs."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        self.check(shape)
        return Mlp(self.z_dim, width=512, depth=4).generator(shape)


@dataclass(frozen=True)
class NoNorm(Baseline):
    """No normalisation in either net."""

    critic_norm: CriticNorm = "none"

    def dcgan(self) -> dcgan.Dcgan:
        return replace(super().dcgan(), generator_norm="none")


@dataclass(frozen=True)
class Gated(Baseline):
    """Gated multiplicative nonlinearities in both nets."""

    def dcgan(self) -> dcgan.Dcgan:
        return replace(super().dcgan(), activation="gated", critic_activation="gated", init="he")


@dataclass(frozen=True)
class Tanh(Baseline):
    """tanh nonlinearities in both nets."""

    def dcgan(self) -> dcgan.Dcgan:
        return replace(super().dcgan(), activation="tanh", critic_activation="tanh")
