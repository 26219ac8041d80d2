"""Points about the unit circle: x = r (cos t, sin t), t uniform, r ~ N(1, std^2).

    p(x) = N(|x|; 1, std^2) / (2 pi |x|)        a radius below 0 is fifty deviations away
"""

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from gan_zoo.datasets.points import Points
from gan_zoo.rng import Rng


@dataclass(frozen=True, eq=False)
class Ring(Points):
    """A thin ring; it has no modes."""

    name: str = "ring"
    noise: float = 0.02
    modes: None = None
    std: None = None
    device: torch.device = field(default=torch.device("cpu"))

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"ring {self.noise}".encode()).hexdigest()

    def to(self, device: torch.device | str) -> Self:
        return replace(self, device=torch.device(device))

    def sample(self, rng: Rng, n: int) -> Tensor:
        angle, radius = 2 * math.pi * rng.uniform(n), 1 + self.noise * rng.normal(n)
        return radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)

    def log_density(self, x: Tensor) -> Tensor:
        radius = x.norm(dim=1)
        normal = -((radius - 1) / self.noise).square() / 2 - math.log(self.noise * math.sqrt(2 * math.pi))
        return normal - (2 * math.pi * radius).log()


DATASETS = {"ring": Ring()}
