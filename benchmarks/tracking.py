"""The record of every run, in MLflow: experiment = suite, parent run = sweep, child run = cell.

This is the only file that imports mlflow, and it does so late: the import costs seconds. By default the record is the
sqlite file `mlflow.db` in the results folder with artifacts in `mlartifacts` beside it; `MLFLOW_TRACKING_URI` names
any other. A cell is found again by its tag `run_key`, and its tag `status` says how it ended: it is the last thing
written, so a cell without it was interrupted and goes on in the same MLflow run.
"""

import hashlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from benchmarks.owner import owner_is_dead, owner_tags, user_name
from benchmarks.record import Record
from benchmarks.table import HISTORY, latest_metrics, named_samples, run_row, run_table, sqlite_histories
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ENDED = ("done", "diverged", "failed")
SWEEP_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
BATCH = {"metrics": 1000, "params": 100, "tags": 100}  # MLflow's limits of one log_batch
PLAN = "sweep.json"  # the parent run's artifact that says what the sweep was asked for
TEXT_LIMIT = 5000  # characters of a tag or parameter; MLflow refuses more than 6000
BUSY_SECONDS = 120  # how long a writer waits for the sqlite file

Status = Literal["done", "diverged", "failed", "interrupted", "running"]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """Where a cell stands: `step` generator steps recorded, `seconds` of training, `error` in one line."""

    run_id: str
    status: Status
    step: int
    seconds: float
    error: str


class Store:
    """The record of a results folder, or of the tracking server at `uri`. Picklable; opened at first use."""

    def __init__(self, results: Path, uri: str | None = None) -> None:
        self.results = Path(results).resolve()
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.results / 'mlflow.db'}"
        self.database: Path | None = None
        if uri.startswith("sqlite:///"):
            self.database = Path(uri.removeprefix("sqlite:///")).resolve()
            uri = f"sqlite:///{self.database}"
        self.uri = uri

    def __reduce__(self) -> tuple[type["Store"], tuple[Path, str]]:
        return Store, (self.results, self.uri)

    @cached_property
    def _client(self) -> "MlflowClient":
        return _open(self.uri, self.database)

    def experiment(self, suite: str, description: str = "") -> str:
        """The id of the suite's experiment, which is made if need be. `description` is Markdown."""
        with _one_line(self.uri):
            found = self._client.get_experiment_by_name(suite)
            if found is None:
                with suppress(_mlflow_error()):  # another process may make it first
                    self._client.create_experiment(suite, artifact_location=self._artifacts(suite))
                found = self._client.get_experiment_by_name(suite)
            self._check(found, suite)
            if description:
                self._client.set_experiment_tag(found.experiment_id, "mlflow.note.content", description)
        return found.experiment_id

    def _artifacts(self, suite: str) -> str | None:
        if self.database is None:
            return None
        return (self.database.parent / "mlartifacts" / re.sub(r"[^\w.-]", "_", suite)).as_uri()

    def _check(self, experiment: Any, suite: str) -> None:
        if experiment.lifecycle_stage != "active":
            raise UserError(f"{self.uri}: experiment {suite!r} is deleted: restore it or rename the suite")
        here = self._artifacts(suite)
        if here is not None and experiment.artifact_location.rstrip("/") != here:
            place = experiment.artifact_location
            raise UserError(f"{self.uri}: its files belong at {place}: move the results back, or use another --results")

    def _existing(self, suite: str) -> str | None:
        """The id of the suite's experiment; makes nothing."""
        if self.database is not None and not self.database.exists():
            return None
        with _one_line(self.uri):
            found = self._client.get_experiment_by_name(suite)
        return found.experiment_id if found is not None and found.lifecycle_stage == "active" else None

    def _runs(self, experiment: str, kind: Literal["sweep", "cell"]) -> list["Run"]:
        """All runs of a kind, oldest first. Those left RUNNING by a process that is dead on this host are closed."""
        runs: list[Run] = []
        token: str | None = None
        with _one_line(self.uri):
            while token is None or token != "":
                page = self._client.search_runs(
                    [experiment], f"tags.kind = '{kind}'", order_by=["start_time ASC"], page_token=token or None
                )
                runs, token = [*runs, *page], page.token or ""
        return [self._reconciled(run) for run in runs]

    def _reconciled(self, run: "Run") -> "Run":
        if run.info.status != "RUNNING" or not owner_is_dead(run.data.tags):
            return run
        self._client.set_tag(run.info.run_id, "status", "interrupted")
        self._client.set_terminated(run.info.run_id, "KILLED")
        return self._client.get_run(run.info.run_id)

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
        known beforehand, as columns of the run table.
        """
        experiment = self.experiment(suite)
        self._runs(experiment, "sweep")
        identity = {"kind": "sweep", "status": "running", "mlflow.note.content": description, **_writer(), **tags}
        run = self._client.create_run(experiment, run_name=name, tags=_texts(identity))
        _log(self._client, run.info.run_id, params=_texts(params))
        self._client.log_dict(run.info.run_id, {"meta": meta, "cells": cells}, PLAN)
        return run.info.run_id

    def finish_sweep(self, run_id: str, status: Literal["finished", "failed", "killed"]) -> None:
        """Close the parent run."""
        self._client.set_tag(run_id, "status", status)
        self._client.set_terminated(run_id, SWEEP_STATUS[status])

    def log_report(self, suite: str, folder: Path) -> None:
        """Attach the files of a report to the parent run of the suite's latest sweep."""
        sweeps = self._runs(self.experiment(suite), "sweep")
        self._client.log_artifacts(sweeps[-1].info.run_id, str(folder), "report")

    def cells(self, suite: str) -> dict[str, Cell]:
        """Run key -> where that cell stands."""
        experiment = self._existing(suite)
        runs = self._runs(experiment, "cell") if experiment else []
        return {run.data.tags["run_key"]: _cell(run) for run in runs}

    def open_cell(
        self, suite: str, parent: str, *, key: str, name: str, params: Values, tags: Values, dataset: Values
    ) -> "CellLog":
        """The log of the cell `key`, a child of `parent`: its MLflow run of before if there is one, else a new one.

        dataset: `name`, `digest` if there is one, and what else describes the data.
        """
        experiment = self.experiment(suite)
        identity = {"kind": "cell", "run_key": key, "status": "running", "error": "", "mlflow.parentRunId": parent}
        identity |= {**_writer(), **tags}
        if "commit" in tags:
            identity["mlflow.source.git.commit"] = tags["commit"]
        client = self._client
        earlier = client.search_runs([experiment], f"tags.run_key = '{key}'", max_results=1)
        if earlier:
            run = earlier[0]
            client.update_run(run.info.run_id, status="RUNNING", name=name)
        else:
            run = client.create_run(experiment, run_name=name, tags=_texts(identity))
            client.log_inputs(run.info.run_id, [_dataset_input(dataset)])
        known = run.data.params
        new_params = {name: value for name, value in _texts(params).items() if name not in known}
        _log(client, run.info.run_id, params=new_params, tags=_texts(identity))
        return CellLog(client, run.info.run_id, experiment)

    def record(self, suite: str, meta: dict[str, Any] | None = None) -> Record:
        """Everything a report needs: a row for each cell of the latest sweep. A cell that has not ended is `missing`.

        meta: in place of the sweep's own. Raises UserError where there is no record.
        """
        experiment = self._existing(suite)
        sweeps = self._runs(experiment, "sweep") if experiment else []
        plans = (self._artifact(suite, run.info.run_id, PLAN) for run in reversed(sweeps))
        plan = next((json.loads(content) for content in plans if content), None)
        if experiment is None or plan is None:
            raise UserError(f"{self.uri}: no record of suite {suite!r}: run `gan-zoo run {suite}` first")
        cells = plan["cells"]
        runs = {run.data.tags["run_key"]: run for run in self._runs(experiment, "cell")}
        ended = {key: runs[key] for key in cells if key in runs and _cell(runs[key]).status in ENDED}
        samples: dict[str, np.ndarray] = {}
        for key, run in ended.items():
            samples |= named_samples(key, self._artifact(suite, run.info.run_id, "samples.npz"))
        rows = [_row(key, described, ended.get(key)) for key, described in cells.items()]
        return Record(meta or plan["meta"], run_table(rows), self._metrics(experiment, ended), samples)

    def _artifact(self, suite: str, run_id: str, name: str) -> bytes | None:
        """A file of a run, or None. Beside a local database it is found even after the results were moved."""
        if self.database is not None:
            folder = re.sub(r"[^\w.-]", "_", suite)
            path = self.database.parent / "mlartifacts" / folder / run_id / "artifacts" / name
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


class CellLog:
    """What one cell writes. Metrics are buffered until `flush`, so call it outside the timed region."""

    def __init__(self, client: "MlflowClient", run_id: str, experiment: str) -> None:
        self.run_id = run_id
        self._client, self._experiment = client, experiment
        self._buffer: dict[tuple[str, int], tuple[float, int]] = {}
        self._tags: dict[str, str] = {}

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Note `values` at a generator step. MLflow has no infinity: it becomes NaN, and the tag `infinite` tells."""
        now = time.time_ns() // 1_000_000
        for name, value in values.items():
            value = float(value)
            if math.isinf(value):
                self._tags.setdefault("infinite", f"{name} = {value} at step {step}")
                value = math.nan
            self._buffer[name, step] = value, now
        self._tags["step"] = str(step)
        if len(self._buffer) >= BATCH["metrics"]:
            self.flush()

    def flush(self) -> None:
        """Send what is buffered."""
        _log(self._client, self.run_id, metrics=self._buffer, tags=self._tags)
        self._buffer, self._tags = {}, {}

    def image(self, key: str, pixels: np.ndarray, step: int) -> None:
        """An image (H, W, C) uint8 on the step slider of the UI."""
        self._client.log_image(self.run_id, pixels, key=key, step=step)

    def artifact(self, path: Path, folder: str = "") -> None:
        """Keep a copy of a file."""
        self._client.log_artifact(self.run_id, str(path), folder or None)

    def dictionary(self, content: dict[str, Any], name: str) -> None:
        """Keep a dictionary as the JSON file `name`."""
        self._client.log_dict(self.run_id, content, name)

    def text(self, content: str, name: str) -> None:
        """Keep a text as the file `name`."""
        self._client.log_text(self.run_id, content, name)

    def samples(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the arrays that a report shows: `samples`, `critic`, and `data/<data set>` for real samples."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "samples.npz"
            np.savez_compressed(path, allow_pickle=False, **arrays)
            self.artifact(path)

    def weights(self, path: Path, step: int, scores: Mapping[str, float]) -> None:
        """Keep the weights as an artifact and name them as a logged model, which the UI ranks by its `scores`."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric

        self.artifact(path, "weights")
        run = self._client.get_run(self.run_id)
        tags = {"path": f"weights/{path.name}", "run_key": run.data.tags["run_key"]}
        name = re.sub(r"[^\w-]+", "-", run.info.run_name)
        model = self._client.create_logged_model(self._experiment, name, self.run_id, tags, model_type="generator")
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(self.run_id, [LoggedModelOutput(model.model_id, step)])
        now = time.time_ns() // 1_000_000
        rows = [
            Metric(score, value, now, step, model_id=model.model_id, run_id=self.run_id)
            for score, value in scores.items()
            if math.isfinite(value)
        ]
        self._client.log_batch(self.run_id, metrics=rows)

    def finish(
        self, status: Literal["done", "diverged", "failed"], tags: Values | None = None, error: str = ""
    ) -> None:
        """Send all that is left, then close the run; its status is the last word."""
        self._tags |= _texts({**(tags or {}), "error": " ".join(error.split())})
        self.flush()
        self._client.set_terminated(self.run_id, "FINISHED" if status == "done" else "FAILED")
        self._client.set_tag(self.run_id, "status", status)


def _open(uri: str, database: Path | None) -> "MlflowClient":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise UserError("mlflow: not installed: run `python -m pip install mlflow`") from error
    with _one_line(uri):
        if database is not None:
            _create(database)
            return MlflowClient(f"{uri}?timeout={BUSY_SECONDS}")
        _reach(uri)
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
        return client


def _create(database: Path) -> None:
    """Make a migrated database that appears whole or not at all: of processes that race for it, one wins."""
    from mlflow import MlflowClient

    if not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=database.parent, ignore_cleanup_errors=True) as folder:
            fresh = Path(folder) / database.name
            MlflowClient(f"sqlite:///{fresh}").search_experiments(max_results=1)
            with suppress(FileExistsError):
                os.link(fresh, database)
    MlflowClient(f"sqlite:///{database}?timeout={BUSY_SECONDS}").search_experiments(max_results=1)


def _reach(uri: str) -> None:
    """Ask a server once: MLflow's own client retries a wrong address for minutes."""
    if uri.startswith(("http://", "https://")):
        import requests

        requests.head(uri, timeout=10)


def _mlflow_error() -> type[Exception]:
    from mlflow.exceptions import MlflowException

    return MlflowException


def _storage_errors() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import SQLAlchemyError

    return OSError, SQLAlchemyError, _mlflow_error()


@contextmanager
def _one_line(uri: str) -> Iterator[None]:
    """Turn whatever keeps the record from opening into one line."""
    try:
        yield
    except UserError:
        raise
    except _storage_errors() as error:
        reason = str(error).strip().partition("\n")[0][:300]
        raise UserError(f"{uri}: cannot be used as the record ({reason}): choose another --results") from error


def _log(
    client: "MlflowClient",
    run_id: str,
    metrics: Mapping[tuple[str, int], tuple[float, int]] | None = None,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Send in as few batches as MLflow's limits allow. metrics: (name, step) -> (value, milliseconds)."""
    from mlflow.entities import Metric, Param, RunTag

    rows: dict[str, list[Any]] = {
        "metrics": [Metric(name, value, now, step) for (name, step), (value, now) in (metrics or {}).items()],
        "params": [Param(name, value) for name, value in (params or {}).items()],
        "tags": [RunTag(name, value) for name, value in (tags or {}).items()],
    }
    batches = max(math.ceil(len(rows[kind]) / size) for kind, size in BATCH.items())
    for i in range(batches):
        part = {kind: rows[kind][i * size : (i + 1) * size] for kind, size in BATCH.items()}
        client.log_batch(run_id, **part)


def _texts(values: Values) -> dict[str, str]:
    return {name: str(value)[:TEXT_LIMIT] for name, value in values.items()}


def _writer() -> dict[str, Any]:
    source = {"mlflow.source.name": "gan-zoo", "mlflow.source.type": "LOCAL"}
    return {**owner_tags(), "mlflow.user": user_name(), **source}


def _cell(run: "Run") -> Cell:
    tags, metrics = run.data.tags, run.data.metrics
    status = tags.get("status")
    if status not in ENDED:
        status = "running" if run.info.status == "RUNNING" else "interrupted"
    seconds = metrics.get("train_seconds", 0.0)
    return Cell(run.info.run_id, status, int(tags.get("step", 0)), seconds, tags.get("error", ""))


def _dataset_input(dataset: Values) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"tags": {"mlflow.source.name": "gan_zoo.datasets"}})
    profile = json.dumps(_texts(dataset), sort_keys=True)
    digest = dataset.get("digest") or hashlib.sha256(profile.encode()).hexdigest()
    data = Dataset(dataset["name"], digest[:36], "code", source, profile=profile)
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


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
