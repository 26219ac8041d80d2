"""Verdicts by hand, against SciPy, and under simulation: how often two sweeps of one truth contradict each other."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmarks.report.verdicts import UNDECIDED, Scores, contrast, judge

# Means and deviations of log scores over seeds of the six losses, as quickstart's first published results had them.
LOSSES = {
    "8gaussians": ([-0.712, -0.701, -1.625, -1.977, -1.943, -1.658], [0.058, 0.087, 0.184, 0.132, 0.190, 0.214]),
    "digits": ([2.305, 2.578, 1.302, 1.098, 1.184, 1.152], [0.182, 0.174, 0.056, 0.090, 0.061, 0.044]),
}
SWEEPS = 2000
NAN, INF = float("nan"), float("inf")


def sweeps(dataset: str, n: int) -> np.ndarray:
    """(2, SWEEPS, losses, n): pairs of sweeps with log-normal scores of the same truth."""
    mean, deviation = (np.array(column)[:, None] for column in LOSSES[dataset])
    return mean + deviation * np.random.default_rng(n).standard_normal((2, SWEEPS, len(mean), n))


def bold_unless_told_apart(logs: np.ndarray) -> np.ndarray:
    """The rule of before: bold are the best mean and what paired t with Holm's correction does not tell from it at 5 %.

    logs (..., losses, n) -> (..., losses)
    """
    n = logs.shape[-1]
    best = np.exp(logs).mean(-1).argmin(-1)[..., None, None]
    difference = logs - np.take_along_axis(logs, best, -2)
    deviation = difference.std(-1, ddof=1)
    with np.errstate(invalid="ignore"):
        p = 2 * scipy_stats.t.sf(np.abs(difference.mean(-1)) / deviation * np.sqrt(n), n - 1)
    np.put_along_axis(p, best[..., 0], 1.0, -1)
    order = np.argsort(p, -1)
    tests = np.maximum(np.arange(p.shape[-1] - 1, -1, -1), 1)
    adjusted = np.maximum.accumulate(np.take_along_axis(p, order, -1) * tests, -1)
    bold = np.empty(p.shape, dtype=bool)
    np.put_along_axis(bold, order, adjusted > 0.05, -1)
    np.put_along_axis(bold, best[..., 0], True, -1)
    return bold


def against_best(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts of today on every pair of losses: codes (SWEEPS, losses, losses), the second against the first."""
    count = logs.shape[-2]
    pairs = count * (count - 1) // 2
    codes = [judge(logs, logs[..., at : at + 1, :], "min", np.log(1.1), pairs) for at in range(count)]
    return np.stack(codes, -2), np.exp(logs).mean(-1).argmin(-1)


@pytest.mark.parametrize("dataset", LOSSES)
@pytest.mark.parametrize("n", [5, 10, 20])
def test_two_sweeps_contradict_each_other_in_less_than_one_percent_of_pairs(dataset: str, n: int) -> None:
    (one, _), (two, _) = (against_best(logs) for logs in sweeps(dataset, n))
    opposed = (one != two) & (one != UNDECIDED) & (two != UNDECIDED)
    assert opposed.any((1, 2)).mean() < 0.01


@pytest.mark.parametrize(("dataset", "low", "high"), [("8gaussians", 0.65, 0.80), ("digits", 0.55, 0.70)])
def test_under_the_rule_of_before_two_of_three_pairs_did(dataset: str, low: float, high: float) -> None:
    """72 and 61 % at five seeds were measured with the spread of thirteen further seeds."""
    one, two = (bold_unless_told_apart(logs) for logs in sweeps(dataset, 5))
    assert low < (one != two).any(-1).mean() < high


def test_verdicts_are_not_empty_of_content() -> None:
    """By ten seeds most is decided of what differs by a factor, and the price is told: undecided near the margin."""
    codes, best = against_best(sweeps("8gaussians", 10)[0])
    of_best = codes[np.arange(SWEEPS), best]
    decided = of_best != UNDECIDED
    assert decided[:, :2].mean() > 0.99
    assert 0.3 < (~decided[:, 2:]).mean() < 0.75


def test_intervals_are_students_at_bonferronis_level() -> None:
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(size=(2, 7))
    ours[2], theirs[5] = INF, NAN
    both = np.isfinite(ours) & np.isfinite(theirs)
    interval = scipy_stats.ttest_rel(ours[both], theirs[both]).confidence_interval(1 - 0.05 / 15)
    found = contrast(ours, theirs, 15)
    assert found.n == 5
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert found.difference == pytest.approx((ours[both] - theirs[both]).mean(), rel=1e-12)


def test_intervals_hold_together() -> None:
    """All fifteen intervals of six losses with a common effect of the seed hold in at least 95 % of sweeps."""
    rng = np.random.default_rng(4)
    logs = rng.normal(size=(4000, 1, 5)) + rng.normal(size=(4000, 6, 5))
    missed = np.zeros(4000, dtype=bool)
    for at in range(6):
        found = contrast(logs, logs[:, at : at + 1], 15)
        missed |= ((found.low > 0) | (found.high < 0)).any(-1)
    assert 0.02 < missed.mean() < 0.05


def verdict(ours: list[float], theirs: list[float], direction: str = "min", **more: object) -> str:
    return Scores(np.array([theirs, ours]), direction, **more).verdict(1, 0)


def test_the_four_verdicts_by_hand() -> None:
    base = [1.0, 1.1, 0.9, 1.05]
    double, near = [2 * x for x in base], [1.02 * x for x in base]
    noisy = [1.3, 0.8, 1.0, 1.4]
    assert verdict(double, base) == "worse"
    assert verdict(base, double) == "better"
    assert verdict(double, base, "max") == "better"
    assert verdict(near, base) == "equivalent"
    assert verdict(noisy, base) == "undecided"
    assert verdict([1.2 * x for x in base], base) == "worse"
    assert verdict([1.2 * x for x in base], base, share=0.25) == "equivalent"


def test_the_regions_do_not_overlap_at_the_margin() -> None:
    """The interval around a ratio of exactly 1.1 lies on both sides of the margin: undecided, however many seeds."""
    base = np.exp(np.random.default_rng(1).normal(size=200))
    noise = np.exp(np.random.default_rng(2).normal(size=200) * 0.05)
    noise /= np.exp(np.log(noise).mean())
    assert verdict(list(1.1 * base * noise), list(base)) == "undecided"


def test_scores_that_are_not_positive_are_judged_by_the_range_of_the_metric_or_by_sign() -> None:
    base, more = [0.0, 0.1, -0.1, 0.05], [1.0, 1.1, 0.9, 1.05]
    assert verdict(more, base, limits=(0.0, 8.0)) == "worse"
    assert verdict([x + 0.1 for x in base], base, limits=(0.0, 8.0)) == "equivalent"
    assert verdict(more, base) == "worse"
    assert verdict([x + 1e-9 for x in base], [x + 1e-9 for x in base]) == "undecided"


def test_failures_are_never_forgiven() -> None:
    base, near, double = [1.0, 1.1, 0.9, 1.05], [1.02, 1.122, 0.918, INF], [2.0, 2.2, 1.8, INF]
    assert verdict(near, base) == "undecided", "equivalent where it finished, but it failed more often"
    assert verdict(base, near) == "undecided"
    assert verdict(double, base) == "worse"
    assert verdict([0.5, 0.55, 0.45, INF], base) == "undecided", "better where it finished, but it failed more often"
    assert verdict(near, [1.0, INF, 0.9, 1.05]) == "equivalent", "as many failures, the same ratio on both pairs left"
    assert verdict(near, [1.0, INF, 0.8, 1.05]) == "undecided", "as many failures, another ratio on each"
    assert verdict([INF] * 4, base) == "worse"
    assert verdict(base, [INF] * 4) == "better"
    assert verdict([INF] * 4, [INF] * 4) == "undecided"
    assert verdict([1.0, NAN, NAN, NAN], base) == "undecided"
    assert verdict([-INF] * 4, base, "max") == "worse"


def test_one_seed_decides_nothing() -> None:
    column = Scores(np.array([[1.0], [5.0]]), "min")
    assert column.against(0) == ["equivalent", "undecided"]
    assert np.isnan(column.contradiction(0))


def test_the_probability_of_a_contradiction_is_the_same_each_time_and_small_where_seeds_agree() -> None:
    rng = np.random.default_rng(5)
    mean, deviation = (np.array(column)[:, None] for column in LOSSES["8gaussians"])
    column = Scores(np.exp(mean + deviation * rng.standard_normal((6, 5))), "min")
    rate = column.contradiction(3)
    assert rate == column.contradiction(3)
    assert rate < 0.01


def test_the_probability_of_a_contradiction_is_that_of_its_own_model() -> None:
    """Two losses that three seeds call worse one than the other: repeats that see it otherwise, simulated by hand."""
    difference = np.array([0.012, 0.010, 0.011])
    column = Scores(np.exp(np.stack([np.zeros(3), difference])), "min", share=0.008)
    assert column.verdict(1, 0) == "worse"
    rng = np.random.default_rng(6)
    n, draws = 3, 200_000
    scale = difference.std(ddof=1) * np.sqrt((n - 1) / rng.chisquare(n - 1, (draws, 1)))
    of_mean = rng.standard_normal((draws, 1)) / np.sqrt(n)
    repeat = difference.mean() + scale * (rng.standard_normal((draws, n)) + of_mean)
    half = scipy_stats.t.ppf(0.975, n - 1) * repeat.std(-1, ddof=1) / np.sqrt(n)
    low, high, margin = repeat.mean(-1) - half, repeat.mean(-1) + half, np.log(1.008)
    opposed = ((low > -margin) & (high < margin) | (high < -margin)).mean()
    assert opposed > 0.001
    assert column.contradiction(0, draws=40_000) == pytest.approx(opposed, abs=4 * np.sqrt(opposed / 40_000) + 1e-4)
