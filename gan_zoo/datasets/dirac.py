"""The data of the Dirac-GAN (Mescheder et al. 2018, arXiv 1801.04406, definition 2.1): the number 0, always."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from gan_zoo.datasets.points import Points
from gan_zoo.rng import Rng


@dataclass(frozen=True, eq=False)
class PointMass(Points):
    """The number 0: a point mass on the line."""

    name: str = "dirac"
    modes: None = None
    std: None = None
    device: torch.device = field(default=torch.device("cpu"))

    shape: ClassVar[tuple[int, ...]] = (1,)
    has_density: ClassVar[bool] = False

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"point mass at 0").hexdigest()

    def to(self, device: torch.device | str) -> Self:
        return replace(self, device=torch.device(device))

    def sample(self, rng: Rng, n: int) -> Tensor:
        """`n` zeros, (n, 1)."""
        return torch.zeros(n, 1, device=self.device)
