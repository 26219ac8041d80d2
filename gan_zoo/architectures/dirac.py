"""The two numbers of the Dirac-GAN (Mescheder et al. 2018, arXiv 1801.04406, definition 2.1).

G(z) = theta for any z,  f(x) = psi x,  both drawn with mean 0 and variance 1
"""

from dataclasses import dataclass

from torch import Tensor, nn

from gan_zoo.architectures.layers import Critic, Weighted
from gan_zoo.errors import UserError


class Number(Weighted):
    """A weight that is a single number, with variance 1."""

    def __init__(self) -> None:
        super().__init__((1, 1), 1, std=1.0, bias=False)


class Theta(Number):
    """(N, z_dim) -> (N, 1): theta, whatever was drawn."""

    def forward(self, z: Tensor) -> Tensor:
        return self.weight.expand(len(z), 1)


class Psi(Number):
    """(N, 1) -> (N, 1): psi x."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


@dataclass(frozen=True)
class Dirac:
    """A generator of one point of the line, and a linear critic without bias."""

    z_dim = 1
    critic_mixes_samples = False

    def check(self, shape: tuple[int, ...]) -> None:
        if shape != (1,):
            raise UserError("dirac: makes single numbers, as the data set 'dirac' has, and no other samples; use mlp")

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, 1)."""
        return Theta()

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, 1) -> (N,)."""
        return Critic({"output": Psi()})
