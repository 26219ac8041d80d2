"""Statistics for few seeds: intervals, targets and aggregates over (losses x data sets x seeds).

One convention throughout: an array of scores holds one number a run; a run that diverged or failed holds the worst
value there is, +inf where lower is better and -inf where higher is (`worst`); NaN means that there was no such run.
So ranks, medians, targets and profiles count failures by themselves, and only means and t-statistics leave them out
(and say how many they left out). NumPy and SciPy only; every function names its source.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

Array = NDArray[np.float64]
Direction = Literal["min", "max"]
Strata = Sequence[Array]


def worst(direction: Direction) -> float:
    """The score of a run that diverged or failed."""
    return float("inf") if direction == "min" else float("-inf")


def t_interval(values: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Mean and half-width of Student's interval over the last axis, of its finite entries.

    mean ± t_{n-1, (1+level)/2} s / sqrt(n)   (Student 1908). Half-width is NaN where n < 2, the mean where n = 0. With
    3, 5, 10 normal values it covers its nominal 95 %, where the percentile bootstrap covers 74, 84, 90 %.
    """
    sample = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(sample)
    n = finite.sum(-1)
    total = np.where(finite, sample, 0.0).sum(-1)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    squares = (np.where(finite, sample - mean[..., None], 0.0) ** 2).sum(-1)
    quantiles = scipy_stats.t.ppf(0.5 + level / 2, np.arange(1, max(sample.shape[-1], 2)))
    quantile = quantiles[np.maximum(n - 1, 1) - 1]
    half = quantile * np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    return mean, np.where(n > 1, half, np.nan)


def mean_and_half(values: ArrayLike) -> tuple[float, float]:
    """`t_interval` of one sample (n,), as plain numbers."""
    mean, half = t_interval(values)
    return float(mean), float(half)


def pooled_deviation(groups: ArrayLike) -> float:
    """The standard deviation within groups (groups, n), of equal weight: the root of their mean variance.

    Entries that are not finite are left out, and groups of fewer than two; NaN where nothing is left.
    """
    variances = []
    for group in np.asarray(groups, dtype=np.float64):
        finite = group[np.isfinite(group)]
        if len(finite) > 1:
            variances.append(finite.var(ddof=1))
    return float(np.sqrt(np.mean(variances))) if variances else float("nan")


def comparable_scale(scores: ArrayLike) -> tuple[Array, bool]:
    """(log scores, True) where every finite score is positive, so that differences are ratios; else (scores, False)."""
    values = np.asarray(scores, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if not (finite > 0).all():
        return values, False
    return np.where(np.isfinite(values), np.log(np.where(np.isfinite(values), values, 1.0)), values), True


def best_loss(scores: Array, direction: Direction) -> int | None:
    """Row of the best mean over finished runs, among the losses of which more than half finished; ties go to the first.

    None where half or more of every loss's runs failed, or there are none.
    """
    sign = 1.0 if direction == "min" else -1.0
    keys = []
    for index, row in enumerate(sign * scores):
        present = row[~np.isnan(row)]
        finished = present[np.isfinite(present)]
        if 2 * len(finished) > len(present):
            keys.append((float(finished.mean()), index))
    return min(keys)[1] if keys else None


def median(values: ArrayLike) -> float:
    """The median of a sample that may hold infinities; halfway between a number and infinity is infinity."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(low) if low == high else float((low + high) / 2)


def time_to_target(seconds: ArrayLike, scores: ArrayLike, target: float, direction: Direction) -> float:
    """Training seconds until a run first scores `target` or better; inf if never   (AlgoPerf, Dahl et al. 2023).

    The clock counts training only; a NaN score reaches nothing.
    """
    clock, values = np.asarray(seconds, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    reached = clock[values <= target if direction == "min" else values >= target]
    return float(reached.min()) if len(reached) else float("inf")


def target_of(baseline_scores: ArrayLike) -> float | None:
    """The target a baseline sets: the median of its repeated runs, failures as worst   (AlgoPerf, section 4.2)."""
    values = np.asarray(baseline_scores, dtype=np.float64)
    values = values[~np.isnan(values)]
    target = median(values) if len(values) else np.inf
    return target if np.isfinite(target) else None


def log_ratios(scores: ArrayLike, baseline: ArrayLike, direction: Direction) -> Array:
    """log(score / geometric mean of the baseline), signed so that below 0 is better; failures +inf, no run dropped."""
    values, base = np.asarray(scores, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    values = values[~np.isnan(values)]
    sign = 1.0 if direction == "min" else -1.0
    finite = np.isfinite(values)
    logs = np.log(np.where(finite, values, 1.0)) - np.log(base[np.isfinite(base)]).mean()
    return np.where(finite, sign * logs, np.inf)


def geometric_mean_ratio(strata: Strata) -> Array:
    """exp of the mean over data sets of the mean over seeds of `log_ratios`   (Fleming & Wallace 1986)."""
    return np.exp(np.mean([stratum.mean(-1) for stratum in strata], axis=0))


def iqm(strata: Strata) -> Array:
    """Interquartile mean: the mean of the middle half of all runs of all data sets   (Agarwal et al. 2021, 4.3)."""
    runs = np.sort(np.concatenate(list(strata), axis=-1), axis=-1)
    cut = runs.shape[-1] // 4
    return runs[..., cut : runs.shape[-1] - cut].mean(-1)


def probability_of_improvement(strata: Strata, others: Strata) -> Array:
    """P(a run of ours is better than a run of theirs), ties half, mean over data sets   (Agarwal et al. 2021, 4.3).

    Scores are `log_ratios`: lower is better.
    """
    shares = []
    for stratum, other in zip(strata, others, strict=True):
        ours, theirs = stratum[..., :, None], other[..., None, :]
        better = (ours < theirs) + 0.5 * (ours == theirs)
        shares.append(better.mean((-2, -1)))
    return np.mean(shares, axis=0)


def stratified_bootstrap(
    statistic: Callable[..., Array], *groups: Strata, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of `statistic(*groups)`, seeds resampled within each data set   (Agarwal et al. 2021, 4.2).

    Its ends are linear quantiles of the resamples, as NumPy and SciPy take them.

    It covers less than its level with few seeds (84 % for 95 % with five), so it is for aggregates, not for cells.
    """
    rng = np.random.default_rng(seed)  # keyed, so that a report has the same bytes each time
    resampled = []
    for strata in groups:
        resampled.append([row[rng.integers(len(row), size=(resamples, len(row)))] for row in strata])
    with np.errstate(invalid="ignore", over="ignore"):
        draws = np.asarray(statistic(*resampled))
    return quantile(draws, 0.5 - level / 2), quantile(draws, 0.5 + level / 2)


def quantile(values: Array, share: float) -> float:
    """NumPy's usual quantile, linear between neighbours (Hyndman and Fan 1996, definition 7), of values that may be
    infinite: between two equal infinities it is that infinity."""
    with np.errstate(invalid="ignore"):
        below = float(np.quantile(values, share, method="lower"))
        above = float(np.quantile(values, share, method="higher"))
        between = float(np.quantile(values, share))
    return below if below == above else between


def performance_profile(strata: Strata, thresholds: ArrayLike) -> Array:
    """Share of runs at or below each threshold, mean over data sets   (Agarwal et al. 2021, 4.2; Dolan & Moré 2002)."""
    taus = np.asarray(thresholds, dtype=np.float64)
    return np.mean([(stratum[:, None] <= taus).mean(0) for stratum in strata], axis=0)
