"""Two runs of a cell, and a record against the published one: equal bits, within noise, or a contradiction."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from synthetic import synthetic

from benchmarks.record import places
from benchmarks.record.export import Record
from benchmarks.report.against import against_published, against_text, hold
from benchmarks.report.agreement import CellName, allowed, judge
from benchmarks.report.results import Results
from benchmarks.report.upheld import upheld, verdict_sentences

LOSSES = ["minimax", "wgan-gp"]
CELL = CellName("8gaussians", "wgan-gp", 1)
SEEDS = 4


def record(failing=()) -> Record:
    made = synthetic(LOSSES, ("8gaussians",), seeds=SEEDS, steps=300, failing=failing)
    made.runs["weights_hash"] = [f"hash of {key}" for key in made.runs.run_key]
    return made


def key(cell: CellName) -> str:
    return f"00{LOSSES.index(cell.loss):02d}{cell.seed:04d}"


def changed(made: Record, cell: CellName = CELL, weights: str | None = None, **factors: float) -> Record:
    """The record with the scores of a cell multiplied at every step, and other weights."""
    for name, factor in factors.items():
        rows = (made.metrics.run_key == key(cell)) & (made.metrics.name == name)
        made.metrics.loc[rows, "value"] *= factor
    if weights is not None:
        made.runs.loc[made.runs.run_key == key(cell), "weights_hash"] = weights
    return made


def kind(claimed: Record, found: Record, level: float = 0.99) -> str:
    return judge(Results(claimed), Results(found), CELL, ["emd"], level).kind


def test_equal_weights_and_scores_are_equal_bits() -> None:
    assert kind(record(), record()) == "equal bits"
    assert kind(record(), changed(record(), emd=1.0005)) == "equal bits"  # an evaluation's rounding


def test_a_score_altered_beside_equal_weights_contradicts() -> None:
    assert kind(changed(record(), emd=1.3), record()) == "contradicts"
    early = record()
    first = (early.metrics.run_key == key(CELL)) & (early.metrics.name == "modes_covered") & (early.metrics.step == 100)
    early.metrics.loc[first, "value"] += 1
    assert kind(early, record()) == "contradicts"


def test_an_altered_hash_beside_equal_numbers_contradicts() -> None:
    assert kind(changed(record(), weights="another"), record()) == "contradicts"
    assert kind(changed(record(), weights=""), record()) == "equal bits"  # recorded before there were hashes


def test_other_bits_agree_within_the_spread_of_the_other_seeds_and_no_further() -> None:
    scores = Results(record()).on("8gaussians").scores("emd")
    others = np.log(np.delete(scores[1], 1))
    limit = float(np.exp(stats.t.ppf(0.995, SEEDS - 2) * others.std(ddof=1) * np.sqrt(2)))
    assert limit > 1.2
    for factor, expected in ((limit * 0.999, "within noise"), (limit * 1.001, "contradicts")):
        assert kind(record(), changed(record(), weights="another", emd=factor)) == expected
        assert kind(record(), changed(record(), weights="another", emd=1 / factor)) == expected


def test_the_rule_errs_as_often_as_it_says() -> None:
    """Draws of one distribution in cell of claimed, found and other seeds: the level is the share of agreements."""
    rng = np.random.default_rng(0)
    draws = np.exp(rng.normal(size=(4000, 6)))
    agree = []
    for row in draws:
        limit, is_log = allowed(row[None, :5], row[5], 0, 2, 0.9)
        agree.append(is_log and abs(np.log(row[2] / row[5])) <= limit)
    assert np.mean(agree) == pytest.approx(0.9, abs=0.015)  # standard error 0.005


def test_where_seeds_do_not_vary_the_other_losses_say_how_far_and_else_nobody() -> None:
    column = np.array([[8.0, 8, 8, 8], [5, 6, 7, 8]])
    limit, is_log = allowed(column, 7.0, 0, 1, 0.95)
    assert is_log
    pooled = np.sqrt(np.log(column[1]).var(ddof=1) / 2)
    assert limit == pytest.approx(stats.t.ppf(0.975, 2) * pooled * np.sqrt(2))
    assert allowed(column[:1], 7.0, 0, 1, 0.95)[0] == np.inf
    assert allowed(column[:, :2], 7.0, 1, 1, 0.95)[0] == np.inf


def test_scores_that_are_not_positive_are_compared_as_they_are() -> None:
    limit, is_log = allowed(np.array([[0.0, 1.0, 3.0, 2.0]]), 1.5, 0, 1, 0.95)
    assert not is_log
    assert limit == pytest.approx(stats.t.ppf(0.975, 2) * np.std([0, 3, 2], ddof=1) * np.sqrt(2))


def test_a_run_that_ended_otherwise_agrees_where_another_seed_ended_so() -> None:
    lone, failing = record(), record(["wgan-gp"])  # seeds 0 and 3 diverge
    lone.runs.loc[lone.runs.run_key == key(CELL), "status"] = "diverged"
    assert kind(record(), lone) == "contradicts"
    assert kind(failing, lone) == "within noise"
    assert (
        judge(Results(failing), Results(failing), CellName("8gaussians", "wgan-gp", 0), ["emd"], 0.99).kind
        == "equal bits"
    )


def published(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "PUBLISHED", folder)
    record().write(folder / "synthetic" / "export")
    return folder / "synthetic" / "export"


def text_of(made: Record, folder: Path) -> str:
    made.write(folder)
    return against_text(folder)


def test_a_record_is_held_against_the_published_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = published(tmp_path / "published", monkeypatch)
    assert against_text(export) == ""  # the published record itself
    assert "8 of 8 cells equal the published ones bit for bit." in text_of(record(), tmp_path / "same")
    near = changed(record(), weights="another", emd=1.01)
    near.runs["numerics"] = "fast"
    text = text_of(changed(near, CellName("8gaussians", "minimax", 0), weights="x", emd=1e6), tmp_path / "near")
    assert "6 of 8 cells equal the published ones bit for bit." in text
    assert "Of the other 2, 1 agree within what seeds explain, and 1 do not." in text
    assert "what differs: numerics (not recorded there, fast here)." in text
    assert "Not explained: minimax / 8gaussians / seed 0 (emd " in text


def test_only_cells_of_equal_specs_are_compared_and_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path / "published", monkeypatch)
    made = record()
    made.runs.loc[made.runs.loss == "wgan-gp", "run_key"] = [f"other{i}" for i in range(SEEDS)]
    made.metrics["run_key"] = made.metrics.run_key.replace({f"0001{i:04d}": f"other{i}" for i in range(SEEDS)})
    made.runs.loc[made.runs.run_key == "00000002", "status"] = "missing"
    text = text_of(made, tmp_path / "changed")
    assert "3 of 3 cells equal the published ones bit for bit." in text
    assert "4 published cells are not compared: of another spec (the suite was changed)." in text
    assert "1 published cells are not compared: not ended." in text


def test_scores_by_another_protocol_are_not_compared() -> None:
    other = changed(record(), weights="another", emd=1e6)
    other.meta["metrics"]["emd"]["protocol"] = "n = 7"
    held = hold(Results(record()), Results(other))
    assert held.left_out == {CELL: "scored by another protocol, with other bits"}
    assert CELL not in held.agreements


def test_a_report_has_the_section_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path / "published", monkeypatch)
    made = changed(record(), weights="another", emd=1.01)
    made.write(tmp_path / "export")
    heading, items, table, verdicts = against_published(tmp_path / "export", Results(made))
    assert heading.text == "Against the published results"
    assert items.texts[0].startswith("7 of 8")
    assert [[entry.text for entry in row] for row in table.rows] == [
        ["Minimax GAN", "8 Gaussians", "4", "4", "0", "0"],
        ["WGAN-GP", "8 Gaussians", "4", "3", "1", "0"],
    ]
    assert [[entry.text for entry in row][:3] for row in verdicts.rows] == [["WGAN-GP", "8 Gaussians", "Minimax GAN"]]
    assert items.texts[-1].startswith("8 Gaussians: of ")
    made.meta["suite"] = "unpublished"
    assert against_published(tmp_path / "export", Results(made)) == []


def scaled(factors: list[float]) -> Record:
    """wgan-gp's scores multiplied seed by seed."""
    made = record()
    for seed, factor in enumerate(factors):
        changed(made, CellName("8gaussians", "wgan-gp", seed), emd=factor)
    return made


@pytest.mark.parametrize(
    ("there", "here", "outcome"),
    [
        ([30.0] * SEEDS, [40.0] * SEEDS, "upheld"),
        ([30.0] * SEEDS, [1e-2, 1e2, 1e-2, 1e2], "undecided here"),
        ([1e-2, 1e2, 1e-2, 1e2], [30.0] * SEEDS, "decided here alone"),
        ([30.0] * SEEDS, [1 / 30] * SEEDS, "contradicted"),
    ],
)
def test_what_becomes_of_a_published_verdict(there: list[float], here: list[float], outcome: str) -> None:
    published, mine = Results(scaled(there)), Results(scaled(here))
    compared = [CellName("8gaussians", loss, seed) for loss in LOSSES for seed in range(SEEDS)]
    (verdict,) = upheld(compared, published, mine)
    assert verdict.outcome == outcome
    (text,) = verdict_sentences([verdict])
    assert text.startswith(f"8 Gaussians: of {1 if outcome != 'decided here alone' else 0} published verdicts")
    assert ("WGAN-GP against Minimax GAN is worse there and better here" in text) == (outcome == "contradicted")
    assert upheld(compared[:-1], published, mine) == []  # a cell is missing or was changed
