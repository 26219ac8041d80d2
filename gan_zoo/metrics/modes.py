"""Modes of a Gaussian mixture that generated points reach (Srivastava et al. 2017, VEEGAN, arXiv 1705.07761, sec. 4).

A point is good when it lies within 3 std of its nearest mode: 1 - exp(-4.5) = 98.9 % of the true points are.
VEEGAN, and PacGAN (Lin et al. 2018, arXiv 1712.04086) after it, count a mode as captured once it is the nearest of one
good point; 10,000 points of a shapeless cloud then capture all of 8gaussians. Here a mode is covered once it holds a
tenth of its fair share of good points, n / (10 K): the cloud covers none. `modes_captured` is theirs, to be set beside
published numbers; `modes_covered` is ours.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gan_zoo.metrics.data import PointData
from gan_zoo.metrics.measure import PointMeasure, share

RADIUS = 3.0  # standard deviations, as VEEGAN and PacGAN
FAIR_SHARE = 0.1  # where one point is enough, a cloud without any shape covers every mode


def _good_and_nearest(x: Tensor, modes: Tensor, std: float) -> tuple[Tensor, Tensor]:
    """Whether each point of x (n, 2) is good, and the index of its nearest mode: bool (n,), int64 (n,)."""
    squared = (x.double()[:, None] - modes.double()).square().sum(dim=-1)
    least, nearest = squared.min(dim=1)
    return least <= (RADIUS * std) ** 2, nearest


def modes_captured(x: Tensor, modes: Tensor, std: float) -> float:
    """How many modes are the nearest of at least one good point, as VEEGAN and PacGAN count."""
    good, nearest = _good_and_nearest(x, modes, std)
    return float(len(nearest[good].unique()))


def modes_covered(x: Tensor, modes: Tensor, std: float) -> float:
    """How many modes are the nearest of at least n / (10 K) good points."""
    good, nearest = _good_and_nearest(x, modes, std)
    counts = torch.bincount(nearest[good], minlength=len(modes))
    return float((counts >= FAIR_SHARE * len(x) / len(modes)).sum())


def good_samples(x: Tensor, modes: Tensor, std: float) -> float:
    """Share of points that are good."""
    good, _ = _good_and_nearest(x, modes, std)
    return good.double().mean().item()


def mode_kl(x: Tensor, modes: Tensor, std: float) -> float:
    """KL(q || uniform) = log K + sum_k q_k log q_k in nats, q_k the share of points whose nearest mode is k."""
    _, nearest = _good_and_nearest(x, modes, std)
    q = torch.bincount(nearest, minlength=len(modes)).double() / len(nearest)
    return math.log(len(modes)) + torch.xlogy(q, q).sum().item()


def _of_modes(function: Callable[[Tensor, Tensor, float], float]) -> Callable[[Tensor, PointData, Tensor], float]:
    def value(x: Tensor, distribution: PointData, real: Tensor) -> float:
        assert distribution.modes is not None
        assert distribution.std is not None
        return function(x, distribution.modes, distribution.std)

    return value


METRICS = {
    "modes_covered": PointMeasure(
        "max",
        "modes covered",
        "modes with a tenth of their fair share of points within 3 std",
        _of_modes(modes_covered),
        highest=float,
        needs_modes=True,
        default=True,
    ),
    "good_samples": PointMeasure(
        "max",
        "good samples",
        "points within 3 std of a mode",
        _of_modes(good_samples),
        highest=share,
        needs_modes=True,
        default=True,
    ),
    "mode_kl": PointMeasure(
        "min",
        "KL over modes",
        "nats, points counted at their nearest mode",
        _of_modes(mode_kl),
        highest=math.log,
        needs_modes=True,
    ),
    "modes_captured": PointMeasure(
        "max",
        "modes captured",
        "modes with one point within 3 std, as VEEGAN and PacGAN count",
        _of_modes(modes_captured),
        highest=float,
        needs_modes=True,
    ),
}
