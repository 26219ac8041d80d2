"""PostgreSQL and MLflow's server, started for tests and ended with them."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT_MAY_NOT = "postgres"
"""Who runs PostgreSQL where root runs the tests, for it refuses root."""


def free_port() -> int:
    """One of those that the system gives to no outgoing connection: such a one may take another before it is used."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


def wait_for(port: int, process: "subprocess.Popen[bytes]", said: Path | None = None) -> None:
    """Until something answers at a port. Raises: AssertionError with the end of what the process `said`."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    end = said.read_text()[-2000:] if said else ""
    raise AssertionError(f"the server does not answer, exit code {process.poll()}: {end}")


def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs; without one the test is skipped."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("no PostgreSQL here; Debian and Ubuntu have it as postgresql")
    return folders[-1]


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of an empty database of a PostgreSQL in `folder`, which another user must reach."""
    programs, port, data = postgres_programs(), free_port(), folder / "data"
    user = ROOT_MAY_NOT if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    words = ["-D", str(data), "-U", "gan_zoo", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run([str(programs / "initdb"), *words], user=user, cwd=folder, check=True, capture_output=True)
    words = ["-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([str(programs / "postgres"), *words], user=user, cwd=folder, stdout=quiet, stderr=quiet)
    try:
        wait_for(port, server)
        yield f"postgresql://gan_zoo:secret@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: connections are closed
        server.wait()


class Server:
    """MLflow's server on a database, with files through it; `workers` processes answer."""

    def __init__(self, database: str, folder: Path, workers: int = 2) -> None:
        self._said = folder / "server.log"
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        words = ["--artifacts-destination", str(folder / "files"), "--port", str(self.port), "--workers", str(workers)]
        self._command = [sys.executable, "-m", "mlflow", "server", *words]
        self._environment = {
            **os.environ,
            "MLFLOW_BACKEND_STORE_URI": database,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self.start()

    def start(self) -> None:
        """Runs it, until it answers."""
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=said, stderr=said, start_new_session=True
            )
        wait_for(self.port, self._process, self._said)

    def kill(self) -> None:
        """Ends it and its workers, whatever they are doing."""
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def served(database: str, folder: Path, workers: int = 2) -> Iterator[Server]:
    """A server that is there until the end."""
    server = Server(database, folder, workers)
    try:
        yield server
    finally:
        server.kill()
