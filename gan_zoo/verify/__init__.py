"""Conformance: every check has a known answer, and every loss, registered or a user's own, is held to each of them.

A check measures how far a loss is from the answer, in each of several situations; a loss passes where the worst of them
is within the check's tolerance. A check that has nothing to say of a loss (no penalty, no known optimum) measures
nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isnan

from gan_zoo.losses.base import Loss
from gan_zoo.verify import batches, derivatives, dynamics, optimum, penalties, purity

Deviations = Callable[[Loss], Iterator[tuple[float, str]]]
"""From a loss to deviations from the known answer, each with the situation it was met in."""


@dataclass(frozen=True)
class Check:
    """`about` says what the answer is and why it is known."""

    measure: Deviations
    tolerance: float
    about: str


@dataclass(frozen=True)
class Result:
    """The result of a check: the worst deviation and where; none at all where the check does not apply."""

    deviation: float | None
    tolerance: float
    where: str = ""

    @property
    def passed(self) -> bool:
        return self.deviation is None or self.deviation <= self.tolerance


CHECKS: dict[str, Check] = {
    "interface": Check(
        purity.interface,
        0,
        "frozen parts that can be written down, named scalars of the samples' type, formulas and a source",
    ),
    "purity": Check(
        purity.purity,
        0,
        "the same result twice, inputs and global random states untouched, noise by key and shape alone",
    ),
    "linear": Check(
        penalties.linear_critic,
        1e-9,
        "the penalty of f(x) = <w, x> is its closed form for every slope and weight, from 2-D points to 5-D volumes",
    ),
    "relu-mlp": Check(
        penalties.relu_mlp,
        1e-9,
        "the penalty of a ReLU MLP, whose gradient is a product of masked matrices, by an oracle without autograd",
    ),
    "draws": Check(
        penalties.draws,
        0.15,
        "one uniform draw for each sample: over keys the penalty spreads by 1 / sqrt(N) about its integral",
    ),
    "samples": Check(
        batches.independence,
        1e-9,
        "terms are sums over samples: what one sample adds does not change when another sample does",
    ),
    "batch-size": Check(
        batches.batch_size,
        1e-9,
        "every term is a mean: the same samples several times over cost the same",
    ),
    "sign": Check(
        dynamics.sign,
        0,
        "a generator step raises the critic's score of each fake; a critic step separates real from fake",
    ),
    "first": Check(
        derivatives.first,
        1e-6,
        "gradients of critic and generator equal finite differences in float64",
    ),
    "second": Check(
        derivatives.second,
        1e-5,
        "directional derivatives of the critic's gradient equal finite differences in float64",
    ),
    "extremes": Check(
        derivatives.extremes,
        0,
        "values and gradients are finite in float32 at zero gradient norm, tiny and large slopes and scores of 10^4",
    ),
    "stacked": Check(
        purity.stacked,
        1e-9,
        "vmap over stacked critics gives what each gives alone",
    ),
    "dirac": Check(
        dynamics.dirac,
        1e-3,
        "the Dirac-GAN: no penalty cycles, a zero-centred one converges at the known rate, one towards norm 1 does not",
    ),
    "optimum": Check(
        optimum.optimum,
        1e-3,
        "between two known distributions no critic beats the known best one",
    ),
}


def verify(losses: Mapping[str, Loss], checks: Iterable[str] = tuple(CHECKS)) -> dict[str, dict[str, Result]]:
    """The result of each check on each loss: by name of the loss, then of the check."""
    results = {}
    for name, loss in losses.items():
        results[name] = {check: run(CHECKS[check], loss) for check in checks}
    return results


def run(check: Check, loss: Loss) -> Result:
    """The worst that `check` finds; an exception of the loss, or a deviation that is no number, is infinitely bad."""
    worst: Result | None = None
    try:
        for deviation, where in check.measure(loss):
            deviation = inf if isnan(deviation) else deviation
            if worst is None or deviation > (worst.deviation or 0):
                worst = Result(deviation, check.tolerance, where)
    except Exception as error:  # a user's code may fail in any way: that is a finding
        return Result(inf, check.tolerance, f"{type(error).__name__}: {error}".split("\n")[0])
    return worst or Result(None, check.tolerance)
