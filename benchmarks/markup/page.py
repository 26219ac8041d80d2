"""Blocks as one HTML file that needs nothing else: style, script and pictures are inside, and no request is made.

The markup itself is in `templates/`; Jinja2 escapes whatever is put into it. Of a figure the page has its SVG, in the
page's colours, else its PNG; where it has numbers too (`live`), the script draws them in its place on a screen.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.markup.blocks import Block, Figure, Fold, Heading, Live, Slider, Table, led
from benchmarks.markup.latex import latex
from benchmarks.markup.markdown import render as markdown_of
from benchmarks.markup.spreadsheet import table_csv
from benchmarks.markup.vector import inlined, width_of

FOLDED = {"runs", "recipes", "environment"}

Rebuild = Callable[[Table | Figure | Slider], str]
Colour = Callable[[str], str]


class Picture(NamedTuple):
    """A picture to be put into the page, SVG or a PNG as base64, and its size in CSS pixels; no height: that of SVG."""

    data: str | Markup
    width: int
    height: int = 0

    @property
    def is_vector(self) -> bool:
        return isinstance(self.data, Markup)


def page(
    title: str,
    blocks: list[Block],
    figures: Path,
    colour: Colour | None = None,
    rebuild: Rebuild | None = None,
    record: Live | None = None,
) -> str:
    """The whole report; `figures` is the folder of the SVG and PNG files to be embedded.

    colour: a name in a column of losses -> its colour in every figure, which is shown beside it.
    rebuild: a table or figure -> the command that makes it again, which is then shown beneath it.
    record: what the script is told of losses, data sets and runs; with it, tables can be copied in other markups.
    """
    sections = _sections(blocks)
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            sections=sections,
            places={title: id for id, title, _ in sections},
            blocks=blocks,
            colour=colour,
            rebuild=rebuild,
            record=record,
            forms=None if record is None else _forms,
            folded=FOLDED,
            embedded=lambda name: embedded(figures, name),
            printable=lambda name: (figures / f"{name}.pdf").is_file(),
        )
    )


def _sections(blocks: list[Block]) -> list[tuple[str, str, int]]:
    """Id, title and level of every heading of the contents."""
    sections = []
    for position, block in enumerate(blocks):
        if isinstance(block, Heading):
            sections.append((f"section-{position}", block.text, block.level))
        elif isinstance(block, Fold):
            sections.append((f"section-{position}", block.title, 3))
    return sections


def _forms(table: Table) -> dict[str, str]:
    """A table in the markups that it can be copied in."""
    return {"LaTeX": latex([table], table.name), "Markdown": markdown_of(table), "CSV": table_csv(table)}


def _environment() -> Environment:
    """The templates, with what they call; a name that they do not know is an error."""
    loader = PackageLoader("benchmarks.markup")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters |= {"kind": lambda block: type(block).__name__.lower(), "led": led, "data": data}
    environment.globals |= {"Markup": Markup, "source": lambda name: Markup(loader.get_source(environment, name)[0])}
    return environment


def data(value: Live) -> Markup:
    """JSON that no browser takes for markup."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def embedded(folder: Path, name: str) -> Picture:
    """A figure to be put into the page: its SVG, else its PNG.

    A PNG is shown at 70 % of its pixels, so that it stays sharp on a dense screen; an SVG as large.
    """
    vector = folder / f"{name}.svg"
    if vector.is_file():
        svg = vector.read_text(encoding="utf-8")
        return Picture(Markup(inlined(svg, name)), round(width_of(svg) / 72 * 140))
    content = (folder / f"{name}.png").read_bytes()
    width, height = (round(0.7 * int.from_bytes(content[at : at + 4])) for at in (16, 20))
    return Picture(base64.b64encode(content).decode(), width, height)
