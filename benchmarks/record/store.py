"""The record as a whole: suites, sweeps, cells, and all that a report needs of them."""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd

from benchmarks.record.client import mlflow_error, one_line, open_client, other_place
from benchmarks.record.export import RUN_COLUMNS, Record
from benchmarks.record.lease import Held, Keeper, take
from benchmarks.record.machine import watch
from benchmarks.record.notes import GUIDE, NOTE, REPORT, report_note
from benchmarks.record.owner import owner_is_dead, owner_tags, user_name
from benchmarks.record.patience import Patience, at_most_once, without_password
from benchmarks.record.run_log import CellLog, Opening, Values, check_names, log_in_batches, texts
from benchmarks.record.table import HISTORY, latest_metrics, named_samples, run_row, sqlite_histories, table_of
from benchmarks.record.timings import Timing, configuration, log_timing, standing, timing_table
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

ENDED = ("done", "diverged", "failed")
SETTLED = ("done", "diverged")  # a divergence is a result
SWEEP_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
DEFAULT = "0"  # the experiment that every record begins with
KIND = "mlflow.experimentKind"  # by which the UI knows training runs from its chat models
UNSET: tuple[Any, ...] = (None, "none", (), [])
LEDGER = "ledger"  # the experiment's tag that names the run of the leases
IDENTITY = ("science", "data", "numerics", "code")  # tags of a cell: what its numbers come from, beside its spec
PLAN = "sweep.json"  # the parent run's artifact that says what the sweep was asked for

Status = Literal["done", "diverged", "failed", "interrupted", "running"]


@dataclass(frozen=True)
class RecordedCell:
    """Where a cell stands: `step` generator steps recorded, `seconds` of training, `error` in one line; what its
    numbers come from (`identity`, by the names IDENTITY), the `protocol` it is scored by, JSON by metric, and who is or
    was at it, in words (`owner`). Older records do not say all of it."""

    key: str
    run_id: str
    status: Status
    step: int
    seconds: float
    error: str
    identity: Mapping[str, str]
    protocol: str
    owner: str


class Store:
    """The record of a results folder, or of the tracking server at `uri`. Picklable; opened at first use."""

    def __init__(self, results: Path, uri: str | None = None) -> None:
        self.results = Path(results).resolve()
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{quote(str(self.results / 'mlflow.db'))}"
        self.database: Path | None = None
        if uri.startswith("sqlite:///"):
            self.database = Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0])).resolve()
            uri = f"sqlite:///{quote(str(self.database))}"
        self.uri = uri
        self.say: Callable[[str], None] = print_line
        self._monitor: SystemMetricsMonitor | None = None
        self._keeper = Keeper()

    def __reduce__(self) -> tuple[type["Store"], tuple[Path, str]]:
        return Store, (self.results, self.uri)

    @property
    def place(self) -> str:
        """What people call the record: never with a password."""
        return without_password(str(self.database or self.uri))

    @cached_property
    def _client(self) -> "MlflowClient":
        database = self.database
        if database is not None and is_read_only(database):
            self._copy = tempfile.TemporaryDirectory(prefix="gan-zoo-")
            database = Path(shutil.copy(database, self._copy.name))
        return open_client(self.uri, database, lambda line: self.say(line))

    @property
    def _patience(self) -> Patience:
        return self._client._patience  # type: ignore[attr-defined, no-any-return]

    def experiment(self, suite: str, description: str = "") -> str:
        """The id of the suite's experiment, which is made if need be. `description` is Markdown."""
        if self.database is not None and is_read_only(self.database):
            raise UserError(f"{self.place}: is read-only: {other_place()}")
        with one_line(self.uri, self.database):
            found = self._client.get_experiment_by_name(suite)
            if found is None:
                self._make(suite)
                found = self._client.get_experiment_by_name(suite)
            self._check(found, suite)
            if description:
                self._client.set_experiment_tag(found.experiment_id, NOTE, description)
        return found.experiment_id

    def _make(self, suite: str) -> None:
        tags = {KIND: "custom_model_development", LEDGER: self._new_ledger(suite)}
        try:
            self._client.create_experiment(suite, self._artifacts(suite), tags)
        except mlflow_error() as error:
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":  # another process was first
                raise

    def _new_ledger(self, suite: str) -> str:
        """A run for the leases of a suite, apart from its experiment, which may not exist yet."""
        return str(self._client.create_run(DEFAULT, run_name=f"leases of {suite}", tags={"kind": "ledger"}).info.run_id)

    def _ledger(self, suite: str, experiment: str) -> str:
        """The run of the suite's leases. That of a new experiment was named as it was made, so there is only one."""
        known = self._client.get_experiment(experiment).tags.get(LEDGER)
        with suppress(mlflow_error()):
            if known and self._client.get_run(known).info.lifecycle_stage == "active":
                return str(known)
        self._client.set_experiment_tag(experiment, LEDGER, self._new_ledger(suite))
        return str(self._client.get_experiment(experiment).tags[LEDGER])

    def _artifacts(self, suite: str) -> str | None:
        if self.database is None:
            return None
        return self._folder(self.database, suite).as_uri()

    @staticmethod
    def _folder(database: Path, suite: str) -> Path:
        return database.parent / "mlartifacts" / re.sub(r"[^\w.-]", "_", suite)

    def _check(self, experiment: Any, suite: str) -> None:
        if experiment.lifecycle_stage != "active":
            raise UserError(f"{self.place}: experiment {suite!r} is deleted: restore it or rename the suite")
        here = self._artifacts(suite)
        if here is not None and experiment.artifact_location.rstrip("/") != here:
            place = experiment.artifact_location
            raise UserError(f"{self.place}: its files belong at {place}: move the results back, or {other_place()}")

    def _existing(self, suite: str) -> str | None:
        """The id of the suite's experiment; makes nothing."""
        if self.database is not None and not self.database.exists():
            return None
        with one_line(self.uri, self.database):
            found = self._client.get_experiment_by_name(suite)
        return found.experiment_id if found is not None and found.lifecycle_stage == "active" else None

    def _runs(self, experiment: str, kind: Literal["sweep", "cell", "timing"]) -> list["Run"]:
        """All runs of a kind, oldest first."""
        runs: list[Run] = []
        page = None
        with one_line(self.uri, self.database):
            while page is None or page.token:
                token = page.token if page else None
                page = self._client.search_runs(
                    [experiment], f"tags.kind = '{kind}'", order_by=["start_time ASC"], page_token=token
                )
                runs += page
        return runs

    def _close_dead(self, experiment: str) -> None:
        """Closes the runs left RUNNING by processes of this machine that are dead."""
        for run in [*self._runs(experiment, "sweep"), *self._runs(experiment, "cell")]:
            if run.info.status == "RUNNING" and owner_is_dead(run.data.tags):
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
        """A new parent run; its `description` is Markdown.

        What was asked is kept with it, for `record`: `meta` as in Record, and in `cells` for each run key what is
        known beforehand, as columns of the run table. Raises UserError for a metric that MLflow cannot name.
        """
        check_names(meta["metrics"])
        experiment = self.experiment(suite)
        self._close_dead(experiment)
        identity = {"kind": "sweep", "status": "running", NOTE: description, **_writer(), **tags}
        run = self._client.create_run(experiment, run_name=name, tags=texts(identity))
        log_in_batches(self._client, run.info.run_id, params=texts(params))
        self._client.log_dict(run.info.run_id, {"meta": meta, "cells": cells}, PLAN)
        self._monitor = watch(self._client.tracking_uri, run.info.run_id)
        return run.info.run_id

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
        dataset = sweep.data.params["datasets"].partition(", ")[0]
        guide = GUIDE.format(report=REPORT.format(experiment=experiment, run=run_id), dataset=dataset)
        client.set_tag(run_id, NOTE, report_note(report))
        client.set_experiment_tag(experiment, NOTE, report_note(report, guide))

    def cells(self, suite: str) -> list[RecordedCell]:
        """Where every cell stands that was ever begun, the latest last."""
        experiment = self._existing(suite)
        runs = self._runs(experiment, "cell") if experiment else []
        return [_cell(run) for run in runs]

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
        folder: where waits what cannot be sent. Errors: Held where another process has the cell or has ended it.
        """
        experiment = self.experiment(suite)
        own = hashlib.blake2b("\n".join(identity.values()).encode(), digest_size=4).hexdigest()
        lease = take(self._client, self._ledger(suite, experiment), f"{key}.{own}")
        said = {"kind": "cell", **tags, **identity, "run_key": key, "status": "running", "error": ""}
        said |= {"mlflow.parentRunId": parent, **_writer()}
        if "commit" in tags:
            said["mlflow.source.git.commit"] = tags["commit"]
        given = {name: value for name, value in params.items() if value not in UNSET}
        found = self._client.search_runs([experiment], f"tags.run_key = '{key}'")
        earlier = next((run for run in found if has_identity(run.data.tags, identity)), None)
        if earlier and earlier.data.tags.get("status") in SETTLED:
            lease.give_up()
            raise Held("another sweep has ended it meanwhile")
        opening = Opening(experiment, name, given, said, dataset)
        return CellLog(self._client, opening, self._keeper.keep(lease), folder, earlier)

    def log_timing(self, suite: str, timing: Timing, tags: Values) -> None:
        """Keep a measurement, a child of the latest sweep where there is one; `tags` say by which code it is."""
        experiment = self.experiment(suite)
        parents = [{"mlflow.parentRunId": run.info.run_id} for run in self._runs(experiment, "sweep")[-1:]]
        said = {**tags, **_writer(), **(parents[0] if parents else {})}
        log_timing(self._client, experiment, timing, said)

    def timed(self, suite: str) -> set[tuple[str, ...]]:
        """What stands of timings: the configuration and the circumstances of each."""
        experiment = self._existing(suite)
        return set(standing(self._runs(experiment, "timing"))) if experiment else set()

    def record(self, suite: str, meta: dict[str, Any] | None = None) -> Record:
        """Everything a report needs: a row for each cell of the latest sweep. A cell that has not ended is `missing`.

        meta: in place of the sweep's own. Raises UserError where there is no record.
        """
        experiment = self._existing(suite)
        sweeps = self._runs(experiment, "sweep") if experiment else []
        plans = (self._artifact(suite, run.info.run_id, PLAN) for run in reversed(sweeps))
        plan = next((json.loads(content) for content in plans if content), None)
        if experiment is None or plan is None:
            raise UserError(
                f"{self.place}: no record of suite {suite!r}: run `gan-zoo run {suite}` first, or give --from-export"
            )
        cells = plan["cells"]
        runs = self._runs(experiment, "cell")
        latest = {key: latest_run(runs, key, described.get("identity", {})) for key, described in cells.items()}
        ended = {key: run for key, run in latest.items() if run and _cell(run).status in ENDED}
        samples: dict[str, np.ndarray] = {}
        for key, run in ended.items():
            samples |= named_samples(key, self._artifact(suite, run.info.run_id, "samples.npz"))
        rows = [_row(key, described, ended.get(key)) for key, described in cells.items()]
        timed = {configuration(described["spec"]) for described in cells.values() if described.get("spec")}
        timings = timing_table(self._runs(experiment, "timing"), timed)
        runs_of_sweep, metrics = table_of(rows, RUN_COLUMNS), self._metrics(experiment, ended)
        return Record(meta or plan["meta"], runs_of_sweep, metrics, samples, timings)

    def _artifact(self, suite: str, run_id: str, name: str) -> bytes | None:
        """A file of a run, or None. Beside a local database it is found even after the results were moved."""
        if self.database is not None:
            path = self._folder(self.database, suite) / run_id / "artifacts" / name
            return path.read_bytes() if path.is_file() else None
        if name not in [entry.path for entry in self._client.list_artifacts(run_id)]:
            return None
        with tempfile.TemporaryDirectory() as folder:
            return Path(self._client.download_artifacts(run_id, name, folder)).read_bytes()

    def _metrics(self, experiment: str, runs: Mapping[str, "Run"]) -> pd.DataFrame:
        if self.database is None:
            histories = _client_histories(self._client, list(runs.values()))
        else:
            histories = sqlite_histories(self.database, experiment)
        return latest_metrics(histories, {run.info.run_id: key for key, run in runs.items()})


def is_read_only(database: Path) -> bool:
    """Whether a record can be read and not written: MLflow can open only a copy of it."""
    return database.is_file() and not all(os.access(path, os.W_OK) for path in (database, database.parent))


def print_line(line: str) -> None:
    """What a person should know of the record, where no sweep listens."""
    if line:
        print(line, file=sys.stderr)


def _writer() -> dict[str, Any]:
    source = {"mlflow.source.name": "gan-zoo", "mlflow.source.type": "LOCAL"}
    return {**owner_tags(), "mlflow.user": user_name(), **source}


def has_identity(tags: Mapping[str, str], identity: Mapping[str, str]) -> bool:
    return all(tags.get(name) == value for name, value in identity.items())


def latest_run(runs: list["Run"], key: str, identity: Mapping[str, str]) -> "Run | None":
    """Of `runs`, oldest first, the last of the cell `key` of this identity; of any where none is known."""
    own = [run for run in runs if run.data.tags["run_key"] == key and has_identity(run.data.tags, identity)]
    return own[-1] if own else None


def _cell(run: "Run") -> RecordedCell:
    tags, metrics = run.data.tags, run.data.metrics
    status = tags.get("status")
    if status not in ENDED:
        status = "running" if run.info.status == "RUNNING" and not owner_is_dead(tags) else "interrupted"
    seconds = metrics.get("train_seconds", 0.0)
    step, error = int(tags.get("step", 0)), tags.get("error", "")
    identity = {name: tags[name] for name in IDENTITY if name in tags}
    owner = f"{tags.get('host', 'another machine')} (process {tags.get('pid', 'unknown')})"
    protocol = tags.get("protocol", "")
    return RecordedCell(tags["run_key"], run.info.run_id, status, step, seconds, error, identity, protocol, owner)


def _row(key: str, described: Values, run: "Run | None") -> dict[str, Any]:
    if run is None:
        return run_row(key, "missing", described, {})
    logged = {**run.data.metrics, **run.data.params, **run.data.tags, "mlflow_run_id": run.info.run_id}
    return run_row(key, _cell(run).status, described, logged)


def _client_histories(client: "MlflowClient", runs: list["Run"]) -> pd.DataFrame:
    rows = [
        (run.info.run_id, name, metric.step, metric.timestamp, metric.value)
        for run in runs
        for name in run.data.metrics
        for metric in client.get_metric_history(run.info.run_id, name)
    ]
    return pd.DataFrame(rows, columns=HISTORY)
