"""What a sweep has to do: the cells of a suite against the record, and the options that say how they are run."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record.store import RecordedCell, Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep.columns import numerics_text
from benchmarks.sweep.context import Context
from benchmarks.sweep.stack import trial_seconds
from gan_zoo.device import choose_devices, core_count
from gan_zoo.engine import ENGINE_NAMES, Numerics, check_engine
from gan_zoo.errors import UserError
from gan_zoo.metrics import Metric
from gan_zoo.spec import RunSpec
from gan_zoo.validation import lookup

SETTLED = ("done", "diverged", "running")
"""Cells that a sweep leaves alone: those with a result, a divergence included, and those that another sweep is at."""


@dataclass(frozen=True)
class Plan:
    """The cells of a suite against the record: what stands, what is to be done, how long that may take."""

    suite: Suite
    recorded: Mapping[str, RecordedCell]

    def status(self, spec: RunSpec) -> str:
        return self.recorded[spec.key].status if spec.key in self.recorded else "missing"

    @property
    def todo(self) -> list[RunSpec]:
        """Cells to run: missing, failed and interrupted ones, the last first."""
        cells = [spec for spec in self.suite.cells if self.status(spec) not in SETTLED]
        return sorted(cells, key=lambda spec: self.status(spec) != "interrupted")

    def seconds(self, context: Context, workers: int) -> float:
        """An estimate for `todo`: the recorded time of like cells, or of a few trial iterations where there is none."""
        known: dict[tuple[str, str], list[float]] = {}
        for spec in self.suite.cells:
            if self.status(spec) == "done":
                known.setdefault((spec.loss_name, spec.dataset.name), []).append(self.recorded[spec.key].seconds)
        forecast: dict[tuple[str, str], float] = {key: statistics.median(seconds) for key, seconds in known.items()}
        for spec in self.todo:
            key = (spec.loss_name, spec.dataset.name)
            if key not in forecast:
                forecast[key] = trial_seconds(spec, context)
        return sum(forecast[spec.loss_name, spec.dataset.name] for spec in self.todo) / workers


@dataclass(frozen=True)
class Options:
    """How a sweep is to be run on this machine."""

    results: Path
    data: Path
    device: str = "auto"
    workers: int | None = None
    threads: int = 1
    engine: str = "plain"
    numerics: Numerics = "reference"

    def devices(self) -> list[str]:
        """The device of each worker. Errors: UserError where the wanted one is not there."""
        devices = choose_devices(self.device, max(1, core_count() // self.threads))
        if self.workers is None:
            return devices
        return [devices[i % len(devices)] for i in range(self.workers)]

    def context(self, suite: str) -> Context:
        devices, cores = self.devices(), core_count()
        alone = len(devices) * self.threads <= cores and (devices[0] == "cpu" or len(set(devices)) == len(devices))
        lookup(dict.fromkeys(ENGINE_NAMES), self.engine, ("--engine",), "engine")
        check_engine(self.engine, self.numerics, devices[0])
        runs = self.results / suite / "runs"
        return Context(runs, self.data, devices[0], self.threads, alone, self.engine, self.numerics)


def make_plan(suite: Suite, store: Store) -> Plan:
    return Plan(suite, store.cells(suite.name))


def refuse_other_numerics(plan: Plan, context: Context) -> None:
    """UserError where a cell stands in the record in other numerics: no table mixes them."""
    for spec in plan.suite.cells:
        wanted = numerics_text(spec, context.numerics, context.device)
        known = plan.recorded.get(spec.key)
        stands = (known.numerics or spec.train.precision) if known else wanted
        if stands != wanted:
            raise UserError(
                f"--numerics {context.numerics}: {spec.label} is recorded in {stands}, not {wanted}; "
                "use the numerics of the record, or another --results"
            )


def refuse_other_protocols(plan: Plan, dataset: str, metrics: Mapping[str, Metric]) -> None:
    """UserError where cells are to run that no table could set beside those recorded of a data set, because its
    `metrics` are not computed as they were."""
    settled = [spec for spec in plan.suite.cells if spec.dataset.name == dataset and plan.status(spec) in SETTLED]
    for spec in settled if plan.todo else ():
        recorded = json.loads(plan.recorded[spec.key].protocol or "{}")
        for name in recorded.keys() & metrics.keys():
            before, now = recorded[name].split("; "), metrics[name].protocol.split("; ")
            if before != now:
                was, would_be = lacking(before, now), lacking(now, before)
                raise UserError(
                    f"{name}: {spec.label} was scored by {was}, now it would be {would_be}; bring that "
                    "classifier back (gan-zoo import-extractor) or use another --results"
                )


def lacking(parts: Sequence[str], others: Sequence[str]) -> str:
    """What of a protocol another one lacks."""
    return "; ".join(part for part in parts if part not in others)
