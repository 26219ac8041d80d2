"""The best of k trials against all subsets and many draws; the report of a search against a record made by hand."""

import warnings
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import Page, synthetic

from benchmarks.markup.blocks import DASH, Table
from benchmarks.markup.markdown import markdown
from benchmarks.record.export import Record
from benchmarks.record.places import PUBLISHED
from benchmarks.report.build import build_report, contents
from benchmarks.report.figures.search import marginals
from benchmarks.report.figures.style import COLUMN, drawing
from benchmarks.report.order_statistics import (
    all_fail,
    chance_of_best,
    chances,
    expected_best,
    interval,
    share_within,
)
from benchmarks.report.results import Results
from benchmarks.report.search import DatasetSearch, LossTrials
from benchmarks.report.search_document import search_document
from benchmarks.report.search_tables import answers, chosen_table, curve_table, sensitivity_table

INF = float("inf")
DRAW = np.random.default_rng(3)
VALIDATION, SCORES = DRAW.normal(10, 3, 7), DRAW.normal(10, 3, 7)
VALIDATION[2] = SCORES[2] = VALIDATION[5] = SCORES[5] = INF


def chosen(validation: np.ndarray, scores: np.ndarray, drawn: tuple[int, ...]) -> float:
    """The score of the trial that validation chooses among those drawn."""
    return float(min((validation[i], scores[i]) for i in drawn)[1])


@pytest.mark.parametrize("k", range(1, 8))
def test_the_expected_best_is_the_mean_over_all_subsets(k: int) -> None:
    found = [chosen(VALIDATION, SCORES, subset) for subset in combinations(range(7), k)]
    finite = [score for score in found if np.isfinite(score)]
    assert float(expected_best(VALIDATION, SCORES, k)) == pytest.approx(np.mean(finite))
    assert all_fail(VALIDATION, SCORES, k) == pytest.approx(1 - len(finite) / len(found))
    assert chances(7, k).sum() == pytest.approx(1)


def test_the_chances_with_replacement_are_those_of_all_draws() -> None:
    ranks = [min(draw) for draw in product(range(5), repeat=3)]
    assert chances(5, 3, replacement=True) == pytest.approx(np.bincount(ranks, minlength=5) / len(ranks))


def test_the_chance_of_the_best_score_is_that_of_all_pairs_of_draws() -> None:
    one = np.array([1.0, 4.0, INF]), np.array([3.0, 1.0, INF])  # validation and score disagree
    other = np.array([2.0, 5.0]), np.array([2.0, 3.0])
    wins = np.zeros(2)
    draws = [*product(product(range(3), repeat=2), product(range(2), repeat=2))]
    for first, second in draws:
        a, b = chosen(*one, first), chosen(*other, second)
        wins += (0.5, 0.5) if a == b else (a < b, b < a)
    assert chance_of_best([one, other], 2) == pytest.approx(wins / len(draws))


def test_the_interval_of_one_trial_of_k_is_that_of_the_mean() -> None:
    """At k = 1 the expectation is the mean: its bootstrap interval is within a few percent of the normal one."""
    scores = np.random.default_rng(0).normal(10, 2, 60)
    low, high = interval(scores, scores, 1)
    half = 1.96 * scores.std() / np.sqrt(60)
    assert (low, high) == pytest.approx((scores.mean() - half, scores.mean() + half), abs=0.15 * half)


def test_the_share_within_counts_failed_trials_and_both_directions() -> None:
    assert share_within(np.array([10.0, 10.9, 11.1, INF]), 0.1) == 0.5
    assert share_within(np.array([-9.0, -8.3, -8.1, INF]), 0.1) == 0.5  # of scores where more is better: 9 / 1.1 = 8.18
    assert np.isnan(share_within(np.array([INF, INF]), 0.1))


LEARNING_RATES = [1e-4, 1e-3, 1e-2, 1e-1]
SCORED = {"minimax": [4.0, 8.0, 12.0, INF], "wgan-gp": [6.0, 6.5, 7.0, 7.5]}
"""FID by trial: minimax has the better best, wgan-gp the better mean."""


def searched(direction: str = "min") -> Record:
    """A record of four trials a loss, whose scores are known."""
    record = synthetic(losses=list(SCORED), datasets=("points", "digits"), seeds=4, failing=())
    runs = record.runs[record.runs.dataset == "digits"].copy()
    trials, rows = {}, []
    for run in runs.itertuples():
        score = SCORED[run.loss][run.seed]
        setting = {"lr": LEARNING_RATES[run.seed], "n_critic": 5, **({"weight": 10.0} if run.loss == "wgan-gp" else {})}
        trials[run.run_key] = {"trial": run.seed, "setting": setting}
        signed = score if direction == "min" else 20 - score
        rows += [(run.run_key, 2000, "fid_digits", signed), (run.run_key, 2000, "apart/fid_digits", signed + 1)]
    runs.loc[(runs.loss == "minimax") & (runs.seed == 3), "status"] = "diverged"
    meta = {key: value for key, value in record.meta.items() if key != "report"} | {
        "datasets": ["digits"],
        "primary": {"digits": "fid_digits"},
        "budget": {"images": 96_000},
        "search": {
            "source": "synthetic",
            "settings": 4,
            "seed": 0,
            "spaces": {"minimax/digits": {"lr": "0.0001 to 0.1, log scale"}},
            "trials": trials,
        },
    }
    meta["metrics"]["fid_digits"]["direction"] = direction
    metrics = pd.DataFrame(rows, columns=["run_key", "step", "name", "value"])
    finite = metrics[np.isfinite(metrics.value)]
    samples = {name: array for name, array in record.samples.items() if name == "data/digits"}
    return Record(meta, runs, finite, samples)


@pytest.fixture
def search() -> DatasetSearch:
    (dataset,) = Results(searched()).each_dataset
    return DatasetSearch(dataset)


def row(table: Table, loss: str) -> dict[str, str]:
    (found,) = [each for each in table.rows if each[0].plain == loss]
    return {column.title: entry.text for column, entry in zip(table.columns, found, strict=True)}


def test_the_leader_changes_where_the_expectations_cross(search: DatasetSearch) -> None:
    """By hand: minimax with k = 1, 2, 3, 4: (4 + 8 + 12) / 3 = 8; of six pairs 4, 4, 4, 8, 8, 12; of four triples 4, 4,
    4, 8; 4. wgan-gp: 6.75, then of the pairs 6, 6, 6, 6.5, 6.5, 7."""
    minimax, wgan = search.losses
    assert [minimax.expected(k) for k in (1, 2, 3, 4)] == pytest.approx([8, 40 / 6, 5, 4])
    assert [wgan.expected(k) for k in (1, 2, 3, 4)] == pytest.approx([6.75, 38 / 6, 6.125, 6])
    assert search.changes() == [(3, "wgan-gp", "minimax")]
    assert search.crossings() == [("minimax", "wgan-gp", [3])]
    assert np.isnan(wgan.expected(5))


def test_the_direction_of_the_score_is_heeded() -> None:
    (dataset,) = Results(searched("max")).each_dataset
    search = DatasetSearch(dataset)
    assert [search.sign * each.expected(1) for each in search.losses] == pytest.approx([12, 13.25])
    assert [each.chosen for each in search.losses] == [0, 0]
    assert row(chosen_table(search), "minimax")["validation"] == "17"


def test_the_caption_answers_which_loss_and_how_sure(search: DatasetSearch) -> None:
    """One new trial each: minimax wins with 4 alone, a quarter; wgan-gp else, for one that failed never wins."""
    which, where = answers(search)
    assert which.startswith("Which loss with how many trials? with 1 trial: WGAN-GP (expected FID (Digits) 6.75; 75 % ")
    assert where == (
        "The first place changes: from 3 trials on Minimax GAN leads in place of WGAN-GP. Pairs whose order changes, "
        "and with how many trials: Minimax GAN and WGAN-GP at 3."
    )
    assert which in markdown("", search_document(search.dataset.results, [])).split("\n## ")[1]
    assert any("96k real images seen by the critic" in text for text in curve_table(search).protocol)


def test_failed_trials_are_counted(search: DatasetSearch) -> None:
    minimax = row(curve_table(search), "minimax")
    assert minimax["failed /\u00a0n"] == "1/4"
    assert minimax["all fail at 1 / 5"] == f"25\u00a0% / {row(curve_table(search), 'wgan-gp')['all fail at 1 / 5'][-1]}"


def test_sensitivity_is_the_share_near_the_best_and_the_rank_correlation(search: DatasetSearch) -> None:
    minimax, wgan = (row(sensitivity_table(search), loss) for loss in ("minimax", "wgan-gp"))
    assert [minimax[f"within {share} %"] for share in (10, 25, 100)] == ["25\u00a0%", "25\u00a0%", "50\u00a0%"]
    assert [wgan[f"within {share} %"] for share in (10, 25, 100)] == ["50\u00a0%", "100\u00a0%", "100\u00a0%"]
    assert minimax["lr"] == wgan["lr"] == "+1.00"  # more is worse, and a failed trial ranks last
    assert minimax["n_critic"] == wgan["n_critic"] == minimax["weight"] == DASH  # one value alone; not its own


def test_the_setting_with_the_best_validation_score_is_chosen(search: DatasetSearch) -> None:
    assert row(chosen_table(search), "wgan-gp") == {
        "Loss": "WGAN-GP",
        "trial": "0",
        "validation": "7",
        "reported": "6",
        "setting": "lr 0.0001, n_critic 5, weight 10",
    }


def test_the_report_and_the_page_have_curve_sensitivity_and_marginals(tmp_path: Path) -> None:
    record = searched()
    record.write(tmp_path / "export")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as where a figure cannot be laid out
        build_report(tmp_path / "export", tmp_path)
    text, page = (tmp_path / "report.md").read_text(), Page((tmp_path / "report.html").read_text())
    for wanted in ("Which loss with how many trials?", "sensitivity of each loss", "Search space", "within 25"):
        assert wanted in text
        assert wanted in " ".join(page.words)
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} >= {"search-digits", "marginals-digits"}


def test_in_one_column_the_panels_have_the_width_and_no_label_is_over_another() -> None:
    """Six losses against five numbers: three quarters of the width are panels, no text is smaller than print allows."""
    (dataset,) = Results(Record.read(PUBLISHED / "equal-search" / "export")).each_dataset
    with drawing():
        figure = marginals(DatasetSearch(dataset), COLUMN)
        figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == 28  # two losses have no number of their own
    assert 5 * min(axes.get_position().width for axes in panels) > 0.75
    ticks = [tick for axes in panels for tick in axes.xaxis.get_major_ticks() if tick.label1.get_visible()]
    assert min(tick.label1.get_fontsize() for tick in ticks) >= 6
    boxes = [tick.label1.get_window_extent() for tick in ticks]
    assert len(boxes) == 3 * 2 + 3 + 4 * 2  # of three numbers, of the critic steps, and of what a loss has alone
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_trials_that_have_not_ended_are_said_first() -> None:
    record = searched()
    record.runs.loc[record.runs.run_key == record.runs.run_key.iloc[0], "status"] = "missing"
    plan, blocks = contents_of(record)
    assert "trials that have not ended, and are in no number here: Minimax GAN 1." in markdown("t", blocks[:1])
    assert plan


def contents_of(record: Record) -> tuple[list, list]:
    return contents(Results(record), Path("export"))


def test_an_adaptive_search_is_no_fair_comparison() -> None:
    """No expected best of k, no chance and no interval; the best so far by validation, of minimax 4 from the first."""
    record = searched()
    record.meta["search"]["adaptive"] = "Optuna 5.0.0"
    plan, blocks = contents_of(record)
    text = markdown("t", blocks)
    assert "Digits: an adaptive search, for the best setting of each loss rather than a fair one" in text
    assert (
        "not a fair comparison: FID (Digits) of the best by validation: Minimax GAN 4 (trial 0 of 4), WGAN-GP 6" in text
    )
    assert "chance" not in text
    assert "search-digits" not in [block.name for block in blocks if isinstance(block, Table)]
    assert [item.block.name for item in plan] == ["search-digits", "marginals-digits"]
    assert "expected" not in plan[0].block.caption


def test_the_best_so_far_is_by_validation() -> None:
    validation, scores = np.array([INF, 3.0, 5.0, 2.0]), np.array([INF, 7.0, 1.0, 8.0])
    trials = LossTrials("wgan-gp", validation, scores, [{}] * 4, list(range(4)), 0)
    assert trials.so_far().tolist() == [INF, 7.0, 7.0, 8.0]
