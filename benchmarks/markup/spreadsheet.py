"""Tables as CSV: plain numbers in full, for those who calculate on."""

import csv
import io
from collections.abc import Iterable

from benchmarks.markup.blocks import Entry, Table


def table_csv(table: Table) -> str:
    """One table from its cells: numbers in full; half-widths and what marks mean in columns of their own, if any."""
    columns = []
    for position, column in enumerate(table.columns):
        cells = [row[position] for row in table.rows]
        columns.append([column.title, *(_value(cell, column.numeric) for cell in cells)])
        if any(cell.half is not None for cell in cells):
            columns.append([f"{column.title}, half-width 95 %", *map(_half, cells)])
        verdicts = [cell.mark.word for cell in cells]
        if any(verdicts):
            columns.append([f"{column.title}, verdict", *verdicts])
    return text(zip(*columns, strict=True))


def _value(cell: Entry, numeric: bool) -> str:
    return exact(cell.value) if numeric and isinstance(cell.value, float) else cell.text


def _half(cell: Entry) -> str:
    return "" if cell.half is None else exact(cell.half)


def exact(value: float) -> str:
    """Nine significant digits; nothing for NaN."""
    return "" if value != value else f"{value:.9g}"


def text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV with Unix line ends."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
