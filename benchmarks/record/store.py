"""The record as a whole: suites, sweeps, cells, and all that a report needs of them."""

import json
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from benchmarks.record.batches import Values, log_in_batches, texts
from benchmarks.record.cells import (
    ENDED,
    SETTLED,
    RecordedCell,
    has_identity,
    latest_run,
    name_of_lease,
    recorded_cell,
    row_of,
)
from benchmarks.record.experiments import Experiments
from benchmarks.record.export import RUN_COLUMNS, Record
from benchmarks.record.lease import Held, Keeper, Leases, take
from benchmarks.record.machine import watch
from benchmarks.record.notes import GUIDE, NOTE, REPORT, report_note, view_links
from benchmarks.record.owner import end_process, owner_is_dead, owner_tags, user_name
from benchmarks.record.pages import is_current, save_views, tell_current
from benchmarks.record.patience import at_most_once
from benchmarks.record.remote import artifact, at_once, histories
from benchmarks.record.run_log import CellLog, Opening, check_names
from benchmarks.record.table import latest_metrics, named_samples, sqlite_histories, table_of
from benchmarks.record.timings import Timing, configurations, log_timing, standing, timing_table
from benchmarks.record.views import CURRENT, saved, views_of
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

SWEEP_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
UNSET: tuple[Any, ...] = (None, "none", (), [])
PLAN = "sweep.json"  # the parent run's artifact that says what the sweep was asked for


class Store(Experiments):
    """The record as a whole: what is written of sweeps, cells and timings, and all that a report needs of them."""

    def __init__(self, results: Path, uri: str | None = None, known: bool = False) -> None:
        super().__init__(results, uri, known)
        self._monitor: SystemMetricsMonitor | None = None
        self._keeper = Keeper()

    def _close_dead(self, experiment: str) -> None:
        """Closes the runs left RUNNING by processes of this machine that are dead.

        Ends before that the workers that have outlived their sweep: each would end by itself, but one at a long step
        would have its cell until then.
        """
        sweeps = [*self._runs(experiment, "sweep"), *self._runs(experiment, "group")]
        dead = {run.info.run_id for run in sweeps if owner_is_dead(run.data.tags)}
        for run in [*sweeps, *self._runs(experiment, "cell")]:
            if run.info.status == "RUNNING":
                if run.data.tags.get("mlflow.parentRunId") in dead:
                    end_process(run.data.tags)
                if owner_is_dead(run.data.tags):
                    self._client.set_tag(run.info.run_id, "status", "interrupted")
                    self._client.set_terminated(run.info.run_id, "KILLED")

    def start_sweep(
        self,
        suite: str,
        *,
        name: str,
        params: Values,
        tags: Values,
        meta: dict[str, Any],
        cells: Mapping[str, Values],
        description: str = "",
    ) -> str:
        """A new parent run; its `description` is Markdown, which links to views follow.

        What was asked is kept with it, for `record`: `meta` as in Record, and in `cells` for each run key what is
        known beforehand, as columns of the run table. Raises: UserError where MLflow cannot name a metric.
        """
        check_names(meta["metrics"])  # before anything trains: MLflow would refuse them at the first evaluation
        experiment = self.experiment(suite)
        self._close_dead(experiment)
        note = f"{description}\n\n{view_links(experiment, views_of(meta, cells.values()))}".strip()
        identity = {"kind": "sweep", "status": "running", NOTE: note, **_writer(), **tags}
        run = self._client.create_run(experiment, run_name=name, tags=texts(identity))
        log_in_batches(self._client, run.info.run_id, params=texts(params))
        self._keep_plan(experiment, run.info.run_id, meta, cells)
        self._monitor = watch(self._client.tracking_uri, run.info.run_id)
        return run.info.run_id

    def extend_sweep(self, run_id: str, name: str, meta: dict[str, Any], cells: Mapping[str, Values]) -> None:
        """What a sweep is asked for from now on, in place of what it was asked for when it began."""
        self._client.set_tag(run_id, "mlflow.runName", name)
        self._keep_plan(self.experiment(meta["suite"]), run_id, meta, cells)

    def _keep_plan(self, experiment: str, run_id: str, meta: dict[str, Any], cells: Mapping[str, Values]) -> None:
        """Keeps what is asked for, and has the pages of MLflow show that."""
        self._client.log_dict(run_id, {"meta": meta, "cells": cells}, PLAN)
        save_views(self._client, experiment, views_of(meta, cells.values()))
        runs = self._runs(experiment, "cell")
        asked = (latest_run(runs, key, described.get("identity", {})) for key, described in cells.items())
        tell_current(self._client, runs, asked)
        self._tell_timings(experiment, cells.values())

    def _tell_timings(self, experiment: str, cells: Iterable[Values]) -> None:
        """Says of each timing whether it is what a report of these cells shows."""
        runs = self._runs(experiment, "timing")
        timed = configurations(cells)
        tell_current(self._client, runs, [run for (known, *_), run in standing(runs).items() if known in timed])

    def start_group(self, suite: str, parent: str, name: str, tags: Values) -> str:
        """A run between the sweep `parent` and some of its cells, whose parent it is to be."""
        identity = {"kind": "group", "status": "running", "mlflow.parentRunId": parent, **_writer(), **tags}
        run = self._client.create_run(self.experiment(suite), run_name=name, tags=texts(identity))
        return str(run.info.run_id)

    def finish_group(self, run_id: str) -> None:
        """Close a run between."""
        with at_most_once(self._patience):
            self._client.set_tag(run_id, "status", "finished")
            self._client.set_terminated(run_id, SWEEP_STATUS["finished"])

    def note(self, run_id: str, name: str, text: str) -> None:
        """A remark about a sweep, as a tag of its run."""
        self._client.set_tag(run_id, name, text)

    def finish_sweep(self, run_id: str, status: Literal["finished", "failed", "killed"]) -> None:
        """Close the parent run."""
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None
        with at_most_once(self._patience) if status == "killed" else nullcontext():
            self._client.set_tag(run_id, "status", status)
            self._client.set_terminated(run_id, SWEEP_STATUS[status])

    def log_report(self, suite: str, folder: Path, files: Iterable[Path]) -> None:
        """Attach `files` of the report in `folder`, and nothing else of what lies there, to the parent run of the
        suite's latest sweep; note the report's summary there and at the experiment.
        """
        experiment, client = self.experiment(suite), self._client
        sweep = self._runs(experiment, "sweep")[-1]
        run_id = sweep.info.run_id
        for path in sorted(files):
            client.log_artifact(run_id, str(path), (Path("report") / path.relative_to(folder).parent).as_posix())
        report = (folder / "report.md").read_text(encoding="utf-8")
        views = view_links(experiment, saved(client.get_experiment(experiment).tags))
        guide = GUIDE.format(report=REPORT.format(experiment=experiment, run=run_id), views=views)
        client.set_tag(run_id, NOTE, report_note(report, guide))
        client.set_experiment_tag(experiment, NOTE, report_note(report, guide))

    def cells(self, suite: str) -> list[RecordedCell]:
        """Where every cell stands that was ever begun, the latest last."""
        experiment = self._existing(suite)
        if experiment is None:
            return []
        leases = self._leases(experiment)  # before the runs: of a cell that ends meanwhile one of both says so
        return [recorded_cell(run, leases) for run in self._runs(experiment, "cell")]

    def take_over(self, suite: str, cells: Iterable[RecordedCell]) -> None:
        """Ends the leases of `cells`, whoever has them: who is at one all the same stops at its next word."""
        self._end_leases(suite, [name_of_lease(cell.key, cell.identity) for cell in cells])

    def end_leases(self, suite: str, process: str, patiently: bool = True) -> None:
        """Ends the leases of a process, named as holders are, that is known to be dead; leaves them to expire where
        the record is away and there is no patience."""
        with nullcontext() if patiently else at_most_once(self._patience):
            self._end_leases(suite, self._leases(self.experiment(suite)).held_by(process))

    def _end_leases(self, suite: str, names: Iterable[str]) -> None:
        experiment = self.experiment(suite)
        for name in names:
            take(self._client, self._ledger(suite, experiment, name), name, by_force=True).give_up()

    def _leases(self, experiment: str) -> Leases:
        return Leases.of(self._there(self._ledgers(experiment)))

    def fail_cell(self, suite: str, key: str, error: str) -> None:
        """Say in the record that the cell `key` has failed where its process is dead and could not: one that ended, or
        that another process is at, is left alone."""
        of_cell = [cell for cell in self.cells(suite) if cell.key == key]
        if of_cell and of_cell[-1].status == "interrupted":
            run_id = of_cell[-1].run_id
            self._client.set_tag(run_id, "error", texts({"error": error})["error"])
            self._client.set_terminated(run_id, SWEEP_STATUS["failed"])
            self._client.set_tag(run_id, "status", "failed")

    def open_cell(
        self,
        suite: str,
        parent: str,
        *,
        key: str,
        name: str,
        params: Values,
        tags: Values,
        identity: Mapping[str, str],
        dataset: Values,
        folder: Path,
    ) -> "CellLog":
        """The log of the cell `key` of this `identity`, a child of `parent`: its MLflow run of before if there is one,
        else a new one.

        params: those without a value (None, "none", empty) are left out, for the UI prints them all above each picture.
        dataset: `name`, `fingerprint` if there is one, and what else describes the data.
        folder: where waits what cannot be sent. Raises: Held where another process has the cell or has ended it.
        """
        experiment = self.experiment(suite)
        name_of_cell = name_of_lease(key, identity)
        lease = take(self._client, self._ledger(suite, experiment, name_of_cell), name_of_cell)
        said = {"kind": "cell", CURRENT: "true", **tags, **identity, "run_key": key, "status": "running", "error": ""}
        said |= {"mlflow.parentRunId": parent, **_writer()}
        if "commit" in tags:
            said["mlflow.source.git.commit"] = tags["commit"]
        given = {name: value for name, value in params.items() if value not in UNSET}
        opening = Opening(experiment, name, given, said, dataset)
        try:
            found = self._client.search_runs([experiment], f"tags.run_key = '{key}'")
            earlier = next((run for run in found if has_identity(run.data.tags, identity)), None)
            if earlier and earlier.data.tags.get("status") in SETTLED:
                raise Held("another sweep has ended it meanwhile")
            return CellLog(self._client, opening, self._keeper.keep(lease), folder, earlier)
        except BaseException:
            with at_most_once(self._patience):
                self._keeper.give_up(lease)
            raise

    def log_timing(self, suite: str, timing: Timing, tags: Values) -> None:
        """Keep a measurement, a child of the latest sweep where there is one; `tags` say by which code it is."""
        experiment = self.experiment(suite)
        parents = [{"mlflow.parentRunId": run.info.run_id} for run in self._runs(experiment, "sweep")[-1:]]
        said = {**tags, CURRENT: "true", **_writer(), **(parents[0] if parents else {})}
        log_timing(self._client, experiment, timing, said)
        runs = self._runs(experiment, "timing")
        tell_current(self._client, [run for run in runs if is_current(run)], standing(runs).values())

    def timed(self, suite: str) -> set[tuple[str, ...]]:
        """The timings that stand: the configuration and the circumstances of each."""
        experiment = self._existing(suite)
        return set(standing(self._runs(experiment, "timing"))) if experiment else set()

    def paces(self, suite: str) -> dict[tuple[str, ...], float]:
        """The seconds of an iteration by configuration and circumstances, of the timings that stand."""
        experiment = self._existing(suite)
        runs = standing(self._runs(experiment, "timing")) if experiment else {}
        return {known: run.data.metrics["seconds_per_iteration"] for known, run in runs.items()}

    def record(self, suite: str, meta: dict[str, Any] | None = None) -> Record:
        """Everything a report needs: a row for each cell of the latest sweep. A cell that has not ended is `missing`.

        meta: in place of the sweep's own. Raises: UserError where there is no record.
        """
        experiment = self._existing(suite)
        sweeps = self._runs(experiment, "sweep") if experiment else []
        plans = (self._artifact(suite, run, PLAN) for run in reversed(sweeps))
        plan = next((json.loads(content) for content in plans if content), None)
        if experiment is None or plan is None:
            raise UserError(
                f"{self.place}: no record of suite {suite!r}: run `gan-zoo run {suite}` first, or give --from-export"
            )
        cells = plan["cells"]
        runs = self._runs(experiment, "cell")
        latest = {key: latest_run(runs, key, described.get("identity", {})) for key, described in cells.items()}
        ended = {key: run for key, run in latest.items() if run and run.data.tags.get("status") in ENDED}
        arrays = at_once(lambda run: self._artifact(suite, run, "samples.npz"), ended.values())
        samples: dict[str, np.ndarray] = {}
        for key, content in zip(ended, arrays, strict=True):
            samples |= named_samples(key, content)
        rows = [row_of(key, described, ended.get(key)) for key, described in cells.items()]
        timings = timing_table(self._runs(experiment, "timing"), configurations(cells.values()))
        runs_of_sweep, metrics = table_of(rows, RUN_COLUMNS), self._metrics(experiment, ended)
        return Record(meta or plan["meta"], runs_of_sweep, metrics, samples, timings)

    def _artifact(self, suite: str, run: "Run", name: str) -> bytes | None:
        """A file of a run, or None. Beside a local database it is found even after the results were moved."""
        if self.database is None:
            return artifact(self._client, run, name)
        path = self._folder(suite) / run.info.run_id / "artifacts" / name
        return path.read_bytes() if path.is_file() else None

    def _metrics(self, experiment: str, runs: Mapping[str, "Run"]) -> pd.DataFrame:
        if self.database is None:
            found = histories(self._client, list(runs.values()))
        else:
            found = sqlite_histories(self.database, experiment)
        return latest_metrics(found, {run.info.run_id: key for key, run in runs.items()})


def _writer() -> dict[str, Any]:
    source = {"mlflow.source.name": "gan-zoo", "mlflow.source.type": "LOCAL"}
    return {**owner_tags(), "mlflow.user": user_name(), **source}
