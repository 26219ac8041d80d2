"""What `gan-zoo report` and `gan-zoo diff` do: from the record to an export, and from exports to pages."""

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.record.export import Record
from benchmarks.record.store import Store
from benchmarks.report.build import build_parts, build_report, check_report
from benchmarks.report.versus import build_comparison, diff_runs
from gan_zoo.errors import UserError

CHOICES = ("rows", "columns", "metrics", "baseline", "checkpoint")


def write_report(suite: str, store: Store, results: Path) -> Path:
    """The report in results/suite/, from the record by way of its export; its folder."""
    folder = results / suite
    store.record(suite).write(folder / "export")
    build_report(folder / "export", folder)
    return folder


def scores_text(folder: Path) -> str:
    """The scores of a report for a terminal: a small table per data set."""
    table = pd.read_csv(folder / "table.csv")
    spread = table["half_width_95"].map(lambda half: "" if pd.isna(half) else f" ± {half:.2g}")
    table["score"] = table["mean"].map(lambda mean: "failed" if pd.isna(mean) else f"{mean:.4g}") + spread
    parts = []
    for dataset, rows in table.groupby("dataset", sort=False):
        wide = rows.pivot(index="loss", columns="metric", values="score")
        wide = wide.reindex(index=rows["loss"].unique(), columns=rows["metric"].unique())
        parts.append(f"{dataset}\n{wide.rename_axis(index=None, columns=None).to_string()}")
    return "\n\n".join(parts)


def report(options: argparse.Namespace) -> int:
    """The command `report`: rebuild, check, or set two records side by side."""
    if len(options.suites) > 2:
        raise UserError(f"report: one suite to report, or two to compare, not {len(options.suites)}")
    if options.only and (options.check or len(options.suites) > 1):
        raise UserError("--only: makes parts of one report, so it goes with one suite and without --check")
    choice = {key: getattr(options, key) for key in CHOICES if getattr(options, key)}
    if len(options.suites) == 2:
        return compare(options, choice)
    suite = options.suites[0]
    folder = record_folder(suite, options.results)
    if options.check:
        return check(folder, choice)
    if not options.from_export:
        Store(options.results).record(suite).write(folder / "export")
    out = options.out or folder
    if options.only:
        print(*build_parts(folder / "export", out, options.only, choice), sep="\n")
        return 0
    build_report(folder / "export", out, choice)
    print(f"report: {out / 'report.html'}")
    return 0


def compare(options: argparse.Namespace, choice: dict[str, Any]) -> int:
    first, second = (record_folder(suite, options.results) for suite in options.suites)
    pages = build_comparison(first / "export", second / "export", options.out or first, choice)
    print(f"comparison: {pages[-1]}")
    return 0


def record_folder(suite: str, results: Path) -> Path:
    """The folder that has, or will have, the export of a suite: results/NAME, or a path as given."""
    return Path(suite) if (Path(suite) / "export").is_dir() else results / suite


def check(folder: Path, choice: dict[str, Any]) -> int:
    different = check_report(folder / "export", folder, choice)
    for name in different:
        print(f"{folder / name}: differs from what its export gives", file=sys.stderr)
    if not different:
        print(f"{folder}: every file is what its export gives")
    return 1 if different else 0


def diff(options: argparse.Namespace) -> int:
    """The command `diff`: what differs between two runs, each named SUITE/KEY."""
    (first, key), (second, other) = (run_place(run, options.results) for run in options.runs)
    print(diff_runs(Record.read(first), key, Record.read(second), other))
    return 0


def run_place(run: str, results: Path) -> tuple[Path, str]:
    """The export and the key of a run from SUITE/KEY. Errors: UserError where it has not this form."""
    suite, slash, key = run.rpartition("/")
    if not (slash and suite and key):
        raise UserError(f"diff: '{run}': expected SUITE/KEY, e.g. quickstart/0064ac3d; keys are in export/runs.csv")
    return record_folder(suite, results) / "export", key
