"""Blocks as one HTML file that needs nothing else: style, script and pictures are inside, and no request is made."""

import base64
from html import escape
from pathlib import Path

from benchmarks.report.cells import Block, Cell, Code, Figure, Heading, Items, Slider, Table, Text

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
FOLDED = {"runs", "recipes", "environment"}


def page(title: str, blocks: list[Block], figures: Path) -> str:
    """The whole report; `figures` is the folder of the PNG files to be embedded."""
    here = Path(__file__).parent / "templates"
    ids = {at: f"section-{at}" for at, block in enumerate(blocks) if isinstance(block, Heading)}
    body = "\n".join(_render(block, figures, ids.get(at, "")) for at, block in enumerate(blocks))
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
<header><h1>{escape(title)}</h1>
{_contents(blocks, ids)}</header>
<main id="main">
{body}
</main>
<p id="announcement" class="unseen" aria-live="polite"></p>
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
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'


def _render(block: Block, figures: Path, name: str) -> str:
    match block:
        case Heading():
            return f'<h{block.level} id="{name}">{escape(block.text)}</h{block.level}>'
        case Text():
            return f"<p>{escape(block.text)}</p>"
        case Items():
            items = "".join(f"<li>{escape(text)}</li>" for text in block.texts)
            return f'<ul class="{"alert" if block.alert else "plain"}">{items}</ul>'
        case Code():
            return f'<pre tabindex="0"><code>{escape(block.text)}</code></pre>'
        case Table():
            return _table(block)
        case Figure():
            image = _image(figures / f"{block.name}.png", block.alt)
            return f'<figure id="{block.name}">{image}<figcaption>{escape(block.caption)}</figcaption></figure>'
        case Slider():
            return _slider(block, figures)


def _image(path: Path, alt: str, extra: str = "") -> str:
    data = path.read_bytes()
    width, height = (round(0.7 * int.from_bytes(data[at : at + 4])) for at in (16, 20))
    size = f'width="{width}" height="{height}"'
    return f'<img alt="{escape(alt)}" {size}{extra} src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def _table(table: Table) -> str:
    head = "".join(
        f'<th scope="col" aria-sort="none"{_aligned(column.numeric)}>'
        f'<button type="button">{escape(column.title)}</button></th>'
        for column in table.columns
    )
    rows = "\n".join(
        "<tr>" + "".join(_cell(cell, at, table.columns[at].numeric) for at, cell in enumerate(row)) + "</tr>"
        for row in table.rows
    )
    label = f"table-{table.name}"
    text = (
        f'<div class="scroll" role="region" aria-labelledby="{label}-caption" tabindex="0"><table id="{label}">'
        f'<caption id="{label}-caption">{escape(table.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )
    return f"<details><summary>{escape(table.caption)}</summary>{text}</details>" if table.name in FOLDED else text


def _aligned(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _cell(cell: Cell, position: int, numeric: bool) -> str:
    value = f' data-value="{cell.value!r}"' if isinstance(cell.value, float) else ""
    text = f"<strong>{escape(cell.text)}</strong>" if cell.bold else escape(cell.text)
    note = f" <small>{escape(cell.note)}</small>" if cell.note else ""
    if position == 0:
        long = ' class="long"' if len(cell.text) > 40 else ""
        return f'<th scope="row"{long}{value}>{text}{note}</th>'
    return f"<td{_aligned(numeric)}{value}>{text}{note}</td>"


def _slider(block: Slider, figures: Path) -> str:
    last = len(block.frames) - 1
    frames = "\n".join(
        _image(figures / f"{name}.png", label, "" if at == last else " hidden")
        for at, (label, name) in enumerate(block.frames)
    )
    labels = escape("|".join(label for label, _ in block.frames))
    return (
        f'<figure id="{block.name}" class="slider">{frames}<p><label>Step <input type="range" min="0" max="{last}" '
        f'value="{last}" step="1" data-labels="{labels}"></label> <output>{escape(block.frames[last][0])}</output></p>'
        f"<figcaption>{escape(block.caption)}</figcaption></figure>"
    )
