"""Budgets of suites: the steps that follow, what is refused, seconds by the timing pass, and ranks at equal budgets."""

import re
from pathlib import Path

import numpy as np
import pytest
from synthetic import synthetic

from benchmarks.cli import main
from benchmarks.record.store import Store
from benchmarks.record.timings import Timing
from benchmarks.report.budgets import equal_budgets_table, scores_within, standing
from benchmarks.report.document import document
from benchmarks.report.results import Results
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep.budget import within_seconds
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import describe
from benchmarks.sweep.timing import circumstances
from gan_zoo.errors import UserError

SUITE = """\
name: equal
losses: [non-saturating, wgan-gp]
datasets: [8gaussians]
seeds: 1
architecture: {name: mlp, width: 8, depth: 1}
train: {batch_size: 32, n_critic: 5, optimizer: {name: adam, lr: 1e-3}}
budget: {images: 480k}
evaluate: {every: 10, samples: 20, metrics: [emd]}
overrides:
  non-saturating: {train: {n_critic: 1}}
"""


def load(tmp_path: Path, text: str = SUITE, **settings: str) -> Suite:
    path = tmp_path / "equal.yaml"
    path.write_text(text)
    return load_suite(str(path), settings)


def steps(suite: Suite) -> dict[str, int]:
    return {spec.loss_name: spec.train.steps for spec in suite.cells}


@pytest.mark.parametrize(
    ("budget", "of_ns", "of_gp"),
    [
        ("{images: 480k}", 15_000, 3_000),
        ("{images: 480000}", 15_000, 3_000),
        ("{images: 1.5M}", 46_875, 9_375),
        ("{images: 2000}", 62, 12),  # 62.5 and 12.5 steps: rounded down, so that nothing exceeds the budget
        ("{generator_steps: 1500}", 1_500, 1_500),
        ("{critic_steps: 7.5k}", 7_500, 1_500),
        ("{critic_steps: 104}", 104, 20),
    ],
)
def test_steps_follow_from_the_budget(tmp_path: Path, budget: str, of_ns: int, of_gp: int) -> None:
    suite = load(tmp_path, SUITE.replace("{images: 480k}", budget))
    assert steps(suite) == {"non-saturating": of_ns, "wgan-gp": of_gp}


def test_a_cell_is_known_by_its_steps_alone(tmp_path: Path) -> None:
    """The key is that of the same steps written out, so that published cells stay what they are."""
    written = SUITE.replace("budget: {images: 480k}\n", "").replace("train: {batch", "train: {steps: 3000, batch")
    written = written.replace("{train: {n_critic: 1}}", "{train: {steps: 15000, n_critic: 1}}")
    assert [spec.key for spec in load(tmp_path).cells] == [spec.key for spec in load(tmp_path, written).cells]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("480k", "31"),
            "budget.images: 31 gives no step: a generator step of 'non-saturating' on 8gaussians takes 32",
        ),
        (("480k", "0"), "budget.images: expected more than 0, got 0"),
        (("480k", "480q"), 'budget.images: expected a whole number, as 480000 or 480k, got "480q"'),
        (("480k", "0.0001k"), 'budget.images: expected a whole number, as 480000 or 480k, got "0.0001k"'),
        (("480k", "900"), "evaluate.every: 10 steps are more than the 5 of 'wgan-gp' in the budget"),
        (("images: 480k", "pictures: 480k"), "budget.pictures: unknown key"),
        (("images: 480k", "images: 1k, seconds: 2"), "budget: expected one of images, generator_steps, critic_steps, "),
        (("{images: 480k}", "{}"), "budget: expected one of images, generator_steps, critic_steps, seconds, got none"),
        (("{batch", "{steps: 10, batch"), "train.steps: given beside budget, from which the steps follow"),
        (("{n_critic: 1}", "{steps: 10}"), "overrides.non-saturating.train.steps: given beside budget"),
    ],
)
def test_a_wrong_budget_is_one_line(
    tmp_path: Path, change: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "equal.yaml"
    path.write_text(SUITE.replace(*change))
    assert main(["run", str(path), "--dry-run", "--results", str(tmp_path / "results")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert "equal.yaml" in error


def test_what_is_typed_takes_the_place_of_what_the_suite_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "equal.yaml"
    path.write_text(SUITE)
    typed = load_suite(str(path), {"train.steps": "40"})
    assert typed.budget is None
    assert steps(typed) == {"non-saturating": 40, "wgan-gp": 40}
    by_steps = SUITE.replace("budget: {images: 480k}\n", "").replace("train: {batch", "train: {steps: 50, batch")
    path.write_text(by_steps)
    assert steps(load_suite(str(path), {"budget.generator_steps": "30"})) == {"non-saturating": 30, "wgan-gp": 30}
    with pytest.raises(UserError, match=r"--set train\.steps=40: given beside budget"):
        load_suite(str(path), {"train.steps": "40", "budget.generator_steps": "30"})
    path.write_text(by_steps.replace("{n_critic: 1}", "{n_critic: 1, steps: 250}"))
    with pytest.raises(UserError, match=r"--set budget\.images=480k.*given beside budget"):  # its overrides have steps
        load_suite(str(path), {"budget.images": "480k"})


def test_evaluations_can_be_counted_over_runs_of_unlike_length(tmp_path: Path) -> None:
    path = tmp_path / "equal.yaml"
    path.write_text(SUITE.replace("every: 10", "times: 7"))
    suite = load_suite(str(path))
    assert steps(suite) == {"non-saturating": 15000, "wgan-gp": 3000}
    assert [spec.evaluate.every for spec in suite.cells] == [2143, 429]  # seven of each, the last at its end
    assert {spec.evaluate.every for spec in load_suite(str(path), {"evaluate.every": "20"}).cells} == {20}
    of_one = "overrides.wgan-gp.evaluate.every"
    assert [spec.evaluate.every for spec in load_suite(str(path), {of_one: "30"}).cells] == [2143, 30]


@pytest.mark.parametrize(
    ("evaluate", "message"),
    [
        ("times: 0", "evaluate.times: expected more than 0, got 0"),
        ("times: 4000", "evaluate.times: 4000 evaluations are more than the 3000 steps of 'wgan-gp': take fewer"),
        ("times: 4, every: 10", "evaluate.times: given beside every, which says the same: leave one of them out"),
        ("times: often", "evaluate.times: input should be a valid integer"),
    ],
)
def test_a_wrong_count_of_evaluations_is_one_line(tmp_path: Path, evaluate: str, message: str) -> None:
    path = tmp_path / "equal.yaml"
    path.write_text(SUITE.replace("every: 10", evaluate))
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        load_suite(str(path))
    assert "\n" not in str(raised.value)


def test_seconds_leave_evaluations_uncounted(tmp_path: Path) -> None:
    path = tmp_path / "equal.yaml"
    path.write_text(SUITE.replace("every: 10", "times: 7").replace("images: 480k", "seconds: 3"))
    with pytest.raises(UserError, match=r"evaluate\.times: does not go with a budget of seconds"):
        load_suite(str(path))


def test_seconds_buy_steps_at_the_pace_of_the_timing_pass(tmp_path: Path, results: Path) -> None:
    suite = load(tmp_path, SUITE.replace("images: 480k", "seconds: 3"))
    store, options = Store(results), Options(results, tmp_path / "data", "cpu", workers=0)
    with pytest.raises(UserError, match="nothing is timed here yet: gan-zoo timing equal first"):
        within_seconds(suite, options, store, print, may_time=False)
    where = circumstances(suite.cells[0], options.context("equal"))
    for spec, pace in zip(suite.cells, (0.004, 0.0079), strict=True):
        store.log_timing(
            "equal", Timing(spec.loss_name, "8gaussians", spec.canonical, where, "plain", "wall clock", 8, [pace]), {}
        )
    assert steps(within_seconds(suite, options, store, print)) == {"non-saturating": 750, "wgan-gp": 379}
    with pytest.raises(UserError, match=r"equal: budget\.seconds: 0\.003 gives no step"):
        within_seconds(load(tmp_path, SUITE.replace("images: 480k", "seconds: 0.003")), options, store, print)


def test_a_budget_of_seconds_times_what_it_has_to_and_finds_it_again(tmp_path: Path, results: Path) -> None:
    suite = load(tmp_path, SUITE.replace("images: 480k", "seconds: 5"))
    store, options = Store(results), Options(results, tmp_path / "data", "cpu", workers=0)
    first = within_seconds(suite, options, store, print)
    assert all(spec.train.steps > 10 for spec in first.cells)
    assert within_seconds(suite, options, store, print, may_time=False) == first
    untouched = load(tmp_path)
    assert within_seconds(untouched, options, store, print) is untouched


def test_the_budget_is_in_the_record_of_a_sweep_and_its_report(tmp_path: Path, results: Path) -> None:
    suite = load(tmp_path)
    plan = make_plan(suite, Options(results, tmp_path / "data", "cpu", workers=0), Store(results), print)
    assert describe(plan)["budget"] == {"images": 480_000}
    record = synthetic(losses=["wgan-gp", "minimax"], failing=())
    record.meta["budget"] = {"images": 480_000}
    texts = [str(block) for block in document(Results(record), [])]
    assert any("Budget: 480k real images seen by the critic a run, steps rounded down." in text for text in texts)


def test_scores_at_equal_budgets_are_those_of_the_last_evaluation_within() -> None:
    """wgan-gp has five critic steps, minimax one: at equal images wgan-gp has come to step 400 of 2000."""
    results = Results(synthetic(losses=["minimax", "wgan-gp"], failing=(), datasets=("8gaussians",)))
    (dataset,) = results.each_dataset
    equal = standing(dataset, "images")
    assert equal is not None
    assert equal.spent == 2000 * 64
    curve = dataset.curve("wgan-gp", "emd")
    assert np.array_equal(equal.scores[1], curve.loc[400].to_numpy())
    assert np.array_equal(equal.scores[0], dataset.curve("minimax", "emd").loc[2000].to_numpy())
    assert np.array_equal(scores_within(dataset, "wgan-gp", 1234.5), curve.loc[1200].to_numpy())
    assert equal.ranks == [1, 2]
    assert standing(dataset, "generator steps").ranks == [1, 2]  # type: ignore[union-attr]


def test_runs_that_failed_by_then_are_the_worst_and_later_failures_are_not() -> None:
    results = Results(synthetic(losses=["minimax", "wgan-gp"], failing=("minimax",), datasets=("8gaussians",)))
    (dataset,) = results.each_dataset  # minimax diverges at step 700 on seeds 0 and 3
    assert np.isinf(scores_within(dataset, "minimax", 2000)).tolist() == [True, False, False, True, False]
    assert np.isfinite(scores_within(dataset, "minimax", 700)).all()
    assert standing(dataset, "generator steps").ranks == [2, 1]  # type: ignore[union-attr]


def test_the_table_says_where_orders_differ() -> None:
    record = synthetic(losses=["minimax", "wgan-gp"], failing=(), datasets=("8gaussians",))
    (dataset,) = Results(record).each_dataset
    assert "The order is the same at equal generator steps, equal images and equal seconds." in _caption(dataset)
    early = record.metrics.run_key.str.startswith("0001") & (record.metrics.name == "emd")
    record.metrics.loc[early & (record.metrics.step == 2000), "value"] = 0.001  # wgan-gp wins at the very end alone
    (dataset,) = Results(record).each_dataset
    caption = _caption(dataset)
    assert "The order differs: at equal generator steps" in caption
    assert "WGAN-GP, Minimax GAN; at equal images Minimax GAN, WGAN-GP" in caption.replace(" and equal seconds", "")


def _caption(dataset: object) -> str:
    table = equal_budgets_table(dataset)  # type: ignore[arg-type]
    assert table is not None
    return table.caption
