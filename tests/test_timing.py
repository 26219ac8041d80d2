"""The timing pass: what is timed, in which order and how often; what is recorded, and that cells know nothing of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cli import main
from benchmarks.record.export import Record
from benchmarks.record.store import Store
from benchmarks.record.timings import Circumstances, Timing, configuration
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep import timing
from benchmarks.sweep.context import Context
from benchmarks.sweep.plan import Options
from benchmarks.sweep.timing import Clock, Lap, Stretch, distinct, rounds_of, time_cells, time_suite

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
    rounds, iterations = rounds_of(seconds, steps, budget)
    assert (rounds, iterations) == expected
    assert rounds == iterations == 1 or rounds * iterations * seconds <= budget


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
    return Options(results, tmp_path / "data", "cpu", workers=1, engine=engine)


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


def test_the_record_keeps_each_round_and_the_export_the_latest(suite, results, tmp_path, monkeypatch, capfd) -> None:
    place = ["--results", str(results), "--data", str(tmp_path / "data"), "--device", "cpu"]
    path = str(tmp_path / "timed.yaml")
    monkeypatch.setattr(timing, "WALL", Clock("scripted", lambda stretch: (stretch(), Lap(0.024, 0.012))[1]))
    assert main(["run", path, "--workers", "1", "--seeds", "0", *place]) == 0
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
    assert set(timings.engine) == {"plain"}
    assert set(timings.numerics) == set(before.runs.numerics)
    assert set(timings.device) == set(before.runs.device)
    capfd.readouterr()
    assert main(["run", path, "--workers", "1", "--seeds", "0", *place]) == 0
    assert "timing" not in capfd.readouterr().out


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
