"""Blocks as GitHub-flavoured Markdown."""

import re

from benchmarks.markup.blocks import Block, Code, Column, Entry, Figure, Heading, Items, Slider, Table, Text


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


def _table(table: Table) -> str:
    head = " | ".join(escape(column.title) for column in table.columns)
    rule = " | ".join("---:" if column.numeric else ":---" for column in table.columns)
    rows = [" | ".join(map(_cell, row, table.columns)) for row in table.rows]
    return "\n".join([*(f"| {line} |" for line in (head, rule, *rows)), "", f"*{escape(table.caption)}*"])


def _cell(cell: Entry, column: Column) -> str:
    text = escape(cell.text)
    marked = f"**{text}**" if cell.mark.bold else f"*{text}*" if column.quoted else text
    parts = (marked, escape(cell.mark.symbol), escape(cell.note))
    return " ".join(part for part in parts if part)
