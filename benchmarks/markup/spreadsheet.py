"""Tables as CSV: plain numbers in full, for those who calculate on."""

import csv
import io
from collections.abc import Iterable

from benchmarks.markup.blocks import Entry, Table


def table_csv(table: Table) -> str:
    """One table from its entries: numbers in full; half-widths and what marks mean in columns of their own, if any."""
    columns = []
    for position, column in enumerate(table.columns):
        entries = [row[position] for row in table.rows]
        columns.append([column.title, *(_value(entry, column.numeric) for entry in entries)])
        if any(entry.half is not None for entry in entries):
            columns.append([f"{column.title}, half-width 95 %", *map(_half, entries)])
        verdicts = [entry.mark.word for entry in entries]
        if any(verdicts):
            columns.append([f"{column.title}, verdict", *verdicts])
    return text(zip(*columns, strict=True))


def _value(entry: Entry, numeric: bool) -> str:
    return exact(entry.value) if numeric and isinstance(entry.value, float) else entry.plain


def _half(entry: Entry) -> str:
    return "" if entry.half is None else exact(entry.half)


def exact(value: float) -> str:
    """Nine significant digits; nothing for NaN."""
    return "" if value != value else f"{value:.9g}"


def text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV with Unix line ends."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
