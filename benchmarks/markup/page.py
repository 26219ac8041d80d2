"""Blocks as one HTML file that needs nothing else: style, script and pictures are inside, and no request is made."""

import base64
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from benchmarks.markup.blocks import Block, Code, Column, Entry, Figure, Heading, Items, Slider, Table, Text

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
FOLDED = {"runs", "recipes", "environment"}
SUMMARY = "Summary"  # the section whose list is what most readers came for
LOSS = "Loss"  # the column whose names have a colour in every figure, and a swatch of it here
LEAD = re.compile(r"([^:]{1,80}): ")  # what a paragraph of a list is about
MANY = 9  # columns from which a table is printed smaller

Rebuild = Callable[[Table | Figure | Slider], str]
Colour = Callable[[str], str]


def page(
    title: str, blocks: list[Block], figures: Path, colour: Colour | None = None, rebuild: Rebuild | None = None
) -> str:
    """The whole report; `figures` is the folder of the PNG files to be embedded.

    colour: a name in a column of losses -> its colour in every figure, which is shown beside it.
    rebuild: a table or figure -> the command that makes it again, which is then shown beneath it.
    """
    here = Path(__file__).parent / "templates"
    ids = {at: f"section-{at}" for at, block in enumerate(blocks) if isinstance(block, Heading)}
    body = "\n".join(_render(block, figures, ids.get(at, ""), colour, rebuild) for at, block in enumerate(blocks))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{(here / "page.css").read_text(encoding="utf-8")}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<header><h1>{escape(title)}</h1></header>
{_contents(blocks, ids)}
<main id="main" tabindex="-1">
{body}
</main>
<p id="announcement" class="unseen" role="status"></p>
<script>
{(here / "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def _contents(blocks: list[Block], ids: dict[int, str]) -> str:
    sections = [
        (ids[at], block.text) for at, block in enumerate(blocks) if isinstance(block, Heading) and block.level == 2
    ]
    links = "".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in sections)
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>' if links else ""


def _render(block: Block, figures: Path, name: str, colour: Colour | None, rebuild: Rebuild | None) -> str:
    match block:
        case Heading():
            kind = ' class="summary"' if block.text == SUMMARY else ""
            return f'<h{block.level} id="{name}"{kind}>{escape(block.text)}</h{block.level}>'
        case Text():
            return f"<p>{escape(block.text)}</p>"
        case Items():
            items = "".join(f"<li>{_led(text)}</li>" for text in block.texts)
            return f'<ul class="{"alert" if block.alert else "plain"}">{items}</ul>'
        case Code():
            lines = f'<pre tabindex="0"><code>{escape(block.text)}</code></pre>'
            return f'<div class="copied">{lines}{_copy("these lines")}</div>'
        case Table():
            return _table(block, colour, _command(block, rebuild))
        case Figure():
            picture = _picture(figures / f"{block.name}.png", block.alt)
            return _figure(block.name, picture, block.caption, _command(block, rebuild))
        case Slider():
            return _slider(block, figures, _command(block, rebuild))


def _led(text: str) -> str:
    """A paragraph of a list, with what it is about in bold."""
    lead = LEAD.match(text)
    if lead is None:
        return escape(text)
    return f"<strong>{escape(lead[1])}</strong><span>: </span>{escape(text[lead.end() :])}"


def _figure(name: str, content: str, caption: str, command: str, kind: str = "") -> str:
    """Whatever has a caption, with the command that rebuilds it; `content` and `command` are markup."""
    return (
        f'<figure id="{name}"{kind} aria-labelledby="{name}-caption">{content}'
        f'<figcaption><span id="{name}-caption">{escape(caption)}</span>{command}</figcaption></figure>'
    )


def _command(block: Table | Figure | Slider, rebuild: Rebuild | None) -> str:
    if rebuild is None:
        return ""
    what = f"the command that rebuilds {block.name}"
    return f'<span class="copied rebuild"><code>{escape(rebuild(block))}</code>{_copy(what)}</span>'


def _copy(what: str) -> str:
    return f'<button type="button" class="copy" aria-label="Copy {escape(what)}">Copy</button>'


def _picture(path: Path, alt: str) -> str:
    data = path.read_bytes()
    width, height = (round(0.7 * int.from_bytes(data[at : at + 4])) for at in (16, 20))
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    image = f'<img alt="{escape(alt)}" width="{width}" height="{height}" style="--width: {width}px" src="{source}">'
    return f'<div class="picture">{image}</div>'


def _table(table: Table, colour: Colour | None, command: str) -> str:
    head = "".join(
        f'<th scope="col" aria-sort="none"{_kind(column)}><button type="button">{escape(column.title)}</button></th>'
        for column in table.columns
    )
    rows = "\n".join(
        "<tr>" + "".join(_cell(cell, at, table.columns[at], colour) for at, cell in enumerate(row)) + "</tr>"
        for row in table.rows
    )
    name = f"table-{table.name}"
    many = ' class="many"' if len(table.columns) >= MANY else ""
    text = (
        f'<div class="scroll" role="region" aria-labelledby="{name}-caption" tabindex="0">'
        f'<table aria-labelledby="{name}-caption"{many}>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )
    if table.name in FOLDED:
        text = f'<details><summary aria-describedby="{name}-caption">{len(table.rows)} rows</summary>{text}</details>'
    return _figure(name, text, table.caption, command, ' class="table"')


def _kind(column: Column) -> str:
    kinds = [name for name, holds in (("number", column.numeric), ("quoted", column.quoted)) if holds]
    return f' class="{" ".join(kinds)}"' if kinds else ""


def _cell(cell: Entry, position: int, column: Column, colour: Colour | None) -> str:
    value = f' data-value="{cell.value!r}"' if isinstance(cell.value, float) else ""
    text = f"<strong>{escape(cell.text)}</strong>" if cell.mark.bold else escape(cell.text)
    if cell.mark.symbol:
        word = escape(cell.mark.word)
        text += f'<span class="mark" role="img" aria-label="{word}" title="{word}"> {escape(cell.mark.symbol)}</span>'
    note = f" <small>{escape(cell.note)}</small>" if cell.note else ""
    if position == 0:
        long = ' class="long"' if len(cell.text) > 40 else ""
        shown = colour(cell.text) if colour and column.title == LOSS else ""
        swatch = f'<i style="background: {shown}"></i>' if shown else ""
        return f'<th scope="row"{long}{value}>{swatch}{text}{note}</th>'
    return f"<td{_kind(column)}{value}>{text}{note}</td>"


def _slider(block: Slider, figures: Path, command: str) -> str:
    """All frames, of which the last is shown; on paper they stand side by side under their labels."""
    last = len(block.frames) - 1
    frames = "\n".join(
        f'<div class="frame" data-label="{escape(label)}"{"" if at == last else " hidden"}>'
        f'<p class="label">Step {escape(label)}</p>{_picture(figures / f"{name}.png", f"Step {label}")}</div>'
        for at, (label, name) in enumerate(block.frames)
    )
    control = (
        f'<p class="control"><label>Step <input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'aria-valuetext="{escape(block.frames[last][0])}" aria-describedby="{block.name}-caption"></label> '
        f'<output aria-live="off">{escape(block.frames[last][0])}</output></p>'
    )
    content = f'<div class="frames">{frames}</div>{control}'
    return _figure(block.name, content, block.caption, command, ' class="slider"')
