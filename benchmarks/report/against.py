"""A record held against the published one of its suite: which cells are equal bit for bit, which agree, what is upheld.

Cells are compared where their specs are equal. It is made from two exports alone, the same words for the terminal and
for the report.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.markup.blocks import DASH, Block, Entry, Heading, Items, Table, columns_of, listed
from benchmarks.record.export import Record
from benchmarks.record.places import published_folder
from benchmarks.report.agreement import Agreement, CellName, Kind, judge, run_at
from benchmarks.report.names import named
from benchmarks.report.results import Results
from benchmarks.report.upheld import upheld, verdict_sentences, verdict_table
from benchmarks.report.versus import alike
from gan_zoo.errors import UserError

LEVEL = 0.99
"""Confidence of the interval that a score of other bits must lie in; one in a hundred would miss it by chance."""
KINDS: tuple[Kind, ...] = ("equal bits", "within noise", "contradicts")
SHOWN = 6


@dataclass(frozen=True)
class Comparison:
    """Every cell of a published record: how the record's own compares, or why it is not compared."""

    agreements: Mapping[CellName, Agreement]
    left_out: Mapping[CellName, str]
    differences: tuple[str, ...]
    """Numerics, versions and machine, where they are recorded and not equal."""

    def count(self, loss: str = "", dataset: str = "") -> Counter[Kind]:
        """How many of the compared cells are of each kind: all of them, or those of a loss on a data set."""
        count: Counter[Kind] = Counter()
        for cell, agreement in self.agreements.items():
            if loss in ("", cell.loss) and dataset in ("", cell.dataset):
                count[agreement.kind] += 1
        return count


TITLE = "Against the published results"


def against_published(export: Path, results: Results) -> list[Block]:
    """The section of a report; empty where nothing of this suite is published, or this is the published record."""
    folder = published_folder(str(results.meta["suite"]))
    if folder is None or export.resolve() == (folder / "export").resolve():
        return []
    try:
        published = Results(Record.read(folder / "export"))
        mine = Results(results.record, {"checkpoint": str(published.checkpoint)})
    except UserError as error:
        return [Heading(TITLE), Items([f"Not compared: {error}"])]
    held = hold(published, mine)
    verdicts = upheld(held.agreements.keys(), published, mine)
    tables = [_count_table(held, published)] if held.agreements else []
    tables += [verdict_table(verdicts)] if verdicts else []
    return [Heading(TITLE), Items([*_sentences(held), *verdict_sentences(verdicts)]), *tables]


def against_text(export: Path) -> str:
    """The sentences of the section for a terminal; empty where there is none."""
    section = against_published(export, Results(Record.read(export)))
    lines: list[str] = []
    for block in section:
        lines += block.texts if isinstance(block, Items) else []
    return "\n  ".join([f"{TITLE}:", *lines]) if lines else ""


def hold(published: Results, mine: Results) -> Comparison:
    """Every planned cell of `published` against the same of `mine`."""
    agreements: dict[CellName, Agreement] = {}
    left_out: dict[CellName, str] = {}
    for run in published.runs[published.runs.status.isin(("done", "diverged"))].itertuples():
        cell = CellName(run.dataset, run.loss, int(run.seed))
        reason = _why_not(cell, run, mine)
        if not reason:
            metric = published.on(cell.dataset).primary
            metrics = [metric] if alike(published, mine, cell.dataset, metric) else []
            agreement = judge(published, mine, cell, metrics, LEVEL)
            reason = (
                "" if metrics or agreement.kind != "within noise" else "scored by another protocol, with other bits"
            )
        if reason:
            left_out[cell] = reason
        else:
            agreements[cell] = agreement
    return Comparison(agreements, left_out, unlike(published, mine))


def _why_not(cell: CellName, published: Any, mine: Results) -> str:
    """Why a published cell has nothing here to be compared with; empty where it has."""
    if cell.loss not in mine.losses or cell.dataset not in mine.datasets or cell.seed not in mine.seeds:
        return "not in this record"
    run = run_at(mine, cell)
    if run.run_key != published.run_key and not (run.spec and run.spec == published.spec):
        return "of another spec (the suite was changed)"
    return "" if run.status in ("done", "diverged") else "not ended"


def unlike(published: Results, mine: Results) -> tuple[str, ...]:
    """Possible causes of other bits: numerics, engine, threads, versions, machine, where recorded and different."""
    texts = []
    for column in ("numerics", "engine", "threads", "device"):
        there, here = _recorded(published, column), _recorded(mine, column)
        if there != here:
            texts.append(f"{column} ({there or 'not recorded'} there, {here or 'not recorded'} here)")
    theirs, ours = published.environment, mine.environment
    for name in ("torch", "numpy", "system", "commit"):
        if theirs.get(name) != ours.get(name):
            texts.append(f"{name} ({theirs.get(name, 'not recorded')} there, {ours.get(name, 'not recorded')} here)")
    return tuple(texts)


def _recorded(results: Results, column: str) -> str:
    """All that the runs recorded in a column."""
    values = results.runs[column].dropna().astype(str)
    return ", ".join(sorted(set(filter(None, values))))


def _sentences(held: Comparison) -> list[str]:
    """The comparison in sentences, the most important first."""
    count = held.count()
    total, equal = len(held.agreements), count["equal bits"]
    texts = [f"{equal} of {total} cells equal the published ones bit for bit."] if total else []
    if equal < total:
        texts.append(
            f"Of the other {total - equal}, {count['within noise']} agree within what seeds explain, and "
            f"{count['contradicts']} do not."
        )
        texts.append(
            f"Other bits probably come from what differs: {listed(list(held.differences))}."
            if held.differences
            else "Nothing that is recorded explains other bits: numerics, versions and machine are equal."
        )
    off = []
    for cell, agreement in held.agreements.items():
        if agreement.kind == "contradicts":
            off.append(f"{cell} ({agreement.reason})")
    more = f"; and {len(off) - SHOWN} more" if len(off) > SHOWN else ""
    texts += [f"Not explained: {'; '.join(off[:SHOWN])}{more}."] if off else []
    for reason, number in Counter(held.left_out.values()).items():
        texts.append(f"{number} published cells are not compared: {reason}.")
    return texts


def _counted(count: int) -> Entry:
    return Entry(str(count), float(count))


def _count_table(held: Comparison, published: Results) -> Table:
    """How the seeds of each loss compare, by data set."""
    rows = []
    for loss in published.losses:
        for dataset in published.datasets:
            count = held.count(loss, dataset)
            rows.append([named(loss), named(dataset), _counted(count.total())])
            for kind in KINDS:
                rows[-1].append(_counted(count[kind]) if count else Entry(DASH))
    numeric = ("compared", *KINDS)
    columns = columns_of(("Loss", "data set", *numeric), numeric)
    caption = (
        "Cells of equal spec against the published ones. Equal bits: the hash of the final weights and every score are "
        "equal. Within noise: where bits differ, the primary scores differ by no more than two runs of a cell would "
        f"by chance (on the log scale, {LEVEL:.0%}, by the spread of the published cell's other seeds)."
    )
    return Table("against-published", caption, columns, rows)
