"""The documentation as a site: its contents have every page, its reference every name that there is.

That links and anchors hold is what `nox -s docs` fails on.
"""

import re
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from ruamel.yaml import YAML

import gan_zoo
from gan_zoo.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SITE = YAML(typ="safe").load(ROOT / "mkdocs.yml")
REFERENCE = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md")}


def pages(entry: Any) -> list[str]:
    """The pages of an entry of the contents, which is a page, or a title with entries or a page below it."""
    if isinstance(entry, str):
        return [entry]
    below = entry.values() if isinstance(entry, dict) else entry
    return [page for each in below for page in pages(each)]


def test_the_contents_have_every_page_once() -> None:
    there = [path.relative_to(ROOT).with_suffix(".md") for path in (*DOCS.rglob("*.md"), *DOCS.glob("*.ipynb"))]
    shown = pages(SITE["nav"])
    assert len(shown) == len(set(shown))
    assert {page for page in shown if page.startswith("docs/")} == {path.as_posix() for path in there}


def test_nothing_is_fetched_and_nothing_is_let_pass() -> None:
    assert SITE["theme"]["font"] is False
    assert "offline" in SITE["plugins"]
    assert SITE["strict"] is True
    assert {level for part in SITE["validation"].values() for level in part.values()} == {"warn"}


@pytest.mark.parametrize("name", gan_zoo.__all__)
def test_the_reference_has_every_public_name(name: str) -> None:
    if isinstance(getattr(gan_zoo, name), Registry):
        assert f"`gan_zoo.{name}`" in REFERENCE["python"]
    else:
        assert f"options: {{heading: gan_zoo.{name}}}" in REFERENCE["python"]


@pytest.mark.parametrize("page", REFERENCE)
def test_what_the_reference_takes_from_the_code_is_there(page: str) -> None:
    taken = re.findall(r"^::: (\S+)$", REFERENCE[page], re.M)
    assert taken
    for path in taken:
        assert resolve_name(path) is not None
