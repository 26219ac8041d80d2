"""Interrupted cells: gone on from their checkpoint, or begun anew where that or their run in the record is not theirs.

In either case the sweep ends with the weights and numbers of an undisturbed one, and with one run a cell.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import result, tiny_suite

from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep.history import History
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.progress import opening_text
from benchmarks.sweep.run import run_suite
from gan_zoo.checkpoint import CheckpointError
from gan_zoo.errors import UserError
from gan_zoo.spec import RunSpec

pytestmark = pytest.mark.usefixtures("saves_often")


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return tiny_suite(tmp_path, steps=20, every=5)


class Stopping(Listener):
    """Interrupts a sweep at the given step of the given seed, and keeps what was said, also of cells that failed."""

    def __init__(self, stop_at: int | None = None, seed: int = 1) -> None:
        self.stop_at, self.seed, self.said = stop_at, seed, list[str]()

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        if outcome.status == "failed":
            self.said.append(outcome.reason)

    def step(self, spec: RunSpec, step: int) -> None:
        if spec.seed == self.seed and step == self.stop_at:
            self.stop()

    def stop(self) -> None:
        raise KeyboardInterrupt

    def say(self, line: str) -> None:
        self.said.append(line)


def sweep(suite: Suite, store: Store, stop_at: int | None = None, send_every: float | None = None) -> list[str]:
    """Runs the suite until it has ended, or until step `stop_at` of the second cell; what was said."""
    listener = Stopping(stop_at)
    options = Options(store.results, store.results / "data", "cpu", workers=0, send_every=send_every)
    plan = make_plan(suite, options, store, listener.say)
    if stop_at is None:
        assert run_suite(plan, store, listener).unfinished == []
    else:
        with pytest.raises(KeyboardInterrupt):
            run_suite(plan, store, listener)
    return listener.said


def rows(store: Store) -> int:
    """Metric rows of all runs that are there, repeated ones too."""
    client, runs = store._client, store._client.search_runs([store.experiment("tiny")], "tags.kind = 'cell'")
    return sum(len(client.get_metric_history(run.info.run_id, name)) for run in runs for name in run.data.metrics)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    folder = tmp_path_factory.mktemp("undisturbed")
    store = Store(folder / "results")
    sweep(tiny_suite(folder, steps=20, every=5), store)
    return result(store), rows(store)


def checkpoint(store: Store) -> Path:
    (path,) = (store.results / "tiny" / "runs").glob("*/checkpoint.pt")
    return path


def test_a_whole_checkpoint_is_gone_on_from(suite: Suite, results: Path, undisturbed: Any) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12)
    before = store._client.search_runs([store.experiment("tiny")], "tags.seed = '1'")[0].info.run_id
    assert checkpoint(store).exists()
    assert sweep(suite, store) == []
    after = store._client.search_runs([store.experiment("tiny")], "tags.seed = '1'")[0].info.run_id
    assert before == after
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("gone")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit": (flip, "damaged or altered"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "damaged or altered"),
    "empty": (lambda path: path.write_bytes(b""), "damaged, or not a checkpoint"),
    "folder": (replace_by_a_folder, "cannot be read"),
    "link to nothing": (replace_by_a_link, "a link to nothing, not a checkpoint"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_costs_its_steps_and_nothing_else(
    suite: Suite, results: Path, undisturbed: Any, kind: str
) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12)
    damage, message = DAMAGES[kind]
    damage(checkpoint(store))
    (line,) = sweep(suite, store)
    assert line.startswith("wgan-gp / 8gaussians / seed 1 starts anew: ")
    assert message in line
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


def test_a_run_that_goes_on_by_another_engine_says_so(suite: Suite, results: Path) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12)
    said, how = list[str](), Options(results, results / "data", "cpu", workers=0, engine="plain")
    plan = make_plan(suite, how, store, said.append)
    text = "1 cells that stand were trained by engine closed-form, the others of their losses will be by plain, "
    assert opening_text(plan)[1:] == [f"{text}which rounds in another order; --engine chooses"]
    listener = Stopping()
    plan = run_suite(plan, store, listener)
    after = "wgan-gp / 8gaussians / seed 1: goes on by engine plain after closed-form, which rounds in another order"
    assert listener.said == [after]
    assert opening_text(plan)[1:] == []  # nothing is to be run
    assert sorted(store.record("tiny").runs.engine) == ["closed-form", "closed-form, plain"]  # a report says it too


def test_a_checkpoint_that_is_gone_means_starting_anew(suite: Suite, results: Path, undisturbed: Any) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12)
    checkpoint(store).unlink()
    sweep(suite, store)
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


def archive_of(store: Store) -> Path:
    """The last one that was sent of the second cell."""
    (run,) = store._client.search_runs([store.experiment("tiny")], "tags.seed = '1' and tags.kind = 'cell'")
    return Path(run.info.artifact_uri.removeprefix("file://")) / "checkpoint" / run.data.tags["checkpoint"]


def test_a_cell_that_moves_goes_on_from_the_checkpoint_in_the_record(
    suite: Suite, results: Path, undisturbed: Any
) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12, send_every=0)
    folder = archive_of(store).parent
    assert len(list(folder.iterdir())) == 2
    shutil.rmtree(results / "tiny" / "runs")  # another machine has none of it
    assert sweep(suite, store) == [
        "wgan-gp / 8gaussians / seed 1 goes on from step 11, by the checkpoint in the record"
    ]
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]
    assert list(results.glob("mlartifacts/tiny/*/artifacts/checkpoint")) == []


def test_checkpoints_are_sent_no_oftener_than_asked(suite: Suite, results: Path) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12, send_every=3600)
    assert list(results.glob("mlartifacts/tiny/*/artifacts/checkpoint")) == []


@pytest.mark.parametrize("damage", [flip, lambda path: path.write_bytes(path.read_bytes()[:-9]), Path.unlink])
def test_a_cell_that_moves_without_a_whole_checkpoint_starts_anew(
    suite: Suite, results: Path, undisturbed: Any, damage: Callable[[Path], object]
) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12, send_every=0)
    damage(archive_of(store))
    shutil.rmtree(results / "tiny" / "runs")
    assert sweep(suite, store) == ["wgan-gp / 8gaussians / seed 1 starts anew: no checkpoint here or in the record"]
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


@pytest.mark.parametrize("kind", ["deleted", "emptied", "replaced"])
def test_another_record_means_starting_anew(
    suite: Suite, results: Path, undisturbed: Any, kind: str, migrated_database: Path
) -> None:
    store = Store(results)
    sweep(suite, store, stop_at=12)
    if kind == "emptied":
        for run in store._client.search_runs([store.experiment("tiny")]):
            store._client.delete_run(run.info.run_id)
    else:
        (results / "mlflow.db").unlink()
    if kind == "replaced":
        (results / "mlflow.db").write_bytes(migrated_database.read_bytes())
    store = Store(results)
    (line,) = sweep(suite, store)
    assert "its run is not in this record" in line
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


def test_an_older_copy_of_the_record_means_starting_anew(
    suite: Suite, results: Path, undisturbed: Any, tmp_path: Path
) -> None:
    """Its run is there, and what was sent between the copy and the checkpoint is not."""
    sweep(suite, Store(results), stop_at=7)
    shutil.copy(results / "mlflow.db", tmp_path / "copy.db")
    sweep(suite, Store(results), stop_at=12)
    shutil.copy(tmp_path / "copy.db", results / "mlflow.db")
    store = Store(results)
    (line,) = sweep(suite, store)
    assert line.startswith("wgan-gp / 8gaussians / seed 1 starts anew: ")
    assert line.endswith("and the record is an older copy")
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


class Replacing(Stopping):
    """Puts a file in the record's place at the given step, by its content or by its name, and goes on."""

    def __init__(self, record: Path, other: Path, moved: bool) -> None:
        super().__init__(12)
        self.record, self.other, self.moved = record, other, moved

    def stop(self) -> None:
        if self.moved:
            shutil.copy(self.other, self.record.with_suffix(".new"))
            self.record.with_suffix(".new").replace(self.record)
        else:
            self.record.write_bytes(self.other.read_bytes())


def run_while_replaced(suite: Suite, results: Path, other: Path, moved: bool) -> list[str]:
    """Runs the suite while another file takes the record's place; what was said, cells that failed included."""
    store, listener = Store(results), Replacing(results / "mlflow.db", other, moved)
    plan = make_plan(suite, Options(results, results / "data", "cpu", workers=0), store, listener.say)
    try:
        run_suite(plan, store, listener)
    except UserError as error:
        listener.say(str(error))
    return listener.said


@pytest.mark.parametrize("moved", [False, True], ids=["content", "file"])
def test_an_older_copy_in_the_middle_of_a_sweep_leaves_no_gap(
    suite: Suite, results: Path, undisturbed: Any, tmp_path: Path, moved: bool
) -> None:
    sweep(suite, Store(results), stop_at=7)
    shutil.copy(results / "mlflow.db", tmp_path / "copy.db")
    said = run_while_replaced(suite, results, tmp_path / "copy.db", moved)
    assert any("an older copy is in its place (this run ends there at step " in line for line in said)
    store = Store(results)
    assert [line for line in sweep(suite, store) if "starts anew" in line]
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


@pytest.mark.parametrize("moved", [False, True], ids=["content", "file"])
def test_another_record_in_the_middle_of_a_sweep_ends_it_with_a_line(
    suite: Suite, results: Path, undisturbed: Any, migrated_database: Path, moved: bool
) -> None:
    Store(results)._client  # noqa: B018
    *_, line = run_while_replaced(suite, results, migrated_database, moved)
    assert line.startswith(f"{results / 'mlflow.db'}: Run with id=")
    assert line.endswith("another record is in its place: bring it back, or give the same command again")
    store = Store(results)
    sweep(suite, store)
    assert result(store) == undisturbed[0]
    assert rows(store) == undisturbed[1]


@pytest.mark.parametrize("content", [[], None, "text", {}, {"engines": 3}, {"stacked": "two"}, {"train": 1}])
def test_a_history_of_another_form_refuses_its_checkpoint(content: Any) -> None:
    whole = History().to_dict()
    assert History.from_dict(whole) == History()
    with pytest.raises(CheckpointError, match="history cannot be read"):
        History.from_dict({**whole, **content} if content and isinstance(content, dict) else content)
