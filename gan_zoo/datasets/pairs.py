"""Pairs of distributions whose Wasserstein-1 distance is known, and the critic that attains it.

A pair is a data set, whose distribution P is the real one, together with a distribution Q of fakes and the optimal map
T from Q to P. A critic can be trained alone between them (`train: {fakes: pair}`), and held to the truth:

    f*(x) - f*(y) = |x - y|  for y ~ Q and x = T(y),  so  W1(P, Q) = E |x - y|,  and f* is 1-Lipschitz

    funnels-D-N        Korotin, Kolesov and Burnaev 2022 (arXiv 2206.07767) in D dimensions with N funnels:
                       u(x) = min_n (|x - a_n| + b_n),  a_n ~ U([-2.5, 2.5]^D),  b_n ~ 0.1 N(0, 1)
                       Q = U([-2.5, 2.5]^D),  T moves y along its ray towards its funnel,  f* = -u
    NAME-funnels-N     the same where Q is the training images of NAME as vectors, with a_n ~ U([-1, 1]^D)
    lines-T            Arjovsky et al. 2017 (arXiv 1701.07875), example 1: P = (0, U[0, 1)), Q = (T, U[0, 1))
                       W1 = T,  f*(x) = -x_1
    gaussians-T        Arjovsky et al. 2017, figure 2: P = N(-T/2, 0.2^2), Q = N(T/2, 0.2^2) on the line
                       W1 = T,  f*(x) = -x
"""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor

from gan_zoo.datasets.images import Images
from gan_zoo.datasets.points import Points
from gan_zoo.rng import Rng

SIDE, IMAGE_SIDE = 2.5, 1.2
"""Half the side of the cube that no point leaves, where Q is uniform and where it is images in [-1, 1]."""
POWER, IMAGE_POWER = 8, 10
"""How far points are moved towards their funnels: p of the paper."""
SPREAD = 0.1
"""The standard deviation of the b_n."""
DEVIATION = 0.2
"""The standard deviation of the Gaussians."""
PART = 4096
"""Points that are moved at once, so that memory stays bounded."""


class Pair(Points):
    """A distribution P and a distribution Q of fakes. Both have samples of shape (n, D), float32."""

    modes = None
    std = None
    has_density = False

    @abstractmethod
    def origins(self, rng: Rng, n: int) -> Tensor:
        """`n` independent points y of Q, (n, D), float64."""

    @abstractmethod
    def moved(self, y: Tensor) -> Tensor:
        """T(y) of points of Q, (n, D) in float64: the other end of the optimal plan, a point of P each."""

    @abstractmethod
    def optimal_score(self, x: Tensor) -> Tensor:
        """f*(x) of points x (n, D), up to a constant: the 1-Lipschitz f with the largest E_P f - E_Q f. Shape (n,)."""

    def coupled(self, rng: Rng, n: int) -> tuple[Tensor, Tensor]:
        """`n` independent pairs (x, y) of the optimal plan: x of P and y of Q, each (n, D), float64."""
        y = self.origins(rng, n)
        return torch.cat([self.moved(part) for part in y.split(PART)]), y

    def sample(self, rng: Rng, n: int) -> Tensor:
        return self.coupled(rng, n)[0].float()

    def fakes(self, rng: Rng, n: int) -> Tensor:
        """`n` independent points of Q (n, D), float32."""
        return self.origins(rng, n).float()

    def optimal_gradient(self, x: Tensor) -> Tensor:
        """∇f*(x), (n, D)."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.optimal_score(x).sum(), x)
        return gradient


@dataclass(frozen=True, eq=False)
class Funnels(Pair):
    """Points that were moved towards funnels, and where they came from."""

    name: str
    centres: Tensor
    """a, (N, D), float64"""
    offsets: Tensor
    """b, (N,), float64"""
    side: float = SIDE
    power: int = POWER
    rows: Tensor | None = None
    """the points that Q is uniform on, (n, D), float64; none: it is uniform on the cube"""

    @classmethod
    def uniform(cls, dimension: int, count: int) -> Self:
        """`count` funnels in the cube, the same ones always."""
        name = f"funnels-{dimension}-{count}"
        return cls(name, *constants(Rng(0, "funnels", dimension, count), dimension, count, SIDE))

    @classmethod
    def of_images(cls, images: Images, count: int) -> Self:
        """`count` funnels among the training images, as vectors with values in [-1, 1]."""
        rows = images.train.flatten(1).double() / 127.5 - 1
        dimension = rows.shape[1]
        drawn = constants(Rng(0, "funnels", images.name, count), dimension, count, 1.0)
        return cls(f"{images.name}-funnels-{count}", *drawn, IMAGE_SIDE, IMAGE_POWER, rows)

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (self.centres.shape[1],)

    @property
    def about(self) -> str:
        count, dimension = self.centres.shape
        origin = "a cube" if self.rows is None else "images"
        return f"Points in {dimension} dimensions at a known distance from {origin}, {count} funnels."

    @property
    def device(self) -> torch.device:
        return self.centres.device

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"funnels {self.side} {self.power}".encode())
        for tensor in (self.centres, self.offsets, self.rows):
            digest.update(b"none" if tensor is None else tensor.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def to(self, device: torch.device | str) -> Self:
        rows = None if self.rows is None else self.rows.to(device)
        tensors = self.centres.to(device), self.offsets.to(device)
        return type(self)(self.name, *tensors, self.side, self.power, rows)

    def origins(self, rng: Rng, n: int) -> Tensor:
        if self.rows is not None:
            return self.rows[rng.integers(len(self.rows), (n,))]
        return self.side * (2 * rng.uniform(n, *self.shape, dtype=torch.float64) - 1)

    def optimal_score(self, x: Tensor) -> Tensor:
        own = self._funnel(x.double())
        return -(torch.linalg.vector_norm(x - self.centres[own], dim=1) + self.offsets[own]).to(x.dtype)

    def moved(self, y: Tensor) -> Tensor:
        """y moved along its ray from a, the centre of its funnel, to a + t^p (m + r) (y - a) / m.

        m is the distance from a, r how far the ray goes on beyond y within the funnel, t = m / (m + r).
        """
        own = self._funnel(y)
        a = self.centres[own]
        m = torch.linalg.vector_norm(y - a, dim=1)
        direction = (y - a) / m[:, None]
        end = m + torch.minimum(_to_the_wall(y, direction, self.side), self._to_the_next(y, direction, own, m))
        moved = a + ((m / end) ** self.power * end)[:, None] * direction
        return torch.where(m[:, None] > 0, moved, a)

    def _funnel(self, x: Tensor) -> Tensor:
        """The index of the lowest funnel at each of the points x (n, D), (n,)."""
        return (distances(x, self.centres) + self.offsets).argmin(dim=1)

    def _to_the_next(self, y: Tensor, direction: Tensor, own: Tensor, m: Tensor) -> Tensor:
        """How far each ray goes on before another funnel is the lower one: |y + r v - a_j| + b_j = u(y) + r."""
        beta = (m + self.offsets[own])[:, None] - self.offsets
        along = (y * direction).sum(1, keepdim=True) - direction @ self.centres.t()
        r = (distances(y, self.centres).square() - beta.square()) / (2 * (beta - along))
        others = torch.arange(len(self.offsets), device=y.device) != own[:, None]
        return torch.where((r > 0) & (r > -beta) & others, r, torch.inf).min(dim=1).values


def constants(rng: Rng, dimension: int, count: int, side: float) -> tuple[Tensor, Tensor]:
    """The centres (N, D) and the offsets (N,) of `count` funnels, float64."""
    centres = side * (2 * rng.uniform(count, dimension, dtype=torch.float64) - 1)
    return centres, SPREAD * rng.normal(count, dtype=torch.float64)


def distances(x: Tensor, centres: Tensor) -> Tensor:
    """|x_i - a_j|, (n, N), by products: what is near zero loses digits, which moves no point off its ray."""
    squared = x.square().sum(1, keepdim=True) + centres.square().sum(1) - 2 * x @ centres.t()
    return squared.clamp_min(0).sqrt()


def _to_the_wall(y: Tensor, direction: Tensor, side: float) -> Tensor:
    """How far the ray from y (n, D) goes on to the side of the cube. Shape (n,)."""
    return ((direction.sign() * side - y) / direction).abs().nan_to_num(nan=torch.inf).min(dim=1).values


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

    def origins(self, rng: Rng, n: int) -> Tensor:
        height = rng.uniform(n, dtype=torch.float64)
        return torch.stack([torch.full_like(height, self.apart), height], dim=1)

    def moved(self, y: Tensor) -> Tensor:
        return torch.stack([torch.zeros_like(y[:, 1]), y[:, 1]], dim=1)

    def optimal_score(self, x: Tensor) -> Tensor:
        return -x[:, 0]


@dataclass(frozen=True, eq=False)
class Gaussians(Pair):
    """Two Gaussians on the line that hardly overlap."""

    apart: float
    device: torch.device = field(default=torch.device("cpu"))
    shape: ClassVar[tuple[int, ...]] = (1,)

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"gaussians-{self.apart:g}"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"gaussians {self.apart} {DEVIATION}".encode()).hexdigest()

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.apart, torch.device(device))

    def origins(self, rng: Rng, n: int) -> Tensor:
        return self.apart / 2 + DEVIATION * rng.normal(n, 1, dtype=torch.float64)

    def moved(self, y: Tensor) -> Tensor:
        return y - self.apart

    def optimal_score(self, x: Tensor) -> Tensor:
        return -x[:, 0]


DIMENSIONS, COUNTS, DISTANCES = (2, 16, 64, 128), (4, 64, 256), (0.1, 0.5, 1.0, 2.0)
IMAGE_COUNT = 16


def pairs() -> dict[str, Points]:
    """All pairs of points by name."""
    found: list[Pair] = [*(Lines(apart) for apart in DISTANCES), Gaussians(4.0)]
    found += [Funnels.uniform(dimension, count) for dimension, count in product(DIMENSIONS, COUNTS)]
    return {pair.name: pair for pair in found}


LoadImages = Callable[[Path, bool], Images]
LoadPair = Callable[[Path, bool], Funnels]


def pairs_of_images(loaders: Mapping[str, LoadImages]) -> dict[str, LoadPair]:
    """A pair of each of these sets of images, by name."""
    return {f"{name}-funnels-{IMAGE_COUNT}": _pair_of(load) for name, load in loaders.items()}


def _pair_of(load: LoadImages) -> LoadPair:
    """What loads the pair of the images that `load` loads."""

    def load_pair(root: Path, download: bool) -> Funnels:
        """Images as vectors, at a known distance from where funnels move them."""
        return Funnels.of_images(load(root, download), IMAGE_COUNT)

    return load_pair
