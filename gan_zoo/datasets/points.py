"""Points of the plane with a known distribution: the toy data of Gulrajani et al. 2017 (1704.00028, figure 1 and code).

8gaussians   x = (2 c_k + 0.02 n) / 1.414,  c_k = (cos, sin)(k pi / 4),  k uniform on 0..7,  n ~ N(0, I_2)
25gaussians  x = (2 (i, j) + 0.05 n) / 2.828,  i and j uniform on -2..2
swissroll    x = ((t cos t, t sin t) + 0.25 n) / 7.5,  t = 1.5 pi (1 + 2u),  u ~ U[0, 1)   (scikit-learn's)
"""

import hashlib
import inspect
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from gan_zoo.rng import Rng

MIDPOINTS = 2048


class Points(ABC):
    """A distribution on the plane, or in another number D of dimensions. Samples are float32 tensors of shape (n, D) on
    the distribution's device; without `has_density` nobody can compute its density."""

    kind: ClassVar[Literal["points"]] = "points"
    shape: ClassVar[tuple[int, ...]] = (2,)
    notes: ClassVar[tuple[str, ...]] = ()
    name: str
    modes: Tensor | None
    std: float | None
    has_density: ClassVar[bool] = True
    test: Tensor | None = None
    """The held-out points, where there are only so many."""

    @property
    def origin(self) -> str:
        """What scores compare with, in words."""
        return f"{self.name} {self.fingerprint[:12]}"

    @property
    def about(self) -> str:
        """A description in a line."""
        return (inspect.getdoc(self) or "").split("\n")[0]

    @property
    @abstractmethod
    def device(self) -> torch.device: ...

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of the constants of the distribution."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self: ...

    @abstractmethod
    def sample(self, rng: Rng, n: int) -> Tensor:
        """`n` independent points (n, 2), drawn from `rng`, whose device must be the distribution's."""

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) in nats for points x (n, D), where it `has_density`. Shape (n,)."""
        raise NotImplementedError(f"{self.name} has no density")

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        """The `count` training points of one block of steps: fresh draws keyed (seed, "data", block)."""
        return self.sample(Rng(seed, "data", block, device=self.device), count)

    def held_out(self, rng: Rng, n: int) -> Tensor:
        """`n` points (n, 2) that no training draws: fresh ones from another key."""
        return self.sample(rng, n)

    def trained_on(self, rng: Rng, n: int) -> Tensor:
        """`n` points (n, 2) as training draws them: it never sees one twice, so these are fresh as well."""
        return self.sample(rng, n)


@dataclass(frozen=True, eq=False)
class GaussianMixture(Points):
    """Equal-weight mixture of N(mu_k, std^2 I_2); `modes` holds the means mu_k, shape (K, 2)."""

    name: str
    modes: Tensor
    std: float
    about: str = ""

    @property
    def device(self) -> torch.device:
        return self.modes.device

    @property
    def fingerprint(self) -> str:
        constants = f"gaussian mixture {self.modes.tolist()} {self.std}"
        return hashlib.sha256(constants.encode()).hexdigest()

    def to(self, device: torch.device | str) -> Self:
        return replace(self, modes=self.modes.to(device))

    def sample(self, rng: Rng, n: int) -> Tensor:
        mode = rng.integers(len(self.modes), (n,))
        return self.modes[mode] + self.std * rng.normal(n, 2)

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) in nats for points x (n, 2): log mean_k N(x; mu_k, std^2 I_2). Shape (n,)."""
        squared = ((x[:, None, :] - self.modes) / self.std).square().sum(-1)
        normaliser = math.log(2 * math.pi * self.std**2) + math.log(len(self.modes))
        return torch.logsumexp(-squared / 2, dim=1) - normaliser


@dataclass(frozen=True, eq=False)
class SwissRoll(Points):
    """A spiral with Gaussian noise; it has no modes."""

    name: str = "swissroll"
    noise: float = 0.25
    scale: float = 7.5
    modes: None = None
    std: None = None
    device: torch.device = field(default=torch.device("cpu"))

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"swiss roll {self.noise} {self.scale}".encode()).hexdigest()

    def to(self, device: torch.device | str) -> Self:
        return replace(self, device=torch.device(device))

    def sample(self, rng: Rng, n: int) -> Tensor:
        return (_spiral(rng.uniform(n)) + self.noise * rng.normal(n, 2)) / self.scale

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) in nats for points x (n, 2): the distribution is a mixture of Gaussians along the spiral.

        p(x) = integral over u in [0, 1] of N(x; spiral(u) / scale, (noise / scale)^2 I_2), by the midpoint rule; off by
        less than 0.5 %, and that only at the ends of the spiral. Shape (n,).
        """
        u = (torch.arange(MIDPOINTS, dtype=torch.float64, device=x.device) + 0.5) / MIDPOINTS
        line = GaussianMixture("spiral", _spiral(u) / self.scale, self.noise / self.scale)
        return torch.cat([line.log_density(part) for part in x.split(250)])


def _spiral(u: Tensor) -> Tensor:
    """The line of the Swiss roll: (t cos t, t sin t) with t = 1.5 pi (1 + 2u); u (n,) -> (n, 2)."""
    t = 1.5 * math.pi * (1 + 2 * u)
    return torch.stack([t * t.cos(), t * t.sin()], dim=1)


def eight_gaussians() -> GaussianMixture:
    """Eight modes on a circle of radius 2 / 1.414; the divisor is 1.414, as in the paper's code, and not sqrt(2)."""
    angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    centres = 2 * torch.stack([angle.cos(), angle.sin()], dim=1) / 1.414
    about = "Eight modes on a circle of radius 2 / 1.414."
    return GaussianMixture("8gaussians", centres.float(), 0.02 / 1.414, about)


def twenty_five_gaussians() -> GaussianMixture:
    """Twenty-five modes on a square grid of spacing 2 / 2.828."""
    axis = torch.arange(-2, 3, dtype=torch.float64)
    centres = 2 * torch.cartesian_prod(axis, axis) / 2.828
    about = "Twenty-five modes on a square grid of spacing 2 / 2.828."
    return GaussianMixture("25gaussians", centres.float(), 0.05 / 2.828, about)
