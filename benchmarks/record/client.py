"""How a record is opened, and what is said where that fails."""

import logging
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from benchmarks.record.answers import refuse_pages
from benchmarks.record.patience import REFUSED, Patience, PatientClient, first_line, without_password
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET = {  # MLflow reads these when it is imported, or at each request
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # of its own accord it retries for twelve minutes, and says nothing
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",  # a page of maintenance may ask for an hour of silence
}
BUSY_MILLISECONDS = 5000  # how long a writer waits for the sqlite file before it is said that the file is locked
OLDEST = 3  # the major version of MLflow on a server
TABLES_LOCK = 20261128  # PostgreSQL's number of our lock
OR_AFRESH = "bring a copy of it back, or move it away to begin a new record"
LOCK_SECONDS = 20.0  # after which whoever was making a database is taken for dead


def open_client(uri: str, database: Path | None, say: Callable[[str], None], known: bool = False) -> "MlflowClient":
    """The client of the record at `uri`, or of the sqlite file `database`, which is made if need be.

    Whatever keeps it from answering later is waited for; `say` hears of that. One that is `known` to have been there
    is waited for already now, and not made. Raises: UserError where it cannot be opened now, Away where that takes too
    long.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        with some_home():
            import mlflow  # noqa: F401
    except ImportError as error:
        raise UserError("mlflow: not installed: run `python -m pip install mlflow`") from error
    for library in ("mlflow", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what goes wrong is said here, in one line
    place = without_password(str(database or uri))
    patience, files = Patience(place, say), Patience(f"files of {place}", say)
    with one_line(uri, database):
        client = patience(lambda: _opened(uri, database)) if known else _opened(uri, database, make=True)
    engine = getattr(client._tracking_client.store, "engine", None)
    if engine is not None:
        patience.reset = files.reset = engine.dispose
    patient: Any = PatientClient(client, patience, files)
    return patient


@contextmanager
def some_home() -> Iterator[None]:
    """Within it there is a home folder, as MLflow wants when it is imported; a user of a container may have none."""
    if os.path.expanduser("~") != "~":
        yield
        return
    os.environ["HOME"] = tempfile.gettempdir()
    try:
        yield
    finally:
        del os.environ["HOME"]


def has_tables(uri: str) -> bool:
    """Whether the database at `uri` has MLflow's tables, which whoever opens it as a record puts there.

    Raises: UserError where that cannot be told now.
    """
    from sqlalchemy import NullPool, create_engine, inspect

    with one_line(uri, None):
        return inspect(create_engine(_checked(uri), poolclass=NullPool)).has_table("experiments")


def _opened(uri: str, database: Path | None, make: bool = False) -> "MlflowClient":
    """MLflow's client of a record that has answered; the sqlite file is made where it is not there and may be."""
    from mlflow import MlflowClient

    with _reached(uri):
        if database is not None:
            if make:
                _create(database)
            _refuse_other(database)
            uri = _sqlite_address(database)
        refuse_pages()
        client = MlflowClient(uri, registry_uri=uri)
        engine = getattr(client._tracking_client.store, "engine", None)
        if engine is not None:
            _tune(engine)
        client.search_experiments(max_results=1)
    return client


def _sqlite_address(database: Path, mode: str = "rw") -> str:
    """SQLAlchemy's address of `database`, whatever is in its name: `rw` makes no new file where there is none.

    The name is escaped once for sqlite and once for SQLAlchemy; without a slash left, MLflow makes no folder of it.
    """
    return f"sqlite:///{quote('file:' + quote(str(database)), safe='')}?mode={mode}&uri=true"


def _tune(engine: Any) -> None:
    """Wait for a locked sqlite file as long as we say, and trust no connection to a file that may be another now."""
    from sqlalchemy import event

    engine.dispose()
    if engine.dialect.name == "sqlite" and not event.contains(engine, "before_cursor_execute", _wait_shorter):
        event.listen(engine, "before_cursor_execute", _wait_shorter, retval=True)


def _wait_shorter(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> tuple[str, Any]:
    """MLflow sets 20 s of silence in every session, over whatever the address asks for."""
    if statement.startswith("PRAGMA busy_timeout"):
        statement = f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}"
    return statement, parameters


def _create(database: Path) -> None:
    """Make a migrated database that appears whole or not at all: of processes that race for it, one wins.

    The place of files that no experiment has goes into MLflow's SQL as text, and so is escaped: from a folder with a
    quote in its name MLflow's own default would not be SQL.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    if database.exists():
        if not database.is_file():  # MLflow would try again and again to open it
            raise UserError(f"{database}: is no file, so not a record: {other_place()}")
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=database.parent, ignore_cleanup_errors=True) as folder:
        fresh = Path(folder) / database.name
        unused = (database.parent / "mlruns").as_uri()
        SqlAlchemyStore(_sqlite_address(fresh, "rwc"), unused).engine.dispose()
        with _alone(database.with_name(f"{database.name}.lock")):
            if not database.exists():
                os.replace(fresh, database)


def _refuse_other(database: Path) -> None:
    """Raises: UserError where a file is empty, or a database of something else: MLflow would put its tables there;
    OSError where there is none, which MLflow would try again and again to open."""
    if database.stat().st_size == 0:
        raise UserError(f"{database}: cannot be used as the record (an empty file): {OR_AFRESH}")
    tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('experiments', 'alembic_version')"
    with suppress(sqlite3.DatabaseError):  # busy or damaged, as whoever opens it says
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", timeout=1, uri=True)) as connection:
            (known,) = connection.execute(tables).fetchone()
        if not known:
            raise UserError(f"{database}: cannot be used as the record (a database of something else): {other_place()}")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Within it no other process is, on any file system: to make a folder succeeds once, hard links or not."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                break  # left by a process that was killed within the few milliseconds that this takes
            time.sleep(0.05)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.rmdir()


@contextmanager
def _reached(uri: str) -> Iterator[None]:
    """Asks the server or database at `uri` once, for MLflow's own client tries for many minutes. Within it no other
    process makes or changes the tables of a PostgreSQL database.

    Raises: UserError where there is a server that cannot do what is asked of it.
    """
    if uri.startswith(("http://", "https://")):
        import requests

        _refuse_no_address(uri)
        _refuse_old(uri, requests.get(f"{uri.rstrip('/')}/version", timeout=10).text)
        yield
    elif uri.startswith("postgresql"):
        from sqlalchemy import NullPool, create_engine, text

        with create_engine(_checked(uri), poolclass=NullPool).connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({TABLES_LOCK})"))  # until the connection ends
            yield
    else:
        yield


def _refuse_old(uri: str, version: str) -> None:
    """Raises: UserError where the server says that it runs an MLflow of before models had a record."""
    known = re.fullmatch(r"(\d+)\.\d[\w.]*", version.strip())
    if known and int(known[1]) < OLDEST:
        raise UserError(
            f"{without_password(uri)}: the server runs MLflow {known[0]}: install {OLDEST}.0 or later there, as is here"
        )


def _refuse_no_address(uri: str) -> None:
    """Raises: UserError where an address of a server has no number for its port, as after a password with a slash."""
    try:
        urlsplit(uri).port  # noqa: B018
    except ValueError:
        remedy = "write https://USER:PASSWORD@HOST:PORT, / in a password as %2F"
        raise UserError(f"{without_password(uri)}: no address of a server: {remedy}") from None


def _checked(uri: str) -> Any:
    """SQLAlchemy's form of a database's address.

    Raises: UserError where there is none, and where a password in plain would end too early: of its rest a driver would
    make a host or a database, and show it.
    """
    from sqlalchemy import make_url

    try:
        url = make_url(uri)
    except ValueError:
        raise UserError(
            f"{without_password(uri)}: no address of a database: write postgresql://USER:PASSWORD@HOST:PORT/NAME"
        ) from None
    if "@" in f"{url.host}{url.database}":
        raise UserError(f"{without_password(uri)}: no address of a database: write @ in a password as %40, / as %2F")
    return url


def mlflow_error() -> type[Exception]:
    from mlflow.exceptions import MlflowException

    return MlflowException


def _storage_errors() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import SQLAlchemyError

    return OSError, SQLAlchemyError, ImportError, mlflow_error()


@contextmanager
def one_line(uri: str, database: Path | None) -> Iterator[None]:
    """Turn whatever keeps the record from opening into one line that says what to do."""
    try:
        yield
    except UserError:
        raise
    except _storage_errors() as failure:
        place = without_password(str(database or uri))
        raise UserError(
            f"{place}: cannot be used as the record ({first_line(failure)}): {remedy(uri, failure)}"
        ) from None


def remedy(uri: str, failure: Exception) -> str:
    """The remedy for a record that cannot be opened."""
    if isinstance(failure, ImportError):
        package = "'gan-zoo[server]'" if uri.startswith("postgresql:") else failure.name
        return f"install the driver of this database: python -m pip install {package}"
    if "Invalid Host header" in str(failure):
        name = urlsplit(uri).hostname
        return f"start the server with --allowed-hosts '{name}:*', or call it by a name that it has there"
    if getattr(failure, "error_code", "") in REFUSED:
        return "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, as the server asks"
    if uri.startswith(("http://", "https://")):
        return "start the tracking server, or correct or unset MLFLOW_TRACKING_URI"
    if type(getattr(failure, "orig", None)) is sqlite3.DatabaseError:
        return OR_AFRESH
    return other_place()


def other_place() -> str:
    """The remedy for a record that lies where none can be, by what said where it lies."""
    return (
        "correct or unset MLFLOW_TRACKING_URI" if os.environ.get("MLFLOW_TRACKING_URI") else "choose another --results"
    )
