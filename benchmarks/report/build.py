"""From an exported record to tables, figures and pages: the same bytes each time, from the files on disk alone."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.markup.blocks import Block, Figure, Slider, Table, unfolded
from benchmarks.markup.latex import latex
from benchmarks.markup.markdown import markdown
from benchmarks.markup.page import page
from benchmarks.markup.spreadsheet import table_csv
from benchmarks.record.export import Record
from benchmarks.report.against import against_published
from benchmarks.report.dataset_results import FLOOR, TRANSPORT
from benchmarks.report.figures import style
from benchmarks.report.live.runs import record_of
from benchmarks.report.names import write_pages
from benchmarks.report.results import Results
from benchmarks.report.spreadsheet import scores_csv
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from benchmarks.report.figures.plan import Drawing

Choice = dict[str, Any]
ON_SCREEN = (".png", ".svg")
"""The forms of figures that pages show."""


def build_report(
    export: Path, out: Path, choice: Choice | None = None, forms: tuple[str, ...] = style.FORMS
) -> list[Path]:
    """Render the record in folder `export` into folder `out`; the files written, sorted.

    report.md and report.html, the tables for a paper as table.tex, table-siunitx.tex, table.md, table.html and
    table.csv, and figures/. `choice` narrows it by the keys of a suite's `report` (see Results), and its `width` fits
    the figures, which are saved in these `forms`, to a paper. Figures that an earlier report left in `out/figures` and
    this one does not have are removed.

    Raises: UserError where the export cannot be reported.
    """
    from benchmarks.report.figures.plan import draw_all
    from benchmarks.report.provenance import rebuild_command

    results = Results(Record.read(export), choice)
    plan, blocks = contents(results, export)
    earlier, written = _shown_figures(out), draw_all(plan, out / "figures", _paper_of(choice, plan), forms)
    title = f"GAN losses {'tuned' if results.meta.get('search') else 'compared'}: {results.meta['suite']}"
    pages = {
        "report.md": markdown(title, blocks),
        "report.html": page(
            title,
            blocks,
            out / "figures",
            colour,
            lambda block: rebuild_command(results, block.name),
            record_of(results),
        ),
    }
    tables = [block for block in blocks if isinstance(block, Table) and block.paper]
    pages |= _renderings("table", tables, results)
    if not results.meta.get("search"):  # whose losses have no single score
        pages["table.csv"] = scores_csv(results)
    for stale in earlier - set(written):
        stale.unlink()
    return sorted([*written, *write_pages(out, pages)])


def contents(results: Results, export: Path) -> "tuple[list[Drawing], list[Block]]":
    """The figures and the blocks of a report: of a comparison, or of a search."""
    from benchmarks.report.document import document
    from benchmarks.report.figures.plan import drawings
    from benchmarks.report.figures.search import search_drawings
    from benchmarks.report.search_document import search_document

    if results.meta.get("search"):
        plan = list(search_drawings(results))
        return plan, search_document(results, plan)
    plan = list(drawings(results))
    return plan, document(results, plan, against_published(export, results))


def _shown_figures(out: Path) -> set[Path]:
    """The files of the figures that the report in `out` shows: a folder of --out may hold others, of the user's."""
    report = out / "report.md"
    text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
    names = set(re.findall(r"figures/([\w.+-]+)\.png", text))
    files = (out / "figures").glob("*.*")
    return {path for path in files if path.suffix in style.FORMS and path.stem.removesuffix("-column") in names}


def colour(row: str) -> str:
    """The colour of a table's row: of a loss, for real data has none."""
    return "" if row in (FLOOR, TRANSPORT) else style.colour(row)


def build_parts(export: Path, out: Path, names: list[str], choice: Choice | None = None) -> list[Path]:
    """Render only the tables and figures of these names; the files written, sorted.

    A table goes to `out/tables`, as NAME with the endings .tex, -siunitx.tex, .md, .html and .csv; a figure to
    `out/figures`.

    Raises: UserError for a name that the report does not have.
    """
    from benchmarks.report.figures.plan import draw_all

    results = Results(Record.read(export), choice)
    plan, blocks = contents(results, export)
    parts = _named_parts(blocks)
    unknown = [name for name in names if name not in parts]
    if unknown:
        raise UserError(f"--only {unknown[0]}: not in this report: choose from {', '.join(parts)}")
    pages: dict[str, str] = {}
    chosen: list[Table | Figure | Slider] = []
    for name in names:
        chosen += parts[name]
    for part in chosen:
        if isinstance(part, Table):
            pages |= _renderings(part.name, [part], results) | {f"{part.name}.csv": table_csv(part)}
    drawn = [item for item in plan if item.block.name in names]
    figures = draw_all(drawn, out / "figures", _paper_of(choice, drawn))
    return sorted([*figures, *(write_pages(out / "tables", pages) if pages else [])])


def _paper_of(choice: Choice | None, plan: "list[Drawing]") -> "style.Paper | None":
    """The paper that figures are drawn for; None for none. Raises: UserError where there is no figure to be drawn."""
    width = (choice or {}).get("width")
    if width is None:
        return None
    if not plan:
        raise UserError(f"--width {width}: sets the width of figures, and there are none among what is made")
    try:
        return style.paper(str(width))
    except ValueError as error:
        raise UserError(f"--width: {error}") from None


def _named_parts(blocks: list[Block]) -> dict[str, list[Table | Figure | Slider]]:
    """The tables and figures of a report by name; a table and the figure that draws it may share one."""
    parts: dict[str, list[Table | Figure | Slider]] = {}
    for block in unfolded(blocks):
        if isinstance(block, Table | Figure | Slider):
            parts.setdefault(block.name, []).append(block)
    return parts


def _renderings(name: str, tables: list[Table], results: Results) -> dict[str, str]:
    """The same cells in every markup, by file name."""
    suite = str(results.meta["suite"])
    return {
        f"{name}.tex": latex(tables, suite),
        f"{name}-siunitx.tex": latex(tables, suite, siunitx=True),
        f"{name}.md": markdown(suite, list(tables)),
        f"{name}.html": page(suite, list(tables), Path(), colour),
    }


def check_report(export: Path, out: Path, choice: Choice | None = None) -> list[str]:
    """Names of the files in `out` whose bytes a rebuild from `export` changes, lacks or adds; empty where all agree."""
    with tempfile.TemporaryDirectory() as folder:
        files = build_report(export, Path(folder), choice)
        fresh = _contents(Path(folder), files)
    expected = {out / name for name in fresh}
    kept = _contents(out, filter(Path.is_file, expected.union((out / "figures").glob("*.*"))))
    return sorted(name for name in {*fresh, *kept} if fresh.get(name) != kept.get(name))


def _contents(folder: Path, files: Iterable[Path]) -> dict[str, bytes]:
    """The bytes of files by their names within `folder`."""
    contents = {}
    for path in files:
        contents[path.relative_to(folder).as_posix()] = path.read_bytes()
    return contents
