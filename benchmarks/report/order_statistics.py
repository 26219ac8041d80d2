"""The best of k trials, in closed form: order statistics of a search (Lucic et al. 2018; Dodge et al. 2019, section 3).

Of K trials, each with a score on the validation split and one that is reported, somebody who had only k would choose by
the first and report the second. With the trials in the order of their validation scores, r = 1 the best, the one that
is chosen among k is the r-th with the probability

    C(K - r, k - 1) / C(K, k)                        k of these K trials, without replacement
    ((K - r + 1) / K)^k - ((K - r) / K)^k            k new trials like these, with replacement

The first gives the expectation without bias (Tang et al. 2020); the second, which has chance left at k = K, says how
sure an order is. Scores here are signed: lower is better, and a failed trial has +inf in both.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.report.statistics import Array, stratified_bootstrap


def chances(trials: int, k: int, replacement: bool = False) -> Array:
    """(K,): the probability that the r-th best of K `trials` is the one chosen among `k`; k is at most K, or any number
    with replacement."""
    ranks = np.arange(1, trials + 1, dtype=np.float64)
    if replacement:
        return ((trials - ranks + 1) / trials) ** k - ((trials - ranks) / trials) ** k
    weights = np.zeros(trials)
    weights[0] = k / trials
    for r in range(1, trials - k + 1):
        weights[r] = weights[r - 1] * (trials - r - k + 1) / (trials - r)
    return weights


def _by_validation(validation: Array, scores: Array) -> Array:
    """Scores (..., K) in the order of their validation scores, the best first, and those of failed trials last."""
    failed = ~(np.isfinite(validation) & np.isfinite(scores))
    order = np.argsort(np.where(failed, np.inf, validation), axis=-1, kind="stable")
    return np.take_along_axis(np.where(failed, np.inf, scores), order, axis=-1)


def expected_best(validation: ArrayLike, scores: ArrayLike, k: int) -> Array:
    """(...): the expected score of the trial chosen among k of K, given that not all of the k failed; NaN where every
    trial failed. Both arguments (..., K)."""
    values = _by_validation(np.asarray(validation, dtype=np.float64), np.asarray(scores, dtype=np.float64))
    weights = chances(values.shape[-1], k)
    finite = np.isfinite(values)
    mass = (weights * finite).sum(-1)
    total = (weights * np.where(finite, values, 0.0)).sum(-1)
    return np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), np.nan)


def all_fail(validation: ArrayLike, scores: ArrayLike, k: int) -> float:
    """The probability that each of k of these K trials failed."""
    values = _by_validation(np.asarray(validation, dtype=np.float64), np.asarray(scores, dtype=np.float64))
    return float(chances(len(values), k)[~np.isfinite(values)].sum())


def interval(validation: Array, scores: Array, k: int, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of `expected_best` over resampled trials. Resamples that failed altogether are +inf."""

    def statistic(drawn: Sequence[Array]) -> Array:
        chosen = drawn[0].astype(int)
        expected = expected_best(validation[chosen], scores[chosen], k)
        return np.where(np.isnan(expected), np.inf, expected)

    return stratified_bootstrap(statistic, [np.arange(len(scores), dtype=np.float64)], resamples=1000, level=level)


def chance_of_best(searches: Sequence[tuple[Array, Array]], k: int) -> list[float]:
    """For each loss, by its trials (validation, scores), the probability that k new trials of each give it the best
    score of all; ties count half, and whoever fails altogether does not win."""
    outcomes = []
    for validation, scores in searches:
        values = _by_validation(validation, scores)
        outcomes.append((values, chances(len(values), k, replacement=True)))
    found = []
    for i, (values, weights) in enumerate(outcomes):
        wins = np.where(np.isfinite(values), weights, 0.0)
        for j, (others, other_weights) in enumerate(outcomes):
            if j != i:
                worse = (others > values[:, None]) + 0.5 * (others == values[:, None])
                wins = wins * (worse * other_weights).sum(1)
        found.append(float(wins.sum()))
    return found


def share_within(scores: Array, share: float) -> float:
    """The share of trials, failed ones among them, whose signed score is within `share` of the best; NaN where the best
    is 0 or there is none."""
    finite = scores[np.isfinite(scores)]
    if not len(finite) or finite.min() == 0:
        return float("nan")
    best = float(finite.min())
    limit = best * (1 + share) if best > 0 else best / (1 + share)
    return float((scores <= limit).mean())
