"""Kernel distance: unbiased squared MMD with the kernel (x.y / d + 1)^3 (Bińkowski et al. 2018, arXiv 1801.01401).

KID = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j),  averaged over random subsets

What features have in common makes k huge and cancels in KID, and the digits with it. So it is taken out beforehand.
With x = c + u, y = c + v, a = c.c / d + 1, p(u) = c.u / d, q = u.v / d and s = a + p(u) + p(v):

k(x, y) = (s + q)^3 = terms of u alone, terms of v alone
                    + 3 p(u) p(v) (a + s) + q (3 s (s + q) + q^2)

Terms of one point alone add up to nothing in KID, whatever they are. The rest is as large as what KID measures.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure
from gan_zoo.numerics.process import one_thread
from gan_zoo.rng import numpy_stream

if TYPE_CHECKING:
    from gan_zoo.metrics.reference import Reference

LARGEST_SUBSET = 1000  # torch-fidelity's
SUBSETS_SEED = 2020
"""torch-fidelity's: the same features are in its subsets."""

BLOCK = 64
"""Rows of a kernel matrix that are worked on at once: they stay in the processor's cache."""


def _kernel_scores(generated: Features, real: "Reference") -> dict[str, float]:
    x, y, centre = generated.values, real.features, real.gaussian.mean
    return {"kid": _kernel_distance(x, y, centre, real.kid_subsets, _within_real(real, len(x)))}


@lru_cache(maxsize=8)
def _within_real(real: "Reference", generated: int) -> list[Tensor]:
    """`_within_subsets` of the real features, which is the same at every scoring of so many generated samples."""
    drawn = _draw_subsets(generated, len(real.features), real.kid_subsets)
    return _within_subsets(real.features, [rows for _, rows in drawn], real.gaussian.mean)


@one_thread()
def _kernel_distance(
    x: Tensor, y: Tensor, centre: Tensor, subsets: int, within_y: Sequence[Tensor] | None = None
) -> float:
    """KID of features x (n, d) and y (m, d), n and m >= 2, over random subsets of both; float64 within.

    Any `centre` (d,) near the features gives the same, and one far from them fewer digits. `within_y`: what
    `_within_subsets` gives for y, where that is known.
    """
    drawn = _draw_subsets(len(x), len(y), subsets)
    of_x, of_y = [rows for rows, _ in drawn], [rows for _, rows in drawn]
    within_x = _within_subsets(x, of_x, centre)
    within_y = within_y or _within_subsets(y, of_y, centre)
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for i in range(subsets):
        u, v, c = chosen(x, of_x[i], centre), chosen(y, of_y[i], centre), shortened(centre)
        n = len(u)
        between = _kernel_less_own_terms(u, v, c).sum()
        total += (within_x[i] + within_y[i]) / (n * (n - 1)) - 2 * between / (n * n)
    return (total / subsets).item()


@one_thread()
def _within_subsets(f: Tensor, subsets: Sequence[Tensor], centre: Tensor) -> list[Tensor]:
    """For each of `subsets`, rows of the features f (n, d), the sum of the kernel over its pairs i != j."""
    sums = []
    for rows in subsets:
        u = chosen(f, rows, centre)
        k = _kernel_less_own_terms(u, u, shortened(centre))
        sums.append(k.sum() - k.diagonal().sum())
    return sums


def _draw_subsets(n: int, m: int, subsets: int) -> list[tuple[Tensor, Tensor]]:
    """The rows of random subsets of one size: of n features, and of m."""
    size, draws = subset_size(n, m), numpy_stream(SUBSETS_SEED)
    return [
        (
            torch.from_numpy(draws.choice(n, size, replace=False)),
            torch.from_numpy(draws.choice(m, size, replace=False)),
        )
        for _ in range(subsets)
    ]


def chosen(f: Tensor, rows: Tensor, centre: Tensor) -> Tensor:
    """Rows of the features f (n, d), less their centre; float64."""
    return f[rows.to(f.device)].double() - shortened(centre)


def shortened(centre: Tensor) -> Tensor:
    """The centre with so few digits that differences from it are exact; float64."""
    return centre.float().double()


def _kernel_less_own_terms(u: Tensor, v: Tensor, c: Tensor) -> Tensor:
    """k(c + u_i, c + v_j) less terms of i alone and of j alone, for u (n, d) and v (m, d); shape (n, m)."""
    d = len(c)
    a = c.square().sum() / d + 1
    left, right = (u * c).sum(dim=1)[:, None] / d, (v * c).sum(dim=1) / d
    k = u @ v.T / d
    for q, p in zip(k.split(BLOCK), left.split(BLOCK), strict=True):
        s = a + p + right
        q.copy_(3 * p * right * (a + s) + q * (3 * s * (s + q) + q.square()))
    return k


def subset_size(generated: int, real: int) -> int:
    """The features in a subset, of this many generated and real ones."""
    return min(LARGEST_SUBSET, generated, real)


METRICS = {
    "kid": ImageMeasure(
        "min",
        "KID",
        "kernel distance in float64, {subsets} subsets of {subset}",
        _kernel_scores,
        lowest=None,
        default=True,
    )
}
