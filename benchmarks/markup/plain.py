"""Tables as plain text in columns, for a terminal."""

from collections.abc import Sequence

from benchmarks.markup.blocks import Column, Entry, Table

GAP, NO_BREAK_SPACE = "  ", "\u00a0"


def plain(table: Table) -> str:
    """The table under its columns' titles, numbers to the right; the best entry has a star, others their symbols."""
    columns = []
    for position, column in enumerate(table.columns):
        columns.append(_column(column, [row[position] for row in table.rows]))
    lines = []
    for fields in zip(*columns, strict=True):
        lines.append(GAP.join(fields).rstrip())
    return "\n".join(lines).replace(NO_BREAK_SPACE, " ")


def _column(column: Column, entries: Sequence[Entry]) -> list[str]:
    """Title and entries, all as wide as the widest. Where some have marks each keeps room for one, so that digits stand
    under digits."""
    room = max(map(len, map(_mark, entries)), default=0)
    texts = [column.title]
    for entry in entries:
        words = f"{entry.plain} {entry.note}" if entry.note else entry.plain
        texts.append(f"{words} {_mark(entry):{room}}" if room else words)
    width = max(map(len, texts))
    side = ">" if column.numeric else "<"
    return [f"{text:{side}{width}}" for text in texts]


def _mark(entry: Entry) -> str:
    return "*" if entry.mark.bold else entry.mark.symbol
