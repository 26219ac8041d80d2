"""The committed results: every number of their tables is what their export gives."""

from pathlib import Path

import pytest

from benchmarks.report import build_report

RESULTS = Path(__file__).resolve().parents[1] / "results"
COMMITTED = sorted(path.parent for path in RESULTS.glob("*/export") if (path / "meta.json").is_file())
WORDS = ("report.md", "table.tex", "table-siunitx.tex", "table.md", "table.html", "table.csv")


def test_quickstart_is_committed() -> None:
    assert RESULTS / "quickstart" in COMMITTED


@pytest.mark.parametrize("folder", COMMITTED, ids=lambda folder: folder.name)
def test_tables_are_rebuilt_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    """Figures are left to `gan-zoo report SUITE --check`: their bytes depend on the compression library as well."""
    if not (folder / "report.md").is_file():
        pytest.skip("an export without its report")
    build_report(folder / "export", tmp_path)
    for name in WORDS:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_readme_shows_the_table_of_quickstart() -> None:
    readme = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    report = (RESULTS / "quickstart" / "report.md").read_text(encoding="utf-8")
    table = report[report.index("| Loss |") :].split("\n\n")[0]
    assert table in readme
