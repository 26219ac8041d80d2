"""Sweeps under real faults: kills at random moments, a database that is locked, gone or full, a server that dies.

Whatever happens, the sweep ends with the weights and all metrics but the clocks of an undisturbed one, and with one run
a cell; and what is away is said at once.
"""

import multiprocessing
import os
import pickle
import select
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from servers import served
from tiny import result, tiny_suite

from benchmarks.cli import main
from benchmarks.record import client, patience
from benchmarks.record.export import Record
from benchmarks.record.patience import Away
from benchmarks.record.run_log import CellLog
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep import stack, workers
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import run_suite
from benchmarks.sweep.workers import Worker
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return tiny_suite(tmp_path, steps=40, every=20)


@pytest.fixture(autouse=True)
def hasty(saves_often: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every window of steps, and little waiting."""
    monkeypatch.setattr(client, "BUSY_MILLISECONDS", 20)
    monkeypatch.setattr("benchmarks.record.patience.FIRST_PAUSE", 0.01)


class Disturbing(Listener):
    """Does something once a step is reached, and something else when the record is said to be away."""

    def __init__(self, at: int = -1, do: Callable[[], object] = int, undo: Callable[[], object] = int) -> None:
        self.at, self.do, self.undo, self.said = at, do, undo, list[str]()

    def step(self, spec: RunSpec, step: int) -> None:
        if step >= self.at > 0 and spec.seed == 1:
            self.at = -1
            self.do()

    def say(self, line: str) -> None:
        self.said.append(line)
        if "away since" in line:
            self.undo()


def sweep(suite: Suite, store: Store, listener: Listener, count: int = 0) -> None:
    options = Options(store.results, store.results / "data", "cpu", workers=count)
    assert run_suite(make_plan(suite, options, store, listener.say), store, listener).unfinished == []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copy(migrated_database, folder / "mlflow.db")
    store = Store(folder)
    sweep(tiny_suite(folder, steps=40, every=20), store, Listener())
    return result(store)


def lock(results: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    held = sqlite3.connect(results / "mlflow.db", isolation_level=None)
    return lambda: held.execute("BEGIN EXCLUSIVE"), lambda: held.execute("COMMIT")


def move(results: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    there, elsewhere = results / "mlflow.db", results / "elsewhere.db"
    return lambda: there.rename(elsewhere), lambda: elsewhere.rename(there)


def end_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process seem dead to what follows: its leases, which it could not give up, are free."""
    monkeypatch.setattr("benchmarks.record.lease.owner_is_dead", lambda owner: True)
    monkeypatch.setattr("benchmarks.record.store.owner_is_dead", lambda owner: True)


STORAGE = {"locked": (lock, "database is locked"), "gone": (move, "")}


@pytest.mark.parametrize("kind", STORAGE)
def test_what_cannot_be_sent_waits_and_is_sent_later(
    suite: Suite, results: Path, undisturbed: dict[str, Any], kind: str
) -> None:
    make, reason = STORAGE[kind]
    do, undo = make(results)
    listener = Disturbing(12, do, undo)
    store = Store(results)
    sweep(suite, store, listener)
    away, back = [line for line in listener.said if line]
    assert away.startswith(f"{results / 'mlflow.db'}: away since ")
    assert reason in away
    assert back.startswith(f"{results / 'mlflow.db'}: back after ")
    assert result(store) == undisturbed
    assert sorted(path.name for path in results.iterdir()) == ["data", "mlartifacts", "mlflow.db", "tiny"]


def test_a_record_is_away_until_it_answers_itself(results: Path) -> None:
    """Files are kept meanwhile, beside it: that says nothing of the record."""
    do, undo = lock(results)
    store, said = Store(results), list[str]()
    store.say = said.append
    log = open_one(store, results)
    log.dictionary({}, "spec.json")
    do()
    for step in (10, 20):
        log.metrics(step, {"emd": 1.0})
        log.flush()
        log.image("samples", np.zeros((8, 8, 3), np.uint8), step)
        log.text("hello", "note.txt")
        log.patiently(lambda: None)
    assert [line for line in said if line] == [said[0]]
    assert said[0].endswith("waits beside the checkpoints, for up to 1800 s where it must")
    undo()
    log.flush()
    assert said[-1].startswith(f"{results / 'mlflow.db'}: back after ")


def test_what_waits_in_the_folder_survives_the_sweep(
    suite: Suite, results: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    do, undo = move(results)
    store = Store(results)

    def interrupt(spec: RunSpec, step: int) -> None:
        if spec.seed == 1 and step == 25:
            raise KeyboardInterrupt

    listener = Disturbing()
    listener.step = interrupt  # type: ignore[method-assign]
    original = stack.save

    def without_record(cells: Any) -> float:
        if cells[0].cell.spec.seed == 1 and cells[0].state.step == 12:
            do()
        return original(cells)

    monkeypatch.setattr(stack, "save", without_record)
    with pytest.raises(KeyboardInterrupt):
        sweep(suite, store, listener)
    monkeypatch.setattr(stack, "save", original)
    assert len(list((results / "tiny" / "runs").glob("*/unsent.json"))) == 1
    undo()
    end_process(monkeypatch)
    sweep(suite, Store(results), Listener())
    assert result(Store(results)) == undisturbed


def test_patience_ends_with_a_line_and_the_same_command_goes_on(
    suite: Suite, results: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert patience.SECONDS == 30 * 60
    do, undo = move(results)
    monkeypatch.setenv("GAN_ZOO_PATIENCE", "0.05")
    with pytest.raises(Away, match=r"mlflow\.db: away for too long .* goes on from"):
        sweep(suite, Store(results), Disturbing(12, do))
    undo()
    end_process(monkeypatch)
    sweep(suite, Store(results), Listener())
    assert result(Store(results)) == undisturbed


def test_a_worker_that_comes_while_the_record_is_away_waits_for_it(results: Path) -> None:
    do, undo = move(results)
    store, said = Store(results), list[str]()
    known = store.experiment("tiny")
    worker: Store = pickle.loads(pickle.dumps(store))

    def say(line: str) -> None:
        said.append(line)
        if "away since" in line:
            undo()

    worker.say = say
    do()
    assert worker.experiment("tiny") == known
    assert [line for line in said if line][1].startswith(f"{results / 'mlflow.db'}: back after ")


def test_a_worker_waits_for_a_server_no_longer_than_patience_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAN_ZOO_PATIENCE", "0.05")
    with pytest.raises(Away, match=r"^http://127\.0\.0\.1:1: away for too long"):
        Store(tmp_path, "http://127.0.0.1:1", known=True).experiment("tiny")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("text", ["abc", "5s", "-1", "nan"])
def test_a_patience_that_is_no_number_of_seconds_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_ZOO_PATIENCE", text)
    with pytest.raises(UserError, match=f'GAN_ZOO_PATIENCE: expected a number of seconds, as 600, got "{text}"'):
        patience.seconds()


def test_a_full_disk_is_waited_for(
    suite: Suite, small_disk: Path, migrated_database: Path, undisturbed: dict[str, Any]
) -> None:
    shutil.copy(migrated_database, small_disk / "mlflow.db")
    ballast = small_disk / "ballast"

    def fill() -> None:
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()

    listener = Disturbing(12, fill, lambda: ballast.unlink(missing_ok=True))
    sweep(suite, Store(small_disk), listener)
    assert any("away since" in line for line in listener.said)
    assert result(Store(small_disk)) == undisturbed


@pytest.fixture
def read_only(results: Path, tmp_path: Path) -> Iterator[Path]:
    """The results folder again, where nobody can write to it."""
    place = tmp_path / "read-only"
    place.mkdir()
    made = subprocess.run(["mount", "--bind", str(results), str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("needs the right to mount a folder")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_results_that_cannot_be_written_are_reported_elsewhere(
    suite: Suite, results: Path, read_only: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(suite, Store(results), Listener())
    assert main(["report", "tiny", "--results", str(read_only), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").is_file()
    assert len(Record.read(tmp_path / "out" / "export").runs) == 2
    capsys.readouterr()
    assert main(["report", "tiny", "--results", str(read_only)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--out" in line


def test_a_read_only_record_is_read_and_not_written(
    suite: Suite, results: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(suite, Store(results), Listener())
    before = (results / "mlflow.db").read_bytes()
    monkeypatch.setattr("benchmarks.record.experiments.is_read_only", lambda database: True)
    store = Store(results)
    assert store.record("tiny").runs.weights_hash.tolist() == undisturbed["weights"]
    with pytest.raises(UserError, match="is read-only: choose another --results"):
        store.experiment("tiny")
    assert (results / "mlflow.db").read_bytes() == before


def open_one(store: Store, folder: Path) -> CellLog:
    """The log of a cell in a record of which nothing is known."""
    (folder / "tiny" / "runs" / "k").mkdir(parents=True)
    return store.open_cell(
        "tiny",
        store.start_sweep("tiny", name="s", params={}, tags={}, meta={"metrics": {}}, cells={"k": {}}),
        key="k",
        name="n",
        params={},
        tags={"loss": "l", "dataset": "d", "seed": 0},
        identity={},
        dataset={"name": "d"},
        folder=folder / "tiny" / "runs" / "k",
    )


@pytest.mark.parametrize("name", ["a%20b", "what?", "C#", "ä b", "%zz", "mode=rw&x"])
def test_any_name_of_a_folder_will_do(suite: Suite, tmp_path: Path, migrated_database: Path, name: str) -> None:
    folder = tmp_path / "there" / name
    folder.mkdir(parents=True)
    shutil.copy(migrated_database, folder / "mlflow.db")
    store = Store(folder)
    log = open_one(store, folder)
    log.metrics(1, {"emd": 1.0})
    log.text("hello", "note.txt")
    log.finish("done")
    assert len(store.record("tiny", {}).metrics) == 1
    assert [path.name for path in (tmp_path / "there").iterdir()] == [name]
    assert len(list(folder.rglob("note.txt"))) == 1


def forked(action: Callable[[], object]) -> int:
    """The id of a process, leader of a group of its own, that does `action` with workers that need no fresh start."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setpgid(0, 0)
        spawned = multiprocessing.get_context("fork")
        workers.multiprocessing.get_context = lambda kind: spawned  # type: ignore[assignment]
        action()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.faults)])
def test_kills_lose_nothing_and_double_nothing(
    suite: Suite, tmp_path: Path, migrated_database: Path, undisturbed: dict[str, Any], kills: int
) -> None:
    """The whole sweep is killed, or only its first process, whose workers then end by themselves.

    A sweep that comes to its end between two kills is checked, and the next kills are of a fresh one.
    """
    stores = [fresh_store(tmp_path / "0", migrated_database)]
    started = time.monotonic()
    os.waitpid(forked(lambda: sweep(suite, stores[0], Listener(), 2)), 0)
    whole, killed, rng = time.monotonic() - started, 0, Rng(12, "moments of kills")
    for _ in range(10 * kills):
        if killed == kills:
            break
        if ended(stores[-1]):
            assert result(stores[-1]) == undisturbed
            stores.append(fresh_store(tmp_path / str(len(stores)), migrated_database))
        moment, alone = rng.uniform(1, 2)[0].tolist()
        pid = forked(lambda: sweep(suite, stores[-1], Listener(), 2))
        time.sleep(moment * whole)
        (os.kill if alone < 0.3 else os.killpg)(pid, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    assert killed == kills
    pid = forked(lambda: sweep(suite, stores[-1], Listener(), 2))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert result(stores[-1]) == undisturbed
    assert not any((stores[-1].results / "tiny" / "runs").iterdir())
    print(f"{killed} kills, over {len(stores) - 1} sweeps")


def test_workers_end_with_their_sweep(suite: Suite, results: Path) -> None:
    """Their sweep is killed while they train; the end of a pipe that all of them hold says when the last is gone."""
    reading, writing = os.pipe()
    kill = Disturbing(2, lambda: os.kill(os.getpid(), signal.SIGKILL))
    pid = forked(lambda: sweep(suite, Store(results), kill, 2))
    os.close(writing)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    ended, _, _ = select.select([reading], [], [], 120)
    assert ended
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_workers_that_outlive_their_sweep_are_ended_by_the_next(
    suite: Suite, results: Path, undisturbed: dict[str, Any]
) -> None:
    """They are at a step without end when their sweep is killed, and none sees that it is."""
    reading, writing = os.pipe()

    def never_ending(*_: object) -> None:
        os.write(writing, b"x")
        threading.Event().wait()

    def sweep_that_hangs() -> None:
        workers.die_with_parent = threading.Event().wait  # type: ignore[assignment]
        stack.advance_together = never_ending
        sweep(suite, Store(results), Listener(), 2)

    pid = forked(sweep_that_hangs)
    assert os.read(reading, 1) + os.read(reading, 1) == b"xx"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    store = Store(results)
    left = [cell.holder.pid for cell in store.cells("tiny") if cell.holder]
    assert len(left) == 2
    sweep(suite, store, Listener())
    assert result(store) == undisturbed
    assert not any(psutil.pid_exists(pid) for pid in left)


def fresh_store(folder: Path, database: Path) -> Store:
    folder.mkdir()
    shutil.copy(database, folder / "mlflow.db")
    return Store(folder)


def ended(store: Store) -> bool:
    """Whether every cell has its result; seen without MLflow, whose connections no process may inherit."""
    with closing(sqlite3.connect(store.results / "mlflow.db")) as connection:
        (done,) = connection.execute("SELECT count(*) FROM tags WHERE key = 'status' AND value = 'done'").fetchone()
    return bool(done == 2)


class Stopping(Disturbing):
    """Stops a worker at the first step that it tells of the cell with seed 0, some `times`."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.stopped = times, list[int]()

    def step(self, spec: RunSpec, step: int) -> None:
        if spec.seed == 0 and len(self.stopped) < self.times:
            (child,) = [each for each in multiprocessing.active_children() if each.pid not in self.stopped]
            self.stopped.append(child.pid or 0)
            os.kill(self.stopped[-1], signal.SIGSTOP)


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Stopping]:
    """Stops workers, which are then silent for ever; no other is ever silent, and none needs a fresh start."""

    def make(times: int) -> Stopping:
        listener = Stopping(times)
        silent_for = property(lambda worker: 1e9 if worker.process.pid in listener.stopped else 0.0)
        monkeypatch.setattr(Worker, "silent_for", silent_for)
        fork = multiprocessing.get_context("fork")
        monkeypatch.setattr(workers.multiprocessing, "get_context", lambda kind: fork)
        return listener

    return make


@pytest.mark.parametrize("count", [1, 2])
def test_a_hung_worker_is_ended_and_its_cell_run_once_more(
    suite: Suite,
    results: Path,
    undisturbed: dict[str, Any],
    stopping: Callable[[int], Stopping],
    count: int,
) -> None:
    listener, store = stopping(1), Store(results)
    sweep(suite.only([], [], [0]), store, listener, count)
    (line,) = [line for line in listener.said if "said nothing for" in line]
    assert line.endswith("and was ended; it is run once more")
    sweep(suite, store, Listener(), 0)
    assert result(store) == undisturbed


def test_a_cell_that_hangs_again_has_failed_and_the_others_run(
    suite: Suite, results: Path, stopping: Callable[[int], Stopping]
) -> None:
    listener, store = stopping(2), Store(results)
    options = Options(results, results / "data", "cpu", workers=1)
    plan = run_suite(make_plan(suite, options, store, print), store, listener)
    once, twice = [line for line in listener.said if "said nothing for" in line]
    assert once.endswith("it is run once more")
    assert twice.endswith("and was ended")
    assert [(spec.seed, plan.status(spec)) for spec in plan.unfinished] == [(0, "failed")]


@pytest.mark.faults
def test_a_server_that_dies_and_comes_back_loses_nothing(
    suite: Suite, tmp_path: Path, migrated_database: Path, undisturbed: dict[str, Any]
) -> None:
    shutil.copy(migrated_database, tmp_path / "server.db")
    with served(f"sqlite:///{tmp_path}/server.db", tmp_path, workers=1) as server:
        listener = Disturbing(12, server.kill, server.start)
        store = Store(tmp_path / "results", server.uri)
        sweep(suite, store, listener)
        assert [line for line in listener.said if "back after" in line]
        assert result(store) == undisturbed
