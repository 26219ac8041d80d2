"""The commands `gan-zoo report` and `gan-zoo diff`: from the record to an export, and from exports to pages."""

import argparse
import hashlib
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.record.export import Record
from benchmarks.record.places import VIEWS, own_folder, record_folder, refuse_unwritable, suite_at
from benchmarks.record.store import Store
from benchmarks.report.build import ON_SCREEN, build_parts, build_report, check_report
from benchmarks.report.versus import build_comparison, diff_runs
from gan_zoo.errors import UserError

CHOICES = ("rows", "columns", "seeds", "metrics", "baseline", "checkpoint", "margin", "width")
LONGEST_NAME = 80


def write_report(suite: str, store: Store, results: Path) -> tuple[Path, list[Path]]:
    """The report in results/suite/, from the record by way of its export; its folder, and all files that it is."""
    folder = results / suite
    exported = store.record(suite).write(folder / "export")
    handed_on = [path for path in (folder / "export" / "extractors").glob("*") if path.is_file()]
    return folder, [*exported, *handed_on, *build_report(folder / "export", folder)]


def write_look(suite: str, store: Store, folder: Path) -> list[Path]:
    """A report of the suite's latest sweep in `folder`, without what is for a paper; all files that it is."""
    exported = store.record(suite).write(folder / "export")
    return [*exported, *build_report(folder / "export", folder, forms=ON_SCREEN)]


def report(options: argparse.Namespace) -> int:
    """The command `report`: rebuild, check, or set two records side by side."""
    if len(options.suites) > 2:
        raise UserError(f"report: one suite to report, or two to compare, not {len(options.suites)}")
    if options.only and (options.check or len(options.suites) > 1):
        raise UserError("--only: makes parts of one report, so it goes with one suite and without --check")
    choice = _choice(options)
    if len(options.suites) == 2:
        return compare(options, choice)
    suite = options.suites[0]
    if options.check:
        return check(record_folder(suite, options.results), options.out, choice)
    if options.only:
        out = _place_of(suite, options.results, options.out, choice, options.only)
        with source(suite, options.results, out, options.from_export) as export:
            print(*build_parts(export, out, options.only, choice), sep="\n")
        return 0
    out = rebuild(suite, options.results, options.out, choice, options.from_export)
    print(f"report: {out / 'report.html'}")
    return 0


def rebuild(suite: str, results: Path, out: Path | None, choice: dict[str, Any], from_export: bool = False) -> Path:
    """Makes the report of a suite, narrowed by `choice`, anew; the folder that it is in."""
    out = _place_of(suite, results, out, choice)
    with source(suite, results, out, from_export) as export:
        build_report(export, out, choice)
    return out


def _place_of(
    suite: str, results: Path, out: Path | None, choice: dict[str, Any], only: list[str] | None = None
) -> Path:
    """The folder that a report of this choice is made in. Raises: UserError where it may not be written to."""
    folder = own_folder(Path(suite), results) or results / suite_at(suite, results)
    return refuse_unwritable(out or view(folder, choice, only))


def _choice(options: argparse.Namespace) -> dict[str, Any]:
    """The options that narrow a report, by the keys of a suite's `report`."""
    choice = {}
    for key in CHOICES:
        value = getattr(options, key)
        if value not in (None, []):
            choice[key] = value
    return choice


def view(folder: Path, choice: dict[str, Any], only: list[str] | None) -> Path:
    """Where a report goes: `folder` for the suite's own choices, else a folder of its own below, named by what was
    chosen, so that nothing overwrites the report of record."""
    words = []
    for key, value in choice.items():
        option = {"rows": "losses", "columns": "datasets"}.get(key, key)
        chosen = "+".join(map(str, value)) if isinstance(value, list) else value
        words.append(f"{option}-{chosen}")
    if not words and not only:
        return folder
    name = re.sub(r"[^\w.+=-]", "-", "_".join(words) or "parts")
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return folder / VIEWS / name


@contextmanager
def source(suite: str, results: Path, out: Path, from_export: bool) -> Iterator[Path]:
    """The export that a report is made from: what the record gives now, written into `out`, or what is there.

    Where the report is refused, an export that was written for it alone is removed again.
    """
    if from_export or own_folder(Path(suite), results):
        yield record_folder(suite, results) / "export"
        return
    export = out / "export"
    missing = [folder for folder in (export, *export.parents) if not folder.exists()]
    try:
        Store(results).record(suite_at(suite, results)).write(export)
        yield export
    except UserError:
        if export in missing:
            shutil.rmtree(export, ignore_errors=True)
        with suppress(OSError):  # of what others put something into meanwhile
            for folder in missing[1:]:
                folder.rmdir()
        raise


def compare(options: argparse.Namespace, choice: dict[str, Any]) -> int:
    if "width" in choice:
        raise UserError("--width: sets the width of figures, and two records side by side have none")
    first, second = (record_folder(suite, options.results) for suite in options.suites)
    out = refuse_unwritable(options.out or view(first, choice, None))
    pages = build_comparison(first / "export", second / "export", out, choice)
    print(f"comparison: {pages[-1]}")
    return 0


def check(folder: Path, out: Path | None, choice: dict[str, Any]) -> int:
    """Rebuilds what lies in `out`, or what a report of this choice from `folder` wrote, from the export beside it."""
    out = out or view(folder, choice, None)
    export = out / "export" if (out / "export").is_dir() else folder / "export"
    folder, different = out, check_report(export, out, choice)
    for name in different:
        print(f"{folder / name}: differs from what its export gives", file=sys.stderr)
    if not different:
        print(f"{folder}: every file is what its export gives")
    return 1 if different else 0


def diff(options: argparse.Namespace) -> int:
    """The command `diff`: what differs between two runs, each named SUITE/KEY."""
    (first, key), (second, other) = (_run_place(run, options.results) for run in options.runs)
    print(diff_runs(Record.read(first), key, Record.read(second), other))
    return 0


def _run_place(run: str, results: Path) -> tuple[Path, str]:
    """The export and the key of a run from SUITE/KEY. Raises: UserError where it has not this form."""
    suite, slash, key = run.rpartition("/")
    if not (slash and suite and key):
        raise UserError(f"diff: '{run}': expected SUITE/KEY, e.g. quickstart/0064ac3d; keys are in export/runs.csv")
    return record_folder(suite, results) / "export", key
