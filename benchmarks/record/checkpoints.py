"""Folders of runs kept in the record, for machines that share no storage: a cell that moves goes on from there.

Of a run two archives are kept, written by turns, and its tag names the one that is whole.
"""

import io
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record.remote import artifact, files_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = FOLDER = "checkpoint"
ARCHIVES = ("a.zip", "b.zip")


def send(client: "MlflowClient", run_id: str, folder: Path, last: str) -> str:
    """Keep the files of `folder` with a run, whose `last` archive stays; the name of the new one."""
    name = next(each for each in ARCHIVES if each != last)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
        client.log_artifact(run_id, str(path), FOLDER)
    client.set_tag(run_id, TAG, name)
    return name


def fetch(client: "MlflowClient", run_id: str, folder: Path, last: str) -> bool:
    """Put the files of a run's `last` archive into `folder`; False where it is not there, or not whole."""
    content = artifact(client, client.get_run(run_id), f"{FOLDER}/{last}")
    try:
        with zipfile.ZipFile(io.BytesIO(content or b"")) as archive:
            if archive.testzip() is not None:
                return False
            archive.extractall(folder)
    except zipfile.BadZipFile:
        return False
    return True


def forget(client: "MlflowClient", run_id: str) -> None:
    """Remove the archives of a run that goes on no more, where its storage can: those that stay are only large."""
    with suppress(Exception):
        files_of(client, client.get_run(run_id)).delete_artifacts(FOLDER)
