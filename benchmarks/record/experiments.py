"""The experiments of a record, one a suite: where they are kept, by what they are known, and their runs."""

import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote, unquote

from benchmarks.record.client import has_tables, mlflow_error, one_line, open_client, other_place
from benchmarks.record.moved import FILES, follow, was_moved
from benchmarks.record.notes import NOTE
from benchmarks.record.patience import Patience, without_password
from gan_zoo.errors import UserError
from gan_zoo.files import kind, refuse_blocked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

DEFAULT = "0"  # the experiment that every record begins with
KIND = "mlflow.experimentKind"  # by which the UI knows training runs from its chat models
DATABASES = ("sqlite:", "postgresql:", "postgresql+", "mysql", "mssql")
PAGE = 200  # runs of one answer, so that a busy server gives it in time
LEDGER = "ledger"  # the experiment's tag that names the runs of the leases
CELLS_OF_A_LEDGER = 250  # all leases of a ledger are read to take one
MOST_LEDGERS = 100  # whose names one tag holds


class Experiments:
    """The experiments of the record of a results folder, or of the tracking server at `uri`. Picklable; opened at first
    use. A copy of one that was open knows that the record was there (`known`), and waits for it where it is away."""

    def __init__(self, results: Path, uri: str | None = None, known: bool = False) -> None:
        refuse_blocked(Path(results))
        self.results = Path(results).resolve()
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{quote(str(self.results / 'mlflow.db'))}"
        self.database: Path | None = None
        if uri.startswith("sqlite:///"):
            database = Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0]))
            if kind(database) == "a link to nothing":  # whose disk may be back tomorrow
                raise UserError(f"{database}: a link to nothing, so not a record: mend or remove it")
            self.database = database.resolve()
            uri = f"sqlite:///{quote(str(self.database))}"
        elif re.search(r"\s", uri):  # which ends an address wherever it is shown, and a password's rest would be seen
            raise UserError("MLFLOW_TRACKING_URI: has a space: write it as %20")
        self.uri = uri
        self.known = known
        self.say: Callable[[str], None] = _print_line

    def __reduce__(self) -> tuple[type[Self], tuple[Path, str, bool]]:
        return type(self), (self.results, self.uri, self.known or "_client" in self.__dict__)

    @property
    def place(self) -> str:
        """The record's name for people: never with a password."""
        return without_password(str(self.database or self.uri))

    @cached_property
    def _client(self) -> "MlflowClient":
        database = self.database
        if database is not None and is_read_only(database):
            self._copy = tempfile.TemporaryDirectory(prefix="gan-zoo-")
            database = Path(shutil.copy(database, self._copy.name))
        return open_client(self.uri, database, lambda line: self.say(line), self.known)

    @property
    def _patience(self) -> Patience:
        return self._client._patience  # type: ignore[attr-defined, no-any-return]

    def experiment(self, suite: str, description: str = "", cells: int = 0) -> str:
        """The id of the suite's experiment, which is made if need be, for about so many `cells`. `description` is
        Markdown."""
        if self.database is not None and is_read_only(self.database):
            raise UserError(f"{self.place}: is read-only: {other_place()}")
        with one_line(self.uri, self.database):
            found = self._client.get_experiment_by_name(suite)
            if self.uri.startswith(DATABASES):
                refuse_blocked(self._folder(suite))
            if found is None:
                self._make(suite, cells)
                found = self._client.get_experiment_by_name(suite)
            self._check(found, suite)
            self._follow(found, suite)
            if description:
                self._client.set_experiment_tag(found.experiment_id, NOTE, description)
        return found.experiment_id

    def _make(self, suite: str, cells: int) -> None:
        ledgers = [self._new_ledger(suite) for _ in range(min(MOST_LEDGERS, 1 + cells // CELLS_OF_A_LEDGER))]
        tags = {KIND: "custom_model_development", LEDGER: " ".join(ledgers)}
        try:
            self._client.create_experiment(suite, self._artifacts(suite), tags)
        except mlflow_error() as error:
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":  # another process was first
                raise

    def _new_ledger(self, suite: str) -> str:
        """A run for leases of a suite, apart from its experiment, which may not exist yet."""
        return str(self._client.create_run(DEFAULT, run_name=f"leases of {suite}", tags={"kind": "ledger"}).info.run_id)

    def _ledger(self, suite: str, experiment: str, cell: str) -> str:
        """The run of the leases of `cell`, one of the suite's. Those of a new experiment were named as it was made, so
        all processes know the same."""
        known = self._ledgers(experiment) or [""]
        own = zlib.crc32(cell.encode()) % len(known)
        if self._there([known[own]]):
            return known[own]
        known[own] = self._new_ledger(suite)
        self._client.set_experiment_tag(experiment, LEDGER, " ".join(known))
        return self._ledgers(experiment)[own]

    def _ledgers(self, experiment: str) -> list[str]:
        """The runs of the suite's leases; older experiments have one, or none."""
        return str(self._client.get_experiment(experiment).tags.get(LEDGER, "")).split()

    def _there(self, runs: Iterable[str]) -> list["Run"]:
        """Of the ledgers `runs` those that nobody deleted."""
        names = ", ".join(f"'{run}'" for run in runs if run)
        if not names:
            return []
        return list(self._client.search_runs([DEFAULT], f"attributes.run_id IN ({names})", max_results=MOST_LEDGERS))

    def _artifacts(self, suite: str) -> str | None:
        """Where the files of a suite's runs go; None where a server decides that."""
        if self.uri.startswith(DATABASES):
            return self._folder(suite).as_uri()
        return None

    def _folder(self, suite: str) -> Path:
        beside = self.database.parent if self.database is not None else self.results
        return beside / FILES / re.sub(r"[^\w.-]", "_", suite)

    def _check(self, experiment: Any, suite: str) -> None:
        if experiment.lifecycle_stage != "active":
            raise UserError(f"{self.place}: experiment {suite!r} is deleted: restore it or rename the suite")
        here, place = self._artifacts(suite), experiment.artifact_location
        if here is not None and self.database is None and place.rstrip("/") != here:
            raise UserError(f"{self.place}: its files belong at {place}: move the results back, or {other_place()}")

    def _follow(self, experiment: Any, suite: str) -> None:
        """Has the files of a suite's runs found where they are now, where the results were moved or copied."""
        folder, before = self._folder(suite), experiment.artifact_location.rstrip("/")
        if self.database is not None and was_moved(self.database, before, folder):
            follow(self.database, experiment.experiment_id, before, folder.as_uri())

    def follow_moved(self) -> None:
        """Has the files of all runs found where they are now, where the results were moved or copied."""
        if self.database is not None and self.database.exists() and not is_read_only(self.database):
            for experiment in self.experiments():
                self._follow(experiment, experiment.name)

    def experiments(self) -> list[Any]:
        """All experiments that are not deleted, as MLflow has them, by name. None where there is no record yet."""
        if not self._is_begun():
            return []
        with one_line(self.uri, self.database):
            found = list(self._client.search_experiments(order_by=["name ASC"]))
        return [experiment for experiment in found if experiment.experiment_id != DEFAULT]

    def _existing(self, suite: str) -> str | None:
        """The id of the suite's experiment; makes nothing."""
        if not self._is_begun():
            return None
        with one_line(self.uri, self.database):
            found = self._client.get_experiment_by_name(suite)
        return found.experiment_id if found is not None and found.lifecycle_stage == "active" else None

    def _is_begun(self) -> bool:
        """Whether the record is there: to open one makes it."""
        if self.database is not None:
            return self.database.exists()
        is_database = self.uri.startswith(DATABASES)
        return not is_database or "_client" in self.__dict__ or has_tables(self.uri)

    def _runs(self, experiment: str, kind: Literal["sweep", "group", "cell", "timing"]) -> list["Run"]:
        """All runs of a kind, oldest first."""
        runs: list[Run] = []
        page = None
        with one_line(self.uri, self.database):
            while page is None or page.token:
                token = page.token if page else None
                page = self._client.search_runs(
                    [experiment],
                    f"tags.kind = '{kind}'",
                    max_results=PAGE,
                    order_by=["start_time ASC"],
                    page_token=token,
                )
                runs += page
        return runs


def is_read_only(database: Path) -> bool:
    """Whether a record can be read and not written: MLflow can open only a copy of it."""
    return database.is_file() and not all(os.access(path, os.W_OK) for path in (database, database.parent))


def _print_line(line: str) -> None:
    """Prints a line about the record, where no sweep listens."""
    if line:
        print(line, file=sys.stderr)
