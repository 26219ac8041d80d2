"""Kernel distance: unbiased squared MMD with the kernel (x.y / d + 1)^3 (Bińkowski et al. 2018, arXiv 1801.01401).

KID = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j),  averaged over random subsets

What features have in common makes k huge and cancels in KID, and the digits with it. So it is taken out beforehand.
With x = c + u, y = c + v, a = c.c / d + 1, p(u) = c.u / d, q = u.v / d and s = a + p(u) + p(v):

k(x, y) = (s + q)^3 = terms of u alone, terms of v alone
                    + 3 p(u) p(v) (a + s) + q (3 s (s + q) + q^2)

Terms of one point alone add up to nothing in KID, whatever they are. The rest is as large as what KID measures.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure
from gan_zoo.numerics.process import one_thread
from gan_zoo.rng import numpy_stream

if TYPE_CHECKING:
    from gan_zoo.metrics.reference import Reference

LARGEST_SUBSET = 1000
SUBSETS_SEED = 2020
"""torch-fidelity's: the same features are in its subsets."""


def kernel_scores(generated: Features, real: "Reference") -> dict[str, float]:
    x, y = generated.values, real.features
    return {"kid": kernel_distance(x, y, real.gaussian.mean, real.kid_subsets)}


@one_thread()
def kernel_distance(x: Tensor, y: Tensor, centre: Tensor, subsets: int) -> float:
    """KID of features x (n, d) and y (m, d), n and m >= 2, over random subsets of both; float64 within.

    Any `centre` (d,) near the features gives the same, and one far from them fewer digits.
    """
    size, draws = subset_size(len(x), len(y)), numpy_stream(SUBSETS_SEED)
    c = centre.float().double()  # so few digits that differences from it are exact
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for _ in range(subsets):
        u, v = (
            f[torch.from_numpy(draws.choice(len(f), size, replace=False)).to(f.device)].double() - c for f in (x, y)
        )
        total += unbiased_mmd(u, v, c)
    return (total / subsets).item()


def unbiased_mmd(u: Tensor, v: Tensor, c: Tensor) -> Tensor:
    """The squared MMD of c + u and c + v, with u and v (n, d), n >= 2; float64."""
    n = len(u)
    within = [kernel_less_own_terms(f, f, c) for f in (u, v)]
    between = kernel_less_own_terms(u, v, c)
    pairs = sum((k.sum() - k.diagonal().sum() for k in within), torch.zeros_like(c[0]))
    return pairs / (n * (n - 1)) - 2 * between.sum() / (n * n)


def kernel_less_own_terms(u: Tensor, v: Tensor, c: Tensor) -> Tensor:
    """k(c + u_i, c + v_j) less terms of i alone and of j alone, for u (n, d) and v (m, d); shape (n, m)."""
    d = len(c)
    a = c.square().sum() / d + 1
    left, right = (u * c).sum(dim=1)[:, None] / d, (v * c).sum(dim=1) / d
    q = u @ v.T / d
    s = a + left + right
    return 3 * left * right * (a + s) + q * (3 * s * (s + q) + q.square())


def subset_size(generated: int, real: int) -> int:
    """The features in a subset, of this many generated and real ones."""
    return min(LARGEST_SUBSET, generated, real)


METRICS = {
    "kid": ImageMeasure(
        "min",
        "KID",
        "kernel distance in float64, {subsets} subsets of {subset}",
        kernel_scores,
        lowest=None,
        default=True,
    )
}
