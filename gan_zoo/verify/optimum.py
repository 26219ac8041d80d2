"""Optimal critics between two known distributions.

Real samples are N(0, 1), fakes N(1, 1), so log(p / q) = 1/2 - x and the distance of the earth mover is 1. Their batches
are all pairs of 200 quantiles of each, which makes means of smooth functions nearly exact.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gan_zoo.losses.base import Loss
from gan_zoo.verify.cases import total

QUANTILES = 200
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
    real, fake = pairs()

    def value(f: Callable[[Tensor], Tensor]) -> float:
        return float(total(adversarial.critic_terms(f(real), f(fake))))

    if getattr(adversarial, "needs_lipschitz", False):
        best = lambda x: -x  # noqa: E731
        yield abs(value(best) + 1), f"f(x) = -x costs {value(best):.6g}, not minus the distance 1"
        moves = [("1", 1), ("1", -1), ("x", 1)]
    elif hasattr(adversarial, "optimal_score"):
        best = lambda x: adversarial.optimal_score(0.5 - x)  # noqa: E731
        moves = [(name, side) for name in DIRECTIONS for side in (1, -1)]
    else:
        return
    at_best = value(best)
    for name, side in moves:
        moved = value(lambda x, name=name, side=side: best(x) + side * EPS * DIRECTIONS[name](x))  # type: ignore[misc]
        where = f"f* {'+' if side > 0 else '-'} {EPS:g} {name} costs {moved:.6g} < {at_best:.6g}"
        yield max(0.0, (at_best - moved) / EPS), where


def pairs() -> tuple[Tensor, Tensor]:
    """All pairs of quantiles of N(0, 1) and N(1, 1), (N,) each."""
    levels = (torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES
    normal = torch.special.ndtri(levels)
    return normal.repeat_interleave(QUANTILES), normal.repeat(QUANTILES) + 1
