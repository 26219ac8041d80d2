"""The timing pass: what is timed, in which order and how often; what is recorded, and that cells know nothing of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import gethostname

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic import synthetic, texts

from benchmarks.cli import main
from benchmarks.markup.blocks import DASH
from benchmarks.record.cells import RecordedCell
from benchmarks.record.export import TIMING_COLUMNS, Record
from benchmarks.record.lease import Holder
from benchmarks.record.store import Store
from benchmarks.record.timings import Circumstances, Timing, configuration
from benchmarks.report import terminal
from benchmarks.report.contrasts import target_table
from benchmarks.report.results import Results
from benchmarks.report.seconds import timing_tables
from benchmarks.report.tables import run_table, scores_table
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep import timing
from benchmarks.sweep.context import Context
from benchmarks.sweep.plan import Options
from benchmarks.sweep.timing import (
    Clock,
    Lap,
    Stretch,
    budget_of,
    by_events,
    distinct,
    rounds_of,
    time_cells,
    time_suite,
)
from benchmarks.tools import suite_run
from gan_zoo.spec import RunSpec

SUITE = """\
name: timed
losses: [non-saturating, wgan-gp]
datasets: [8gaussians, 25gaussians]
seeds: 3
architecture: {name: mlp, width: 8, depth: 1}
train: {steps: 40, batch_size: 4, n_critic: 1, optimizer: {name: adam, lr: 1e-3}}
evaluate: {every: 40, samples: 10, metrics: [modes_covered]}
"""
HERE = Circumstances("cpu", "here", "plain", 1, "float32")


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "timed.yaml"
    path.write_text(SUITE)
    return load_suite(str(path))


def scripted(seconds: Iterator[float]) -> Clock:
    """A clock that trains as ever and says what it is told to."""

    def lap(stretch: Stretch) -> Lap:
        stretch()
        said = next(seconds)
        return Lap(said, said / 2)

    return Clock("scripted", lap)


def context(tmp_path: Path, engine: str = "plain") -> Context:
    return Context(tmp_path / "runs", tmp_path / "data", engine=engine)


def test_a_configuration_is_a_cell_without_seed_and_evaluation(suite: Suite) -> None:
    spec = suite.cells[0]
    same = [replace(spec, seed=7), replace(spec, evaluate=replace(spec.evaluate, every=1))]
    other = [replace(spec, train=replace(spec.train, batch_size=5)), suite.cells[1]]
    assert {configuration(each.canonical) for each in same} == {configuration(spec.canonical)}
    assert configuration(spec.canonical) not in {configuration(each.canonical) for each in other}
    assert distinct(suite.cells) == list(suite.cells[:4])


def test_median_and_quartiles_over_rounds() -> None:
    """Of 1, 2, 3, 4, 100: a disturbed round moves nothing."""
    found = Timing("a", "d", "{}", HERE, "plain", "wall clock", 16, [100.0, 1.0, 3.0, 2.0, 4.0], [1.0, 2.0]).summary
    assert found["seconds_per_iteration"] == 3
    assert (found["seconds_q25"], found["seconds_q75"]) == (2, 4)
    assert found["cpu_seconds_per_iteration"] == 1.5
    assert set(Timing("a", "d", "{}", HERE, "plain", "c", 1, [7.0]).summary.values()) == {7.0}


@pytest.mark.parametrize(
    ("seconds", "steps", "budget", "expected"),
    [
        (0.004, 20_000, 30, (20, 16)),  # quick: the most there is
        (0.1, 20_000, 30, (18, 16)),  # 300 iterations fit, in whole blocks
        (0.5, 20_000, 30, (3, 16)),  # 60 fit: three blocks
        (1.0, 20_000, 30, (3, 10)),  # 30 fit: three parts
        (20.0, 20_000, 30, (1, 1)),  # one fits
        (1000.0, 20_000, 30, (1, 1)),  # none does
        (0.001, 40, 30, (3, 12)),  # a run of 40 steps has 36 after those that warm up
        (0.001, 1, 30, (1, 1)),
        (0.0, 20_000, 30, (20, 16)),
    ],
)
def test_how_many_iterations(seconds: float, steps: int, budget: float, expected: tuple[int, int]) -> None:
    assert rounds_of(seconds, steps, budget) == expected


def test_rounds_are_interleaved_over_the_losses_of_a_data_set(suite: Suite, tmp_path: Path) -> None:
    """Each loss's pace, then rounds of one loss after the other; the clock's seconds, divided by iterations, are the
    timing's: 36 of 40 steps are left after the warm-up, three rounds of twelve."""
    paces = [0.3, 0.6]
    first = [1.2, 12.0, 2.4, 24.0, 3.6, 36.0]
    second = [120.0] * 6
    clock = scripted(iter([*paces, *first, *paces, *second]))
    found = list(time_cells(distinct(suite.cells), context(tmp_path), 1e9, clock))
    assert all(isinstance(each, Timing) for each in found)
    timings = {(each.dataset, each.loss): each for each in found if isinstance(each, Timing)}
    assert list(timings) == [(d, loss) for d in suite.datasets for loss in suite.losses]
    assert timings["8gaussians", "non-saturating"].seconds == pytest.approx([0.1, 0.2, 0.3])
    assert timings["8gaussians", "wgan-gp"].seconds == pytest.approx([1.0, 2.0, 3.0])
    assert timings["8gaussians", "wgan-gp"].cpu == pytest.approx([0.5, 1.0, 1.5])
    assert timings["25gaussians", "wgan-gp"].seconds == pytest.approx([10.0] * 3)
    assert {(each.iterations, each.engine, each.clock) for each in timings.values()} == {(12, "plain", "scripted")}


def test_what_one_data_set_leaves_of_the_budget_is_the_next_ones(suite: Suite, tmp_path: Path) -> None:
    """12 of 24 s for each data set; the first needs none, so the second, whose losses take 1 s an iteration together,
    gets 24 iterations, in three rounds, and not 12."""
    clock = scripted(iter([0.0, 0.0, *[0.0] * 6, 1.5, 1.5, *[1.0] * 100]))
    found = list(time_cells(distinct(suite.cells), context(tmp_path), 24.0, clock))
    assert [(each.iterations, len(each.seconds)) for each in found if isinstance(each, Timing)] == [
        *[(12, 3)] * 2,
        *[(8, 3)] * 2,
    ]


def test_what_cannot_be_timed_is_said_and_the_others_are(suite: Suite, tmp_path: Path, monkeypatch) -> None:
    whole = timing.prepare

    def prepare(spec, *how):
        if spec.loss_name == "wgan-gp" and spec.dataset.name == "8gaussians":
            raise MemoryError("no room")
        return whole(spec, *how)

    monkeypatch.setattr(timing, "prepare", prepare)
    cells = distinct(suite.cells)
    found = list(time_cells(cells, context(tmp_path), 1.0, scripted(iter([1.0] * 200))))
    assert [each for each in found if isinstance(each, str)] == [
        "not timed: wgan-gp on 8gaussians: MemoryError: no room"
    ]
    assert len([each for each in found if isinstance(each, Timing)]) == 3


def options(results: Path, tmp_path: Path, engine: str = "plain") -> Options:
    return Options(results, tmp_path / "data", "cpu", workers=0, engine=engine)


def measure(suite: Suite, how: Options, monkeypatch, seconds: float, anew: bool = False) -> list[str]:
    """The pass with a clock by which every lap takes so long; what it says."""
    said: list[str] = []
    monkeypatch.setattr(timing, "WALL", Clock("scripted", lambda stretch: (stretch(), Lap(seconds, seconds))[1]))
    assert time_suite(suite, how, Store(how.results), said.append, anew) == []
    return said


def test_a_timing_stands_until_its_circumstances_are_others(suite, results, tmp_path, monkeypatch) -> None:
    how = options(results, tmp_path)
    assert measure(suite, how, monkeypatch, 0.6) == [
        "timing 4 configurations, each alone on the device, in 30 s or less"
    ]
    assert measure(suite, how, monkeypatch, 0.6) == []
    assert len(measure(suite, replace(how, engine="closed-form"), monkeypatch, 0.6)) == 1
    assert len(measure(suite, replace(how, threads=2), monkeypatch, 0.6)) == 1
    longer = replace(suite, cells=tuple(replace(s, train=replace(s.train, steps=41)) for s in suite.cells))
    assert len(measure(longer, how, monkeypatch, 0.6)) == 1
    assert len(measure(suite, how, monkeypatch, 0.6, anew=True)) == 1


@pytest.fixture
def exported(monkeypatch) -> None:
    """Sweeps end with an export in place of a report, which takes longer than all the rest."""

    def write(suite: str, store: Store, results: Path) -> tuple[Path, list[Path]]:
        return results / suite, store.record(suite).write(results / suite / "export")

    monkeypatch.setattr(suite_run, "write_report", write)
    monkeypatch.setattr(terminal, "scores_text", str)
    monkeypatch.setattr(Store, "log_report", lambda *parts: None)


def test_the_record_keeps_each_round_and_the_export_the_latest(suite, results, tmp_path, monkeypatch, exported) -> None:
    place = ["--results", str(results), "--data", str(tmp_path / "data"), "--device", "cpu"]
    path = str(tmp_path / "timed.yaml")
    monkeypatch.setattr(timing, "WALL", Clock("scripted", lambda stretch: (stretch(), Lap(0.024, 0.012))[1]))
    assert main(["run", path, "--workers", "0", "--seeds", "0", *place]) == 0
    before = Record.read(results / "timed" / "export")
    assert before.timings.seconds_per_iteration.tolist() == pytest.approx([0.002] * 4)
    monkeypatch.setattr(timing, "WALL", Clock("scripted", lambda stretch: (stretch(), Lap(0.012, 0.012))[1]))
    assert main(["timing", path, "--losses", "wgan-gp", *place]) == 0
    Store(results).record("timed").write(tmp_path / "again")
    for name in ("runs.csv", "metrics.csv", "samples.npz"):
        assert (tmp_path / "again" / name).read_bytes() == (results / "timed" / "export" / name).read_bytes()
    timings = Record.read(tmp_path / "again").timings
    seconds = timings.set_index(["dataset", "loss"]).seconds_per_iteration.to_dict()
    expected = {"wgan-gp": 0.001, "non-saturating": 0.002}
    assert seconds == {(d, loss): pytest.approx(expected[loss]) for d in suite.datasets for loss in suite.losses}
    assert set(timings.engine) == set(before.runs.engine)
    assert set(timings.engine_asked) == {"auto"}
    assert set(timings.numerics) == set(before.runs.numerics)
    assert set(timings.device) == set(before.runs.device)
    client = Store(results)._client
    (experiment,) = [each for each in client.search_experiments() if each.name == "timed"]
    (run, *_) = client.search_runs([experiment.experiment_id], "tags.kind = 'timing'")
    rounds = client.get_metric_history(run.info.run_id, "round/seconds")
    assert {each.step: each.value for each in rounds} == dict.fromkeys((1, 2, 3), pytest.approx(0.001))
    assert run.data.tags["commit"] == before.runs.commit[0]


def test_a_timing_that_was_broken_off_is_none(suite, results, tmp_path, monkeypatch) -> None:
    how = options(results, tmp_path)
    store = Store(results)
    set_tag = store._client.set_tag

    def cut_short(run_id, name, value):
        if name == "status":
            raise KeyboardInterrupt
        set_tag(run_id, name, value)

    monkeypatch.setattr(store._client, "set_tag", cut_short)
    with pytest.raises(KeyboardInterrupt):
        time_suite(suite, how, store, print)
    assert Store(results).timed("timed") == set()
    assert len(measure(suite, how, monkeypatch, 0.6)) == 1
    assert len(Store(results).timed("timed")) == 4


def recorded(spec: RunSpec, status: str, owner: str, seconds: float = 0.0) -> RecordedCell:
    return RecordedCell(spec.key, "id", status, 1, seconds, "", {}, "", Holder(owner, 1, 0.0, 2e9))


def test_nothing_is_timed_while_cells_run_on_this_machine(suite, results, tmp_path, monkeypatch) -> None:
    store, how = Store(results), options(results, tmp_path)
    monkeypatch.setattr(store, "cells", lambda name: [recorded(suite.cells[0], "running", gethostname())])
    (line,) = time_suite(suite, how, store, print)
    assert "gan-zoo timing timed when they have ended" in line
    assert store.timed("timed") == set()
    monkeypatch.setattr(store, "cells", lambda name: [recorded(suite.cells[0], "running", "elsewhere")])
    assert time_suite(suite, how, store, print) == []
    assert len(store.timed("timed")) == 4


def test_the_pass_takes_a_twentieth_of_the_sweep_or_half_a_minute(suite: Suite) -> None:
    cells = [recorded(spec, "done", "here", 1000.0) for spec in suite.cells]
    assert len(cells) == 12
    assert budget_of(cells, workers=2) == pytest.approx(0.05 * 12_000 / 2)
    assert budget_of(cells, workers=40) == 30
    assert budget_of([], workers=1) == 30


def test_a_gpu_is_timed_by_its_own_events(monkeypatch) -> None:
    """The stretch lies between two events of the device, whose milliseconds count when both have happened."""
    happened: list[str] = []

    class Event:
        count = 0

        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing
            Event.count += 1
            self.name = f"event {Event.count}"

        def record(self) -> None:
            happened.append(self.name)

        def synchronize(self) -> None:
            happened.append(f"{self.name} awaited")

        def elapsed_time(self, other: "Event") -> float:
            happened.append(f"{self.name} to {other.name}")
            return 250.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    assert by_events(lambda: happened.append("stretch")) == Lap(0.25)
    assert happened == ["event 1", "stretch", "event 2", "event 2 awaited", "event 1 to event 2"]


def timings(record: Record, pace: dict[str, float], **where: object) -> pd.DataFrame:
    """Rows of a timing pass over the first data set and the losses of `pace`, in seconds of a step."""
    known = {"device": "cpu", "host": "c0ffee00", "engine_asked": "auto", "engine": "plain", "threads": 1}
    known |= {"numerics": "float32", "clock": "wall clock", "rounds": 20, "iterations": 16, "commit": "0123", **where}
    rows = [
        {**known, "dataset": "8gaussians", "loss": loss, "seconds_per_iteration": seconds}
        | {"seconds_q25": 0.9 * seconds, "seconds_q75": 1.2 * seconds, "cpu_seconds_per_iteration": 0.95 * seconds}
        for loss, seconds in pace.items()
    ]
    frame = pd.DataFrame(rows)[list(TIMING_COLUMNS)]
    return frame if record.timings.empty else pd.concat([record.timings, frame])


@pytest.fixture
def record() -> Record:
    """Two losses of 2000 steps on three seeds, 4 to 4.08 ms a step by their own clocks."""
    return synthetic(["wgan-gp", "wgan-lp"], ("8gaussians",), seeds=3, failing=())


def test_every_seconds_column_is_steps_times_the_timing(record: Record) -> None:
    record.timings = timings(record, {"wgan-gp": 0.002, "wgan-lp": 0.001})
    results = Results(record)
    dataset = results.on("8gaussians")
    assert dataset.times().train_seconds.to_dict() == {"wgan-gp": 4.0, "wgan-lp": 2.0}
    assert dataset.times().iterations_per_second.to_dict() == {"wgan-gp": 500.0, "wgan-lp": 1000.0}
    target = target_table(dataset)
    assert target is not None
    steps, seconds = ([row[i].value for row in target.rows] for i in (2, 3))
    assert seconds == pytest.approx([0.002 * steps[0], 0.001 * steps[1]])
    assert [row[6].value for row in run_table(results).rows] == pytest.approx([4.0] * 3 + [2.0] * 3)
    curve = results.clock.at(dataset, "wgan-lp", np.array([0.0, 1000.0]))
    assert curve is not None
    assert curve.tolist() == [0.0, 1.0]
    for table in (scores_table(dataset), target, run_table(results)):
        assert "Seconds: steps times what one takes in the timing pass (cpu, 1 thread; table timing)." in table.protocol
    assert results.clock.cautions == []


def test_timings_of_unlike_devices_share_no_column(record: Record) -> None:
    """The report takes those that cover both losses; a loss that they lack has no seconds, not another device's."""
    record.timings = timings(record, {"wgan-gp": 0.00005}, device="A GPU", clock="CUDA events")
    record.timings = timings(record, {"wgan-gp": 0.002, "wgan-lp": 0.001})
    record.timings = timings(record, {"wgan-lp": 0.003}, threads=2)
    first, *others = timing_tables(Results(record))
    assert [[row[0].plain, row[3].value] for row in first.rows] == [["wgan-gp", 2.0], ["wgan-lp", 1.0]]
    assert [[row[3].value for row in table.rows] for table in others] == [[3.0], [0.05]]
    assert [table.name for table in (first, *others)] == ["timing", "timing-2", "timing-3"]
    assert "A GPU, 1 thread" in others[1].caption
    record.timings = record.timings[record.timings.device == "A GPU"]
    seconds = Results(record).on("8gaussians").times().train_seconds
    assert seconds["wgan-gp"] == pytest.approx(0.1)
    assert np.isnan(seconds["wgan-lp"])
    assert [row[6].text for row in run_table(Results(record)).rows][3:] == [DASH] * 3


def test_without_timings_the_cells_own_clocks_count_and_are_called_so(record: Record) -> None:
    results = Results(record)
    dataset = results.on("8gaussians")
    assert dataset.times().train_seconds.to_dict() == pytest.approx(dict.fromkeys(results.losses, 8.08))
    record.runs.loc[record.runs.loss == "wgan-lp", "timing_comparable"] = False
    results = Results(record)
    assert np.isnan(results.on("8gaussians").times().train_seconds["wgan-lp"])
    assert "by each cell's own clock" in " ".join(scores_table(results.on("8gaussians")).protocol)
    assert results.clock.cautions == [
        "Seconds of runs that shared a device with others are not comparable and left out."
    ]
    assert timing_tables(results) == []


def test_a_machine_that_was_busy_while_timed_is_said_to_have_been(record: Record) -> None:
    record.timings = timings(record, {"wgan-gp": 0.002, "wgan-lp": 0.001})
    record.timings["cpu_seconds_per_iteration"] /= 2
    (caution,) = Results(record).clock.cautions
    assert "a step took 2.11 times its CPU time" in caution
    assert caution in texts(record)[0]
