"""The plan of a sweep: the cells of a suite against the record, and the options that say how they are run."""

import json
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from pathlib import Path

from benchmarks.record.cells import SETTLED, RecordedCell
from benchmarks.record.places import refuse_unwritable
from benchmarks.record.protocols import differing, read_protocol
from benchmarks.record.store import Store
from benchmarks.record.vocabulary import meant
from benchmarks.suites.suite import Suite
from benchmarks.sweep.context import Context, Shelf
from benchmarks.sweep.identity import Identity, identity
from benchmarks.sweep.messages import reason_of
from benchmarks.sweep.shard import WHOLE, Shard
from benchmarks.sweep.shared import Shared, prepare_shared
from benchmarks.sweep.stack import trial_evaluation, trial_seconds
from gan_zoo.device import choose_devices, core_count, ran_out_of_memory
from gan_zoo.engine import ENGINE_NAMES, Numerics, check_engine, name_of_chosen
from gan_zoo.errors import UserError, suggestion
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import abstract_players
from gan_zoo.validation import lookup, shown_name

MOST_ON_A_GPU = 4
"""Workers, where nobody says how many."""
LEFT_ALONE = (*SETTLED, "running")
"""Cells that a sweep does not run: those with a result, and those that another process is at."""


@dataclass(frozen=True)
class Plan:
    """The cells of a suite against the record: what stands, what is to be done, how long that may take.

    `shelf`: what cells in this process draw from and are scored by; `identities`: what the numbers of each cell come
    from; `recorded`: all cells of the record, the latest last; `shard`: which cells are this process's own, and come
    first.
    """

    suite: Suite
    shelf: Shelf
    shared: Shared
    identities: Mapping[RunSpec, Identity]
    recorded: Sequence[RecordedCell]
    shard: Shard = WHOLE

    @property
    def context(self) -> Context:
        """Where and how the cells run."""
        return self.shelf.context

    @cached_property
    def _recorded_of(self) -> Mapping[str, Sequence[RecordedCell]]:
        """The recorded cells by key, the latest last."""
        found: dict[str, list[RecordedCell]] = {}
        for cell in self.recorded:
            found.setdefault(cell.key, []).append(cell)
        return found

    def found(self, spec: RunSpec) -> RecordedCell | None:
        """The cell in the record, of this very identity."""
        tags = self.identities[spec].tags
        same = [cell for cell in self._recorded_of.get(spec.key, ()) if cell.identity == tags]
        return same[-1] if same else None

    def stale(self, spec: RunSpec) -> str:
        """In what the cell that is recorded in the place of this one is another, in words; "" where there is none."""
        others = self._recorded_of.get(spec.key)
        return self.identities[spec].differences(others[-1].identity) if others else ""

    def status(self, spec: RunSpec) -> str:
        """done, diverged, failed, interrupted, running, stale or not run."""
        found = self.found(spec)
        if found is not None:
            return found.status
        return "stale" if self.stale(spec) else "not run"

    def why(self, spec: RunSpec) -> str:
        """The reason for the status, where that needs one."""
        found = self.found(spec)
        if found is None:
            return self.stale(spec)
        return f"by {found.holder}" if found.status == "running" else found.error

    @property
    def todo(self) -> list[RunSpec]:
        """Cells to run: not run yet, stale, failed and interrupted ones, the last first.

        Of a shard its own come before all others; those of others that failed are left to the command that runs them.
        """
        return self.own_todo + self._left_by_others

    @property
    def own_todo(self) -> list[RunSpec]:
        """Of the cells to run those of this process's shard."""
        return self._first_interrupted(self.shard.share(self.suite.cells), LEFT_ALONE)

    @property
    def _left_by_others(self) -> list[RunSpec]:
        return self._first_interrupted(self.shard.others(self.suite.cells), (*LEFT_ALONE, "failed"))

    def _first_interrupted(self, cells: Sequence[RunSpec], but: Sequence[str]) -> list[RunSpec]:
        """The `cells` that have none of these statuses."""
        statuses = {spec: self.status(spec) for spec in cells}
        left = [spec for spec, status in statuses.items() if status not in but]
        return sorted(left, key=lambda spec: statuses[spec] != "interrupted")

    @property
    def running(self) -> list[RecordedCell]:
        """Cells that other processes are at."""
        found = filter(None, map(self.found, self.suite.cells))
        return [cell for cell in found if cell.status == "running"]

    @property
    def unfinished(self) -> list[RunSpec]:
        """Cells without a result."""
        return [spec for spec in self.suite.cells if self.status(spec) not in SETTLED]

    def other_engines(self) -> Counter[tuple[str, str]]:
        """How many cells stand, beside others of their loss and data set to run, that were trained by another engine
        than this sweep would use: by the two names. Their float32 is rounded in another order."""
        growing = {(spec.loss_name, spec.dataset.name) for spec in self.todo}
        found: Counter[tuple[str, str]] = Counter()
        for spec in self.suite.cells:
            cell = self.found(spec)
            if cell is not None and cell.status in SETTLED and (spec.loss_name, spec.dataset.name) in growing:
                own = self.engine(spec)
                if cell.engine not in ("", own):
                    found[cell.engine, own] += 1
        return found

    def engine(self, spec: RunSpec) -> str:
        """The name of the engine that this sweep trains a cell by."""
        players = abstract_players(spec, self.shared.shapes[spec.dataset.name], self.context.numerics)
        return name_of_chosen(self.context.engine, players, self.context.device)

    def extended(self, suite: Suite) -> "Plan":
        """The plan of a suite of other cells on the same data sets."""
        return replace(self, suite=suite, identities=_identities_of(suite, self.shared, self.context))

    def refreshed(self, store: Store) -> "Plan":
        """The plan against what the record says now."""
        return replace(self, recorded=store.cells(self.suite.name))

    def seconds(self) -> float:
        """An estimate of training `todo`: the recorded time of like cells, or of a few trial iterations where there is
        none."""
        known: dict[tuple[str, str], list[float]] = {}
        for spec in self.suite.cells:
            found = self.found(spec)
            if found is not None and found.status == "done":
                known.setdefault((spec.loss_name, spec.dataset.name), []).append(found.seconds)
        forecast: dict[tuple[str, str], float] = {key: statistics.median(seconds) for key, seconds in known.items()}
        total = 0.0
        for spec in self.todo:
            key = (spec.loss_name, spec.dataset.name)
            if key not in forecast:
                forecast[key] = _forecast_seconds(spec, self.shelf, trial_seconds)
            total += forecast[key]
        return total / (len(self.context.devices) or 1)

    def evaluation_seconds(self) -> float:
        """An estimate of evaluating `todo`, from one evaluation on each data set; scores alone, as of the end's other
        latents, take about half of one, which also scores against the validation split."""
        one: dict[str, float] = {}
        total = 0.0
        for spec in self.todo:
            if spec.dataset.name not in one:
                one[spec.dataset.name] = _forecast_seconds(spec, self.shelf, trial_evaluation)
            asked = spec.evaluate
            redrawn = asked.repeats / 2 if asked.repeats > 1 else 0
            total += one[spec.dataset.name] * (ceil(spec.train.steps / asked.every) + redrawn)
        return total / (len(self.context.devices) or 1)


def _forecast_seconds(spec: RunSpec, shelf: Shelf, trial: Callable[[RunSpec, Shelf], float]) -> float:
    """The seconds that a trial lets expect.

    Raises: UserError where it fails: too large a net, an error of a plugin.
    """
    try:
        return trial(spec, shelf)
    except Exception as failure:
        raise UserError(f"{spec.label}: cannot be trained ({reason_of(failure)})") from failure


@dataclass(frozen=True)
class Options:
    """How a sweep is to be run on this machine; `scratch` and `send_every`: see `benchmarks.sweep.context`."""

    results: Path
    data: Path
    device: str = "auto"
    workers: int | None = None
    threads: int = 1
    engine: str = "auto"
    numerics: Numerics = "reference"
    scratch: Path | None = None
    send_every: float | None = None

    def context(self, suite: str) -> Context:
        """Where and how the cells of a suite run.

        Raises: UserError where the wanted device is not there, or does not go with engine and numerics.
        """
        cores = core_count()
        there = choose_devices(self.device, max(1, cores // self.threads))
        devices = self._workers_on(there, cores)
        lookup(dict.fromkeys(ENGINE_NAMES), self.engine, ("--engine",), "engine")
        check_engine(self.engine, self.numerics, there[0])
        one_each = there[0] == "cpu" or len(set(devices)) == len(devices)
        alone = one_each and (len(devices) or 1) * self.threads <= cores
        runs = self.results / suite / "runs"
        how = self.threads, alone, self.engine, self.numerics, self.scratch
        return Context(runs, self.data, there[0], devices, *how, send_every=self.send_every)

    def _workers_on(self, there: list[str], cores: int) -> tuple[str, ...]:
        """The device of each worker, of those that are there; none where cells run in this process."""
        if self.workers is not None:
            return tuple(there[i % len(there)] for i in range(self.workers))
        if there[0] == "cpu":
            return tuple(there)
        # while one of a GPU's workers evaluates or records, others train
        per_gpu = max(1, min(MOST_ON_A_GPU, cores // self.threads // len(there)))
        return tuple(there * per_gpu)


def make_plan(suite: Suite, options: Options, store: Store, say: Callable[[str], None], shard: Shard = WHOLE) -> Plan:
    """The plan of a sweep, or of a `shard` of it, its data loaded. `say` hears what was left out or changed when they
    were read.

    Raises: UserError for what cannot be had or written, or is not what the record was scored by.
    """
    if options.scratch is None:
        refuse_unwritable(options.results / suite.name, "choose another --results")
    context = options.context(suite.name)
    shelf = Shelf(context)
    try:
        shared = prepare_shared(suite, shelf, say)
    except Exception as error:
        if not ran_out_of_memory(error):
            raise
        raise UserError(
            f"--device {context.device}: its free memory does not hold the data sets and what scores them; end what "
            "else is on it, or use --device cpu"
        ) from error
    if context.devices and options.scratch is None:  # workers load for themselves, and may need the memory
        shelf.clear()
    identities = _identities_of(suite, shared, context)
    plan = Plan(suite, shelf, shared, identities, store.cells(suite.name), shard)
    _refuse_other_protocols(plan)
    _refuse_unknown_metrics(plan)
    return plan


def refuse_own_paces(suite: Suite) -> None:
    """Raises: UserError where the steps of a suite follow from the pace of this machine: another would train others."""
    if suite.budget is not None and suite.budget.kind == "seconds":
        raise UserError(
            f"{suite.name}: budget.seconds: each machine would train as many steps as it can, and no two the same "
            "cells: give budget.images or train.steps, or run the suite on one machine"
        )


def _identities_of(suite: Suite, shared: Shared, context: Context) -> dict[RunSpec, Identity]:
    """What the numbers of each cell of a suite come from."""
    return {spec: identity(spec, shared.fingerprints[spec.dataset.name], context) for spec in suite.cells}


def _refuse_unknown_metrics(plan: Plan) -> None:
    """Raises: UserError where the report is to show a metric that no data set is scored by."""
    known = plan.shared.metrics
    for name in plan.suite.report.get("metrics") or ():
        if not meant(name, known):
            hint = suggestion(name, known)
            raise UserError(f"report.metrics: {shown_name(name)} is not measured ({hint}): correct it, or leave it out")


def _refuse_other_protocols(plan: Plan) -> None:
    """Raises: UserError where cells are to run that no table could set beside those recorded of a data set, because its
    metrics are not computed as they were."""
    settled = [spec for spec in plan.suite.cells if plan.status(spec) in SETTLED]
    for spec in settled if plan.todo else ():
        found, metrics = plan.found(spec), plan.shared.protocols[spec.dataset.name]
        recorded = json.loads(found.protocol or "{}") if found else {}
        for name in recorded.keys() & metrics.keys():
            was, would_be = differing(read_protocol(recorded[name]), metrics[name])
            if was or would_be:
                raise UserError(
                    f"{name}: {spec.label} was scored by {was}, now it would be {would_be}; bring that "
                    "classifier back (gan-zoo import-extractor) or use another --results"
                )
