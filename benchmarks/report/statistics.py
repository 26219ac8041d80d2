"""What few seeds can say: intervals, paired tests and aggregates over (losses x data sets x seeds).

One convention throughout: an array of scores holds one number a run; a run that diverged or failed holds the worst
value there is, +inf where lower is better and -inf where higher is (`worst`); NaN means that there was no such run.
So ranks, medians, targets and profiles count failures by themselves, and only means and t-statistics leave them out
(and say how many they left out). NumPy and SciPy only; every function names its source.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    quantile = scipy_stats.t.ppf(0.5 + level / 2, np.maximum(n - 1, 1))
    half = quantile * np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    return mean, np.where(n > 1, half, np.nan)


def pooled_deviation(groups: ArrayLike) -> float:
    """The standard deviation within groups (groups, n), of equal weight: the root of their mean variance.

    Entries that are not finite are left out, and groups of fewer than two; NaN where nothing is left.
    """
    rows = [row[np.isfinite(row)] for row in np.asarray(groups, dtype=np.float64)]
    variances = [row.var(ddof=1) for row in rows if len(row) > 1]
    return float(np.sqrt(np.mean(variances))) if variances else float("nan")


@dataclass(frozen=True)
class Paired:
    """A loss against a reference on the seeds that both finished: mean difference, its 95 % interval, two-sided p."""

    n: int
    difference: float
    low: float
    high: float
    p: float


def paired(scores: ArrayLike, reference: ArrayLike, level: float = 0.95) -> Paired:
    """Paired t-test of scores - reference, seed by seed   (Student 1908; Demšar 2006, section 3.1.1, on its limits).

    Pass logarithms to compare ratios. NaN for what n cannot give; all differences equal gives p = 1 at 0, else p = 0.
    """
    ours, theirs = np.asarray(scores, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    both = np.isfinite(ours) & np.isfinite(theirs)
    difference = ours[both] - theirs[both]
    mean, half = (float(x) for x in t_interval(difference, level))
    n = len(difference)
    if n < 2:
        return Paired(n, mean, np.nan, np.nan, np.nan)
    spread = float(difference.std(ddof=1))
    if spread <= 1e-12 * max(float(np.abs(difference).max()), np.finfo(float).tiny):
        p = 1.0 if mean == 0 else 0.0
    else:
        p = float(2 * scipy_stats.t.sf(abs(mean) / spread * np.sqrt(n), n - 1))
    return Paired(n, mean, mean - half, mean + half, p)


def holm(p_values: ArrayLike) -> Array:
    """P-values adjusted for their number, step-down   (Holm 1979). NaN entries are no tests and stay NaN."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    order = [i for i in np.argsort(p, kind="stable") if np.isfinite(p[i])]
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, float(p[i]) * (len(order) - rank)))
        adjusted[i] = running
    return adjusted


def least_reachable_p(n: int) -> float:
    """The smallest two-sided p of any sign-flip or signed-rank test on n pairs: 2 / 2^n   (Wilcoxon 1945)."""
    return min(1.0, 2.0 ** (1 - n))


def comparable_scale(scores: ArrayLike) -> tuple[Array, bool]:
    """(log scores, True) where every finite score is positive, so that differences are ratios; else (scores, False)."""
    values = np.asarray(scores, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if not (finite > 0).all():
        return values, False
    return np.where(np.isfinite(values), np.log(np.where(np.isfinite(values), values, 1.0)), values), True


def compare(scores: Array, reference: int) -> list[Paired]:
    """Every row of `scores` (losses, seeds) against row `reference`; p is adjusted by Holm over the other rows."""
    tests = [paired(row, scores[reference]) for row in scores]
    raw = [np.nan if i == reference else test.p for i, test in enumerate(tests)]
    return [Paired(t.n, t.difference, t.low, t.high, float(p)) for t, p in zip(tests, holm(raw), strict=True)]


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


def middle(values: ArrayLike) -> float:
    """The median of a sample that may hold infinities; halfway between a number and infinity is infinity."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(low) if low == high else float((low + high) / 2)


def not_told_from_best(scores: Array, direction: Direction, alpha: float = 0.05) -> list[bool]:
    """Which losses may be set in bold: the best one, and those that paired t with Holm cannot tell from it.

    A loss with more failed runs than the best is never among them, and nobody is where no test can be made (n < 2).
    """
    best = best_loss(scores, direction)
    if best is None or np.isfinite(scores[best]).sum() < 2:
        return [False] * len(scores)
    failed = np.isinf(scores).sum(1)
    tests = compare(comparable_scale(scores)[0], best)
    alike = [test.p > alpha for test in tests]
    return [i == best or bool(alike[i] and failed[i] <= failed[best]) for i in range(len(scores))]


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
    median = middle(values) if len(values) else np.inf
    return median if np.isfinite(median) else None


def log_ratios(scores: ArrayLike, baseline: ArrayLike, direction: Direction) -> Array:
    """log(score / geometric mean of the baseline), signed so that below 0 is better; failures +inf, no run dropped."""
    values, base = (np.asarray(x, dtype=np.float64) for x in (scores, baseline))
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
    pairs = [(a[..., :, None], b[..., None, :]) for a, b in zip(strata, others, strict=True)]
    return np.mean([((a < b) + 0.5 * (a == b)).mean((-2, -1)) for a, b in pairs], axis=0)


def stratified_bootstrap(
    statistic: Callable[..., Array], *groups: Strata, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of `statistic(*groups)`, seeds resampled within each data set   (Agarwal et al. 2021, 4.2).

    It covers less than its level with few seeds (84 % for 95 % with five), so it is for aggregates, not for cells.
    """
    rng = np.random.default_rng(seed)
    resampled = [[row[rng.integers(len(row), size=(resamples, len(row)))] for row in strata] for strata in groups]
    with np.errstate(invalid="ignore", over="ignore"):
        draws = np.asarray(statistic(*resampled))
    low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2], method="inverted_cdf")
    return float(low), float(high)


def performance_profile(strata: Strata, thresholds: ArrayLike) -> Array:
    """Share of runs at or below each threshold, mean over data sets   (Agarwal et al. 2021, 4.2; Dolan & Moré 2002)."""
    taus = np.asarray(thresholds, dtype=np.float64)
    return np.mean([(stratum[:, None] <= taus).mean(0) for stratum in strata], axis=0)
