"""How a record is opened, and what is said where that fails."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET = {  # MLflow reads these when it is imported
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
BUSY_SECONDS = 120  # how long a writer waits for the sqlite file


def open_client(uri: str, database: Path | None) -> "MlflowClient":
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise UserError("mlflow: not installed: run `python -m pip install mlflow`") from error
    with one_line(uri):
        if database is not None:
            _create(database)
            client = MlflowClient(f"{uri}?timeout={BUSY_SECONDS}")
            client._tracking_client.store.engine.dispose()  # connections to a file that may have been replaced
            return client
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


def mlflow_error() -> type[Exception]:
    from mlflow.exceptions import MlflowException

    return MlflowException


def _storage_errors() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import SQLAlchemyError

    return OSError, SQLAlchemyError, mlflow_error()


@contextmanager
def one_line(uri: str) -> Iterator[None]:
    """Turn whatever keeps the record from opening into one line."""
    try:
        yield
    except UserError:
        raise
    except _storage_errors() as error:
        reason = str(error).strip().partition("\n")[0][:300]
        raise UserError(f"{uri}: cannot be used as the record ({reason}): choose another --results") from error
