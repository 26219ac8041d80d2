"""The published results: every file of a report is what its export gives, and what runs write lies elsewhere."""

import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.report.build import build_report
from benchmarks.tools.publish import summary, with_summary

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
REPORTS = sorted(path.parent for path in PUBLISHED.glob("*/export") if (path / "meta.json").is_file())


def content(path: Path) -> object:
    """A file's bytes; of compressed ones what was compressed: not every zlib makes the same bytes of it."""
    data = path.read_bytes()
    if path.suffix == ".png":
        with Image.open(path) as image:
            return image.size, image.mode, image.tobytes()
    if path.suffix == ".pdf":
        return [zlib.decompress(stream) for stream in re.findall(rb"stream\n(.*?)\nendstream", data, re.DOTALL)]
    return re.sub(rb"data:image/png;base64,[^\"]*", b"", data) if path.suffix == ".html" else data


def test_quickstart_is_published() -> None:
    assert PUBLISHED / "quickstart" in REPORTS


@pytest.mark.parametrize("folder", REPORTS, ids=lambda folder: folder.name)
def test_a_report_is_what_its_export_gives(folder: Path, tmp_path: Path) -> None:
    """As `gan-zoo report FOLDER --check`, but for the compression of pictures."""
    built = build_report(folder / "export", tmp_path)
    kept = {path for place in (folder, folder / "figures") for path in place.iterdir() if path.is_file()}
    assert {path.relative_to(tmp_path) for path in built} == {path.relative_to(folder) for path in kept}
    for path in built:
        assert content(path) == content(folder / path.relative_to(tmp_path)), path.name


def test_the_readme_shows_the_summary_of_quickstart() -> None:
    """As `gan-zoo publish` writes it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_summary(readme, "quickstart", "(none)") != readme
    assert with_summary(readme, "quickstart", summary(PUBLISHED / "quickstart")) == readme


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a checkout")
@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("results/quickstart/report.md", True),
        ("results/quickstart/runs/0123/spec.json", True),
        ("results/mlflow.db", True),
        ("results/anything", True),
        ("results/published/quickstart/report.md", False),
        ("results/published/new/export/runs.csv", False),
    ],
)
def test_git_ignores_what_runs_write_and_no_more(path: str, ignored: bool) -> None:
    code = subprocess.run(["git", "check-ignore", "--no-index", "--quiet", path], cwd=ROOT).returncode
    assert code == (0 if ignored else 1)
