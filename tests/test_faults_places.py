"""Something else in the place of a folder or a file that a sweep writes: one line that names it, before anything runs.

What shows only once a cell is taken ends that cell as failed, and the cell is free for the next command.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import tiny_suite

from benchmarks.cli import main
from benchmarks.record.lease import take
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep.cell_run import OpenCell
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, Plan, make_plan
from benchmarks.sweep.run import run_suite
from gan_zoo.errors import UserError
from gan_zoo.files import make_folder, read_array, refuse_blocked, write_array


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return tiny_suite(tmp_path, steps=4, every=2)


def put_file(path: Path) -> None:
    path.write_text("mine")


def put_link(path: Path) -> None:
    """A link to a file."""
    target = path.with_name("target")
    target.write_text("mine")
    path.symlink_to(target)


def put_dangling(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def put_loop(path: Path) -> None:
    path.symlink_to(path)


def put_pipe(path: Path) -> None:
    os.mkfifo(path)


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "file": (put_file, "a file"),
    "link to a file": (put_link, "a file"),
    "link to nothing": (put_dangling, "a link to nothing"),
    "link to itself": (put_loop, "a link to nothing"),
    "pipe": (put_pipe, "neither file nor folder"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_stands_in_a_folders_place_is_named(name: str, tmp_path: Path) -> None:
    put, words = KINDS[name]
    put(tmp_path / "x")
    for wanted in (tmp_path / "x", tmp_path / "x" / "y" / "z"):
        with pytest.raises(UserError) as refusal:
            make_folder(wanted)
        assert str(refusal.value) == f"{tmp_path / 'x'}: {words}, where a folder belongs: move it away, or mend it"


def test_a_link_to_a_folder_is_one_and_none_that_may_be_emptied(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "x").symlink_to(tmp_path / "target")
    assert make_folder(tmp_path / "x" / "y").is_dir()
    refuse_blocked(tmp_path / "x" / "y", own=True)
    with pytest.raises(UserError, match="x: a link, where a folder of its own belongs: remove the link"):
        make_folder(tmp_path / "x", own=True)


def plan_of(suite: Suite, store: Store) -> Plan:
    return make_plan(suite, Options(store.results, store.results.parent / "data", "cpu", workers=0), store, print)


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("place", ["tiny", "tiny/runs", "tiny/export", "tiny/figures", "tiny/runs/KEY", "mlartifacts"])
def test_a_place_that_is_taken_is_refused_before_anything_is_recorded(
    suite: Suite, results: Path, place: str, name: str
) -> None:
    path = results / place.replace("KEY", suite.cells[1].key)
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[name][0](path)
    store, before = Store(results), everything(results)
    with pytest.raises(UserError, match=rf"{path.name}: .*belongs: (move it away|remove the link)"):
        run_suite(plan_of(suite, store), store, Listener())
    assert everything(results) == before
    assert store.cells("tiny") == []


@pytest.mark.parametrize("page", ["report.html", "report.md", "table.csv", "table-siunitx.tex"])
def test_a_folder_in_the_place_of_a_page_is_refused_beforehand(suite: Suite, results: Path, page: str) -> None:
    (results / "tiny" / page).mkdir(parents=True)
    with pytest.raises(UserError, match=rf"{page}: a folder, where a page of the report belongs"):
        plan_of(suite, Store(results))


@pytest.mark.parametrize("place", ["tiny", "tiny/runs", "tiny/export", "tiny/figures"])
def test_a_link_to_a_folder_elsewhere_works(suite: Suite, results: Path, tmp_path: Path, place: str) -> None:
    elsewhere = tmp_path / "another disk"
    elsewhere.mkdir()
    (results / place).parent.mkdir(exist_ok=True)
    (results / place).symlink_to(elsewhere)
    store = Store(results)
    assert run_suite(plan_of(suite, store), store, Listener()).unfinished == []
    assert (results / place).is_symlink()


@pytest.mark.parametrize("name", ["results", "results/mlflow.db"])
def test_a_record_whose_disk_is_away_is_not_begun_anew(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "away")
    with pytest.raises(UserError, match=f"{path.name}: a link to nothing"):
        Store(tmp_path / "results")
    assert not (tmp_path / "away").exists()


class Late(Listener):
    """Hears how cells end."""

    def __init__(self) -> None:
        self.ended: dict[int, str] = {}

    def end(self, spec, outcome) -> None:  # type: ignore[no-untyped-def]
        self.ended[spec.seed] = f"{outcome.status}: {outcome.reason}"


@pytest.mark.parametrize("name", KINDS)
def test_what_comes_in_the_way_later_fails_that_cell_alone_and_leaves_it_free(
    suite: Suite, results: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, listener, last = Store(results), Late(), suite.cells[1]
    blocked = results / "tiny" / "runs" / last.key
    original = OpenCell.open

    def open_late(spec, *more):  # type: ignore[no-untyped-def]
        if spec == last and not os.path.lexists(blocked):
            KINDS[name][0](blocked)
        return original(spec, *more)

    monkeypatch.setattr(OpenCell, "open", open_late)
    plan = run_suite(plan_of(suite, store), store, listener)
    assert listener.ended[0] == "done: "
    words = "a link, where a folder of its own" if blocked.is_symlink() else f"{KINDS[name][1]}, where a folder"
    assert listener.ended[1].startswith(f"failed: {blocked}: {words} belongs")
    assert [plan.status(spec) for spec in suite.cells] == ["done", "failed"]
    blocked.unlink()
    monkeypatch.undo()
    assert run_suite(plan_of(suite, store), store, listener).unfinished == []


def test_an_error_while_a_cell_is_opened_leaves_it_free(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(results)
    words = {"params": {}, "tags": {"loss": "l", "dataset": "d", "seed": 0}, "identity": {}, "dataset": {"name": "d"}}
    sweep = store.start_sweep("tiny", name="s", params={}, tags={}, meta={"metrics": {}}, cells={"k": {}})

    def fail(*words: object) -> None:
        raise ValueError("no data set")

    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.record.run_log.log_dataset", fail)
        with pytest.raises(ValueError, match="no data set"):
            store.open_cell("tiny", sweep, key="k", name="n", folder=results / "k", **words)
    client, ledger = store._client, store._ledger("tiny", store.experiment("tiny"), "k")
    (lease,) = [name for name in client.get_run(ledger).data.params if name.startswith("k.")]
    assert take(client, ledger, lease.rpartition(".")[0]).number == 2


@pytest.mark.parametrize("name", [*KINDS, "folder"])
def test_what_is_no_array_is_none_and_never_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.npy"
    KINDS[name][0](path) if name in KINDS else path.mkdir()
    assert read_array(path) is None


def test_an_array_by_a_link_is_read(tmp_path: Path) -> None:
    import numpy as np

    write_array(tmp_path / "x.npy", np.arange(3))
    (tmp_path / "y.npy").symlink_to(tmp_path / "x.npy")
    assert read_array(tmp_path / "y.npy").tolist() == [0, 1, 2]  # type: ignore[union-attr]


def test_the_command_line_says_it_in_a_line(
    suite: Suite, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "tiny").symlink_to(tmp_path / "gone")
    words = ["--results", str(results), "--data", str(tmp_path / "data"), "--workers", "0", "--device", "cpu"]
    assert main(["run", str(tmp_path / "tiny.yaml"), *words]) == 2
    out, err = capsys.readouterr()
    wanted = f"gan-zoo: {results / 'tiny'}: a link to nothing, where a folder belongs: move it away, or mend it\n"
    assert (out, err) == ("", wanted)
    shutil.rmtree(results)


def test_a_record_is_made_from_a_folder_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / 'it\'s "here"; %20?#'
    here.mkdir()
    monkeypatch.chdir(here)
    store = Store(Path("results"))
    assert store.experiment("tiny") == Store(here / "results").experiment("tiny")
    assert [path.name for path in here.iterdir()] == ["results"]


def test_a_sweep_that_may_not_write_names_its_own_remedy(
    suite: Suite, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(results)
    monkeypatch.setattr("benchmarks.record.places.os.access", lambda place, mode: False)
    with pytest.raises(UserError, match="tiny: cannot be written to: choose another --results"):
        plan_of(suite, store)
