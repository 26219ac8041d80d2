"""Shards of one suite against one record: in any order, at any time, each finishing what others left."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import SUITE, tiny_suite

from benchmarks.cli import main
from benchmarks.record.cells import name_of_lease
from benchmarks.record.lease import take
from benchmarks.record.owner import owner_tags
from benchmarks.record.store import Store
from benchmarks.suites.suite import load_suite
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.shard import WHOLE, Shard


def asked(results: Path, *words: str) -> list[str]:
    """The words that run the tiny suite beside `results`, in this process."""
    suite = str(results.parent / "tiny.yaml")
    common = ["--workers", "0", "--device", "cpu", "--results", str(results), "--data", str(results / "data")]
    return ["run", suite, *common, *words]


def weights(store: Store) -> dict[str, str]:
    """The hash of the weights of every cell, each of which has one run."""
    runs = store._client.search_runs([store.experiment("tiny")], "tags.kind = 'cell'")
    found = {run.data.tags["run_key"]: run.data.tags["weights_hash"] for run in runs}
    assert len(found) == len(runs)
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_are_all_cells_once_and_each_shard_comes_to_all(count: int) -> None:
    cells: Any = list(range(10))
    shards = [Shard(number, count) for number in range(1, count + 1)]
    assert sorted(cell for shard in shards for cell in shard.share(cells)) == cells
    for shard in shards:
        assert sorted([*shard.share(cells), *shard.others(cells)]) == cells


def test_what_others_left_comes_last_first() -> None:
    cells: Any = list(range(6))
    assert list(Shard(2, 3).share(cells)) == [1, 4]
    assert Shard(2, 3).others(cells) == [5, 2, 3, 0]
    assert WHOLE.others(cells) == []


@pytest.mark.parametrize("text", ["9/8", "0/4", "3", "a/b", "1/", "-1/2", "1/2/3", "٣/٤", "1.0/2"])
def test_a_shard_that_is_none_is_one_line(results: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*asked(results), f"--shard={text}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gan-zoo: --shard: expected I/N, the I-th of N shards counted from 1, as 3/8, got ")


def test_a_budget_of_seconds_is_none_of_unlike_machines(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SUITE.format(steps=4, every=4).replace("steps: 4, ", "")
    (results.parent / "tiny.yaml").write_text(f"{text}budget: {{seconds: 5}}\n")
    assert main(asked(results, "--shard", "1/2")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "tiny: budget.seconds: each machine would train as many steps as it can" in line


def test_shards_at_once_train_each_cell_once(results: Path, migrated_database: Path, tmp_path: Path) -> None:
    tiny_suite(tmp_path, steps=4, every=4)
    words = ["--set", "seeds=6"]
    started = []
    for number in (1, 2, 3):
        command = [sys.executable, "-m", "benchmarks.cli", *asked(results, *words, "--shard", f"{number}/3")]
        started.append(subprocess.Popen(command))
    assert [process.wait() for process in started] == [0, 0, 0]
    assert not (results / "tiny" / "report.html").exists()
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(migrated_database, alone / "mlflow.db")
    suite = load_suite(str(tmp_path / "tiny.yaml"), {"seeds": "6"})
    assert main(asked(alone, *words, "--shard", "1/1")) == 0
    assert weights(Store(results)) == weights(Store(alone))
    assert weights(Store(results)).keys() == {spec.key for spec in suite.cells}


def test_a_shard_finishes_what_others_left_but_not_what_they_have(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = tiny_suite(tmp_path, steps=4, every=4)
    store, options = Store(results), Options(results, results / "data", "cpu", workers=0)
    plan = make_plan(suite, options, store, print)
    spec = suite.cells[1]
    experiment = store.experiment("tiny")
    with monkeypatch.context() as patch:
        elsewhere = {**owner_tags(), "machine": "another", "host": "h9"}
        patch.setattr("benchmarks.record.lease.owner_tags", lambda: elsewhere)
        identity = plan.identities[spec].tags
        name = name_of_lease(spec.key, identity)
        take(store._client, store._ledger("tiny", experiment, name), name)
    said = {**identity, "kind": "cell", "run_key": spec.key}
    store._client.create_run(experiment, tags=said)
    assert main(asked(results, "--shard", "2/2")) == 0
    output = capsys.readouterr()
    assert "tiny: 1 of 2 cells to run, 0 of them of shard 2/2, 0 done, 1 being run by others" in output.out
    assert "done      wgan-gp / 8gaussians / seed 0" in output.out
    (line,) = output.err.splitlines()
    assert line.startswith("1 cell is being run by h9 (process ")
    assert output.out.endswith("1 of 2 cells have a result\n")
    assert main(asked(results, "--shard", "1/2", "--take-over")) == 0
    output = capsys.readouterr()
    assert f"taken over: {line}" in output.out
    assert output.out.endswith("2 of 2 cells have a result: gan-zoo report tiny\n")
    assert len(weights(store)) == 2


def test_a_cell_that_failed_is_left_to_its_own_shard(results: Path, tmp_path: Path) -> None:
    suite = tiny_suite(tmp_path, steps=4, every=4)
    store, options = Store(results), Options(results, results / "data", "cpu", workers=0)
    spec, experiment = suite.cells[1], store.experiment("tiny")
    plan = make_plan(suite, options, store, print)
    said = {**plan.identities[spec].tags, "kind": "cell", "run_key": spec.key, "status": "failed"}
    store._client.create_run(experiment, tags=said)
    assert main(asked(results, "--shard", "1/2")) == 1
    assert main(asked(results, "--shard", "2/2")) == 0
