"""What MLflow's pages show first: names that sort as they should, and one record from names of today and before."""

from pathlib import Path

import numpy as np
import pytest
from test_store import described, open_cell, start, values

from benchmarks.record.batches import log_in_batches
from benchmarks.record.shown import PICTURES, shown, told
from benchmarks.record.store import Store
from benchmarks.record.vocabulary import redrawn, validation

FID = "fid_digits_2500_train"
NAMES = {
    FID: f"primary score/{FID}",
    "kid_digits_2500_train": "scores/kid_digits_2500_train",
    redrawn(FID, 2): f"scores of other latents/{FID}/2",
    validation(FID): f"validation/{FID}_validation",
    "critic/grad_norm": "training/critic/grad_norm",
    "generator/fake": "training/generator/fake",
    "diagnostics/grad_norm_real/q05": "training/diagnostics/grad_norm_real/q05",
    "truth/estimate": "truth/estimate",
    "train_seconds": "train_seconds",
    "iterations_per_second": "iterations_per_second",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_from_mlflow(name: str) -> None:
    assert shown(name, FID) == NAMES[name]
    assert told(shown(name, FID)) == told(shown(name)) == told(name) == name


def section(name: str) -> str:
    """Where MLflow's page puts a name: those without a section come last."""
    return name.rpartition("/")[0] or "\uffff"


def test_a_page_shows_the_primary_score_then_samples_then_other_scores() -> None:
    names = [*(shown(name, FID) for name in NAMES), *PICTURES.values()]
    sections = list(dict.fromkeys(section(name) for name in sorted(names, key=section)))
    assert sections[:4] == ["primary score", "samples", "scores", f"scores of other latents/{FID}"]
    assert sections[-1] == "\uffff"


def test_no_other_chart_has_the_title_of_the_primary_score() -> None:
    titles = [shown(name, FID).rpartition("/")[2] for name in NAMES]
    assert titles.count(FID) == 1


def test_a_cell_that_was_begun_by_names_of_before_goes_on_as_one(results: Path) -> None:
    store = Store(results)
    sweep = start(store, {"k1": described("wgan-gp")})
    first = open_cell(store, sweep)
    before = {("emd", 10): (4.0, 1), ("emd", 20): (3.0, 1), ("apart/emd", 10): (5.0, 1), ("critic/real", 10): (6.0, 1)}
    log_in_batches(store._client, first.run_id, metrics=before)
    first.interrupt()
    log = open_cell(store, sweep)
    log.primary = "emd"
    log.metrics(20, {"emd": 2.0, "good_samples": 0.5, "train_seconds": 1.5})
    log.metrics(30, {"emd": 1.0, "apart/emd": 7.0, "critic/real": 8.0})
    log.finish("done")
    record = store.record("toy")
    assert values(record, "emd") == {10: 4.0, 20: 2.0, 30: 1.0}
    assert values(record, "apart/emd") == {10: 5.0, 30: 7.0}
    assert values(record, "critic/real") == {10: 6.0, 30: 8.0}
    assert values(record, "good_samples") == {20: 0.5}
    assert set(record.metrics["name"]) == {"emd", "apart/emd", "critic/real", "good_samples", "train_seconds"}
    run = store._client.get_run(log.run_id)
    assert {"primary score/emd", "scores/good_samples", "validation/emd_validation", "emd"} <= set(run.data.metrics)
    assert record.runs["train_seconds"].tolist() == [1.5]


def test_a_run_says_its_last_scores_and_where_to_look_next(results: Path) -> None:
    store = Store(results)
    sweep = start(store, {"k1": described("wgan-gp")})
    log = open_cell(store, sweep)
    log.primary = "modes_covered"
    log.metrics(10, {"emd": 4.0, "modes_covered": 3.0, "critic/real": 1.0, "train_seconds": 9.0})
    log.metrics(20, {"emd": 0.123456789, "modes_covered": 8.0})
    log.finish("done")
    note = store._client.get_run(log.run_id).data.tags["mlflow.note.content"]
    assert note.splitlines()[:4] == [
        "Last scores of a run that is done:",
        "",
        "- `modes_covered`: 8 (primary score)",
        "- `emd`: 0.123457",
    ]
    assert f"[the sweep](#/experiments/1/runs/{sweep}?" in note
    assert "(#/experiments/1/runs?viewStateShareKey=gan-zoo-scores-8gaussians&compareRunsMode=CHART&" in note
    assert "critic" not in note
    assert "seconds" not in note


def test_the_last_picture_is_at_one_step_for_all_losses(results: Path) -> None:
    store = Store(results)
    log = open_cell(store, start(store))
    log.image("last", np.zeros((8, 8, 3), np.uint8), 0)
    log.finish("done")
    names = [entry.path for entry in store._client.list_artifacts(log.run_id, "images")]
    assert all(name.startswith("images/samples~last+step+0+") for name in names)
    assert len(names) == 2
