"""Cells, tables and the other blocks of a report, as they are before any renderer sees them.

A report is a list of blocks. Their text is plain Unicode and never markup: each renderer escapes for itself.
"""

import math
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any

MINUS, PLUS_MINUS, DASH = "\u2212", "\u00b1", "\u2013"


@dataclass(frozen=True)
class Mark:
    """The mark of an entry, without colour: bold type or a symbol after the text, and a word for it in exports."""

    word: str
    symbol: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Entry:
    """One field of a table: its text, the value to sort and export by, and its mark.

    A value of letters is the name that commands and exports have for what the text calls otherwise. `half` is the
    half-width of the value's interval, which only exports give in full. `section` is the heading that it leads to.
    """

    text: str
    value: float | str | None = None
    mark: Mark = Mark("")
    note: str = ""
    half: float | None = None
    section: str = ""

    @property
    def plain(self) -> str:
        """The text as exports and terminals have it: the name behind a text for people."""
        return self.value if isinstance(self.value, str) else self.text


@dataclass(frozen=True)
class Column:
    """A column's heading; numbers are aligned to the right. `quoted` ones are others', set in italics and apart."""

    title: str
    numeric: bool = True
    quoted: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of entries under columns. The first column names the row. `paper` tables are written as LaTeX too.

    `caption` is what a reader must know to read it, in two or three lines; `protocol` how its numbers came about, a
    paragraph each, which stands in a block of its own below.
    """

    name: str
    caption: str
    columns: list[Column]
    rows: list[list[Entry]]
    paper: bool = False
    protocol: tuple[str, ...] = ()


def columns_of(titles: Iterable[str], numeric: Container[str] = ()) -> list[Column]:
    """A column for each title: words, but for those that are `numeric`."""
    return [Column(title, title in numeric) for title in titles]


def entries_of(texts: Iterable[str]) -> list[Entry]:
    """Plain entries."""
    return [Entry(text) for text in texts]


@dataclass(frozen=True)
class Heading:
    """A section's title at level 2, 3, ..."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of short paragraphs; `alert` where they are to be noticed before the rest is believed."""

    texts: list[str]
    alert: bool = False


@dataclass(frozen=True)
class Code:
    """Lines to be typed as they stand."""

    text: str


Live = dict[str, Any]
"""What the script of a page draws in place of a picture, as JSON can hold it."""


@dataclass(frozen=True)
class Figure:
    """A figure by its file name without ending, what it shows, and the same for who cannot see it."""

    name: str
    caption: str
    alt: str
    live: Live | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Slider:
    """Pictures of one thing at several steps, to be leafed through: (label, file name without ending) each."""

    name: str
    caption: str
    frames: list[tuple[str, str]] = field(default_factory=list)
    live: Live | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Fold:
    """Blocks that are for those who look closer: a page shows their title alone until it is opened."""

    title: str
    blocks: "list[Block]"


Block = Heading | Text | Items | Code | Table | Figure | Slider | Fold


TOPIC = re.compile(r"([^:]{1,80}): ")


def led(text: str) -> tuple[str, str]:
    """A paragraph of a list as what it is about (or nothing), and the rest."""
    topic = TOPIC.match(text)
    return (topic[1], text[topic.end() :]) if topic else ("", text)


def unfolded(blocks: "list[Block]") -> "list[Block]":
    """All blocks with those that are folded, in their order."""
    found: list[Block] = []
    for block in blocks:
        found += [Heading(block.title, 3), *unfolded(block.blocks)] if isinstance(block, Fold) else [block]
    return found


def number(value: float, digits: int = 3) -> str:
    """`value` to so many significant digits, a whole number as it is, an exponent only if needed; a dash for none."""
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        return "\u221e" if value > 0 else f"{MINUS}\u221e"
    text = f"{value:#.{digits}g}".removesuffix(".")
    if abs(value) < 1e7 and ("e+" in text or value == round(value)):
        text = f"{value:.0f}"
    return text.replace("-", MINUS)


def measured(mean: float, half: float) -> str:
    """`mean ± half`, rounded where the half-width has its second digit; the mean alone where there is no width."""
    if not math.isfinite(mean):
        return DASH
    if not math.isfinite(half):
        return number(mean, 4)
    if half == 0:
        return f"{number(mean, 4)} {PLUS_MINUS} 0"
    decimals = max(0, 1 - math.floor(math.log10(half)))
    if decimals > 6 or max(abs(mean), half) >= 1e7:
        return f"{mean:.3e} {PLUS_MINUS} {half:.1e}".replace("-", MINUS)
    return f"{mean:.{decimals}f} {PLUS_MINUS} {half:.{decimals}f}".replace("-", MINUS)


def amount(value: float) -> str:
    """A count in thousands or millions: 1 280 000 is 1.28M."""
    if math.isnan(value):
        return DASH
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def listed(names: list[str]) -> str:
    """a, b and c."""
    return " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), *names[-1:]])


def shortened(name: str, limit: int = 28) -> str:
    """A name that fits a table or a legend: the middle of a very long one becomes an ellipsis."""
    return name if len(name) <= limit else f"{name[: limit // 2 + 2]}\u2026{name[3 - limit // 2 :]}"
