"""Optimal critics between two known distributions.

Over 1-Lipschitz critics real samples are N(0, 1), fakes N(1, 1): the distance of the earth mover is 1. For every other
loss both distributions sit on the same six points, with these counts of 200, so log(p / q) is known exactly at each and
a batch of all pairs has the very means of the distributions: quantiles would not do for critics as steep as the p / q
of a chi-square.
"""

from collections.abc import Callable, Iterator
from itertools import product

import torch
from torch import Tensor

from gan_zoo.losses.base import Loss
from gan_zoo.verify.cases import summed

COUNTS = (1, 3, 9, 27, 60, 100)
"""How often a real sample is at each point; fakes are there as often in reverse."""
EPS = 1e-2

DIRECTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "1": torch.ones_like,
    "x": lambda x: x,
    "sin 2x": lambda x: torch.sin(2 * x),
    "exp(-x^2)": lambda x: torch.exp(-x.square()),
}


def optimum(loss: Loss) -> Iterator[tuple[float, str]]:
    """How much, per unit of change, the critic's adversarial terms fall when the known optimum is left.

    A loss over 1-Lipschitz critics is at its optimum, -1, for f(x) = -x, which may only be shifted or flattened.
    """
    adversarial = loss.adversarial
    lipschitz = getattr(adversarial, "needs_lipschitz", False)
    real, fake = normals() if lipschitz else steps()

    def value(f: Callable[[Tensor], Tensor]) -> float:
        return float(summed(adversarial.critic_terms(f(real), f(fake))))

    if lipschitz:
        best = lambda x: -x  # noqa: E731
        yield abs(value(best) + 1), f"f(x) = -x costs {value(best):.6g}, not minus the distance 1"
        moves = [("1", 1), ("1", -1), ("x", 1)]
    elif hasattr(adversarial, "optimal_score"):
        best = lambda x: adversarial.optimal_score(0.5 - x)  # noqa: E731
        moves = list(product(DIRECTIONS, (1, -1)))
    else:
        return
    at_best = value(best)
    for name, side in moves:
        moved = value(lambda x, name=name, side=side: best(x) + side * EPS * DIRECTIONS[name](x))  # type: ignore[misc]
        where = f"f* {'+' if side > 0 else '-'} {EPS:g} {name} costs {moved:.6g} < {at_best:.6g}"
        yield max(0.0, (at_best - moved) / EPS), where


def normals() -> tuple[Tensor, Tensor]:
    """All pairs of quantiles of N(0, 1) and N(1, 1), (N,) each."""
    count = sum(COUNTS)
    levels = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return pairs(torch.special.ndtri(levels), torch.special.ndtri(levels) + 1)


def steps() -> tuple[Tensor, Tensor]:
    """All pairs of samples of two distributions on points x_k where log(p / q) = 1/2 - x_k, (N,) each."""
    real, fake = torch.tensor(COUNTS), torch.tensor(COUNTS[::-1])
    points = 0.5 - (real.double() / fake).log()
    return pairs(points.repeat_interleave(real), points.repeat_interleave(fake))


def pairs(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Each of `real` (n,) with each of `fake` (m,): (n m,) each."""
    return real.repeat_interleave(len(fake)), fake.repeat(len(real))
