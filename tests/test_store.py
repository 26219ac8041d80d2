"""The record in MLflow: nothing lost, nothing twice, and every run ends in a state that a resume understands."""

import math
import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.server import app
from mlflow.utils.rest_utils import verify_rest_response

from benchmarks.record import remote, run_log
from benchmarks.record.batches import TEXT_LIMIT
from benchmarks.record.cells import RecordedCell
from benchmarks.record.client import has_tables
from benchmarks.record.export import Record
from benchmarks.record.notes import LIMIT, NOTE, report_note
from benchmarks.record.owner import owner_is_dead
from benchmarks.record.patience import first_line, is_away, without_password
from benchmarks.record.run_log import CellLog
from benchmarks.record.store import Store
from benchmarks.record.table import HISTORY, sqlite_histories
from gan_zoo.errors import UserError

META = {
    "suite": "toy",
    "losses": ["wgan-gp", "minimax"],
    "datasets": ["8gaussians"],
    "seeds": [0],
    "primary": {"8gaussians": "emd"},
    "metrics": {"emd": {"direction": "min"}},
}


def described(loss: str, seed: int = 0) -> dict[str, object]:
    return {"loss": loss, "dataset": "8gaussians", "seed": seed, "n_critic": 5, "timing_comparable": True}


def start(store: Store, cells: dict[str, dict[str, object]] | None = None) -> str:
    return store.start_sweep(
        "toy",
        name="sweep",
        params={"datasets": "8gaussians, digits"},
        tags={"commit": "c0ffee"},
        meta=META,
        cells=cells or {},
    )


def open_cell(store: Store, sweep: str, key: str = "k1", loss: str = "wgan-gp", **tags: object) -> CellLog:
    return store.open_cell(
        "toy",
        sweep,
        key=key,
        name=f"{loss} / 8gaussians / seed 0",
        params={"train.lr": 1e-4, "train.steps": 100, "evaluate.seed": 0, "loss.weight_clip": None, "lr_decay": "none"},
        identity={},
        folder=store.results / "toy" / "runs" / key,
        tags={**described(loss), **tags},
        dataset={"name": "8gaussians", "digest": "d1", "shape": (2,)},
    )


def cell(store: Store, key: str = "k1") -> RecordedCell:
    (found,) = [each for each in store.cells("toy") if each.key == key]
    return found


def values(record: Record, name: str) -> dict[int, float]:
    rows = record.metrics[record.metrics["name"] == name]
    return dict(zip(rows["step"], rows["value"], strict=True))


def test_what_was_written_is_read_back(results: Path) -> None:
    store = Store(results)
    sweep = start(store, {"k1": described("wgan-gp"), "k2": described("minimax")})
    log = open_cell(store, sweep, commit="c0ffee", dirty=False, threads=1)
    log.metrics(50, {"emd": 0.5, "train_seconds": 1.5})
    log.metrics(100, {"emd": 0.25, "train_seconds": 3.0, "critic/wasserstein_estimate": -1.0})
    drawn = np.arange(6, dtype=np.float32).reshape(3, 2)
    log.samples({"samples": drawn, "critic": drawn[:2], "data/8gaussians": -drawn})
    log.finish("done", tags={"parameters_critic": 7, "images_seen": 25600})
    store.finish_sweep(sweep, "finished")

    record = Store(results).record("toy")
    record.write(results / "export")
    record = Record.read(results / "export")
    done, missing = (record.runs[record.runs["run_key"] == key].iloc[0] for key in ("k1", "k2"))
    assert record.meta == META
    assert (done["status"], done["loss"], done["seed"], done["step"]) == ("done", "wgan-gp", 0, 100)
    assert (done["train_seconds"], done["parameters_critic"], done["images_seen"]) == (3.0, 7, 25600)
    assert (done["timing_comparable"], done["dirty"], done["commit"]) == (True, False, "c0ffee")
    assert done["mlflow_run_id"] == log.run_id
    params = store._client.get_run(log.run_id).data.params
    assert params == {"train.lr": "0.0001", "train.steps": "100", "evaluate.seed": "0"}
    assert (missing["status"], missing["loss"], missing["n_critic"]) == ("missing", "minimax", 5)
    assert values(record, "emd") == {50: 0.5, 100: 0.25}
    assert values(record, "critic/wasserstein_estimate") == {100: -1.0}
    assert set(record.samples) == {"k1/samples", "k1/critic", "data/8gaussians"}
    np.testing.assert_array_equal(record.samples["k1/samples"], drawn)


@pytest.mark.parametrize("rows", [25000, 50, 20])
def test_tables_and_servers_tell_the_history_that_the_client_tells(
    results: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """A server answers with all `rows` that one request may have, with those of half the runs, or page by page."""
    store = Store(results)
    sweep = start(store, {"k1": described("wgan-gp"), "k2": described("wgan-gp")})
    logs = [open_cell(store, sweep, key=key) for key in ("k1", "k2")]
    for log in logs:
        for step in range(30):
            log.metrics(step, {"emd": step / 3, "fid_digits": math.nan if step == 7 else -step})
        log.finish("done")
    client = store._client
    said = []
    for log in logs:
        for name in ("scores/emd", "scores/fid_digits"):
            history = client.get_metric_history(log.run_id, name)
            said += [(log.run_id, name, each.step, each.timestamp, each.value) for each in history]
    by_client = in_order(pd.DataFrame(said, columns=HISTORY))
    assert len(by_client) == 120
    assert in_order(sqlite_histories(results / "mlflow.db", store.experiment("toy"))).equals(by_client)
    runs = [client.get_run(log.run_id) for log in logs]
    assert in_order(remote.histories(client, runs)).equals(by_client)

    def ask(creds: object, path: str, method: str, params: dict[str, object]) -> SimpleNamespace:
        answer = app.test_client().get(path, query_string=params)
        assert answer.status_code == 200
        return SimpleNamespace(json=answer.get_json)

    tables = client._tracking_client.store
    monkeypatch.setattr(tables, "get_host_creds", lambda: None, raising=False)
    monkeypatch.setattr("mlflow.server.handlers._get_tracking_store", lambda: tables)
    monkeypatch.setattr("mlflow.utils.rest_utils.http_request_safe", ask)
    monkeypatch.setattr(remote, "ROWS", rows)
    asked = [
        remote.history_of(client, name, [log.run_id for log in logs]) for name in ("scores/emd", "scores/fid_digits")
    ]
    assert in_order(pd.DataFrame(asked[0] + asked[1], columns=HISTORY)).equals(by_client)


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["run_id", "name", "step"], ignore_index=True)


def test_of_repeated_steps_the_latest_wins(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(results)
    sweep = start(store, {"k1": described("wgan-gp")})
    clock = iter(range(10**15, 10**16, 10**12))
    monkeypatch.setattr("time.time_ns", lambda: next(clock))
    first = open_cell(store, sweep)
    for step, value in ((10, 1.0), (20, 9.0)):
        first.metrics(step, {"emd": value})
    first.flush()
    first.interrupt()
    again = open_cell(store, sweep)
    for step, value in ((20, 2.0), (30, 3.0), (30, 4.0)):
        again.metrics(step, {"emd": value})
    again.finish("done")
    assert again.run_id == first.run_id
    assert values(store.record("toy"), "emd") == {10: 1.0, 20: 2.0, 30: 4.0}


def test_infinity_becomes_nan_and_is_told(results: Path) -> None:
    store = Store(results)
    log = open_cell(store, start(store, {"k1": described("wgan-gp")}))
    log.metrics(5, {"critic/penalty": math.inf, "emd": math.nan, "good_samples": 0.0})
    log.finish("diverged", error="critic/penalty is\nnot finite")
    run = store._client.get_run(log.run_id)
    record = store.record("toy")
    assert run.data.tags["infinite"] == "critic/penalty = inf at step 5"
    assert run.info.status == "FAILED"
    assert cell(store).error == "critic/penalty is not finite"
    assert record.runs["status"].tolist() == ["diverged"]
    assert math.isnan(values(record, "critic/penalty")[5])
    assert math.isnan(values(record, "emd")[5])
    assert values(record, "good_samples") == {5: 0.0}


def test_done_is_the_last_word(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(results)
    log = open_cell(store, start(store))
    log.metrics(100, {"emd": 1.0})
    calls: list[tuple[str, object]] = []
    for name in ("log_batch", "set_terminated", "set_tag"):
        monkeypatch.setattr(log._client, name, lambda *a, name=name, **k: calls.append((name, a[1:])))
    log.finish("done")
    assert [name for name, _ in calls] == ["log_batch", "set_terminated", "set_tag", "set_tag"]
    assert calls[2] == ("set_tag", ("status", "done"))
    assert calls[3][1][1] == "0"  # the lease, given up


def test_an_end_without_the_last_word_is_an_interruption(results: Path) -> None:
    store = Store(results)
    log = open_cell(store, start(store))
    log.metrics(100, {"emd": 1.0})
    log.flush()
    assert cell(store).status == "running"
    store._client.set_terminated(log.run_id, "FINISHED")
    assert cell(store).status == "running"  # the word may be on its way
    log._lease.give_up()
    assert cell(store).status == "interrupted"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from benchmarks.record.store import Store
from test_store import open_cell, start, described
store = Store(Path({results!r}))
log = open_cell(store, start(store, {{"k1": described("wgan-gp")}}))
log.metrics(40, {{"emd": 3.0, "train_seconds": 2.5}})
log.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_while_it_began_says_all_in_the_end(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(results)
    sweep = start(store, {"k1": described("wgan-gp")})
    monkeypatch.setattr("benchmarks.record.lease.owner_is_dead", lambda owner: True)
    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.record.run_log.log_dataset", killed)
        with pytest.raises(KeyboardInterrupt):
            open_cell(store, sweep)
    begun = cell(store).run_id
    log = open_cell(store, sweep)
    run = store._client.get_run(log.run_id)
    assert log.run_id == begun
    assert len(run.inputs.dataset_inputs) == 1
    assert run.data.params["train.steps"] == "100"


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_killed_run_is_reconciled_and_resumed(results: Path) -> None:
    script = KILLED.format(root=str(Path.cwd()), tests=str(Path(__file__).parent), results=str(results))
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    store = Store(results)
    killed_cell = cell(store)
    assert (killed_cell.status, killed_cell.step, killed_cell.seconds) == ("interrupted", 40, 2.5)
    assert store.record("toy").runs["status"].tolist() == ["missing"]
    assert store._client.get_run(killed_cell.run_id).info.status == "RUNNING"  # who only reads writes nothing

    sweep = start(store, {"k1": described("wgan-gp")})
    experiment = store.experiment("toy")
    parents = store._client.search_runs([experiment], "tags.kind = 'sweep'", order_by=["start_time ASC"])
    assert [run.info.status for run in parents] == ["KILLED", "RUNNING"]
    assert store._client.get_run(killed_cell.run_id).info.status == "KILLED"
    log = open_cell(store, sweep, threads=2)
    assert log.run_id == killed_cell.run_id
    assert cell(store).status == "running"
    log.metrics(100, {"emd": 0.5})
    log.finish("done")
    store.finish_sweep(sweep, "finished")
    run = store._client.get_run(log.run_id)
    assert (run.info.status, run.data.tags["mlflow.parentRunId"]) == ("FINISHED", sweep)
    assert len(run.inputs.dataset_inputs) == 1
    assert values(store.record("toy"), "emd") == {40: 3.0, 100: 0.5}


def owner(**changes: object) -> dict[str, str]:
    me = psutil.Process()
    tags = {"host": socket.gethostname(), "pid": me.pid, "pid_started": me.create_time()}
    return {name: str(value) for name, value in (tags | changes).items()}


def test_only_a_dead_process_of_this_host_is_dead() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not owner_is_dead(owner())
    assert owner_is_dead(owner(pid=gone.pid))
    assert owner_is_dead(owner(pid_started=psutil.Process().create_time() - 3600))
    assert not owner_is_dead(owner(pid=gone.pid, host="elsewhere"))


def test_a_cell_that_ends_while_it_is_looked_at_is_not_taken_for_an_interrupted_one(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(results)
    ends = [open_cell(store, start(store)).finish]
    for name in ("_leases", "_runs"):
        read = getattr(store, name)

        def once(*words: str, read: Callable[..., object] = read) -> object:
            found = read(*words)
            for finish in ends:
                ends.clear()
                finish("done")
            return found

        monkeypatch.setattr(store, name, once)
    assert cell(store).status == "done"


def write_cell(store: Store, sweep: str, number: int) -> str:
    log = open_cell(store, sweep, key=f"k{number}", loss="wgan-gp", seed=number)
    for step in range(300):
        log.metrics(step, {f"critic/term{i}": number + step + i for i in range(10)})
        if step % 100 == 99:
            log.flush()
    log.finish("done")
    return log.run_id


def test_two_processes_lose_nothing(results: Path) -> None:
    store = Store(results)
    sweep = start(store, {f"k{i}": described("wgan-gp", i) for i in range(4)})
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        ids = list(pool.map(write_cell, [pickle.loads(pickle.dumps(store))] * 4, [sweep] * 4, range(4)))
    record = store.record("toy")
    assert record.runs["status"].tolist() == ["done"] * 4
    assert record.runs["mlflow_run_id"].tolist() == ids
    assert len(record.metrics) == 4 * 300 * 10
    assert values(record, "critic/term3")[299] in {302.0, 303.0, 304.0, 305.0}


def test_batches_keep_mlflows_limits(results: Path) -> None:
    store = Store(results)
    log = open_cell(store, start(store, {"k1": described("wgan-gp")}))
    sizes: list[tuple[int, int, int]] = []
    send = log._client.log_batch
    log._client.log_batch = lambda run, metrics=(), params=(), tags=(): (
        sizes.append((len(metrics), len(params), len(tags))),
        send(run, metrics, params, tags),
    )
    run_log.log_in_batches(log._client, log.run_id, params={f"p{i}": str(i) for i in range(230)})
    log.metrics(1, {f"m{i}": i for i in range(2345)})
    log.finish("done", tags={f"t{i}": "x" * 9000 for i in range(150)})
    assert [size[1] for size in sizes if size[1]] == [100, 100, 30]
    assert max(size[0] for size in sizes) == 1000
    assert max(size[2] for size in sizes) == 100
    run = store._client.get_run(log.run_id)
    assert (len(run.data.metrics), len(run.data.params)) == (2345, 233)
    assert run.data.tags["t149"] == "x" * TEXT_LIMIT


def test_the_latest_sweep_says_which_cells_count(results: Path) -> None:
    store = Store(results)
    open_cell(store, start(store, {"old": described("wgan-gp")}), key="old").finish("done")
    open_cell(store, start(store, {"new": described("wgan-gp")}), key="new").finish("failed", error="ValueError: no")
    record = store.record("toy", {**META, "description": "again"})
    assert record.runs[["run_key", "status", "error"]].values.tolist() == [["new", "failed", "ValueError: no"]]
    assert record.meta["description"] == "again"


def test_pictures_and_weights_are_where_the_ui_looks(results: Path) -> None:
    store = Store(results)
    log = open_cell(store, start(store))
    log.primary = "emd"
    for step in (50, 100):
        log.image("samples", np.full((8, 8, 3), step, np.uint8), step)
    (results / "generator.safetensors").write_bytes(b"weights")
    log.weights(results / "generator.safetensors", 100, {"emd": 0.25, "fid_digits": math.nan, "critic/real": 0.5})
    log.dictionary({"loss": "wgan-gp"}, "spec.json")
    log.finish("done")
    client = store._client
    names = [entry.path for entry in client.list_artifacts(log.run_id, "images")]
    assert (
        sum(name.startswith("images/samples~over training+step+50+") and name.endswith(".png") for name in names) == 1
    )
    assert {entry.path for entry in client.list_artifacts(log.run_id)} >= {"images", "weights", "spec.json"}
    models = client.search_logged_models(
        [store.experiment("toy")], order_by=[{"field_name": "metrics.`primary score/emd`"}]
    )
    assert [model.source_run_id for model in models] == [log.run_id]
    assert models[0].params == {"loss": "wgan-gp", "dataset": "8gaussians", "seed": "0"}
    ranked = [(metric.key, metric.value, metric.dataset_name, metric.dataset_digest) for metric in models[0].metrics]
    assert ranked == [("primary score/emd", 0.25, "8gaussians", "d1")]
    assert set(client.get_run(log.run_id).data.metrics) == {"primary score/emd"}  # and not by a second name


def test_names_that_mlflow_refuses_are_told_before_anything_runs(results: Path) -> None:
    store = Store(results)
    log = open_cell(store, start(store))
    for name in ("fid_cats@home", "fid_cat's", "fid_a/b"):
        with pytest.raises(UserError, match="give the data set another name"):
            store.start_sweep("toy", name="s", params={}, tags={}, meta={**META, "metrics": {name: {}}}, cells={})
    with pytest.raises(MlflowException):
        run_log.log_in_batches(store._client, log.run_id, metrics={("fid_cats@home", 1): (0.5, 1)})
    allowed = "fid_Katzen ä-1.5:x"
    run_log.check_names([allowed])
    log.metrics(1, {allowed: 0.5})
    log.finish("done")


def test_two_workers_may_bring_the_same_new_data_set_at_once() -> None:
    class Raced:
        """A record that another worker told of the data set between look and write."""

        def __init__(self, losses: int) -> None:
            self.losses, self.noted = losses, list[str]()

        def log_inputs(self, run_id: str, inputs: list[object]) -> None:
            if self.losses:
                self.losses -= 1
                raise MlflowException("UNIQUE constraint failed: datasets.experiment_id, datasets.name")
            self.noted.append(run_id)

    record = Raced(1)
    run_log.log_dataset(record, "run", {"name": "8gaussians", "digest": "d1"})  # type: ignore[arg-type]
    assert record.noted == ["run"]
    with pytest.raises(MlflowException):
        run_log.log_dataset(Raced(2), "run", {"name": "8gaussians", "digest": "d1"})  # type: ignore[arg-type]


def test_a_report_is_attached_and_its_summary_noted(results: Path) -> None:
    store = Store(results)
    sweeps = [start(store) for _ in range(2)]
    folder = results / "toy"
    made = ["report.html", "figures/a.png", "export/runs.csv", "report.md"]
    for name in (*made, "runs/k1/checkpoint.pt", "my-thesis.docx", "figures/private.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "report.md").write_text("# Title\n\nAbout.\n\n## Summary\n\n- a won\n\n## toy\n\n| numbers |\n")
    store.log_report("toy", folder, [folder / name for name in made])
    client, experiment = store._client, store.experiment("toy")
    kept = {entry.path for entry in client.list_artifacts(sweeps[1], "report")}
    assert kept == {"report/report.html", "report/report.md", "report/figures", "report/export"}
    assert [entry.path for entry in client.list_artifacts(sweeps[1], "report/figures")] == ["report/figures/a.png"]
    assert client.list_artifacts(sweeps[0], "report") == []
    note = client.get_experiment(experiment).tags[NOTE]
    assert client.get_run(sweeps[1]).data.tags[NOTE] == note
    assert note.startswith("About.\n\n## Summary\n\n- a won\n\n## Looking around\n")
    assert f"(#/experiments/{experiment}/runs/{sweeps[1]}/artifacts/report/report.html?" in note
    assert f"[scores by loss](#/experiments/{experiment}/runs?viewStateShareKey=gan-zoo-scores-8gaussians&" in note


def test_a_long_note_ends_with_a_whole_line_and_keeps_its_guide() -> None:
    lines = [f"- line {i} of a long summary" for i in range(400)]
    note = report_note("# Title\n" + "\n".join(lines), "guide")
    told, rest = note.split("\n\n", 1)
    assert len(note) <= LIMIT
    assert told.splitlines() == lines[: len(told.splitlines())]
    assert len(note) > LIMIT - 40
    assert rest == "\u2026\n\nguide"


def test_the_machine_is_watched_while_a_sweep_runs(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.01")
    store = Store(results)
    sweep = start(store, {"k1": described("wgan-gp")})
    open_cell(store, sweep).finish("done")
    memory = "system/system_memory_usage_percentage"
    while memory not in store._client.get_run(sweep).data.metrics:
        assert store._monitor._process.is_alive()
    store.finish_sweep(sweep, "finished")
    known = store._client.get_metric_history(sweep, memory)
    assert all(0 < metric.value <= 100 for metric in known)
    assert not [thread for thread in threading.enumerate() if thread.name == "SystemMetricsMonitor"]
    assert store.record("toy").metrics.empty
    assert pickle.loads(pickle.dumps(store))._monitor is None


def test_a_fresh_folder_survives_a_race(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        ids = list(pool.map(Store.experiment, [Store(tmp_path / "new")] * 2, ["toy"] * 2))
    assert ids[0] == ids[1]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["mlflow.db"]


def test_looking_for_a_record_makes_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "none")
    assert store.cells("toy") == []
    with pytest.raises(UserError, match="no record of suite 'toy': run `gan-zoo run toy` first"):
        store.record("toy")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", ["text", "old", "file", "server", "files"])
def test_a_place_that_cannot_be_used_gets_one_line(tmp_path: Path, kind: str) -> None:
    place, uri = tmp_path / "results", None
    if kind == "file":
        place.write_text("")
    elif kind == "server":
        uri = "http://127.0.0.1:9"
    elif kind == "files":
        uri = (tmp_path / "mlruns").as_uri()
    else:
        place.mkdir()
    if kind == "text":
        (place / "mlflow.db").write_text("this is no database, though it is long enough to be taken for one" * 30)
    elif kind == "old":
        with sqlite3.connect(place / "mlflow.db") as connection:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            connection.execute("INSERT INTO alembic_version VALUES ('451aebb31d03')")
    said = "a file, where a folder belongs" if kind == "file" else "cannot be used as the record"
    with pytest.raises(UserError, match=said) as error:
        Store(place, uri).experiment("toy")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


def put_nothing(database: Path) -> None:
    database.touch()


def put_other(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE users (id INT)")


def put_half(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for i in range(20):
            connection.execute(f"CREATE TABLE table{i} (a VARCHAR(500), b VARCHAR(500))")
    database.write_bytes(database.read_bytes()[:8192])


@pytest.mark.parametrize(
    ("put", "reason", "remedy"),
    [
        (put_nothing, "an empty file", "bring a copy of it back, or move it away to begin a new record"),
        (put_half, "malformed", "bring a copy of it back, or move it away to begin a new record"),
        (put_other, "a database of something else", "choose another --results"),
    ],
)
def test_a_file_without_a_record_is_refused_and_left_as_it_is(
    tmp_path: Path, put: Callable[[Path], None], reason: str, remedy: str
) -> None:
    database = tmp_path / "mlflow.db"
    put(database)
    before = database.read_bytes()
    for use in (Store.cells, Store.experiment):
        with pytest.raises(UserError, match=rf"mlflow\.db: cannot be used as the record \(.*{reason}\): {remedy}$"):
            use(Store(tmp_path), "toy")
    assert database.read_bytes() == before
    assert list(tmp_path.iterdir()) == [database]


@pytest.mark.parametrize(
    ("uri", "remedy"),
    [
        ("http://me:sec/ret@127.0.0.1:9", "write https://USER:PASSWORD@HOST:PORT, / in a password as %2F"),
        ("http://me:secret@127.0.0.1:99999", "write https://USER:PASSWORD@HOST:PORT, / in a password as %2F"),
        ("http://me:secret@127.0.0.1:9", "start the tracking server, or correct or unset MLFLOW_TRACKING_URI"),
        ("postgresql+nodriver://me:secret@127.0.0.1:9/db", "correct or unset MLFLOW_TRACKING_URI"),
        ("foo://me:secret@127.0.0.1", "correct or unset MLFLOW_TRACKING_URI"),
        ("postgresql://me:1/0@sec@127.0.0.1:9/db", "write @ in a password as %40, / as %2F"),
        ("postgresql://me:1@sec/ret@127.0.0.1:9/db", "write @ in a password as %40, / as %2F"),
    ],
)
def test_a_wrong_address_gets_its_remedy_and_shows_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, remedy: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError) as error:
        Store(tmp_path).experiment("toy")
    assert str(error.value).endswith(remedy)
    assert "sec" not in str(error.value)
    assert "me:***@127" in str(error.value)


def test_a_database_has_tables_or_not(tmp_path: Path, migrated_database: Path) -> None:
    assert has_tables(f"sqlite:///{migrated_database}")
    assert not has_tables(f"sqlite:///{tmp_path / 'other.db'}")


def test_an_address_with_a_space_is_refused_unseen(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: has a space: write it as %20$"):
        Store(tmp_path, "postgresql://me:sec ret@127.0.0.1:9/db")
    assert Store(tmp_path, "sqlite:///a record.db").database == Path("a record.db").resolve()


@pytest.mark.parametrize(
    ("status", "body", "away"),
    [
        (404, "<html>no such page</html>", True),
        (502, "", True),
        (200, "<html>please log in</html>", True),
        (404, '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"}', False),
        (503, '{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "busy"}', True),
        (401, "You are not authenticated.", False),
        (403, "Forbidden", False),
    ],
)
def test_a_server_is_away_where_something_else_answers(status: int, body: str, away: bool) -> None:
    response = requests.Response()
    response.status_code, response._content = status, body.encode()
    with pytest.raises(MlflowException) as failure:
        verify_rest_response(response, "/api/2.0/mlflow/runs/log-batch")
    assert is_away(failure.value) == away


def test_why_a_server_does_not_answer_is_said_without_what_is_around_it() -> None:
    why = "Failed to establish a new connection: [Errno 111] Connection refused"
    around = f"HTTPConnectionPool(host='h', port=9): Max retries exceeded with url: /x (Caused by NewError(\"{why}\"))"
    assert (
        first_line(MlflowException(f"API request to http://h failed with exception {around}")) == f'NewError("{why}")'
    )
    assert first_line(MlflowException(f"API request to http://h/a b failed with exception {why}")) == why


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://127.0.0.1/x?user=me&password=secret", "postgresql://127.0.0.1/x?user=me&password=***"),
        ("postgresql://me:a/b@c@host/x?sslpassword=b&a=1", "postgresql://me:***@host/x?sslpassword=***&a=1"),
        ("postgresql://me:12/secret@host/db", "postgresql://me:***@host/db"),
        ("http://me:8080/pa@ss@host:5000", "http://me:***@host:5000"),
        ("http://host:5000/a", "http://host:5000/a"),
        ("sqlite:///C:/a@b.db", "sqlite:///C:/a@b.db"),
        ("https://me@host:5000", "https://me@host:5000"),
    ],
)
def test_an_address_shows_no_password(uri: str, shown: str) -> None:
    assert without_password(uri) == shown


def test_the_environment_names_another_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    assert Store(tmp_path / "results").uri == f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://example.org")
    assert (Store(tmp_path).uri, Store(tmp_path).database) == ("https://example.org", None)


def test_mlflow_is_imported_only_where_a_store_is_used() -> None:
    script = "import sys; sys.modules['mlflow'] = None; from benchmarks.record.store import Store as S; S('x')._client"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith("gan_zoo.errors.UserError: mlflow: not installed")


def test_a_user_without_a_home_has_a_record(results: Path) -> None:
    """As one of a container who has a number and no name."""
    script = """
import os, pwd, sys
from pathlib import Path

def unknown(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")

pwd.getpwuid = unknown
from benchmarks.record.store import Store
Store(Path(sys.argv[1])).experiment("toy")
print("HOME" in os.environ)
"""
    env = {name: value for name, value in os.environ.items() if name not in ("HOME", "USER", "LOGNAME", "LNAME")}
    words = [sys.executable, "-c", script, str(results)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_folder_in_the_place_of_the_database_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(UserError, match=r"mlflow\.db: is no file, so not a record: choose another --results"):
        Store(tmp_path).cells("toy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}")
    with pytest.raises(UserError, match=r"is no file, so not a record: correct or unset MLFLOW_TRACKING_URI"):
        Store(tmp_path / "elsewhere").cells("toy")
