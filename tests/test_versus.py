"""Two records, and two runs, side by side."""

import json
import re

import pytest
from synthetic import FEW, HOSTILE, Page, executed, synthetic

from benchmarks.record.export import Record
from benchmarks.report.versus import build_comparison, diff_runs
from gan_zoo.errors import UserError


def test_two_records_side_by_side(tmp_path):
    a, b = synthetic(FEW, seeds=3, failing=()), synthetic([*FEW, "hinge"], seeds=3, failing=())
    own = a.metrics.name == "emd"
    b.metrics = a.metrics.assign(value=a.metrics.value.where(~own, 2 * a.metrics.value))
    b.runs["commit"], b.meta["environment"]["torch"] = "fedcba", "2.15"
    b.meta["metrics"]["fid_digits"]["protocol"] = "n = 10"
    b.meta["metrics"]["fid_digits_5k"] = b.meta["metrics"]["fid_digits"]
    a.write(tmp_path / "a")
    b.write(tmp_path / "b")
    pages = build_comparison(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    text = pages[0].read_text()
    assert re.search(r"\| WGAN-LP \|.*\| 2\.00 \| 2\.00 to 2\.00 \| worse \| 3 \| equal \|", text.replace("&lt;", "<"))
    assert "not comparable" in text
    assert "| torch | 2.13 | 2.15 |" in text
    assert "only B has the losses hinge" in text
    assert "only B has the metrics fid_digits_5k" in text.replace("\\", "")
    assert "commit: A 0123456789abcdef; B fedcba" in text


def compared(a: Record, b: Record, tmp_path, **choice) -> str:
    """comparison.md of two records."""
    a.write(tmp_path / "a")
    b.write(tmp_path / "b")
    return build_comparison(tmp_path / "a", tmp_path / "b", tmp_path / "out", choice)[0].read_text()


def test_records_with_holes_and_hostile_names_can_be_compared(tmp_path):
    a, b = (synthetic(HOSTILE, ("a<b>_&|\\", "digits"), seeds=2, failing=HOSTILE[2:3]) for _ in range(2))
    b.runs = b.runs[~((b.runs.loss == HOSTILE[1]) & (b.runs.seed == 1))]
    b.runs.loc[b.runs.loss == HOSTILE[3], "status"] = "failed"
    text = compared(a, b, tmp_path)
    assert "<script" not in text
    assert executed(Page((tmp_path / "out" / "comparison.html").read_text())) == 1
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(r"| a\_")]
    assert [row[-2] for row in rows] == ["1", "1"]
    failed = [line for line in text.splitlines() if line.startswith("| naïve")]
    assert len(failed) == len(rows)
    assert all(re.search(r"± [\d.]+ \| – \(2/2 failed\) \| – \| – \| worse \| 0 \|", line) for line in failed)


def test_what_cannot_be_compared_is_one_clear_line(tmp_path):
    a, b = (synthetic(FEW, seeds=2, failing=()) for _ in range(2))
    b.meta["report"] = {"baseline": "wgan-gp", "checkpoint": "mean-3"}
    with pytest.raises(UserError, match="scores by checkpoint mean-3, A by last: give one --checkpoint"):
        compared(a, b, tmp_path)
    assert "mean of the last 2 checkpoints" in compared(a, b, tmp_path, checkpoint="mean-2")
    b = synthetic(["hinge"], ("moons",), seeds=1, failing=())
    with pytest.raises(UserError, match="no loss and data set in common"):
        compared(a, b, tmp_path)
    (tmp_path / "b" / "runs.csv").write_text("half")
    with pytest.raises(UserError, match="half-written or altered"):
        build_comparison(tmp_path / "a", tmp_path / "b", tmp_path / "out")


def test_scores_of_other_protocols_are_shown_and_not_compared(tmp_path):
    a, b = (synthetic(FEW, seeds=2, failing=()) for _ in range(2))
    for record, weights in ((a, "aa"), (b, "bb")):
        images = f'"fid_digits": "n=10; weights={weights}", "is_digits": "n=10"'
        record.runs["protocol"] = f'{{"emd": "n=9", "modes_covered": "n=9", {images}}}'
    text = compared(a, b, tmp_path)
    assert "fid\\_digits on Digits: A weights=aa; B weights=bb: not compared" in text
    assert text.count("not comparable") == 3


def with_specs(record: Record, changes: dict[str, object]) -> Record:
    """The record with a spec for each run; that of wgan-lp has `changes`."""
    specs = []
    for run in record.runs.itertuples():
        penalty = {"gradient-norm": {"weight": 10.0, "target": 1.0, **(changes if run.loss == "wgan-lp" else {})}}
        loss = {"name": run.loss, "adversarial": {"wasserstein": {}}, "penalties": [penalty], "weight_clip": None}
        train = {"steps": 2000, "optimizer": {"name": "adam", "lr": 1e-4, "betas": [0.5, 0.9]}}
        specs.append(json.dumps({"loss": loss, "train": train, "seed": run.seed}))
    record.runs["spec"] = specs
    return record


def test_every_field_in_which_two_specs_differ_is_shown(tmp_path):
    """A penalty weight of 0.1 against 10 stands in no other column of the export."""
    a, b = (with_specs(synthetic(FEW, seeds=2, failing=()), changes) for changes in ({}, {"weight": 0.1, "power": 3}))
    text = diff_runs(a, "00020000", b, "00020001").replace("\\", "")
    rows = [line for line in text.splitlines() if line.startswith("| spec:")]
    assert rows == [
        "| spec: loss.penalties.0.gradient-norm.power | – | 3 |",
        "| spec: loss.penalties.0.gradient-norm.weight | 10.0 | 0.1 |",
        "| spec: seed | 0 | 1 |",
    ]
    assert "what is not listed is equal" in text
    page = compared(a, b, tmp_path).replace("\\", "")
    assert [line for line in page.splitlines() if line.startswith("- WGAN-LP on")] == [
        f"- WGAN-LP on {dataset}: loss.penalties.0.gradient-norm.{field}"
        for dataset in ("8 Gaussians", "Digits")
        for field in ("power: A –; B 3", "weight: A 10.0; B 0.1")
    ]


def test_exports_without_specs_do_not_claim_that_what_is_not_listed_is_equal(tmp_path):
    a, b = (synthetic(FEW, seeds=2, failing=()) for _ in range(2))
    b.runs["run_key"] = "b" + b.runs.run_key
    b.metrics["run_key"] = "b" + b.metrics.run_key
    assert "is equal" not in diff_runs(a, "00020000", b, "b00020000")
    assert compared(a, b, tmp_path).count("an export without specs does not say in which fields") == 6


def test_two_runs_side_by_side():
    record = synthetic(FEW, seeds=2, failing=())
    text = diff_runs(record, "00010000", record, "00020000")
    assert "| loss | wgan-gp | wgan-lp |" in text
    assert "| emd |" in text
    assert "optimizer" not in text
    with pytest.raises(UserError, match="6 runs have"):
        diff_runs(record, "00", record, "00020000")
