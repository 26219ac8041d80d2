"""Settings that must stand before torch, MLflow or matplotlib are imported, and a record to write to."""

import os
import shutil
from pathlib import Path

os.environ.update(
    OMP_NUM_THREADS="1",
    MPLBACKEND="Agg",
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="false",
    MLFLOW_LOGGING_LEVEL="WARNING",
)
os.environ.pop("MLFLOW_TRACKING_URI", None)

import pytest

import gan_zoo  # before any test: it settles what numpy and torch read when they are imported

assert gan_zoo.__doc__


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database, migrated once: copying it takes a fiftieth of the time of making another."""
    from benchmarks.record.store import Store

    folder = tmp_path_factory.mktemp("migrated")
    assert Store(folder)._client.search_runs(["0"]) == []
    return folder / "mlflow.db"


@pytest.fixture
def results(tmp_path: Path, migrated_database: Path) -> Path:
    """A results folder with an empty record in it."""
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(migrated_database, folder / "mlflow.db")
    return folder
