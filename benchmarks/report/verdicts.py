"""Verdicts that replicate: better, equivalent, undecided or worse, of which no two that are decided lie side by side.

A loss a is held against a loss b by the interval of log a - log b (a - b, where a score is not positive), paired by
seed over the runs that both finished, simultaneous over all K = k (k - 1) / 2 pairs of the k losses of a column:

    mean ± t_{n-1, 1 - alpha / (2 K)} s / sqrt(n)          Student 1908, with Bonferroni's correction (Dunn 1961)

    better      all of it beyond the margin on the good side        the smallest difference of interest, a share m:
    equivalent  all of it within the margin                         log(1 + m) on the scale of logarithms
    worse       all of it beyond the margin on the bad side
    undecided   anything else: more seeds could decide it; never a tie

Equivalence by inclusion of an interval is Schuirmann's (1987). For two sweeps to contradict each other, an interval of
one of them must miss the truth: undecided lies between any two decided verdicts. "Not significantly different" has no
such distance to "different", and two sweeps of one experiment often disagree about it.

Where scores are not positive a share is taken of the metric's range; without a range nothing is equivalent, and better
and worse begin at 0. Failures: a loss that failed more often than another is never better than it or equivalent to it,
and is worse where every run of it failed and most of the other's finished.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.report.statistics import Array, Direction, comparable_scale, t_interval, worst
from benchmarks.suites.margin import MARGIN

VERDICTS = ("undecided", "better", "equivalent", "worse")
UNDECIDED, BETTER, EQUIVALENT, WORSE = range(4)
LEVEL = 0.95

Codes = NDArray[np.int8]
Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class Contrast:
    """Ours against theirs: pairs of finished runs, mean difference, and its interval. Arrays of one shape."""

    n: Array
    difference: Array
    low: Array
    high: Array


def contrast(ours: Array, theirs: Array, comparisons: int = 1, level: float = LEVEL) -> Contrast:
    """The interval of ours - theirs (..., seeds), at `level` for all of so many `comparisons` together."""
    both = np.isfinite(ours) & np.isfinite(theirs)
    difference = np.where(both, np.where(both, ours, 0.0) - np.where(both, theirs, 0.0), np.nan)
    mean, half = t_interval(difference, 1 - (1 - level) / max(comparisons, 1))
    return Contrast(both.sum(-1), mean, mean - half, mean + half)


def judge(ours: Array, theirs: Array, direction: Direction, margin: float, comparisons: int = 1) -> Codes:
    """Verdicts on ours (..., seeds) against theirs, as codes of VERDICTS.

    margin: on the scale of the scores; NaN where there is none.
    """
    against = contrast(ours, theirs, comparisons)
    low, high = (against.low, against.high) if direction == "min" else (-against.high, -against.low)
    lost, lost_there = np.isinf(ours).sum(-1), np.isinf(theirs).sum(-1)
    edge = 0.0 if np.isnan(margin) else margin
    worse = (low > edge) & (lost >= lost_there) | _hopeless(ours, theirs)
    better = (high < -edge) & (lost <= lost_there) | _hopeless(theirs, ours)
    equivalent = (low > -margin) & (high < margin) & (lost == lost_there)
    return np.select([better, equivalent, worse], [BETTER, EQUIVALENT, WORSE], UNDECIDED).astype(np.int8)


def _hopeless(ours: Array, theirs: Array) -> NDArray[np.bool_]:
    """Whether every run of ours failed and most of theirs finished."""
    mostly = 2 * np.isfinite(theirs).sum(-1) > (~np.isnan(theirs)).sum(-1)
    return np.isinf(ours).any(-1) & ~np.isfinite(ours).any(-1) & mostly


class Scores:
    """The scores (losses, seeds) of a metric, judged pair by pair.

    share: the margin as a share. limits: the metric's range, None for an end that it does not have. comparisons: over
    how many intervals are simultaneous, where that is not all pairs.
    """

    def __init__(
        self,
        scores: Array,
        direction: Direction,
        share: float = MARGIN,
        limits: Limits = (None, None),
        comparisons: int | None = None,
    ) -> None:
        self.values, self.is_log = comparable_scale(scores)
        self.direction, self.share = direction, share
        low, high = limits
        span = np.nan if low is None or high is None else high - low
        self.margin = float(np.log1p(share) if self.is_log else share * span)
        self.comparisons = comparisons or len(scores) * (len(scores) - 1) // 2

    def contrast(self, reference: int, row: int | None = None) -> Contrast:
        """Every loss, or the one in `row`, against `reference`, with the simultaneous interval of the column."""
        ours = self.values if row is None else self.values[row]
        return contrast(ours, self.values[reference], self.comparisons)

    def shown(self, against: Contrast) -> tuple[float, float, float]:
        """A contrast of single losses for people: ratio, or difference, with the ends of its interval."""
        undo = np.exp if self.is_log else float
        return float(undo(against.difference)), float(undo(against.low)), float(undo(against.high))

    def verdict(self, row: int, reference: int) -> str:
        """One loss against another, as one of VERDICTS."""
        return self.against(reference)[row]

    def against(self, reference: int) -> list[str]:
        """Every loss against one; itself is equivalent."""
        codes = self._judge(self.values, reference)
        return ["equivalent" if row == reference else VERDICTS[code] for row, code in enumerate(codes)]

    def _judge(self, values: Array, reference: int) -> Codes:
        theirs = values[..., reference : reference + 1, :]
        return judge(values, theirs, self.direction, self.margin, self.comparisons)

    def contradiction(self, reference: int, draws: int = 4000) -> float:
        """The probability that a sweep with as many other seeds contradicts a verdict against `reference` given here.

        By simulation: means and covariances of losses over seeds are as uncertain as these seeds leave them (a
        multivariate t, Geisser and Cornfield 1963), every run fails as often as here. The same number each time. NaN
        for fewer than two seeds.
        """
        if self.values.shape[1] < 2:
            return float("nan")
        repeats = self._judge(_repeats(self.values, self.direction, draws), reference)
        printed = self._judge(self.values, reference)
        opposed = (printed != UNDECIDED) & (repeats != UNDECIDED) & (repeats != printed)
        opposed[..., reference] = False
        return float(opposed.any(-1).mean())


def _repeats(values: Array, direction: Direction, draws: int) -> Array:
    """(draws, losses, seeds): sweeps that `values` (losses, seeds) lets expect of other seeds."""
    rng = np.random.default_rng(0)  # keyed, so that a report has the same bytes each time
    losses, seeds = values.shape
    finite = np.isfinite(values)
    mean = t_interval(values)[0][:, None]
    freedom = np.maximum(finite.sum(-1, keepdims=True) - 1, 1)
    residual = np.where(finite, np.where(finite, values, 0.0) - mean, 0.0) / np.sqrt(freedom)
    noise = residual @ rng.standard_normal((draws, seeds, seeds + 1))
    spread = np.sqrt((seeds - 1) / rng.chisquare(seeds - 1, (draws, 1, 1)))
    scores = mean + spread * (noise[..., :seeds] + noise[..., seeds:] / np.sqrt(seeds))
    tried = np.maximum((~np.isnan(values)).sum(-1, keepdims=True), 1)
    lost = rng.random((draws, losses, seeds)) < np.isinf(values).sum(-1, keepdims=True) / tried
    return np.where(lost, worst(direction), scores)
