"""Reading a record on a server, where each request takes a while: few of them, and several at once."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from benchmarks.record.table import HISTORY, HISTORY_QUERY

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8  # files that are fetched at a time, for each is one slow request
RUNS, ROWS = 100, 25000
"""MLflow's limits of one request for histories."""
HISTORIES = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
"""The request by which MLflow's own pages draw their curves: one metric of many runs."""


def at_once(ask: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """The answer for each thing, in order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, things))


def histories(client: "MlflowClient", runs: Sequence["Run"]) -> pd.DataFrame:
    """Every metric of `runs` at every step it was logged at: the columns HISTORY."""
    engine = getattr(client._tracking_client.store, "engine", None)
    if engine is not None:
        return _database_histories(engine, {run.info.experiment_id for run in runs})
    asked: dict[str, list[str]] = {}
    for run in runs:
        for name in run.data.metrics:
            asked.setdefault(name, []).append(run.info.run_id)
    parts = []
    for name, own in asked.items():
        parts += [(name, own[i : i + RUNS]) for i in range(0, len(own), RUNS)]
    rows = at_once(lambda part: history_of(client, *part), parts)
    return pd.DataFrame(list(chain.from_iterable(rows)), columns=HISTORY)


def history_of(client: "MlflowClient", name: str, runs: list[str]) -> list[tuple[Any, ...]]:
    """The rows of one metric of `runs`, each in the order HISTORY."""
    from mlflow.utils.rest_utils import http_request_safe

    store, patience = client._tracking_client.store, client._patience  # type: ignore[attr-defined]
    query = {"run_id": runs, "metric_key": name, "max_results": ROWS}
    answer = patience(lambda: http_request_safe(store.get_host_creds(), HISTORIES, "GET", params=query))
    found = answer.json()["metrics"]
    if len(found) < ROWS:
        return [(row["run_id"], name, row["step"], row["timestamp"], row["value"]) for row in found]
    if len(runs) > 1:  # more than fit into one answer
        half = len(runs) // 2
        return history_of(client, name, runs[:half]) + history_of(client, name, runs[half:])
    rows = client.get_metric_history(runs[0], name)  # page by page
    return [(runs[0], name, row.step, row.timestamp, row.value) for row in rows]


def _database_histories(engine: Any, experiments: Iterable[str]) -> pd.DataFrame:
    """The metrics of experiments straight from MLflow's tables."""
    from sqlalchemy import text

    rows: list[Any] = []
    with engine.connect() as connection:
        for experiment in experiments:
            rows += map(tuple, connection.execute(text(HISTORY_QUERY.format(int(experiment)))))
    return pd.DataFrame(rows, columns=HISTORY)


def files_of(client: "MlflowClient", run: "Run") -> Any:
    """MLflow's own access to the files of `run`."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(run.info.artifact_uri, tracking_uri=client.tracking_uri)


def artifact(client: "MlflowClient", run: "Run", name: str) -> bytes | None:
    """The content of a file of `run`, or None where there is none."""
    files = files_of(client, run)

    def read() -> bytes | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            try:
                files._download_file(name, str(path))
            except Exception:  # each kind of storage has an error of its own for what is not there
                if name in [entry.path for entry in files.list_artifacts(os.path.dirname(name) or None)]:
                    raise
                return None
            return path.read_bytes()

    content: bytes | None = client._files(read)  # type: ignore[attr-defined]
    return content
