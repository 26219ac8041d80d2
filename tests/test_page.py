"""The report's page in a real browser: it needs nothing but itself, and serves eyes, keyboards, readers and paper."""

import base64
import math
import re
from pathlib import Path

import numpy as np
import pytest
from browser import Page, in_browser
from PIL import Image, ImageColor

from benchmarks.markup.blocks import Block, Code, Column, Entry, Figure, Heading, Items, Mark, Slider, Table, Text
from benchmarks.markup.page import page
from benchmarks.report.figures.style import colour, look

pytestmark = in_browser

VALUES = {"nine": 9.0, "ten": 10.0, "hundred": np.float64(100), "endless": math.inf, "none": math.nan, "below": -2.5}
STEPS = ["0", "500", "1500"]
PUBLISHED = sorted((Path(__file__).parents[1] / "results" / "published").glob("*/report.html"))


def cells(name: str, value: float) -> list[Entry]:
    """A row whose texts, sorted as texts, are in another order than its values."""
    known = None if math.isnan(value) else value
    mark = Mark("best", bold=True) if name == "nine" else Mark("undecided", "?")
    return [Entry(name), Entry(f"{value:.0e}", known, mark), *[Entry("a note of several words")] * 8]


def blocks() -> list[Block]:
    """One of each kind of block, with a name of every kind that a browser might take for markup."""
    columns = [Column("Loss", False), Column("score ↓"), *[Column(f"wide {i}", False) for i in range(8)]]
    rows = [cells(name, value) for name, value in VALUES.items()]
    return [
        Text("A made-up page."),
        Items(["One seed only: differences may be chance."], alert=True),
        Heading("Summary"),
        Items(["rings: wgan-gp & co are best.", "a<b>: nothing is known."]),
        Table("scores", "Scores of <i>every</i> loss.", columns, rows),
        Heading("Figures"),
        Figure("curve", "A curve.", "One line that falls."),
        Slider("slider", "Samples over training.", [(step, f"frame-{step}") for step in STEPS]),
        Heading("Provenance"),
        Items(["rings: nothing of note."]),
        Table("runs", "Every run.", columns, rows * 5),
        Code("gan-zoo run rings\ngan-zoo report rings"),
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    for name in ("curve", *(f"frame-{step}" for step in STEPS)):
        Image.new("RGB", (1300, 400), "white").save(folder / f"{name}.png")
    title = "GAN losses compared: rings"
    text = page(title, blocks(), folder, colour, lambda block: f"gan-zoo report rings --only {block.name}")
    (folder / "report.html").write_text(text, encoding="utf-8")
    return folder / "report.html"


def order(shown: Page) -> list[str]:
    return shown.run("[...document.querySelectorAll('#table-scores tbody th')].map((cell) => cell.textContent)")


def said(shown: Page) -> str:
    return shown.run("document.querySelector('[role=status]').textContent")


def sorts(shown: Page) -> list[str]:
    heads = "document.querySelectorAll('#table-scores thead th')"
    return shown.run(f"[...{heads}].map((head) => head.getAttribute('aria-sort'))")


def tab_to(shown: Page, selector: str) -> None:
    """Press Tab until the focus is on the first element of `selector`."""
    for _ in range(100):
        shown.press("Tab", 9)
        if shown.run(f"document.activeElement === document.querySelector('{selector}')"):
            return
    raise AssertionError(f"{selector} cannot be reached by keyboard")


@pytest.mark.parametrize("made", [None, *PUBLISHED], ids=lambda made: made.parent.name if made else "made-up")
def test_it_asks_for_nothing_and_complains_of_nothing(tab: Page, file: Path, made: Path | None) -> None:
    tab.open(made or file)
    assert tab.requests == [(made or file).as_uri()]
    assert tab.complaints == []


def test_a_request_and_a_complaint_would_be_noticed(tab: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<img src='absent.png'><script>console.error('x'); absent();</script>")
    tab.open(tmp_path / "bad.html")
    assert len(tab.requests) == 2
    assert len(tab.complaints) == 3  # the picture, the message, the exception


def test_a_click_sorts_by_value_and_says_so(shown: Page) -> None:
    click = "document.querySelectorAll('#table-scores thead button')[1].click()"
    shown.run(click)
    assert order(shown) == ["below", "nine", "ten", "hundred", "endless", "none"]
    assert sorts(shown) == ["none", "ascending", *["none"] * 8]
    assert said(shown) == "Sorted by score ↓, ascending"
    shown.run(click)
    assert order(shown) == ["endless", "hundred", "ten", "nine", "below", "none"]
    assert sorts(shown) == ["none", "descending", *["none"] * 8]
    shown.run("document.querySelector('#table-scores thead button').click()")
    assert order(shown) == sorted(VALUES)
    assert sorts(shown)[:2] == ["ascending", "none"]


@pytest.mark.parametrize(("key", "code", "text"), [("Enter", 13, "\r"), (" ", 32, " ")], ids=["enter", "space"])
def test_a_key_sorts_as_a_click_does(shown: Page, key: str, code: int, text: str) -> None:
    tab_to(shown, "#table-scores thead th:nth-child(2) button")
    assert shown.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    shown.press(key, code, text)
    assert order(shown) == ["below", "nine", "ten", "hundred", "endless", "none"]


def test_the_slider_moves_by_keyboard_and_says_where_it_is(shown: Page) -> None:
    seen = "[...document.querySelectorAll('.frame')].filter((e) => e.offsetHeight).map((e) => e.dataset.label)"
    place = "document.querySelector('.slider input').getAttribute('aria-valuetext')"
    assert (shown.run(seen), shown.run(place)) == (["1500"], "1500")
    tab_to(shown, ".slider input")
    for key, code, step in (
        ("ArrowLeft", 37, "500"),
        ("Home", 36, "0"),
        ("ArrowRight", 39, "500"),
        ("End", 35, "1500"),
    ):
        shown.press(key, code)
        assert (shown.run(seen), shown.run(place)) == ([step], step)
        assert shown.run("document.querySelector('.slider output').textContent") == step


def test_the_first_key_leads_past_the_contents(shown: Page) -> None:
    shown.press("Tab", 9)
    assert shown.run("document.activeElement.getBoundingClientRect().left") >= 0
    shown.press("Enter", 13, "\r")
    assert shown.run("document.activeElement.id") == "main"


def test_a_command_is_copied_or_at_least_selected(shown: Page) -> None:
    tab_to(shown, "#curve .copy")
    shown.press("Enter", 13, "\r")
    shown.run("new Promise((resolve) => setTimeout(resolve))")
    outcome = said(shown)
    command = "gan-zoo report rings --only curve"
    assert outcome == "Copied" or shown.run("getSelection().toString()") == command
    assert shown.run("document.querySelector('#curve code').textContent") == command


def test_whatever_can_be_used_or_seen_has_a_name(shown: Page) -> None:
    shown.run("document.querySelector('details').open = true")
    nodes = [node for node in shown.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    roles = ("button", "figure", "image", "link", "navigation", "region", "slider", "table")
    named = [(node["role"]["value"], node["name"]["value"]) for node in nodes if node["role"]["value"] in roles]
    assert {role for role, _ in named} == set(roles)
    assert [role for role, name in named if not name.strip()] == []
    assert [name for role, name in named if role == "table"] == ["Scores of <i>every</i> loss.", "Every run."]


CONTRAST = """(() => {
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = (e) => {
    const colour = parts(getComputedStyle(e).backgroundColor);
    return colour.length < 4 || colour[3] ? colour : ground(e.parentElement);
  };
  const ratios = [...document.querySelectorAll('h1, p, li, a, th, td, figcaption, code, button, summary')]
    .filter((e) => e.textContent.trim() && e.offsetHeight && !e.closest('.unseen'))
    .map((e) => [luminance(parts(getComputedStyle(e).color)), luminance(ground(e))])
    .map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  return [luminance(ground(document.body)), Math.min(...ratios)];
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(shown: Page, scheme: str) -> None:
    """Contrast of at least 4.5 by WCAG 2.2, success criterion 1.4.3, on a ground of the wanted kind."""
    shown.look(scheme=scheme)
    ground, contrast = shown.run(CONTRAST)
    assert (ground > 0.5) == (scheme == "light")
    assert contrast >= 4.5


def test_only_the_summary_is_a_list_of_cards(shown: Page) -> None:
    kinds = "[...document.querySelectorAll('main > ul')].map((e) => getComputedStyle(e).display)"
    assert shown.run(kinds) == ["block", "grid", "block"]
    assert shown.run("document.querySelector('h2 + ul strong').textContent") == "rings"
    colours = "[...document.querySelectorAll('#table-scores i')].map((e) => getComputedStyle(e).backgroundColor)"
    assert shown.run(colours) == [f"rgb{ImageColor.getrgb(look(name).colour)}" for name in VALUES]


def test_on_a_phone_only_tables_and_pictures_scroll_sideways(shown: Page) -> None:
    shown.look(width=390)
    assert shown.run("document.documentElement.scrollWidth") == 390
    assert shown.run("document.querySelector('#table-scores .scroll').scrollWidth") > 390
    assert shown.run("Math.max(...[...document.querySelectorAll('figcaption')].map((e) => e.scrollWidth))") <= 390
    assert shown.run("document.querySelector('#curve img').clientWidth") == 576  # 36rem: labels stay legible


def test_on_paper_all_is_open_and_nothing_is_cut(shown: Page) -> None:
    shown.look(width=680, media="print", scheme="dark")  # A4 less its margins, in CSS pixels
    counted = ".copy, input, nav, .skip, summary", ".frame", "#table-runs tbody tr"
    visible = "[...document.querySelectorAll('{}')].filter((e) => e.checkVisibility()).length"
    assert [shown.run(visible.format(selector)) for selector in counted] == [0, 3, 30]
    boxes = "[...document.querySelectorAll('table, img, pre, figcaption')].map((e) => e.getBoundingClientRect().right)"
    assert shown.run(f"Math.max(...{boxes})") <= 680
    assert shown.run(CONTRAST)[0] == 1


def test_it_prints_on_few_sheets(shown: Page) -> None:
    sheets = base64.b64decode(shown.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", sheets)) <= 4
