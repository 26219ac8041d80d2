"""The random architectures of table 1 of Gulrajani et al. 2017: DCGANs with every setting drawn anew.

The paper counts layers but does not say where a deeper net has its further ones: here they are 5x5 convolutions of
stride 1, spread evenly over the levels. Every setting of each net is an independent draw.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

from torch import nn

from gan_zoo.architectures import dcgan
from gan_zoo.architectures.functions import Activation
from gan_zoo.architectures.layers import Critic, CriticNorm, GeneratorNorm, check_size, require
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng

ACTIVATIONS: tuple[Activation, ...] = ("relu", "leaky_relu", "softplus", "tanh")
DEPTHS = (4, 8, 12, 20)
DIMS = (32, 64, 128)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Settings:
    """One row of the set, for both nets."""

    activation: Activation
    depth: int
    norm: GeneratorNorm
    dim: int
    critic_activation: Activation
    critic_depth: int
    critic_norm: CriticNorm
    critic_dim: int


@dataclass(frozen=True)
class Table1:
    """Architecture number `index` of the set, the same on every machine.

    `critic_norm` is what the critic has where the draw says that it is normalised: layer normalisation for WGAN-GP,
    batch normalisation for the other losses.
    """

    index: int = 0
    critic_norm: Literal["layer", "batch"] = "layer"
    z_dim: int = 128

    def __post_init__(self) -> None:
        require("table1", z_dim=self.z_dim)
        if self.index < 0:
            raise UserError(f"architecture table1: index is {self.index}, must be at least 0")

    @property
    def settings(self) -> Settings:
        """The draw; a function of `index` and `critic_norm` only."""
        return Settings(
            activation=self._draw("generator activation", ACTIVATIONS),
            depth=self._draw("generator depth", DEPTHS),
            norm=self._draw("generator norm", ("none", "batch")),
            dim=self._draw("generator dim", DIMS),
            critic_activation=self._draw("critic activation", ACTIVATIONS),
            critic_depth=self._draw("critic depth", DEPTHS),
            critic_norm=self._draw("critic norm", ("none", self.critic_norm)),
            critic_dim=self._draw("critic dim", DIMS),
        )

    @property
    def critic_mixes_samples(self) -> bool:
        return self.settings.critic_norm == "batch"

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises: UserError unless `shape` is (C, 28, 28) or (C, 32, 32), the paper's size."""
        check_size("table1", shape, 28, 32)

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, *shape) in [-1, 1]."""
        self.check(shape)
        own = self.settings
        return dcgan.generator(shape, self.z_dim, own.dim, own.activation, own.norm, depth=own.depth)

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, *shape) -> (N,)."""
        self.check(shape)
        own = self.settings
        return dcgan.critic(shape, own.critic_dim, own.critic_activation, own.critic_norm, depth=own.critic_depth)

    def _draw(self, setting: str, values: tuple[Value, ...]) -> Value:
        return values[Rng(0, "table1", self.index, setting).state_seed % len(values)]
