"""Stacked seeds in a sweep: the numbers, records and ends of runs alone, whatever happens to one of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from benchmarks.record.run_log import CellLog
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep import stack
from benchmarks.sweep.cell_run import CellRun
from benchmarks.sweep.context import Context
from benchmarks.sweep.identity import identity
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import run_suite
from gan_zoo.engine.chosen import ENGINES, STACK_ENGINES
from gan_zoo.errors import UserError
from gan_zoo.evaluation import Evaluation

SUITE = """\
name: small
losses: [{adversarial: non-saturating, penalties: [{gradient-norm: {}}], name: penalised}]
datasets: [8gaussians]
seeds: 3
architecture: {name: mlp, width: 8, depth: 2}
train:
  steps: 24
  batch_size: 8
  n_critic: 1
  precision: float64
  optimizer: {name: adam, lr: 1e-3, betas: [0.5, 0.9]}
evaluate: {every: 8, samples: 50, metrics: [emd]}
"""
CLOCKS = r".*_seconds|iterations_per_second"


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SUITE)
    return str(tmp_path / "small.yaml")


@pytest.fixture
def suite(path: str) -> Suite:
    return load_suite(path)


@pytest.fixture
def store(results: Path) -> Store:
    return Store(results)


def ignore(*_: Any) -> None:
    """A listener that does not listen."""


class Hearing(Listener):
    """Tells each step to `progress`, and keeps the outcomes by seed."""

    def __init__(self, progress: Any) -> None:
        self.step, self.outcomes = progress, dict[int, Outcome]()

    def end(self, spec: Any, outcome: Outcome) -> None:
        self.outcomes[spec.seed] = outcome


def sweep(suite: Suite, store: Store, engine: str, progress: Any = ignore, **more: Any) -> dict[int, Outcome]:
    """The outcomes by seed."""
    options = Options(store.results, store.results / "data", "cpu", workers=0, engine=engine, **more)
    listener = Hearing(progress)
    run_suite(make_plan(suite, options, store, ignore), store, listener)
    return listener.outcomes


def runs(store: Store) -> pd.DataFrame:
    return store.record("small").runs.set_index("seed")


def tags(store: Store, seed: int) -> dict[str, str]:
    return dict(store._client.get_run(runs(store).mlflow_run_id[seed]).data.tags)


def numbers(store: Store, seeds: tuple[int, ...] = (0, 1, 2)) -> dict[tuple[str, str, int], float]:
    """All that was measured, without what tells the time."""
    record = store.record("small")
    kept = record.metrics[~record.metrics.name.str.fullmatch(CLOCKS)]
    kept = kept[kept.run_key.isin(runs(store).loc[list(seeds)].run_key)]
    return {(row.run_key, row.name, row.step): row.value for row in kept.itertuples(index=False)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, int], float]:
    """The numbers of the three seeds, each run by itself."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "small.yaml").write_text(SUITE)
    store = Store(folder / "results")
    assert {each.status for each in sweep(load_suite(str(folder / "small.yaml")), store, "plain").values()} == {"done"}
    assert runs(store).timing_comparable.all()
    return numbers(store)


def close(alone: dict[Any, float]) -> Any:
    return pytest.approx(alone, rel=1e-7, abs=1e-9, nan_ok=True)


def of_seeds(numbers: dict[Any, float], store: Store, *seeds: int) -> dict[Any, float]:
    keys = set(runs(store).loc[list(seeds)].run_key)
    return {name: value for name, value in numbers.items() if name[0] in keys}


def test_stacked_seeds_are_recorded_as_runs_alone(suite: Suite, store: Store, alone: dict[Any, float]) -> None:
    assert sweep(suite, store, "stacked") == {seed: Outcome("done") for seed in range(3)}
    assert numbers(store) == close(alone)
    table = runs(store)
    assert set(table.engine) == {"stacked"}
    assert not table.timing_comparable.any()
    assert tags(store, 1)["stacked"] == "3"
    assert not any((store.results / "small" / "runs").iterdir())
    seconds = [float(store._client.get_run(run).data.metrics["train_seconds"]) for run in table.mlflow_run_id]
    assert seconds[0] == seconds[1] == seconds[2] > 0


def test_settings_of_one_loss_are_stacked_and_recorded_as_runs_alone(store: Store, tmp_path: Path) -> None:
    """Cells that differ in a weight of the loss, in the learning rate and in a beta."""
    weak = "{adversarial: non-saturating, penalties: [{gradient-norm: {weight: 2}}], name: weak}"
    override = "overrides: {weak: {train: {optimizer: {lr: 3e-4, betas: [0, 0.9]}}}}\n"
    (tmp_path / "small.yaml").write_text(SUITE.replace("name: penalised}]", f"name: penalised}}, {weak}]") + override)
    both, alone = load_suite(str(tmp_path / "small.yaml"), {"seeds": "1"}), Store(tmp_path / "alone")
    for place, engine in ((store, "stacked"), (alone, "plain")):
        sweep(both, place, engine)
        assert list(runs(place).engine) == [engine] * 2
    assert numbers(store, (0,)) == close(numbers(alone, (0,)))
    assert len({row.value for row in store.record("small").metrics.itertuples() if row.name == "critic/real"}) > 2


@pytest.mark.usefixtures("saves_often")
@pytest.mark.parametrize("stop_at", [1, 9, 23])
def test_an_interrupted_stack_ends_with_the_bits_of_an_undisturbed_one(
    stop_at: int, suite: Suite, store: Store, tmp_path: Path
) -> None:
    undisturbed = Store(tmp_path / "undisturbed")
    sweep(suite, undisturbed, "stacked")

    def interrupt(spec: Any, step: int) -> None:
        if step >= stop_at and spec.seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(suite, store, "stacked", interrupt)
    assert {cell.status for cell in store.cells("small")} == {"interrupted"}
    assert len(sweep(suite, store, "stacked")) == 3
    assert numbers(store) == numbers(undisturbed)
    assert runs(store).weights_hash.to_dict() == runs(undisturbed).weights_hash.to_dict()


@pytest.mark.usefixtures("saves_often")
def test_seeds_whose_checkpoints_differ_catch_up_and_go_on_together(
    suite: Suite, store: Store, alone: dict[Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after one of three checkpoints was written at step 12, the others being of step 11."""
    original, sizes = CellRun.save, list[tuple[int, int]]()

    def killed(self: CellRun) -> None:
        if self.cell.spec.seed == 1 and self.state.step == 12:
            raise KeyboardInterrupt
        original(self)

    def counting(cells: list[CellRun], until: int, tell: Any) -> None:
        sizes.append((len(cells), until))
        advance(cells, until, tell)

    monkeypatch.setattr(CellRun, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        sweep(suite, store, "stacked")
    monkeypatch.setattr(CellRun, "save", original)
    advance = stack.advance_together
    monkeypatch.setattr(stack, "advance_together", counting)
    assert {outcome.status for outcome in sweep(suite, store, "stacked").values()} == {"done"}
    assert sizes == [(2, 12), (3, 24)]
    assert numbers(store) == close(alone)


def test_a_seed_that_diverges_ends_alone(
    suite: Suite, store: Store, alone: dict[Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = stack.train_stack

    def poisoned(runs: list[Any], states: list[Any], engine: Any) -> Iterator[Any]:
        for terms in original(runs, states, engine):
            for run, state in zip(runs, states, strict=True):
                if run.spec.seed == 1 and state.step == 10:
                    next(iter(state.generator.values())).fill_(torch.nan)
            yield terms

    monkeypatch.setattr(stack, "train_stack", poisoned)
    outcomes = sweep(suite, store, "stacked")
    assert outcomes[1].status == "diverged"
    assert "is not finite at step 11" in outcomes[1].reason
    assert (outcomes[0].status, outcomes[2].status) == ("done", "done")
    assert of_seeds(numbers(store), store, 0, 2) == close(of_seeds(alone, store, 0, 2))
    assert sweep(suite, store, "stacked") == {}


def test_a_seed_that_fails_ends_alone_and_goes_on_later(
    suite: Suite, store: Store, alone: dict[Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Evaluation.draws

    def broken(self: Evaluation, step: int) -> Any:
        if self.run.spec.seed == 2 and step == 16:
            raise RuntimeError("no memory left")
        return original(self, step)

    monkeypatch.setattr(Evaluation, "draws", broken)
    outcomes = sweep(suite, store, "stacked")
    assert outcomes[2] == Outcome("failed", "RuntimeError: no memory left")
    assert (outcomes[0].status, outcomes[1].status) == ("done", "done")
    monkeypatch.undo()
    assert sweep(suite, store, "stacked") == {2: Outcome("done")}
    assert numbers(store) == close(alone)


def test_a_seed_that_is_done_is_left_alone(path: str, store: Store, alone: dict[Any, float]) -> None:
    assert sweep(load_suite(path, {"seeds": "[1]"}), store, "stacked") == {1: Outcome("done")}
    before = runs(store).mlflow_run_id[1]
    assert runs(store).engine[1] == "plain"
    assert sweep(load_suite(path), store, "stacked") == {0: Outcome("done"), 2: Outcome("done")}
    assert runs(store).mlflow_run_id[1] == before
    assert numbers(store) == close(alone)


def out_of_memory(*_: Any) -> Any:
    """In the place of an engine."""
    raise RuntimeError("no memory\nleft")


def test_a_stack_that_cannot_run_is_an_error_of_its_cells(
    suite: Suite, store: Store, alone: dict[Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STACK_ENGINES, "stacked", out_of_memory)
    reason = "engine stacked: cannot run here (RuntimeError: no memory); use plain or auto"
    assert sweep(suite, store, "stacked") == dict.fromkeys(range(3), Outcome("failed", reason))
    assert set(sweep(suite, store, "plain").values()) == {Outcome("done")}
    assert numbers(store) == alone


@pytest.mark.parametrize("hidden", [False, True])
def test_a_stack_too_large_for_memory_is_halved_and_recorded(
    path: str, store: Store, alone: dict[Any, float], hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a capture that ends early hides the lack of memory behind an error of its own."""
    sizes, original = list[int](), STACK_ENGINES["stacked"]

    def small(players: Any, states: Any) -> Any:
        sizes.append(len(states))
        if len(states) <= 2:
            return original(players, states)
        try:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        except torch.OutOfMemoryError:
            if hidden:
                raise RuntimeError("capture invalidated")  # noqa: B904
            raise

    monkeypatch.setitem(STACK_ENGINES, "stacked", small)
    outcomes = sweep(load_suite(path, {"seeds": "4"}), store, "stacked")
    assert set(outcomes.values()) == {Outcome("done")}
    assert sizes == [4, 2, 2]
    assert of_seeds(numbers(store), store, 0, 1, 2) == close(alone)
    notes = store._client.search_runs([store.experiment("small")], "tags.kind = 'sweep'")[0].data.tags
    (line,) = [text for name, text in notes.items() if name.startswith("stack.")]
    assert line.startswith("penalised / 8gaussians / seed 0: 4 cells at once: engine stacked: cannot run here (")
    assert line.endswith("; 2 from here on")


def test_cells_that_the_rule_stacks_and_that_cannot_be_stacked_train_alone(
    suite: Suite, store: Store, alone: dict[Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU with a net that vmap cannot take."""
    monkeypatch.setattr("benchmarks.sweep.workers.makes_stacks", lambda *_: True)
    monkeypatch.setitem(STACK_ENGINES, "stacked", out_of_memory)
    assert set(sweep(suite, store, "auto").values()) == {Outcome("done")}
    assert set(runs(store).engine) == {"closed-form"}
    assert numbers(store) == close(alone)


def test_no_more_cells_train_at_once_than_memory_holds(
    suite: Suite, store: Store, alone: dict[Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, advance = list[int](), stack.advance_together

    def counting(cells: list[CellRun], until: int, tell: Any) -> None:
        sizes.append(len(cells))
        advance(cells, until, tell)

    monkeypatch.setattr(stack, "advance_together", counting)
    monkeypatch.setattr("gan_zoo.memory.free_memory", lambda device: 1000)
    monkeypatch.setattr("gan_zoo.memory.footprint", lambda run: 200)
    assert set(sweep(suite, store, "stacked").values()) == {Outcome("done")}
    assert sizes == [2, 1]
    assert numbers(store) == close(alone)


def test_a_device_without_memory_for_one_run_is_refused_before_the_sweep(
    suite: Suite, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.sweep.shared.free_memory", lambda device: 10**9)
    monkeypatch.setattr("gan_zoo.memory.free_memory", lambda device: 10**9)
    monkeypatch.setattr("gan_zoo.memory.footprint", lambda run: 2 * 10**9)
    with pytest.raises(
        UserError, match=r"^penalised / 8gaussians / seed 0: cpu has 1\.00 GB free, too little for one "
    ):
        sweep(suite, store, "auto")
    monkeypatch.setattr("benchmarks.sweep.shared.refuse_small_memory", exhausted)
    with pytest.raises(UserError, match=r"^--device cpu: its free memory does not hold the data sets"):
        sweep(suite, store, "auto")
    assert store.cells("small") == []


def exhausted(*_: Any) -> Any:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_an_engine_that_cannot_run_a_cell_is_refused_before_the_sweep(path: str, store: Store) -> None:
    suite = load_suite(path, {"architecture.activation": "tanh"})
    with pytest.raises(UserError, match=r"^penalised / 8gaussians / seed 0: engine closed-form: .*; use plain or"):
        sweep(suite, store, "closed-form")
    assert store.cells("small") == []


def test_an_engine_by_rule_that_cannot_run_gives_way_to_plain_and_is_recorded(
    path: str, store: Store, alone: dict[Any, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "closed-form", out_of_memory)
    assert sweep(load_suite(path, {"seeds": "[0]"}), store, "auto") == {0: Outcome("done")}
    assert numbers(store, (0,)) == of_seeds(alone, store, 0)
    assert runs(store).engine[0] == "plain"
    assert tags(store, 0)["engine_reason"] == "closed-form: RuntimeError: no memory"


@pytest.mark.usefixtures("saves_often")
def test_a_run_that_changed_its_engine_says_so_and_is_no_measure_of_time(
    path: str, store: Store, alone: dict[Any, float]
) -> None:
    def interrupt(spec: Any, step: int) -> None:
        if step == 12:
            raise KeyboardInterrupt

    suite = load_suite(path, {"seeds": "[0]"})
    with pytest.raises(KeyboardInterrupt):
        sweep(suite, store, "plain", interrupt)
    sweep(suite, store, "auto")
    assert runs(store).engine[0] == "plain, closed-form"
    assert not runs(store).timing_comparable[0]
    assert numbers(store, (0,)) == close(of_seeds(alone, store, 0))


def test_numerics_are_recorded_and_never_mixed(path: str, store: Store) -> None:
    suite = load_suite(path, {"seeds": "[0]", "train.precision": "float32"})
    with pytest.raises(UserError, match="numerics tf32: only GPUs have it"):
        sweep(suite, store, "plain", numerics="tf32")
    with pytest.raises(UserError, match=r"numerics bf16: for float32 only, not train\.precision float64"):
        sweep(load_suite(path), store, "plain", numerics="bf16")
    assert sweep(suite, store, "plain", numerics="bf16") == {0: Outcome("done")}
    assert runs(store).numerics[0] == "float32, bf16"
    assert sweep(suite, store, "plain") == {0: Outcome("done")}
    assert len(runs(store)) == 1
    assert runs(store).numerics[0] == "float32, portable"
    assert sweep(suite, store, "plain", numerics="bf16") == {}


def test_threads_change_no_number_in_reference_numerics(path: str, store: Store, tmp_path: Path) -> None:
    """The products are so large that oneDNN makes them, on two threads."""
    large = {"train.precision": "float32", "architecture.width": "512", "train.steps": "8"}
    suite = load_suite(path, {"seeds": "[0]", **large})
    sweep(suite, store, "plain", threads=1)
    assert sweep(suite, store, "plain", threads=2) == {}
    other = Store(tmp_path / "other")
    assert sweep(suite, other, "plain", threads=2) == {0: Outcome("done")}
    assert (runs(store).numerics[0], runs(store).threads[0]) == ("float32, portable", 1)
    assert (runs(other).numerics[0], runs(other).threads[0]) == ("float32, portable", 2)
    assert runs(other).weights_hash[0] == runs(store).weights_hash[0]


def test_threads_that_change_numbers_are_part_of_the_numerics(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (spec,) = load_suite(path, {"seeds": "[0]", "train.precision": "float32"}).cells

    def said(device: str, numerics: Any, threads: int) -> str:
        context = Context(Path("runs"), Path("data"), device, threads=threads, numerics=numerics)
        return identity(spec, "f" * 64, context).numerics

    assert said("cpu", "fast", 1) == "float32"
    assert said("cpu", "fast", 2) == "float32, 2 threads"
    assert said("cpu", "bf16", 2) == said("cpu", "bf16", 1) == "float32, bf16"
    assert said("cpu", "exact", 2) == said("cpu", "exact", 1) == "float32, exact"
    assert said("cuda:0", "reference", 2) == said("cuda:0", "reference", 1) == "float32"
    monkeypatch.setattr("gan_zoo.numerics.process.fault", lambda: "another processor")
    assert said("cpu", "reference", 1) == "float32"
    assert said("cpu", "reference", 2) == "float32, 2 threads"
    assert said("cpu", "bf16", 2) == "float32, bf16, 2 threads"
    assert said("cpu", "exact", 2) == "float32, exact"


def test_a_short_cell_sends_its_metrics_once(path: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original, sent = CellLog._send, list[int]()

    def counting(self: CellLog) -> None:
        sent.append(len(self._buffer))
        original(self)

    monkeypatch.setattr(CellLog, "_send", counting)
    sweep(load_suite(path, {"seeds": "[0]"}), store, "plain")
    assert len(sent) == 1
    assert sent[0] >= 24
