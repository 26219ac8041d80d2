"""A generator that begins as a line of length 1 parallel to that of the data `lines-T` (gan_zoo/datasets/pairs.py), as
in the experiment of Fedus et al. 2018 (arXiv 1710.08446) with linear manifolds in the plane.

G(z) = u w + b,  u = z - floor(z),  w = (0, 1) and b = (apart, 0) at the start

For z ~ N(0, 1) the fraction u is uniform on [0, 1) up to 2 exp(-2 pi^2) < 1e-8, so that lines keep a sharp end.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import linear

from gan_zoo.architectures.layers import Critic, Weighted, require
from gan_zoo.architectures.mlp import Mlp
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng


class Segment(Weighted):
    """(N, 1) -> (N, 2): from b to b + w."""

    def __init__(self, apart: float) -> None:
        super().__init__((2, 1), 2, std=0.0)
        self.apart = apart

    def reset(self, rng: Rng) -> None:
        """The line at `apart`; nothing in it is random."""
        for parameter, values in ((self.weight, (0.0, 1.0)), (self.bias, (self.apart, 0.0))):
            assert parameter is not None
            parameter.copy_(parameter.new_tensor(values).view_as(parameter))

    def forward(self, z: Tensor) -> Tensor:
        return linear(z - z.floor(), self.weight, self.bias)


@dataclass(frozen=True)
class Line:
    """A generator that is an affine map onto a line, and the critic of an `mlp`."""

    apart: float = 2.0
    width: int = 128
    depth: int = 3

    z_dim = 1
    critic_mixes_samples = False

    def __post_init__(self) -> None:
        require("line", width=self.width, depth=self.depth)

    def check(self, shape: tuple[int, ...]) -> None:
        if shape != (2,):
            raise UserError("line: makes points of the plane, and no other samples; use mlp")

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, 1) -> (N, 2)."""
        return Segment(self.apart)

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, 2) -> (N,)."""
        return Mlp(width=self.width, depth=self.depth).critic(shape)
