"""Overheads of a run: start-up, tracking and checkpoints, evaluation; and the command line's own time."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.record.environment import data_folder
from benchmarks.record.store import Store
from benchmarks.record.vocabulary import WASSERSTEIN_ESTIMATE
from benchmarks.suites.suite import load_first_look
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import run_suite
from gan_zoo.spec import RunSpec

HELP_CALLS = 5


@dataclass(frozen=True)
class Clocks:
    """Seconds of one cell, run and recorded as a sweep does it."""

    cell: str
    steps: int
    samples: int
    evaluations: int
    start_up: float
    """from the call, torch imported, to the report of the first steps: data, record and classifier made ready"""
    train: float
    evaluate: float
    record: float

    @property
    def evaluation(self) -> float:
        return self.evaluate / self.evaluations

    @property
    def share(self) -> float:
        """Tracking, checkpoints and pictures, of the training time."""
        return self.record / self.train


@dataclass
class FirstStep(Listener):
    """Notes when steps were reached."""

    reached: list[float]

    def step(self, spec: RunSpec, step: int) -> None:
        self.reached.append(time.perf_counter())


def run_one(dataset: str) -> Clocks:
    """WGAN-GP of quickstart on `dataset`, scored once at a time, in a folder of its own that is gone afterwards."""
    suite = load_first_look("quickstart", {"evaluate.repeats": "1"}, ["wgan-gp"], [dataset])
    (spec,) = suite.cells
    reached: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), f"sqlite:///{folder}/mlflow.db")
        options = Options(Path(folder), data_folder(), "cpu", workers=0)
        started = time.perf_counter()
        plan = run_suite(make_plan(suite, options, store, print), store, FirstStep(reached))
        if plan.status(spec) != "done":
            raise RuntimeError(f"{spec.label}: {plan.status(spec)}: {plan.why(spec)}")
        metrics = store.record(suite.name).metrics.sort_values("step")
    last = metrics.groupby("name").value.last()
    evaluations = metrics[metrics.name == WASSERSTEIN_ESTIMATE].step.nunique()
    seconds = (float(last[f"{what}_seconds"]) for what in ("train", "evaluate", "record"))
    return Clocks(spec.label, spec.train.steps, spec.evaluate.samples, evaluations, reached[0] - started, *seconds)


def help_seconds() -> float:
    """Wall-clock seconds of `gan-zoo --help`, the median of several calls."""
    return median(_seconds_of([sys.executable, "-m", "benchmarks.cli", "--help"]) for _ in range(HELP_CALLS))


def _seconds_of(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
