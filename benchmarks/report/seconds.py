"""Seconds of training, by one clock for a whole report: the timing pass's or, where there was none, the cells' own.

The timing pass says what one generator step of a loss takes, alone on a device; seconds of a run are its steps times
that. Of a record with timings of several devices, or by several engines, a report takes those that cover most of it:
seconds of unlike circumstances share no column.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import DASH, Entry, Table, columns_of, number
from benchmarks.record.vocabulary import TRAIN_SECONDS
from benchmarks.report.names import named
from benchmarks.report.statistics import Array

if TYPE_CHECKING:
    from benchmarks.report.dataset_results import DatasetResults
    from benchmarks.report.results import Results

ALIKE = ["device", "host", "engine_asked", "threads", "numerics"]
"""Columns of timings whose values must be the same for seconds to be comparable."""
COSTS = ["train_seconds", "iterations_per_second"]
BUSY = 1.25
"""By how much the wall clock of one thread may exceed its CPU time where it has its core to itself."""


class Clock(Protocol):
    """Where a report's seconds come from; `caption` says it, `cautions` what a reader must know of them."""

    @property
    def caption(self) -> str: ...

    @property
    def cautions(self) -> list[str]: ...

    def at(self, dataset: "DatasetResults", loss: str, steps: Array) -> Array | None:
        """Seconds after so many generator steps of a loss; None where they are not known."""

    def of_run(self, dataset: "DatasetResults", run: Any, step: float) -> float | None:
        """Seconds of one run until a step, infinite where that is; None where it has no comparable clock."""

    def costs(self, dataset: "DatasetResults") -> pd.DataFrame:
        """The columns COSTS of the finished runs of each loss, mean over seeds; NaN where there is no clock."""


@dataclass(frozen=True)
class OwnClocks:
    """The clock of each cell, which counts training alone; those of runs that shared a device are left out."""

    results: "Results"
    caption = (
        "Seconds: of training alone, by each cell's own clock in the sweep (there was no timing pass), of runs with a "
        "device to themselves."
    )

    @property
    def cautions(self) -> list[str]:
        done = self.results.runs[self.results.runs.status == "done"]
        shared = len(done) and not done.timing_comparable.fillna(False).all()
        return ["Seconds of runs that shared a device with others are not comparable and left out."] if shared else []

    def at(self, dataset: "DatasetResults", loss: str, steps: Array) -> Array | None:
        runs, clock = dataset.cell_runs(loss), dataset.curve(loss, TRAIN_SECONDS)
        fair = runs.seed[runs.timing_comparable.fillna(False).astype(bool)].astype(int)
        mean = clock.loc[:, clock.columns.isin(fair)].mean(axis=1).dropna()
        return np.interp(steps, [0.0, *mean.index], [0.0, *mean]) if len(mean) else None

    def of_run(self, dataset: "DatasetResults", run: Any, step: float) -> float | None:
        if pd.isna(run.timing_comparable) or not run.timing_comparable:
            return None
        clock = dataset.curve(run.loss, TRAIN_SECONDS)
        seconds = clock[run.seed].dropna() if run.seed in clock.columns else pd.Series(dtype=float)
        return float(np.interp(step, seconds.index, seconds)) if len(seconds) and np.isfinite(step) else np.inf

    def costs(self, dataset: "DatasetResults") -> pd.DataFrame:
        runs = dataset.runs[dataset.runs.status == "done"].copy()
        runs.loc[~runs.timing_comparable.fillna(False).astype(bool), COSTS] = np.nan
        return runs.groupby("loss")[COSTS].mean().reindex(dataset.losses).astype(float)


@dataclass(frozen=True)
class TimingPass:
    """The timings of one kind of circumstances, as rows of the record's `timings`."""

    rows: pd.DataFrame

    @cached_property
    def pace(self) -> Mapping[tuple[str, str], float]:
        """(data set, loss) -> seconds of a generator step."""
        pace: dict[tuple[str, str], float] = self.rows.set_index(["dataset", "loss"]).seconds_per_iteration.to_dict()
        return pace

    @property
    def where(self) -> str:
        """Device and threads in words."""
        row = self.rows.iloc[0]
        return f"{row.device}, {row.threads} thread{'s' if row.threads != 1 else ''}"

    @property
    def caption(self) -> str:
        return f"Seconds: steps times what one takes in the timing pass ({self.where}; table timing)."

    @property
    def cautions(self) -> list[str]:
        rows = self.rows[(self.rows.threads == 1) & (self.rows.cpu_seconds_per_iteration > 0)]
        waits = (rows.seconds_per_iteration / rows.cpu_seconds_per_iteration).median()
        if not waits > BUSY:
            return []
        return [
            f"The machine was busy in the timing pass: a step took {number(waits)} times its CPU time (median over "
            "losses). Seconds compare losses, which took turns, and say little of an idle machine."
        ]

    def at(self, dataset: "DatasetResults", loss: str, steps: Array) -> Array | None:
        pace = self.pace.get((dataset.name, loss))
        return None if pace is None else steps * pace

    def of_run(self, dataset: "DatasetResults", run: Any, step: float) -> float | None:
        pace = self.pace.get((dataset.name, run.loss))
        return None if pace is None else step * pace

    def costs(self, dataset: "DatasetResults") -> pd.DataFrame:
        done = dataset.runs[dataset.runs.status == "done"]
        steps = done.groupby("loss").step.mean().reindex(dataset.losses).astype(float)
        pace = pd.Series({loss: self.pace.get((dataset.name, loss), np.nan) for loss in dataset.losses}, dtype=float)
        return pd.DataFrame({"train_seconds": steps * pace, "iterations_per_second": 1 / pace})


def passes(results: "Results") -> list[TimingPass]:
    """The timings of what a report shows, by their circumstances; first those that cover most, then those that are most
    like the runs' own."""
    timings = results.record.timings
    shown = timings[timings.loss.isin(results.losses) & timings.dataset.isin(results.datasets)]
    found = [TimingPass(rows) for _, rows in shown.groupby(ALIKE, sort=True, dropna=False)]
    return sorted(found, key=lambda each: (-len(each.rows), -_likeness(each, results)))


def _likeness(timed: TimingPass, results: "Results") -> int:
    """How many runs computed on the device, and in the numerics, of these timings."""
    row, runs = timed.rows.iloc[0], results.runs
    return int((runs.device == row.device).sum() + (runs.numerics == row.numerics).sum())


def clock_of(results: "Results") -> Clock:
    """The clock of a report."""
    return next(iter(passes(results)), OwnClocks(results))


def timing_tables(results: "Results") -> list[Table]:
    """A table of what a generator step takes for each kind of circumstances; the first is of the report's clock."""
    tables = []
    for position, each in enumerate(passes(results), 1):
        tables.append(_timing_table(results, each, "timing" if position == 1 else f"timing-{position}"))
    return tables


def _timing_table(results: "Results", timed: TimingPass, name: str) -> Table:
    numeric = ("ms / step", "quartiles", "CPU ms / step", "steps / s", "rounds x steps")
    columns = columns_of(("Loss", "data set", "engine", *numeric, "commit"), numeric)
    order = [*product(results.datasets, results.losses)]
    rows = []
    for row in sorted(timed.rows.itertuples(), key=lambda row: order.index((row.dataset, row.loss))):
        median = 1000 * row.seconds_per_iteration
        low, high = 1000 * row.seconds_q25, 1000 * row.seconds_q75
        cells = [named(row.loss), named(row.dataset), Entry(row.engine)]
        cells += [Entry(number(median), median), Entry(f"{number(low)} to {number(high)}", low)]
        cells += [_milliseconds(row.cpu_seconds_per_iteration), Entry(number(1000 / median), 1000 / median)]
        rows.append([*cells, Entry(f"{row.rounds} x {row.iterations}"), Entry(row.commit[:12])])
    row = timed.rows.iloc[0]
    caption = (
        f"What a generator step takes with its critic steps: {timed.where}, {row.numerics}, engine {row.engine_asked}, "
        f"by {row.clock}; median and quartiles over rounds."
    )
    protocol = (
        "Timing: each loss trained alone on the device, apart from the sweep, in turn with the others of its data set, "
        "round after round.",
    )
    return Table(name, caption, columns, rows, protocol=protocol)


def _milliseconds(seconds: float) -> Entry:
    return Entry(DASH) if pd.isna(seconds) else Entry(number(1000 * seconds), 1000 * seconds)
