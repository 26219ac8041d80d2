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


def anchor(title: str) -> str:
    """What a heading is called in links on GitHub and in MkDocs."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def markdown(title: str, blocks: list[Block]) -> str:
    """The whole report."""
    return "\n\n".join([f"# {escape(title)}", *map(render, blocks)]) + "\n"


def render(block: Block) -> str:
    """One block."""
    match block:
        case Heading():
            return f"{'#' * block.level} {escape(block.text)}"
        case Text():
            return escape(block.text)
        case Items():
            return _items(block)
        case Code():
            return _fenced(block.text)
        case Table():
            return _table(block)
        case Figure():
            return f"![{escape(block.alt)}](figures/{block.name}.png)\n\n*{escape(block.caption)}*"
        case Slider():
            return _slider(block)
        case Fold():
            return "\n\n".join(map(render, unfolded([block])))


def _items(block: Items) -> str:
    mark = "> - " if block.alert else "- "
    lines = []
    for text in block.texts:
        lines.append(mark + escape(text))
    return "\n".join(lines)


def _fenced(text: str) -> str:
    """Code between two fences, which are longer than any run of backticks in it: else that would end it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _slider(block: Slider) -> str:
    """Its frames one below the other, for Markdown has no slider."""
    parts = []
    for label, name in block.frames:
        parts.append(f"![{escape(label)}](figures/{name}.png)")
    return "\n\n".join([*parts, f"*{escape(block.caption)}*"])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numeric: Collection[int] = ()) -> str:
    """A table of entries that are Markdown already; columns at the positions in `numeric` are aligned to the right."""
    rule = []
    for position in range(len(heads)):
        rule.append("---:" if position in numeric else ":---")
    lines = []
    for entries in (heads, rule, *rows):
        lines.append(f"| {' | '.join(entries)} |")
    return "\n".join(lines)


def code(text: str) -> str:
    """A code span that a table leaves whole."""
    return "`" + text.replace("|", r"\|") + "`"


def _table(block: Table) -> str:
    heads, numeric = [], []
    for position, column in enumerate(block.columns):
        heads.append(escape(column.title))
        if column.numeric:
            numeric.append(position)
    rows = [list(map(_entry, row, block.columns)) for row in block.rows]
    parts = [table(heads, rows, numeric), f"*{escape(block.caption)}*"]
    if block.protocol:
        parts += ["<details><summary>Protocol</summary>", _items(Items(list(block.protocol))), "</details>"]
    return "\n\n".join(parts)


def _entry(entry: Entry, column: Column) -> str:
    text = escape(entry.text)
    if entry.section:
        text = f"[{text}](#{anchor(entry.section)})"
    marked = f"**{text}**" if entry.mark.bold else f"*{text}*" if column.quoted else text
    return " ".join(filter(None, (marked, escape(entry.mark.symbol), escape(entry.note))))
