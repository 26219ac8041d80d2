"""Statistics against closed forms, SciPy, and their own promises under simulation."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmarks.report import statistics as stats
from benchmarks.suites.checkpoint import Checkpoint


def test_t_interval_is_students_by_hand():
    mean, half = stats.t_interval([1.0, 2.0, 3.0])
    assert float(mean) == 2.0
    quantile = 0.95 * np.sqrt(2 / (4 * 0.975 * 0.025))  # Student's t with two degrees of freedom, in closed form
    assert float(half) == pytest.approx(quantile / np.sqrt(3), rel=1e-9)


def test_t_interval_leaves_out_what_is_not_finite_and_says_nothing_of_one_value():
    mean, half = stats.t_interval([[1.0, np.inf, 3.0, np.nan], [5.0, np.inf, np.nan, np.nan], [np.inf] * 4])
    assert mean[0] == 2.0
    assert half[0] == pytest.approx(scipy_stats.t.ppf(0.975, 1) * 1.0)
    assert mean[1] == 5.0
    assert np.isnan(half[1])
    assert np.isnan(mean[2])
    assert np.isnan(half[2])


@pytest.mark.parametrize("n", [3, 5, 10])
def test_nominal_95_percent_intervals_cover_93_to_97_percent(n):
    draws = np.random.default_rng(n).normal(3.0, 2.0, size=(40_000, n))
    mean, half = stats.t_interval(draws)
    assert 0.93 < np.mean(np.abs(mean - 3.0) <= half) < 0.97


def test_a_checkpoint_rule_reads_the_score_that_it_names():
    scores, validation = [3.0, 1.0, 4.0, 2.0], [9.0, 8.0, 1.0, np.nan]
    by = Checkpoint.parse
    assert by("last").score(scores, [], "min") == 2.0
    assert by("mean-3").score(scores, [], "min") == pytest.approx(7 / 3)
    assert by("best").score(scores, validation, "min") == 4.0
    assert by("best").score(scores, validation, "max") == 3.0
    assert np.isnan(by("best").score(scores, [np.nan] * 4, "min"))
    assert np.isnan(by("mean-5").score(scores, [], "min"))
    assert np.isnan(by("mean-2").score([1.0, np.nan, 2.0], [], "min"))
    assert [str(by(text)) for text in ("last", "best", "mean-3")] == ["last", "best", "mean-3"]
    for text in ("mean", "mean-0", "mean-3.5", "Best", ""):
        with pytest.raises(ValueError, match="expected last, best or mean-K"):
            by(text)


def test_pooled_deviation_is_that_of_an_analysis_of_variance():
    groups = np.random.default_rng(3).normal(size=(4, 5)) * 2 + [[1], [5], [-3], [0]]
    within = sum(((row - row.mean()) ** 2).sum() for row in groups) / (4 * (5 - 1))
    assert stats.pooled_deviation(groups) == pytest.approx(np.sqrt(within), rel=1e-12)
    assert stats.pooled_deviation([[1.0, 3.0, np.inf], [np.nan, 2.0, np.nan]]) == pytest.approx(np.sqrt(2))
    assert np.isnan(stats.pooled_deviation([[1.0], [2.0]]))


def test_scale_is_logarithmic_only_where_every_score_is_positive():
    logs, is_log = stats.comparable_scale([[1.0, np.e], [np.inf, np.nan]])
    assert is_log
    assert logs[0] == pytest.approx([0.0, 1.0])
    assert np.isposinf(logs[1, 0])
    assert np.isnan(logs[1, 1])
    same, is_log = stats.comparable_scale([[0.0, 2.0]])
    assert not is_log
    assert same[0, 1] == 2.0
    lost, is_log = stats.comparable_scale([[2.0, -np.inf]])
    assert is_log
    assert np.isneginf(lost[0, 1])


def test_the_best_has_the_best_mean_of_those_that_mostly_finished():
    mostly_failed = [1.0, np.inf, np.inf]
    once_failed = [2.0, 2.1, np.inf]
    steady = [3.0, 3.1, 3.2]
    assert stats.best_loss(np.array([mostly_failed, once_failed, steady]), "min") == 1
    assert stats.best_loss(np.array([mostly_failed, steady]), "min") == 1
    assert stats.best_loss(np.array([[1.0, -np.inf, -np.inf], [0.1, 0.2, 0.3]]), "max") == 1
    assert stats.best_loss(np.array([[np.inf, np.inf]]), "min") is None
    assert stats.best_loss(np.array([[1.0, 1.0, 4.0], [1.5, 1.5, 1.5]]), "min") == 1, "the mean, which tables print"


def test_time_to_target_by_algoperfs_rules():
    seconds, scores = [10.0, 20.0, 30.0, 40.0], [9.0, np.nan, 4.0, 6.0]
    assert stats.time_to_target(seconds, scores, 5.0, "min") == 30.0
    assert stats.time_to_target(seconds, scores, 1.0, "min") == np.inf
    assert stats.time_to_target(seconds, scores, 8.0, "max") == 10.0
    assert stats.time_to_target(seconds, scores, 0.0, "min") == np.inf
    assert stats.target_of([3.0, np.inf, 5.0]) == 5.0
    assert stats.target_of([3.0, np.inf, np.inf]) is None
    assert stats.median([1.0, np.inf]) == np.inf


def test_ratios_and_their_geometric_mean():
    one = stats.log_ratios([2.0, 8.0, np.nan], [1.0, 4.0], "min")
    assert stats.geometric_mean_ratio([one]) == pytest.approx(2.0)
    best = stats.log_ratios([2.0, 8.0], [1.0, 4.0], "max")
    assert stats.geometric_mean_ratio([best]) == pytest.approx(0.5)
    assert stats.geometric_mean_ratio([one, best]) == pytest.approx(1.0)
    assert stats.geometric_mean_ratio([stats.log_ratios([np.inf, 1.0], [1.0], "min")]) == np.inf


def test_iqm_is_scipys_trimmed_mean_and_survives_a_quarter_of_failures():
    strata = [np.array([1.0, 9.0, 2.0, 4.0]), np.array([7.0, 3.0, 5.0, np.inf])]
    assert stats.iqm(strata) == pytest.approx(scipy_stats.trim_mean(np.concatenate(strata), 0.25))
    assert stats.iqm([np.array([1.0, 2.0, np.inf, np.inf])]) == np.inf


def test_probability_of_improvement_is_mann_whitney():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, np.inf])
    oracle = 1 - scipy_stats.mannwhitneyu(a, b).statistic / 9
    assert stats.probability_of_improvement([a], [b]) == pytest.approx(oracle)
    assert stats.probability_of_improvement([a, a], [b, a]) == pytest.approx((oracle + 0.5) / 2)


def test_bootstrap_is_seeded_and_covers_about_what_the_literature_says():
    strata = [np.array([1.0, 2.0, 3.0, 4.0, np.inf])]
    assert stats.stratified_bootstrap(stats.iqm, strata) == stats.stratified_bootstrap(stats.iqm, strata)
    assert stats.stratified_bootstrap(stats.iqm, strata, seed=1)[1] == np.inf
    draws = np.random.default_rng(5).normal(size=(400, 20))
    covered = []
    for row in draws:
        low, high = stats.stratified_bootstrap(lambda groups: groups[0].mean(-1), [row], resamples=400)
        covered.append(low <= 0.0 <= high)
    assert 0.88 < np.mean(covered) < 0.97


def test_the_ends_of_a_bootstrap_interval_are_linear_quantiles_of_its_resamples():
    """As numpy.quantile and scipy.stats.bootstrap take them by default; infinities are not turned into NaN."""
    row = np.array([0.3, -1.0, 2.5, 0.1, 0.9])
    rng = np.random.default_rng(0)
    means = row[rng.integers(5, size=(50, 5))].mean(-1)
    found = stats.stratified_bootstrap(lambda groups: groups[0].mean(-1), [row], resamples=50)
    assert found == pytest.approx((np.quantile(means, 0.025), np.quantile(means, 0.975)), rel=1e-12)
    assert stats.quantile(np.array([0.0, 1.0, 2.0, np.inf, np.inf]), 0.9) == np.inf
    assert stats.quantile(np.array([0.0, 1.0, 2.0, np.inf]), 0.5) == 1.5
    assert stats.quantile(np.array([0.0, 1.0, 2.0, np.inf]), 0.7) == np.inf


def test_performance_profile_counts_runs():
    strata = [np.array([0.0, 1.0, np.inf, 2.0]), np.array([0.5, 0.5])]
    assert stats.performance_profile(strata, [0.0, 1.0, 5.0]) == pytest.approx([0.125, 0.75, 0.875])
