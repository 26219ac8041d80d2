"""The pages about losses are what the code gives, and what they show a newcomer works."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.cli import main
from benchmarks.tools.docs import build
from benchmarks.tools.pulls import critic_pull, generator_pull
from gan_zoo.losses import ADVERSARIAL, FAMILIES, LOSSES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return build(DOCS)


def test_pages_are_current(pages: dict[str, str]) -> None:
    """Where this fails, `gan-zoo docs` writes them anew."""
    stale = [name for name, text in pages.items() if not (DOCS / name).is_file() or (DOCS / name).read_text() != text]
    assert stale == []
    assert {path.stem for path in (DOCS / "losses").iterdir()} == set(LOSSES)


def test_every_loss_has_a_section_with_a_picture_and_a_clean_verdict(pages: dict[str, str]) -> None:
    text = pages["losses.md"]
    for name in LOSSES:
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        assert f"(losses/{name}.svg)" in section
        assert re.search(r"\| verified \| passes .*first", section)
        assert "FAILS" not in section
        ElementTree.fromstring(pages[f"losses/{name}.svg"])


def test_pulls_are_the_derivatives_by_hand() -> None:
    """f(x) = -s x between a real sample at 0 and a fake one at 1: WGAN-GP's critic is pulled by 1 - 20 (s - 1)."""
    assert [critic_pull(LOSSES["wgan-gp"], s) for s in (0.5, 1.0, 1.05)] == pytest.approx([11, 1, 0])
    assert [critic_pull(LOSSES["wgan-lp"], s) for s in (0.5, 1.0, 1.05)] == pytest.approx([1, 1, 0])
    assert [critic_pull(LOSSES["wgan-gp-hinge"], s) for s in (0.5, 1.05)] == pytest.approx([1, -9])
    assert [critic_pull(LOSSES["r1"], s) for s in (0.0, 0.1)] == pytest.approx([0.5, 0.475 - 1], abs=1e-3)
    assert [generator_pull(LOSSES["wgan-gp"], x) for x in (-1, 0, 4)] == pytest.approx([1, 1, 1])
    assert [generator_pull(LOSSES["lsgan"], x) for x in (-1, 0, 4)] == pytest.approx([0, 1, 5])
    assert [generator_pull(LOSSES[name], 0) for name in ("minimax", "non-saturating", "rpgan")] == pytest.approx(
        [0.5] * 3
    )


def test_the_loss_that_the_docs_add_takes_one_file_and_one_line(tmp_path: Path) -> None:
    package = tmp_path / "gan_zoo" / "losses"
    shutil.copytree(ROOT / "gan_zoo" / "losses", package)
    shutil.copy(DOCS / "examples" / "smoothed.py", package)
    registry = package / "__init__.py"
    last = f'    "{FAMILIES[-1]}",\n'
    registry.write_text(registry.read_text().replace(last, f'{last}    "smoothed",\n'))
    code = "from gan_zoo.losses import LOSSES, ADVERSARIAL; print(*LOSSES, *ADVERSARIAL)"
    for name in ("errors.py", "rng.py", "validation.py", "registry.py", "__init__.py"):
        shutil.copy(ROOT / "gan_zoo" / name, tmp_path / "gan_zoo")
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [*LOSSES, "smoothed", *ADVERSARIAL, "smoothed"]


def test_docs_are_written_by_the_command_line(
    tmp_path: Path, pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(DOCS / "examples", tmp_path / "examples")
    monkeypatch.setattr("benchmarks.tools.docs.build", lambda folder: {"losses/a.svg": "x", "losses.md": "y"})
    assert main(["docs", "--folder", str(tmp_path)]) == 0
    assert (tmp_path / "losses" / "a.svg").read_text() == "x"
