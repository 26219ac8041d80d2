"""Sending to MLflow within its limits: numbers, parameters and tags in few batches, and the data set of a run."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = {"metrics": 1000, "params": 100, "tags": 100}  # MLflow's limits of one log_batch
TEXT_LIMIT = 5000  # characters of a tag or parameter; MLflow refuses more than 6000

Values = Mapping[str, Any]


def log_in_batches(
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


def texts(values: Values) -> dict[str, str]:
    return {name: str(value)[:TEXT_LIMIT] for name, value in values.items()}


def log_dataset(client: "MlflowClient", run_id: str, dataset: Values) -> None:
    """Note what a run trains on.

    MLflow looks whether an experiment knows a data set and then writes it down: of two workers that come with the same
    new one in one moment, the second is refused. It finds it there at its next try.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.log_inputs(run_id, [_dataset_input(dataset)])
    except MlflowException:
        client.log_inputs(run_id, [_dataset_input(dataset)])


def _dataset_input(dataset: Values) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"tags": {"mlflow.source.name": "gan_zoo.datasets"}})
    profile = json.dumps(texts(dataset), sort_keys=True)
    digest = dataset.get("digest") or hashlib.sha256(profile.encode()).hexdigest()
    data = Dataset(dataset["name"], digest[:36], "code", source, profile=profile)
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])
