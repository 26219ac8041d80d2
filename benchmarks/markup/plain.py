"""Tables as plain text in columns, for a terminal."""

from collections.abc import Sequence

from benchmarks.markup.blocks import Column, Entry, Table

GAP, NO_BREAK_SPACE = "  ", "\u00a0"


def plain(table: Table) -> str:
    """The table under its columns' titles, numbers to the right; the best entry has a star, others their symbols."""
    columns = []
    for position, column in enumerate(table.columns):
        columns.append(_column(column, [row[position] for row in table.rows]))
    lines = [GAP.join(fields).rstrip() for fields in zip(*columns, strict=True)]
    return "\n".join(lines).replace(NO_BREAK_SPACE, " ")


def _column(column: Column, entries: Sequence[Entry]) -> list[str]:
    """Title and entries, all as wide as the widest. Where some have marks each keeps room for one, so that digits stand
    under digits."""
    marks = ["*" if entry.mark.bold else entry.mark.symbol for entry in entries]
    room = max(map(len, marks), default=0)
    texts = []
    for entry, mark in zip(entries, marks, strict=True):
        words = f"{entry.text} {entry.note}" if entry.note else entry.text
        texts.append(f"{words} {mark:{room}}" if room else words)
    width = max(map(len, [column.title, *texts]))
    return [text.rjust(width) if column.numeric else text.ljust(width) for text in (column.title, *texts)]
