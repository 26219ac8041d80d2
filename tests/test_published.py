"""Published results are read-only, and choices other than a suite's own never overwrite its report."""

import csv
import shutil
from pathlib import Path

import pytest
from synthetic import synthetic

from benchmarks.cli import main
from benchmarks.record import places
from benchmarks.report.build import build_report
from benchmarks.report.commands import view

LOSSES = ["minimax", "wgan-gp"]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a suite `synthetic` with its export."""
    folder = tmp_path_factory.mktemp("made")
    synthetic(LOSSES, ("8gaussians",), seeds=2, failing=()).write(folder / "export")
    build_report(folder / "export", folder)
    return folder


@pytest.fixture
def published(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as the published report of that suite."""
    folder = tmp_path / "checkout" / "results" / "published"
    monkeypatch.setattr(places, "PUBLISHED", folder)
    shutil.copytree(made, folder / "synthetic")
    return folder / "synthetic"


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


def test_a_published_report_is_checked_and_never_written(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(published)
    for words in ([], ["--from-export"], ["--only", "primary"], ["--checkpoint", "mean-2"], [published]):
        assert run("report", published, *words) == 2
        assert "published results are read-only: name another folder with --out" in capsys.readouterr().err
    assert tree(published) == before
    assert run("report", published, "--check") == 0
    assert f"{published}: every file is what its export gives" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["synthetic", "{published}", "{published}/export"])
def test_a_published_export_is_found_by_name_and_by_folder(published: Path, tmp_path: Path, name: str) -> None:
    name = name.format(published=published)
    words = ["--from-export", "--only", "losses", "--out", tmp_path, "--results", tmp_path / "mine"]
    assert run("report", name, *words) == 0
    assert LOSSES[1] in (tmp_path / "tables" / "losses.md").read_text()


def test_a_name_means_ones_own_export_before_the_published_one(published: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    synthetic(LOSSES[:1], ("8gaussians",), seeds=2, failing=()).write(mine / "synthetic" / "export")
    assert run("report", "synthetic", "--from-export", "--only", "losses", "--results", mine) == 0
    assert LOSSES[1] not in (mine / "synthetic" / "views" / "parts" / "tables" / "losses.md").read_text()


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["--checkpoint", "mean-3"], "checkpoint-mean-3"),
        (["--losses", *LOSSES[::-1], "--metrics", "emd"], f"losses-{LOSSES[1]}+{LOSSES[0]}_metrics-emd"),
        (["--baseline", LOSSES[1]], f"baseline-{LOSSES[1]}"),
        (["--columns", "8gaussians"], "datasets-8gaussians"),
        ([], "parts"),
    ],
)
def test_other_choices_go_to_a_folder_of_their_own_which_is_named(
    made: Path, tmp_path: Path, words: list[str], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "synthetic"
    shutil.copytree(made, folder)
    before = tree(folder)
    assert run("report", "synthetic", "--from-export", "--results", tmp_path, *words, "--only", "losses") == 0
    assert str(folder / "views" / place / "tables" / "losses.md") in capsys.readouterr().out
    after = tree(folder)
    assert {name: after[name] for name in before} == before
    assert {name.rpartition("/")[0] for name in after.keys() - before.keys()} == {f"views/{place}/tables"}


def test_figures_are_made_for_a_paper_and_a_width_that_sets_nothing_is_refused(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(made, tmp_path / "synthetic")
    call = ["report", "synthetic", "--from-export", "--results", tmp_path]
    assert run(*call, "--width", "one-column", "--only", "final-8gaussians") == 0
    figures = tmp_path / "synthetic" / "views" / "width-one-column" / "figures"
    assert {path.name for path in figures.iterdir()} == {f"final-8gaussians{end}" for end in (".pdf", ".png", ".svg")}
    assert b"MediaBox [ 0 0 234 " in (figures / "final-8gaussians.pdf").read_bytes()
    capsys.readouterr()
    assert run(*call, "--width", "icml", "--only", "losses") == 2
    assert "--width icml: sets the width of figures, and there are none among what is made" in capsys.readouterr().err
    assert run("report", made, made, "--width", "icml", "--out", tmp_path / "both") == 2
    assert "--width: sets the width of figures, and two records side by side have none" in capsys.readouterr().err
    assert run(*call, "--width", "nature") == 2
    assert "--width: expected neurips, icml, one-column, or centimetres from 6 to 60" in capsys.readouterr().err


def test_what_is_chosen_makes_different_folders_of_bearable_names() -> None:
    names = [view(Path("x"), {"rows": ["a" * 300, end]}, None).name for end in ("b", "c")]
    assert names[0] != names[1]
    assert max(map(len, names)) < 100
    assert view(Path("x"), {"baseline": "../../up"}, None) == Path("x/views/baseline-..-..-up")
    assert view(Path("x"), {}, None) == Path("x")


def test_an_export_of_an_older_version_still_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As written at commit ee1c749, cut to two losses and three seeds: without specs, formulas by data set, floors."""
    export = Path(__file__).parent / "exports" / "ee1c749"
    shutil.copytree(export, tmp_path / "old" / "export")
    assert run("report", tmp_path / "old") == 0
    rows = list(csv.DictReader((tmp_path / "old" / "table.csv").read_text().splitlines()))
    means = {row["loss"]: float(row["mean"]) for row in rows if row["metric"] == "emd"}
    assert means["wgan-gp"] == pytest.approx((0.126583413 + 0.145467271 + 0.162636838) / 3, rel=1e-6)
    assert means["non-saturating"] == pytest.approx((0.475691124 + 0.459701934 + 0.515637312) / 3, rel=1e-6)
    report = (tmp_path / "old" / "report.md").read_text()
    assert "E f(x̃) - E f(x) + 10 E (‖∇f(x̂)‖ - 1)^2" in report
    capsys.readouterr()
    assert run("reproduce", tmp_path / "old") == 2
    assert "was written before specs were kept" in capsys.readouterr().err
