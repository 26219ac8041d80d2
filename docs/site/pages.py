"""What MkDocs calls while it builds the site: its files, and what GitHub reads in Markdown and MkDocs does not.

Pages are the README, CONTRIBUTING, all of docs/ and the published reports; what they link to of the repository is
copied beside them. All lie on the site as in the repository, but for the interactive page of a report, which has the
name that its page of Markdown gets here.
"""

import json
import logging
import re
from pathlib import Path
from posixpath import normpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("*.md", "docs/**/*.md", "docs/*.ipynb", "results/published/*/*.md", "results/claims/*.md")
OWN = ("docs/site/site.css", "docs/site/iframe-worker.js")
TABLE_ALONE = "table.md"  # the score tables of a report, for whoever wants them without it: the page has them
INTERACTIVE = "interactive.html"
LINK = re.compile(r"\]\(([^()#\s]+)(?:#[^()\s]*)?\)")
FETCHED = re.compile(r"""<(?:script|link|img)[^>]+(?:src|href)=["']?https?:[^>]*>""")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Anchors as GitHub makes them."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The theme's own files, the pages, what they link to, and the interactive pages of reports."""
    pages = sorted(path for pattern in PAGES for path in ROOT.glob(pattern) if path.name != TABLE_ALONE)
    found = {path.relative_to(ROOT).as_posix() for path in pages}
    linked = {target for path in pages for target in targets(path) if (ROOT / target).is_file()}
    placed = {name: ROOT / name for name in sorted({*found, *linked, *OWN})}
    placed |= {str(Path(name).with_name(INTERACTIVE)): twin(name) for name in found if twin(name).is_file()}
    kept = [file for file in files if file.src_dir != config.docs_dir]
    return Files([*kept, *(placed_at(config, name, path) for name, path in placed.items())])


def targets(page: Path) -> set[str]:
    """Where the relative links of a page lead, from the root of the repository."""
    folder = page.parent.relative_to(ROOT).as_posix()
    links = LINK.findall(page.read_text(encoding="utf-8"))
    return {normpath(f"{folder}/{link}") for link in links if ":" not in link}


def twin(name: str) -> Path:
    """The interactive page of a report that has this page of Markdown."""
    return (ROOT / name).with_suffix(".html")


def placed_at(config: MkDocsConfig, name: str, path: Path) -> File:
    """A file of the repository by its name on the site; a notebook is a page of Markdown."""
    if path.suffix == ".ipynb":
        text = path.read_text(encoding="utf-8")
        return File.generated(config, str(Path(name).with_suffix(".md")), content=notebook(text))
    return File.generated(config, name, abs_src_path=str(path))


def notebook(text: str) -> str:
    """A notebook's cells as Markdown, code in fences, each with the outputs that were kept of it."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += map(output, cell.get("outputs", []))
    return "\n\n".join(parts) + "\n"


def output(kept: dict[str, Any]) -> str:
    """What a cell printed or showed: Markdown below the headings of the page, a picture, or text."""
    shown = kept.get("data", {})
    if "image/png" in shown:
        return f'<img alt="What the cell draws" src="data:image/png;base64,{shown["image/png"]}">'
    if "text/markdown" in shown:
        return re.sub(r"^#+ (.*)$", r"**\1**", "".join(shown["text/markdown"]), flags=re.M)
    text = "".join(kept.get("text") or shown["text/plain"]).rstrip("\n")
    return f"```text\n{text}\n```"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to a notebook lead to its page, Markdown in a folded part is read as on GitHub, and a report names its
    interactive page."""
    markdown = markdown.replace(".ipynb)", ".md)").replace("<details>", '<details markdown="1">')
    if twin(page.file.src_uri).is_file():
        title, _, rest = markdown.partition("\n")
        return f"{title}\n\n[The same as an interactive page]({INTERACTIVE})\n{rest}"
    return markdown


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """The page as it is; a warning, at which the build fails, where it needs a network."""
    for tag in FETCHED.findall(output):
        logging.getLogger("mkdocs.hooks").warning("%s: fetches from a network: %s", page.file.src_uri, tag)
    return output
