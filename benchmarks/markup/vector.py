"""A figure's SVG, made fit to stand inside a page: small, with names of its own, in the page's colours."""

import re

INKS = {
    "#ffffff": "var(--paper)",
    "#262626": "var(--ink)",
    "#222222": "var(--ink)",
    "#000000": "var(--ink)",
    "#e3e3e3": "var(--line)",
    "#dddddd": "var(--line)",
    "#666666": "var(--soft)",
    "#888888": "var(--soft)",
}
"""The colours of ground, text and grid -> the page's own, which differ in the dark. Those of losses stay."""
LONG = re.compile(r"-?\d+\.\d{3,}")
ROUNDED = re.compile(r'(?<= )(?:d|x|y|points)="[^"]*"|translate\([^)]*\)')


def inlined(svg: str, name: str) -> str:
    """The drawing of an SVG file without its head; `name` makes its ids unlike those of other figures in a page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", body, flags=re.DOTALL)
    body = body.replace("<svg ", '<svg style="stroke-linejoin: round; stroke-linecap: butt" ', 1)
    used = set(re.findall(r'(?:href="#|url\(#)([\w.-]+)', body))
    body = re.sub(r' id="([\w.-]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", body)
    body = ROUNDED.sub(lambda found: LONG.sub(_rounded, found[0]), body)
    for ink, own in INKS.items():
        body = body.replace(ink, own)
    return re.sub(r"\s*\n\s*", " ", body).strip()


def width_of(svg: str) -> float:
    """The width of an SVG file in points."""
    found = re.search(r'<svg[^>]*? width="([\d.]+)pt"', svg)
    return float(found[1]) if found else 0.0


def _rounded(found: "re.Match[str]") -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
