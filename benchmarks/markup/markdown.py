"""Blocks as GitHub-flavoured Markdown."""

import re
from collections.abc import Collection, Iterable, Sequence

from benchmarks.markup.blocks import (
    Block,
    Code,
    Column,
    Entry,
    Figure,
    Fold,
    Heading,
    Items,
    Slider,
    Table,
    Text,
    unfolded,
)


def escape(text: str) -> str:
    """Text that Markdown and the HTML inside it leave as it is."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~$])", r"\\\1", safe).replace("\n", " ")


def markdown(title: str, blocks: list[Block]) -> str:
    """The whole report."""
    return "\n\n".join([f"# {escape(title)}", *(render(block) for block in blocks)]) + "\n"


def render(block: Block) -> str:
    """One block."""
    match block:
        case Heading():
            return f"{'#' * block.level} {escape(block.text)}"
        case Text():
            return escape(block.text)
        case Items():
            mark = "> - " if block.alert else "- "
            return "\n".join(mark + escape(text) for text in block.texts)
        case Code():
            fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", block.text)), default=0))
            return f"{fence}\n{block.text}\n{fence}"
        case Table():
            return _table(block)
        case Figure():
            return f"![{escape(block.alt)}](figures/{block.name}.png)\n\n*{escape(block.caption)}*"
        case Slider():
            frames = "\n\n".join(f"![{escape(label)}](figures/{name}.png)" for label, name in block.frames)
            return f"{frames}\n\n*{escape(block.caption)}*"
        case Fold():
            return "\n\n".join(map(render, unfolded([block])))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numeric: Collection[int] = ()) -> str:
    """A table of cells that are Markdown already; columns at the positions in `numeric` are aligned to the right."""
    rule = ["---:" if position in numeric else ":---" for position in range(len(heads))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *rows))


def code(text: str) -> str:
    """A code span that a table leaves whole."""
    return "`" + text.replace("|", r"\|") + "`"


def _table(block: Table) -> str:
    heads = [escape(column.title) for column in block.columns]
    rows = [list(map(_cell, row, block.columns)) for row in block.rows]
    numeric = [position for position, column in enumerate(block.columns) if column.numeric]
    notes = f"\n\n{escape(block.notes)}" if block.notes else ""
    return f"{table(heads, rows, numeric)}\n\n*{escape(block.caption)}*{notes}"


def _cell(cell: Entry, column: Column) -> str:
    text = escape(cell.text)
    marked = f"**{text}**" if cell.mark.bold else f"*{text}*" if column.quoted else text
    parts = (marked, escape(cell.mark.symbol), escape(cell.note))
    return " ".join(part for part in parts if part)
