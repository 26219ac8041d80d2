"""What evaluations leave to the CPU, done beside training as on a GPU: the record and the weights are the same."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from test_stack import SUITE, numbers, runs, sweep

from benchmarks.record.lease import Held
from benchmarks.record.run_log import CellLog
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep import stack, stops
from benchmarks.sweep.beside import AtOnce, Beside
from benchmarks.sweep.cell_run import CellRun
from benchmarks.sweep.context import Context
from benchmarks.sweep.messages import Outcome
from gan_zoo import evaluation
from gan_zoo.evaluation import Evaluation

PATIENCE = 60.0
"""Seconds after which a thread is not waited for; none of them takes so long."""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    (tmp_path / "small.yaml").write_text(SUITE)
    return load_suite(str(tmp_path / "small.yaml"))


@pytest.fixture
def store(results: Path) -> Store:
    return Store(results)


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a stack leaves whose evaluations are done before training goes on."""
    folder = tmp_path_factory.mktemp("at_once")
    (folder / "small.yaml").write_text(SUITE)
    store = Store(folder / "results")
    sweep(load_suite(str(folder / "small.yaml")), store, "stacked")
    return left(store)


@pytest.fixture
def overlapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a CPU do as a GPU does."""
    monkeypatch.setattr(Context, "overlaps", True)


def left(store: Store) -> dict[str, Any]:
    """All of a record but clocks: numbers, weights, and the steps that have pictures."""
    client, ids = store._client, runs(store).mlflow_run_id
    pictures = {
        seed: sorted(entry.path.split("+")[2] for entry in client.list_artifacts(run, "images") if "png" in entry.path)
        for seed, run in ids.items()
    }
    return {"numbers": numbers(store), "weights": runs(store).weights_hash.to_dict(), "pictures": pictures}


def test_the_rule_is_by_device() -> None:
    assert not Context(Path(), Path(), "cpu").overlaps
    assert Context(Path(), Path(), "cuda:1").overlaps


@pytest.mark.usefixtures("overlapping")
@pytest.mark.parametrize("engine", ["stacked", "plain"])
def test_the_record_and_the_weights_are_those_of_evaluations_at_once(
    engine: str, suite: Suite, store: Store, at_once: dict[str, Any]
) -> None:
    assert set(sweep(suite, store, engine).values()) == {Outcome("done")}
    if engine == "stacked":
        assert left(store) == at_once
    else:
        assert left(store)["numbers"] == pytest.approx(at_once["numbers"], rel=1e-7, abs=1e-9, nan_ok=True)


@pytest.mark.usefixtures("overlapping")
def test_training_goes_on_while_an_evaluation_is_worked_out_and_no_further_than_the_next(
    suite: Suite, store: Store, at_once: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scores of step 8 come when training has come to step 15, and the look at step 16 after them."""
    trained, scored, order = threading.Event(), list[bool](), list[tuple[str, int]]()
    later, train, look = evaluation.later, stack.train_stack, stack.look_at

    def late(scorer: Any, samples: torch.Tensor) -> Callable[[], Any]:
        scores = later(scorer, samples)

        def worked_out() -> Any:
            scored.append(trained.wait(PATIENCE))
            return scores()

        return worked_out

    def training(cells: list[Any], states: list[Any], engine: Any) -> Iterator[Any]:
        for terms in train(cells, states, engine):
            if states[0].step == 15:
                trained.set()
            yield terms

    def looking(cells: list[CellRun], *rest: Any) -> Any:
        order.append(("look", cells[0].state.step))
        return look(cells, *rest)

    monkeypatch.setattr(evaluation, "later", late)
    monkeypatch.setattr(stack, "train_stack", training)
    monkeypatch.setattr(stack, "look_at", looking)
    arrive = CellRun.arrive

    def arriving(self: CellRun, stop: Any) -> None:
        arrive(self, stop)
        if stop.look:
            order.append(("recorded", stop.step))

    monkeypatch.setattr(CellRun, "arrive", arriving)
    sweep(suite, store, "stacked")
    assert scored == [True] * 9
    assert order == [entry for step in (8, 16, 24) for entry in [("look", step), *[("recorded", step)] * 3]]
    assert left(store) == at_once


@pytest.mark.usefixtures("overlapping", "saves_often")
@pytest.mark.parametrize("stop_at", [9, 16, 23])
def test_a_sweep_broken_off_ends_as_an_undisturbed_one(
    stop_at: int, suite: Suite, store: Store, at_once: dict[str, Any]
) -> None:
    def interrupt(spec: Any, step: int) -> None:
        if step >= stop_at and spec.seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(suite, store, "stacked", interrupt)
    assert {cell.status for cell in store.cells("small")} == {"interrupted"}
    assert len(sweep(suite, store, "stacked")) == 3
    assert left(store) == at_once


@pytest.mark.usefixtures("overlapping", "saves_often")
def test_a_checkpoint_is_written_when_all_up_to_it_is_sent(
    suite: Suite, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged, saved = dict[str, int](), list[tuple[int, int]]()
    metrics, save = CellLog.metrics, CellRun.save

    def logging(self: CellLog, step: int, values: Any) -> None:
        metrics(self, step, values)
        logged[self.run_id] = step

    def saving(self: CellRun) -> None:
        saved.append((self.state.step, logged[self.cell.log.run_id]))
        save(self)

    monkeypatch.setattr(CellLog, "metrics", logging)
    monkeypatch.setattr(CellRun, "save", saving)
    sweep(suite, store, "stacked")
    assert len(saved) == 3 * 23
    assert all(step == recorded for step, recorded in saved)


@pytest.mark.usefixtures("overlapping")
@pytest.mark.parametrize("where", ["device", "CPU"])
def test_an_evaluation_that_fails_ends_its_own_cell_alone(
    where: str, suite: Suite, store: Store, at_once: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = Evaluation.draws

    def failing(self: Evaluation, step: int) -> Iterator[Any]:
        for form, z, scores in draws(self, step):
            broken = self.run.spec.seed == 2 and step == 16
            if broken and where == "device":
                raise RuntimeError("no memory left")
            yield form, z, (fail if broken else scores)

    monkeypatch.setattr(Evaluation, "draws", failing)
    outcomes = sweep(suite, store, "stacked")
    assert outcomes == {0: Outcome("done"), 1: Outcome("done"), 2: Outcome("failed", "RuntimeError: no memory left")}
    monkeypatch.undo()
    assert sweep(suite, store, "stacked") == {2: Outcome("done")}
    assert left(store)["numbers"] == pytest.approx(at_once["numbers"], rel=1e-7, abs=1e-9, nan_ok=True)


def fail(samples: torch.Tensor) -> dict[str, float]:
    raise RuntimeError("no memory left")


@pytest.mark.usefixtures("overlapping")
@pytest.mark.parametrize("fails", [False, True])
def test_rows_seen_in_one_pass_or_where_that_fails_one_by_one_are_recorded_alike(
    fails: bool, suite: Suite, store: Store, at_once: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, sizes = evaluation.sampler_of_rows, list[int]()

    def several(run: Any, states: list[Any]) -> Any:
        sizes.append(len(states))
        if fails:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(run, states)

    monkeypatch.setattr(stops, "at_once", lambda run: 2)
    monkeypatch.setattr(evaluation, "sampler_of_rows", several)
    assert set(sweep(suite, store, "stacked").values()) == {Outcome("done")}
    assert set(sizes) == {2}
    found = left(store)
    assert found["numbers"] == (
        at_once["numbers"] if fails else pytest.approx(at_once["numbers"], rel=1e-7, abs=1e-9, nan_ok=True)
    )
    assert (found["weights"], found["pictures"]) == (at_once["weights"], at_once["pictures"])


@pytest.mark.usefixtures("overlapping", "saves_often")
def test_a_lease_that_is_lost_meanwhile_ends_its_cell_and_no_other(
    suite: Suite, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = CellRun.show

    def losing(self: CellRun, step: int, picture: Any) -> None:
        if self.cell.spec.seed == 0 and step == 8:
            raise Held("being run by another")
        show(self, step, picture)

    monkeypatch.setattr(CellRun, "show", losing)
    outcomes = sweep(suite, store, "stacked")
    assert (outcomes[0], outcomes[1], outcomes[2]) == (Outcome("held", "being run by another"), *[Outcome("done")] * 2)


def test_jobs_are_done_in_order_and_the_first_error_is_told_to_who_waits() -> None:
    done = list[int]()
    with Beside(2) as desk:
        scores = [desk.begin(lambda i=i: i) for i in range(20)]
        for score in scores:
            desk.do(lambda score=score: done.append(score()))
        desk.wait()
        assert done == list(range(20))
        desk.do(lambda: None)
    with pytest.raises(KeyboardInterrupt), Beside(1) as desk:  # noqa: PT012
        desk.do(interrupted)
        desk.wait()
    with pytest.raises(KeyboardInterrupt), Beside(1) as desk:
        desk.do(interrupted)
    with AtOnce() as desk, pytest.raises(KeyboardInterrupt):
        desk.do(interrupted)


def test_what_waits_is_not_done_after_an_error() -> None:
    begun, go, done = threading.Event(), threading.Event(), list[int]()

    def first() -> None:
        begun.set()
        go.wait(PATIENCE)
        done.append(1)

    def use() -> None:
        with Beside(1) as desk:
            desk.do(first)
            desk.do(lambda: done.append(2))
            begun.wait(PATIENCE)
            threading.Timer(0, go.set).start()
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        use()
    assert done[0] == 1


def interrupted() -> None:
    raise KeyboardInterrupt
