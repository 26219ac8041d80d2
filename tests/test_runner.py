"""Sweeps: what is run, what is left alone, what an interruption costs, and what is recorded of failures."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep import context as contexts
from benchmarks.sweep import stack
from benchmarks.sweep.context import Context, Shelf
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import formulas, run_suite
from benchmarks.sweep.workers import Sweep, run_cells
from gan_zoo.errors import UserError
from gan_zoo.spec import RunSpec, run_spec

SUITE = """\
name: small
description: a suite of the tests
losses: [non-saturating, wgan-clip, wgan-gp]
datasets: [8gaussians]
seeds: 2
architecture: {name: mlp, width: 16, depth: 2}
train:
  steps: 40
  batch_size: 16
  n_critic: 2
  optimizer: {name: adam, lr: 1e-3, betas: [0.5, 0.9]}
evaluate: {every: 10, samples: 200}
overrides:
  wgan-clip: {train: {optimizer: {name: rmsprop, lr: 5e-4}}}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "small.yaml"
    path.write_text(SUITE)
    return load_suite(str(path))


@pytest.fixture
def store(results: Path) -> Store:
    return Store(results)


@pytest.fixture
def options(results: Path, tmp_path: Path) -> Options:
    return Options(results, tmp_path / "data", "cpu", workers=0)


def test_formulas_carry_the_weights_that_run_on_each_data_set() -> None:
    """quickstart's wgan-gp has weight 2.63 on 8gaussians and 20.6 on digits; its clipping is at 0.00556, not 0.01."""
    known = formulas(load_suite("quickstart").cells)
    assert known["8gaussians"]["wgan-gp"]["critic"] == "E f(x̃) - E f(x) + 2.63 E (‖∇f(x̂)‖ - 1)^2"
    assert known["digits"]["wgan-gp"]["critic"] == "E f(x̃) - E f(x) + 20.6 E (‖∇f(x̂)‖ - 1)^2"
    assert known["digits"]["wgan-clip"]["critic"].endswith("clamped to ±0.00556")
    assert known["digits"]["wgan-gp"]["generator"] == "-E f(x̃)"
    assert known["digits"]["minimax"]["paper"] == "Goodfellow et al. 2014, eq. 1"
    assert known["digits"]["wgan-gp"]["paper"] == "Gulrajani et al. 2017, eq. 3, with other numbers"


def ignore(*_: Any, **__: Any) -> None:
    """A listener that does not listen."""


class Hearing(Listener):
    """Tells each step to `progress`, and keeps what was said."""

    def __init__(self, progress: Any) -> None:
        self.step, self.said = progress, list[str]()
        self.outcomes: dict[RunSpec, Outcome] = {}

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        self.outcomes[spec] = outcome

    def say(self, line: str) -> None:
        self.said.append(line)


def run(suite: Suite, options: Options, store: Store, progress: Any = ignore) -> dict[RunSpec, Outcome]:
    """The outcomes of the cells that ran."""
    listener = Hearing(progress)
    run_suite(make_plan(suite, options, store, ignore), store, listener)
    return listener.outcomes


def comparable(store: Store, suite: Suite) -> dict[str, Any]:
    """Every recorded number that does not tell the time, and the hash of every final weight."""
    record = store.record(suite.name)
    clocks = record.metrics["name"].str.endswith("_seconds") | (record.metrics["name"] == "iterations_per_second")
    rows = record.metrics[~clocks].sort_values(["run_key", "name", "step"])
    hashes = record.runs.set_index("run_key")["weights_hash"].to_dict()
    assert all(hashes.values())
    return {"metrics": rows.values.tolist(), "weights": hashes}


def test_a_sweep_runs_every_cell_once_and_records_what_reports_need(
    suite: Suite, options: Options, store: Store
) -> None:
    outcomes = run(suite, options, store)
    assert [outcome.status for outcome in outcomes.values()] == ["done"] * 6
    assert run(suite, options, store) == {}
    record = store.record("small")
    assert set(record.runs["status"]) == {"done"}
    assert record.meta["primary"] == {"8gaussians": "emd"}
    floor = record.meta["floor"]["8gaussians"]
    assert set(floor) == set(record.meta["metrics"])
    assert all(entry["n"] == 200 and len(entry["values"]) == 20 for entry in floor.values())
    names = set(record.metrics["name"])
    assert {
        "emd",
        "modes_covered",
        "critic/real",
        "critic/penalty_interpolates",
        "critic/wasserstein_estimate",
        "critic/grad_norm",
        "generator/fake",
        "train_seconds",
        "iterations_per_second",
    } <= names
    steps = record.metrics.query("name == 'emd'").groupby("run_key")["step"].apply(list)
    assert all(each == [10, 20, 30, 40] for each in steps)
    assert {run.run_key: run_spec(json.loads(run.spec)).key for run in record.runs.itertuples()} == {
        key: key for key in record.runs.run_key
    }
    assert record.meta["formulas"] == formulas(suite.cells)
    row = record.runs.set_index("loss").loc["wgan-clip"].iloc[0]
    assert (row["optimizer"], row["n_critic"], row["images_seen"]) == ("RMSProp 0.0005", 2, 40 * 2 * 16)
    assert len(record.samples) == 6 * 14 + 1
    key = record.runs.run_key.iloc[0]
    fields = [record.samples[f"{key}/critic@{step}"] for step in (0, 10, 20, 30, 40)]
    assert {field.shape for field in fields} == {(33, 33)}
    assert len({field.tobytes() for field in fields}) == 5, "the critic changes between evaluations"
    corners = np.ix_([0, -1], [0, -1])
    np.testing.assert_allclose(fields[-1][corners], record.samples[f"{key}/critic"][corners], rtol=1e-5)
    assert not any((options.results / "small" / "runs").iterdir())


def test_a_sweep_in_its_own_process_loads_a_data_set_once(
    suite: Suite, options: Options, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, load = [], contexts.load_dataset

    def noted(name: str, **where: Any) -> Any:
        loaded.append(name)
        return load(name, **where)

    monkeypatch.setattr(contexts, "load_dataset", noted)
    plan = make_plan(suite.only(losses=["wgan-gp"]), options, store, print)
    assert run_suite(plan, store, Listener()).unfinished == []
    assert loaded == ["8gaussians"]


def test_a_changed_spec_is_another_cell(suite: Suite, options: Options, store: Store, tmp_path: Path) -> None:
    run(suite, options, store)
    longer = load_suite(str(tmp_path / "small.yaml"), {"train.steps": "50"})
    plan = make_plan(longer, options, store, ignore)
    assert len(plan.todo) == 6
    shorter_seeds = load_suite(str(tmp_path / "small.yaml"), {"seeds": "3"})
    assert [spec.seed for spec in make_plan(shorter_seeds, options, store, ignore).todo] == [2, 2, 2]


@pytest.mark.parametrize("stop_at", [3, 12, 39])
def test_an_interrupted_sweep_ends_with_the_numbers_of_an_undisturbed_one(
    suite: Suite, options: Options, store: Store, tmp_path: Path, stop_at: int
) -> None:
    seen: dict[str, int] = {}

    def interrupt(spec: RunSpec, step: int) -> None:
        seen[spec.key] = step
        if len(seen) == 2 and step >= stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(suite, options, store, interrupt)
    statuses = sorted(cell.status for cell in store.cells("small"))
    assert len(statuses) == 2
    assert "done" in statuses
    outcomes = run(suite, options, store)
    assert len(outcomes) == 5
    straight = Store(tmp_path / "straight")
    run(suite, Options(tmp_path / "straight", options.data, "cpu", workers=0), straight)
    assert comparable(store, suite) == comparable(straight, suite)


def test_two_processes_give_the_numbers_of_one(suite: Suite, options: Options, store: Store, tmp_path: Path) -> None:
    run(suite, options, store)
    double = Store(tmp_path / "double")
    run(suite, Options(tmp_path / "double", options.data, "cpu", workers=2), double)
    assert comparable(store, suite) == comparable(double, suite)


def test_a_cell_that_raises_is_recorded_and_the_sweep_goes_on(
    suite: Suite, options: Options, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:

    def explode(run: Any, *rest: Any) -> Any:
        if run.spec.loss_name == "wgan-gp":
            raise RuntimeError("out of\nmemory")
        return original(run, *rest)

    original = stack.train
    monkeypatch.setattr(stack, "train", explode)
    outcomes = run(suite, options, store)
    failed = {spec.loss_name: outcome.reason for spec, outcome in outcomes.items() if outcome.status == "failed"}
    assert failed == {"wgan-gp": "RuntimeError: out of memory"}
    assert sum(outcome.status == "done" for outcome in outcomes.values()) == 4
    monkeypatch.undo()
    assert {spec.loss_name for spec in run(suite, options, store)} == {"wgan-gp"}


def test_a_diverged_run_is_a_result_and_is_not_run_again(options: Options, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "wild.yaml"
    path.write_text(
        SUITE.replace("lr: 1e-3", "lr: 1e30")
        .replace("[non-saturating, wgan-clip, wgan-gp]", "[wgan-gp]")
        .split("overrides")[0]
        .replace("small", "wild")
    )
    suite = load_suite(str(path))
    outcomes = run(suite, options, store)
    assert {outcome.status for outcome in outcomes.values()} == {"diverged"}
    assert all("is not finite at step" in outcome.reason for outcome in outcomes.values())
    assert run(suite, options, store) == {}
    assert set(store.record("wild").runs["status"]) == {"diverged"}


def test_a_metric_that_cannot_be_had_fails_that_metric_and_not_the_run(
    suite: Suite, options: Options, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan_zoo.metrics import Evaluator

    original = Evaluator.read

    def without(self: Evaluator, x: Tensor) -> Callable[[], dict[str, float]]:
        scores = original(self, x)
        return lambda: {**scores(), "emd": float("nan")}

    monkeypatch.setattr(Evaluator, "read", without)
    outcomes = run(suite, options, store)
    assert {outcome.status for outcome in outcomes.values()} == {"done"}
    values = store.record("small").metrics.query("name in ['emd', 'modes_covered']").groupby("name")["value"]
    assert values.count().to_dict() == {"emd": 0, "modes_covered": 24}


def test_cells_that_no_table_could_set_beside_the_record_do_not_run(
    suite: Suite, options: Options, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SUITE.replace("seeds: 2", "seeds: 1"))
    run(load_suite(str(path)), options, store)
    monkeypatch.setattr("gan_zoo.metrics.on_points.EMD_POINTS", 150)
    assert run(load_suite(str(path)), options, store) == {}
    with pytest.raises(UserError) as caught:
        run(suite, options, store)
    assert str(caught.value) == (
        "emd: non-saturating / 8gaussians / seed 0 was scored by measure=exact W1 between 200 and 200 points, now "
        "it would be measure=exact W1 between 150 and 150 points; bring that classifier back (gan-zoo "
        "import-extractor) or use another --results"
    )


def test_repeats_are_recorded_beside_the_curve(store: Store, options: Options, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SUITE.replace("samples: 200", "samples: 200, repeats: 2").replace("seeds: 2", "seeds: 1"))
    run(load_suite(str(path)), options, store)
    metrics = store.record("small").metrics
    steps = metrics.groupby("name")["step"].apply(lambda column: sorted(set(column)))
    assert steps["apart/emd"] == [10, 20, 30, 40]
    assert steps["sampling/emd/0"] == steps["sampling/emd/1"] == [40]


class DyingStore:
    """Stands for a record whose process dies when the cell with seed 1 of wgan-clip opens."""

    def open_cell(self, suite: str, parent: str, *, key: str, name: str, **_: Any) -> Any:
        if name == "wgan-clip / 8gaussians / seed 1":
            os._exit(9)
        return SilentLog()


class SilentLog:
    """Takes everything and keeps nothing."""

    def __getattr__(self, name: str) -> Any:
        return ignore


def test_a_worker_that_dies_takes_only_its_cell_with_it(suite: Suite, options: Options) -> None:
    context = Context(options.results / "runs", options.data, devices=("cpu", "cpu"))
    sweep = Sweep("small", "", DyingStore(), Shelf(context))  # type: ignore[arg-type]
    outcomes = {spec.label: outcome for spec, outcome in run_cells(sweep, suite.cells, Listener())}
    assert outcomes.pop("wgan-clip / 8gaussians / seed 1") == Outcome("failed", "the worker process died (exit code 9)")
    assert {outcome.status for outcome in outcomes.values()} == {"done"}
    assert len(outcomes) == 5


def test_specs_travel_as_json(suite: Suite) -> None:
    sent = json.dumps([spec.to_dict() for spec in suite.cells])
    assert tuple(map(run_spec, json.loads(sent))) == suite.cells
    assert len(suite.cells) == 6
