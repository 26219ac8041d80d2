"""From a finished run of a suite to its published report, which everybody's runs are held against from then on."""

import re
from pathlib import Path

from benchmarks.record import places
from benchmarks.record.export import Record
from benchmarks.report.build import build_report
from benchmarks.suites.shipped import suite_names
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.suites.trials import ENDING, ground_of, sobol_trials
from gan_zoo.errors import UserError, printable

UNRELAXED = {"", "portable", "exact"}
"""Endings of a record's numerics, after the precision, that are fit to be published."""


def publish(name: str, results: Path) -> Path:
    """The export of `results`/`name` with its report, in the published results in place of what is there.

    Raises: UserError unless every cell of the suite as it comes with the package, or of the search behind it, has ended
    with a result, all of them at one clean commit and in the reference numerics.
    """
    if not places.PUBLISHED.is_dir():
        raise UserError(f"{places.PUBLISHED}: there is no such folder: publish from a checkout")
    if name.removesuffix(ENDING) not in suite_names():
        known = ", ".join(suite_names())
        raise UserError(
            f"{printable(name)}: what is published are suites of the package, by name ({known}), and the searches "
            f"behind them (NAME{ENDING}); the report of one of your own is in its folder of results, and `gan-zoo "
            "report NAME --out DIR` writes it where you want it"
        )
    source = results / name / "export"
    record = Record.read(source)
    reasons = refusals(_suite_of(name, record), record)
    if reasons:
        raise UserError(f"{source}: not published: {'; '.join(reasons)}")
    record.write(places.PUBLISHED / name / "export")
    return rebuild(name)


def _suite_of(name: str, record: Record) -> Suite:
    """The suite that a record of this name should be of: one of the package, or the search behind one."""
    if name in suite_names():
        return load_suite(name)
    tuned, search = name.removesuffix(ENDING), record.meta.get("search", {})
    return sobol_trials(ground_of(tuned, {}), int(search.get("settings", 1)), int(search.get("seed", 0)))


def rebuild(name: str) -> Path:
    """The published report of a suite made again from its export, and what the README shows of it."""
    folder = places.PUBLISHED / name
    build_report(folder / "export", folder)
    readme = places.PUBLISHED.parents[1] / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
        readme.write_text(with_summary(text, name, summary(folder)), encoding="utf-8", newline="\n")
    return folder


def summary(folder: Path) -> str:
    """The first section of a report: what won, and the table of primary scores."""
    report = (folder / "report.md").read_text(encoding="utf-8")
    return report.split("\n## Summary\n\n")[1].split("\n## ")[0].strip()


def with_summary(readme: str, name: str, text: str) -> str:
    """The README with `text` between its two marks for a suite, if it has them."""
    begin, end = f"<!-- summary of results/published/{name} -->\n", f"\n<!-- end of {name} -->"
    return re.sub(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", lambda _: text, readme, flags=re.DOTALL)


def refusals(suite: Suite, record: Record) -> list[str]:
    """Why a record cannot stand for the suite; empty where it can."""
    runs, reasons = record.runs, []
    planned = {spec.canonical for spec in suite.cells}
    open_cells = int((~runs.status.isin(("done", "diverged"))).sum())
    if open_cells:
        reasons.append(f"{open_cells} cells have not ended with a result")
    if set(runs.spec) != planned or record.meta.get("report") != suite.report:
        reasons.append("it is of a changed suite: run it without --set")
    if runs.dirty.fillna(True).any() or set(runs.commit) & {"", "unknown"}:
        reasons.append("runs were made with uncommitted changes: commit, and run them again")
    if runs.commit.nunique() > 1:
        reasons.append(f"runs come from {runs.commit.nunique()} commits: run all at one, in another --results")
    relaxed = {text.partition(", ")[2] for text in runs.numerics} - UNRELAXED
    if relaxed:
        reasons.append(
            f"runs were made in relaxed numerics ({', '.join(sorted(relaxed))}): run them in the reference ones"
        )
    return reasons
