"""MLflow's pages on a record: links to its saved views, and the server that shows them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from benchmarks.record.client import QUIET
from benchmarks.record.experiments import DATABASES, Experiments, is_read_only
from benchmarks.record.views import TRAINING_RUNS, address, saved
from gan_zoo.errors import UserError

SERVER = ("--workers", "1", "--uvicorn-opts", "--log-level warning")
ENVIRONMENT = {**QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
BACKEND = "MLFLOW_BACKEND_STORE_URI"
"""By which MLflow's server knows the record: on its command line everybody would see a password."""


def open_pages(results: Path, host: str, port: int) -> int:
    """Prints links into MLflow's pages on a record and serves them until Ctrl-C; where MLFLOW_TRACKING_URI names a
    server, prints links to that one and returns. The exit code. Raises: UserError where there is no record to show."""
    record = Experiments(results)
    refuse_unshown(record)
    record.follow_moved()
    if not record.uri.startswith(DATABASES):
        server = urlsplit(record.uri)
        print(*links(record, server._replace(netloc=server.netloc.rpartition("@")[2]).geturl()), sep="\n")
        return 0
    for line in links(record, f"http://{host}:{port}"):
        print(line)
    print("These open in some seconds; Ctrl-C ends it.", flush=True)
    return _become_server(record, host, port)


def _become_server(record: Experiments, host: str, port: int) -> NoReturn:
    command = server_command(host, port)
    os.execve(command[0], command, {**os.environ, **server_environment(record)})


def refuse_unshown(record: Experiments) -> None:
    """Raises: UserError where there is no record, or one that MLflow's server cannot open."""
    if record.database is not None and not record.database.exists():
        raise UserError(f"{record.place}: no record here: run `gan-zoo run` first, or name another results folder")
    if record.database is not None and is_read_only(record.database):
        raise UserError(
            f"{record.place}: is read-only, and MLflow's server writes to it: copy the folder, and name that"
        )


def links(record: Experiments, server: str) -> Iterator[str]:
    """A line for each suite, and one for each of its saved views: its name and its address at `server`."""
    for experiment in record.experiments():
        number = experiment.experiment_id
        yield f"{experiment.name}: {server.rstrip('/')}/#/experiments/{number}/runs?{TRAINING_RUNS}"
        for view in saved(experiment.tags):
            yield f"  {view.name}: {server.rstrip('/')}/{address(number, view.id)}"


def server_command(host: str, port: int) -> list[str]:
    """MLflow's server for one person who looks around."""
    return [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), *SERVER]


def server_environment(record: Experiments) -> dict[str, str]:
    """What the server reads of a record from its environment."""
    return {**ENVIRONMENT, BACKEND: record.uri}
