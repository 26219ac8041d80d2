"""Where exports lie: what a user's runs write under the results folder, and what the project publishes."""

import os
from itertools import chain
from pathlib import Path

from gan_zoo.errors import UserError
from gan_zoo.files import refuse_blocked, shown

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"
"""The published reports with their exports, a folder a suite: read-only but for `gan-zoo publish`. Part of a checkout,
and not of an installed package."""

VIEWS = "views"
"""Folder, in that of a suite's report, of reports that show something else of it: see `gan-zoo report --checkpoint`."""

FOLDERS = ("export", "figures", "runs")
"""Folders in that of a suite's report: what the report is made from, what it shows, and cells that run."""
PAGES = ("report.*", "table*.*")


def published_folder(suite: str) -> Path | None:
    """The published report of a suite, or None."""
    folder = PUBLISHED / suite
    return folder if (folder / "export" / "meta.json").is_file() else None


def own_folder(folder: Path, results: Path) -> Path | None:
    """`folder` where it is a path to a report with its export, and not the name of a suite; else None."""
    if folder.name == "export" and (folder / "meta.json").is_file():
        return folder.parent
    return folder if (folder / "export").is_dir() and not _is_a_suites(folder, results) else None


def suite_at(given: str, results: Path) -> str:
    """The name of the suite whose own folder under the results was given, as in results/quickstart; else `given`."""
    return Path(given).name if _is_a_suites(Path(given), results) else given


def _is_a_suites(folder: Path, results: Path) -> bool:
    return folder.name != "" and folder.resolve() == (results / folder.name).resolve()


def record_folder(suite: str, results: Path) -> Path:
    """The folder that has, or will have, the export of a suite.

    A path to a report or to its export is itself; a name is results/NAME, or the published report of this name where
    nothing of one's own is there.
    """
    given = own_folder(Path(suite), results)
    if given is not None:
        return given
    name = suite_at(suite, results)
    folder = results / name
    return folder if (folder / "export").is_dir() else published_folder(name) or folder


def export_folder(suite: str, results: Path) -> Path:
    """The folder with the meta.json of a suite's export, by the suite's name, its report's folder or the export's."""
    given = Path(suite)
    return given if (given / "meta.json").is_file() else record_folder(suite, results) / "export"


OTHER_OUT = "name another folder with --out"


def refuse_unwritable(folder: Path, remedy: str = OTHER_OUT) -> Path:
    """`folder`, of a report. Raises: UserError where it lies in what is published, which no report overwrites, may not
    be written to, or has something else in the place of what a report writes."""
    _refuse_blocked_report(folder)
    place = folder.resolve()
    if place.is_relative_to(PUBLISHED):
        raise UserError(f"{folder}: published results are read-only: {remedy}")
    there = next(each for each in (place, *place.parents) if each.exists())
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: cannot be written to: {remedy}")
    return folder


def _refuse_blocked_report(folder: Path) -> None:
    """Raises: UserError where something else is in the place of a folder or a page of the report in `folder`."""
    for name in FOLDERS:
        refuse_blocked(folder / name)
    for path in chain.from_iterable(map(folder.glob, PAGES)):
        if path.is_dir():
            raise UserError(f"{shown(path)}: a folder, where a page of the report belongs: move it away")
