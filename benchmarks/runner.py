"""Runs what is not done of a suite: plan, prepare, run or resume each cell, record the sweep's end."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cell import Outcome
from benchmarks.columns import columns, numerics_text
from benchmarks.environment import environment
from benchmarks.place import Place, load_data, load_evaluator
from benchmarks.suite import Suite
from benchmarks.together import trial_seconds
from benchmarks.tracking import Cell, Store
from benchmarks.workers import Progress, Sweep, run_cells
from gan_zoo.device import choose_devices, configure_process, core_count, device_name
from gan_zoo.engine import ENGINE_NAMES, Numerics
from gan_zoo.errors import UserError
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import check_numerics
from gan_zoo.validation import lookup

SETTLED = ("done", "diverged", "running")
"""Cells that a sweep leaves alone: those with a result, a divergence included, and those that another sweep is at."""


@dataclass(frozen=True)
class Plan:
    """The cells of a suite against the record: what stands, what is to be done, how long that may take."""

    suite: Suite
    recorded: Mapping[str, Cell]

    def status(self, spec: RunSpec) -> str:
        return self.recorded[spec.key].status if spec.key in self.recorded else "missing"

    @property
    def todo(self) -> list[RunSpec]:
        """Cells to run: missing, failed and interrupted ones, the last first."""
        cells = [spec for spec in self.suite.cells if self.status(spec) not in SETTLED]
        return sorted(cells, key=lambda spec: self.status(spec) != "interrupted")

    def seconds(self, place: Place, workers: int) -> float:
        """An estimate for `todo`: the recorded time of like cells, or of a few trial iterations where there is none."""
        known: dict[tuple[str, str], list[float]] = {}
        for spec in self.suite.cells:
            if self.status(spec) == "done":
                known.setdefault((spec.loss_name, spec.dataset.name), []).append(self.recorded[spec.key].seconds)
        forecast: dict[tuple[str, str], float] = {key: statistics.median(seconds) for key, seconds in known.items()}
        for spec in self.todo:
            key = (spec.loss_name, spec.dataset.name)
            if key not in forecast:
                forecast[key] = trial_seconds(spec, place)
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

    def place(self, suite: str) -> Place:
        devices, cores = self.devices(), core_count()
        alone = len(devices) * self.threads <= cores and (devices[0] == "cpu" or len(set(devices)) == len(devices))
        lookup(dict.fromkeys(ENGINE_NAMES), self.engine, ("--engine",), "engine")
        runs = self.results / suite / "runs"
        return Place(runs, self.data, devices[0], self.threads, alone, self.engine, self.numerics)


def make_plan(suite: Suite, store: Store) -> Plan:
    return Plan(suite, store.cells(suite.name))


def refuse_other_numerics(plan: Plan, place: Place) -> None:
    """UserError where a cell stands in the record in other numerics: no table mixes them."""
    for spec in plan.suite.cells:
        wanted = numerics_text(spec, place.numerics)
        known = plan.recorded.get(spec.key)
        stands = (known.numerics or spec.train.precision) if known else wanted
        if stands != wanted:
            raise UserError(
                f"--numerics {place.numerics}: {spec.label} is recorded in {stands}, not {wanted}; "
                "use the numerics of the record, or another --results"
            )


def prepare_shared(suite: Suite, place: Place) -> dict[str, Any]:
    """Loads each data set and its extractor once, before anything runs; the protocol of each metric by name, and the
    primary metric of each data set.

    Errors: UserError for a data set, shape or metric that cannot be had.
    """
    configure_process(place.device, place.threads)
    metrics: dict[str, Any] = {}
    primary: dict[str, str] = {}
    for name in suite.datasets:
        spec = next(spec for spec in suite.cells if spec.dataset.name == name)
        data = load_data(spec, place)
        check_numerics(spec, place.device, place.numerics)
        for each in {spec.architecture: spec for spec in suite.cells if spec.dataset.name == name}.values():
            each.architecture.check(data.shape)
        evaluator = load_evaluator(spec, data, place)
        primary[name] = next(iter(evaluator.metrics))
        metrics |= {
            metric.name: {
                "direction": metric.direction,
                "label": metric.label,
                "protocol": metric.protocol,
                "lowest": metric.lowest,
                "highest": metric.highest,
            }
            for metric in evaluator.metrics.values()
        }
    return {"metrics": metrics, "primary": primary}


def describe(suite: Suite, shared: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """What a report says of the suite as a whole."""
    cells = suite.cells
    return {
        "suite": suite.name,
        "description": suite.description,
        "commands": [f"gan-zoo run {suite.name}", f"gan-zoo report {suite.name}"],
        "losses": list(suite.losses),
        "datasets": list(suite.datasets),
        "seeds": list(suite.seeds),
        "overrides": suite.overrides,
        "recipe": suite.recipe,
        "report": suite.report,
        "loss_info": {
            spec.loss_name: {
                "formula_critic": spec.loss.critic_formula,
                "formula_generator": spec.loss.generator_formula,
                "paper": spec.loss.paper,
            }
            for spec in cells
        },
        "environment": environment(device_name(place.device)),
        **shared,
    }


def run_suite(
    suite: Suite, options: Options, store: Store, progress: Progress, announce: Callable[[RunSpec, Outcome], None]
) -> dict[RunSpec, Outcome]:
    """Runs or resumes every cell that has not ended; the outcomes of those that ran. `announce` hears each end.

    Errors: UserError, before anything runs, for what cannot be had.
    """
    place, devices = options.place(suite.name), options.devices()
    refuse_other_numerics(make_plan(suite, store), place)
    shared = prepare_shared(suite, place)
    meta = describe(suite, shared, place)
    store.experiment(suite.name, suite.description)
    todo = make_plan(suite, store).todo
    outcomes: dict[RunSpec, Outcome] = {}
    with sweep_run(suite, store, meta, devices) as run_id:
        sweep = Sweep(suite.name, run_id, store, place)
        for spec, outcome in run_cells(sweep, todo, devices, progress) if todo else ():
            outcomes[spec] = outcome
            announce(spec, outcome)
    return outcomes


@contextmanager
def sweep_run(suite: Suite, store: Store, meta: dict[str, Any], devices: Sequence[str]) -> Iterator[str]:
    """The parent run of a sweep, ended as finished, or as killed where the sweep is broken off."""
    run_id = store.start_sweep(
        suite.name,
        name=f"sweep {len(suite.cells)} cells",
        params={
            "losses": ", ".join(suite.losses),
            "datasets": ", ".join(suite.datasets),
            "seeds": ", ".join(map(str, suite.seeds)),
            "workers": ", ".join(devices),
        },
        tags=meta["environment"],
        description=suite.description,
        meta=meta,
        cells={spec.key: columns(spec) for spec in suite.cells},
    )
    try:
        yield run_id
    except BaseException:
        store.finish_sweep(run_id, "killed")
        raise
    store.finish_sweep(run_id, "finished")
