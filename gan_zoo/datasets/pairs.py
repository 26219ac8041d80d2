"""Pairs of laws whose Wasserstein-1 distance is known, and the critic that attains it.

A pair is a data set, whose law P is the real one, together with a law Q of fakes: a critic can be trained alone between
them (`train: {fakes: pair}`), and held to the truth.

    funnels-D-N   Korotin, Kolesov and Burnaev 2022 (arXiv 2206.07767) in D dimensions with N funnels:
                  u(x) = min_n (|x - a_n| + b_n),  a_n ~ U([-2.5, 2.5]^D),  b_n ~ 0.1 N(0, 1)
                  Q = U([-2.5, 2.5]^D),  P = the law of T(y), y ~ Q moved along its ray towards its funnel
                  W1 = E u(y) - E u(T(y)) = E |y - T(y)|,  f* = -u
    lines-T       Arjovsky et al. 2017 (arXiv 1701.07875), example 1: P = (0, U[0, 1)), Q = (T, U[0, 1))
                  W1 = T,  f*(x) = -x_1
"""

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from gan_zoo.datasets.points import Points
from gan_zoo.rng import Rng

SIDE = 2.5
"""Half the side of the cube that funnels and fakes lie in."""
POWER = 8
"""How far points are moved towards their funnels: p of the paper."""
TRUTH_PAIRS = 2**17
"""Pairs from which the distance is computed where it has no closed form: its standard error is below 0.3 %."""


class Pair(Points):
    """A law P and a law Q of fakes. Both have samples of shape (n, D), float32."""

    modes = None
    std = None
    has_density = False

    @abstractmethod
    def coupled(self, rng: Rng, n: int) -> tuple[Tensor, Tensor]:
        """`n` independent pairs (x, y) of the optimal plan: x of P and y of Q, each (n, D), float64."""

    @abstractmethod
    def optimal_score(self, x: Tensor) -> Tensor:
        """f*(x) of points x (n, D), up to a constant: the 1-Lipschitz f with the largest E_P f - E_Q f. Shape (n,)."""

    def sample(self, rng: Rng, n: int) -> Tensor:
        return self.coupled(rng, n)[0].float()

    def fakes(self, rng: Rng, n: int) -> Tensor:
        """`n` independent points of Q (n, D), float32."""
        return self.coupled(rng, n)[1].float()

    def log_density(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{self.name} has no density")

    @cached_property
    def wasserstein(self) -> float:
        """The Wasserstein-1 distance of P and Q."""
        x, y = self.coupled(Rng(0, "pair", "truth", device=self.device), TRUTH_PAIRS)
        return float(torch.linalg.vector_norm(x - y, dim=1).mean())

    def optimal_gradient(self, x: Tensor) -> Tensor:
        """grad f*(x), (n, D)."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.optimal_score(x).sum(), x)
        return gradient


@dataclass(frozen=True, eq=False)
class Funnels(Pair):
    """Points that were moved towards funnels, and where they came from."""

    centres: Tensor
    """a, (N, D), float64"""
    offsets: Tensor
    """b, (N,), float64"""

    @property
    def name(self) -> str:  # type: ignore[override]
        count, dimension = self.centres.shape
        return f"funnels-{dimension}-{count}"

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (self.centres.shape[1],)

    @property
    def about(self) -> str:
        count, dimension = self.centres.shape
        return f"Points in {dimension} dimensions at a known distance from a cube, {count} funnels."

    @property
    def device(self) -> torch.device:
        return self.centres.device

    @property
    def fingerprint(self) -> str:
        constants = f"funnels {SIDE} {POWER} {self.centres.tolist()} {self.offsets.tolist()}"
        return hashlib.sha256(constants.encode()).hexdigest()

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.centres.to(device), self.offsets.to(device))

    @classmethod
    def of(cls, dimension: int, count: int) -> Self:
        """The funnels of this size, the same ones always."""
        rng = Rng(0, "funnels", dimension, count)
        centres = SIDE * (2 * rng.uniform(count, dimension, dtype=torch.float64) - 1)
        return cls(centres, 0.1 * rng.normal(count, dtype=torch.float64))

    def optimal_score(self, x: Tensor) -> Tensor:
        heights = torch.cdist(x.double(), self.centres, compute_mode="donot_use_mm_for_euclid_dist") + self.offsets
        return -heights.min(dim=1).values.to(x.dtype)

    def coupled(self, rng: Rng, n: int) -> tuple[Tensor, Tensor]:
        y = SIDE * (2 * rng.uniform(n, self.centres.shape[1], dtype=torch.float64) - 1)
        return self.moved(y), y

    def moved(self, y: Tensor) -> Tensor:
        """T(y): y moved along its ray from a, the centre of its funnel, to a + t^p (m + r) (y - a) / m.

        m is the distance from a, r how far the ray goes on beyond y within the funnel, t = m / (m + r).
        """
        distances = torch.cdist(y, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
        heights, own = (distances + self.offsets).min(dim=1)
        a = self.centres[own]
        m = torch.linalg.vector_norm(y - a, dim=1)
        direction = (y - a) / m[:, None]
        end = m + torch.minimum(to_the_wall(y, direction), self._to_the_next(y, direction, heights, own))
        moved = a + ((m / end) ** POWER * end)[:, None] * direction
        return torch.where(m[:, None] > 0, moved, a)

    def _to_the_next(self, y: Tensor, direction: Tensor, heights: Tensor, own: Tensor) -> Tensor:
        """How far each ray goes on before another funnel is the lower one: |y + r v - a_j| + b_j = u(y) + r."""
        to_others = y[:, None, :] - self.centres
        beta = heights[:, None] - self.offsets
        along = (to_others * direction[:, None, :]).sum(-1)
        r = (to_others.square().sum(-1) - beta.square()) / (2 * (beta - along))
        is_reached = (r > 0) & (r > -beta) & (torch.arange(len(self.offsets), device=y.device) != own[:, None])
        return torch.where(is_reached, r, torch.inf).min(dim=1).values


def to_the_wall(y: Tensor, direction: Tensor) -> Tensor:
    """How far the ray from y (n, D) goes on to the side of the cube. Shape (n,)."""
    return ((direction.sign() * SIDE - y) / direction).abs().nan_to_num(nan=torch.inf).min(dim=1).values


@dataclass(frozen=True, eq=False)
class Lines(Pair):
    """Two parallel lines of length 1."""

    apart: float
    device: torch.device = field(default=torch.device("cpu"))

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"lines-{self.apart:g}"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"lines {self.apart}".encode()).hexdigest()

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.apart, torch.device(device))

    def coupled(self, rng: Rng, n: int) -> tuple[Tensor, Tensor]:
        height = rng.uniform(n, dtype=torch.float64)
        x = torch.stack([torch.zeros_like(height), height], dim=1)
        return x, x + torch.tensor([self.apart, 0.0], dtype=torch.float64, device=x.device)

    @cached_property
    def wasserstein(self) -> float:
        return self.apart

    def optimal_score(self, x: Tensor) -> Tensor:
        return -x[:, 0]


DIMENSIONS, COUNTS, DISTANCES = (2, 16, 64, 128), (4, 64, 256), (0.1, 0.5, 1.0, 2.0)


def pairs() -> dict[str, Points]:
    """All pairs by name."""
    found: list[Pair] = [Lines(apart) for apart in DISTANCES]
    for dimension in DIMENSIONS:
        found += [Funnels.of(dimension, count) for count in COUNTS]
    return {pair.name: pair for pair in found}
