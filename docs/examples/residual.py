"""Fully connected residual nets (He et al. 2016, arXiv 1512.03385, eq. 1): each block adds to what it was given.

    h_{i+1} = h_i + W_2 relu(W_1 h_i)
"""

from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from gan_zoo.architectures.layers import Critic, Linear, require


class Block(nn.Module):
    """(N, width) -> (N, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Linear(width, width, he=True), Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.second(self.first(h).relu())


@dataclass(frozen=True)
class Residual:
    """`depth` blocks of `width` in each net; images are flattened, and made by a last tanh."""

    z_dim: int = 2
    width: int = 64
    depth: int = 2

    critic_mixes_samples = False  # no layer has batch statistics: gradient penalties are allowed

    def __post_init__(self) -> None:
        require("residual", z_dim=self.z_dim, width=self.width, depth=self.depth)

    def check(self, shape: tuple[int, ...]) -> None:
        """Every shape is supported."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, *shape)."""
        blocks = [Block(self.width) for _ in range(self.depth)]
        first, last = Linear(self.z_dim, self.width, he=True), Linear(self.width, prod(shape))
        end = nn.Tanh() if len(shape) == 3 else nn.Identity()  # pixels are in [-1, 1]
        return nn.Sequential(first, *blocks, last, end, nn.Unflatten(1, shape))

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, *shape) -> (N,)."""
        blocks: dict[str, nn.Module] = {f"block{i + 1}": Block(self.width) for i in range(self.depth)}
        first, last = Linear(prod(shape), self.width, he=True), Linear(self.width, 1)
        return Critic({"flatten": nn.Flatten(), "first": first, **blocks, "output": last})


ARCHITECTURES = {"residual": Residual}
