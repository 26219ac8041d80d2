"""Blocks as one HTML file that needs nothing else: style, script and pictures are inside, and no request is made.

The markup itself is in `templates/`; Jinja2 escapes whatever is put into it.
"""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.markup.blocks import Block, Figure, Heading, Slider, Table

FOLDED = {"runs", "recipes", "environment"}
TOPIC = re.compile(r"([^:]{1,80}): ")  # what a paragraph of a list is about

Rebuild = Callable[[Table | Figure | Slider], str]
Colour = Callable[[str], str]


class Picture(NamedTuple):
    """A PNG file as base64, and its size in CSS pixels."""

    data: str
    width: int
    height: int


def page(
    title: str, blocks: list[Block], figures: Path, colour: Colour | None = None, rebuild: Rebuild | None = None
) -> str:
    """The whole report; `figures` is the folder of the PNG files to be embedded.

    colour: a name in a column of losses -> its colour in every figure, which is shown beside it.
    rebuild: a table or figure -> the command that makes it again, which is then shown beneath it.
    """
    sections = [
        (f"section-{position}", block.text)
        for position, block in enumerate(blocks)
        if isinstance(block, Heading) and block.level == 2
    ]
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            sections=sections,
            blocks=blocks,
            colour=colour,
            rebuild=rebuild,
            folded=FOLDED,
            embedded=lambda name: embedded(figures / f"{name}.png"),
        )
    )


def _environment() -> Environment:
    """The templates, with what they call; a name that they do not know is an error."""
    loader = PackageLoader("benchmarks.markup")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters |= {"kind": lambda block: type(block).__name__.lower(), "led": led}
    environment.globals |= {"Markup": Markup, "source": lambda name: Markup(loader.get_source(environment, name)[0])}
    return environment


def led(text: str) -> tuple[str, str]:
    """A paragraph of a list as what it is about (or nothing), and the rest."""
    topic = TOPIC.match(text)
    return (topic[1], text[topic.end() :]) if topic else ("", text)


def embedded(path: Path) -> Picture:
    """A PNG to be put into the page; it is shown at 70 % of its pixels, so that it stays sharp on a dense screen."""
    data = path.read_bytes()
    width, height = (round(0.7 * int.from_bytes(data[at : at + 4])) for at in (16, 20))
    return Picture(base64.b64encode(data).decode(), width, height)
