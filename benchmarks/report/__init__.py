"""From an exported record to tables, figures and pages: the same bytes each time, from the files on disk alone."""

import csv
import io
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import Record
from benchmarks.report.cells import Table
from benchmarks.report.latex import latex
from benchmarks.report.markdown import markdown
from benchmarks.report.page import page
from benchmarks.report.results import Results


def build_report(export: Path, out: Path, choice: dict[str, Any] | None = None) -> list[Path]:
    """Render the record in folder `export` into folder `out`; the files written, sorted.

    report.md, report.html, table.tex, table-siunitx.tex, table.csv, and figures/ as PDF and PNG. `choice` narrows it by
    the keys of a suite's `report`: rows, columns, metrics, baseline, targets. Figures that an earlier report left in
    `out/figures` and this one does not have are removed. Raises UserError where the export cannot be reported.
    """
    from benchmarks.report.document import document
    from benchmarks.report.figures import draw_all, drawings

    results = Results(Record.read(export), choice)
    plan = list(drawings(results))
    blocks = document(results, plan)
    written = draw_all(plan, out / "figures")
    title = f"GAN losses compared: {results.meta['suite']}"
    tables = [block for block in blocks if isinstance(block, Table) and block.paper]
    pages = {
        "report.md": markdown(title, blocks),
        "report.html": page(title, blocks, out / "figures"),
        "table.tex": latex(tables, str(results.meta["suite"])),
        "table-siunitx.tex": latex(tables, str(results.meta["suite"]), siunitx=True),
        "table.csv": scores_csv(results),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    for stale in set((out / "figures").glob("*.*")) - set(written):
        stale.unlink()
    return sorted([*written, *(out / name for name in pages)])


def check_report(export: Path, out: Path, choice: dict[str, Any] | None = None) -> list[str]:
    """Names of the files in `out` whose bytes a rebuild from `export` changes, lacks or adds; empty where all agree."""
    with tempfile.TemporaryDirectory() as folder:
        files = build_report(export, Path(folder), choice)
        fresh = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    figures = {path.relative_to(out).as_posix() for path in (out / "figures").glob("*.*")}
    kept = {name: (out / name).read_bytes() for name in {*fresh, *figures} if (out / name).is_file()}
    return sorted(name for name in {*fresh, *kept} if fresh.get(name) != kept.get(name))


def scores_csv(results: Results) -> str:
    """Every score cell as a row of plain numbers."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    heads = "dataset,metric,direction,loss,mean,half_width_95,n,n_failed,bold,n_critic,images_seen,train_seconds"
    writer.writerow([*heads.split(","), "iterations_per_second"])
    for dataset in results.datasets:
        costs = results.times(dataset)
        for metric in results.metric_names(dataset):
            summary = results.summary(dataset, metric)
            for row, loss in enumerate(results.losses):
                cost = costs.loc[loss, ["n_critic", "images_seen", "train_seconds", "iterations_per_second"]]
                counts = [int(summary.attempted[row]), int(summary.failed[row]), int(summary.bold[row])]
                numbers = [_exact(x) for x in (summary.mean[row], summary.half[row])]
                writer.writerow([dataset, metric, summary.direction, loss, *numbers, *counts, *map(_exact, cost)])
    return buffer.getvalue()


def _exact(value: float) -> str:
    return "" if value != value else f"{value:.9g}"
