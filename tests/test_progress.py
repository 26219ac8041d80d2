"""What a sweep says while it runs: a line for each cell that ended, with its score; more or less if asked."""

import io
import re
import sys
from pathlib import Path

import pytest
from tiny import tiny_suite

from benchmarks.record.store import Store
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.progress import Progress, Talk
from benchmarks.sweep.run import run_suite

CLOCK = r"\(\d\d:\d\d:\d\d\)"


def said(folder: Path, results: Path, talk: Talk, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of a sweep of the tiny suite."""
    suite, store = tiny_suite(folder, steps=20, every=10), Store(results)
    plan = make_plan(suite, Options(results, folder / "data", "cpu", workers=0), store, print)
    capsys.readouterr()
    with Progress(plan, talk) as progress:
        assert run_suite(plan, store, progress).unfinished == []
    return capsys.readouterr().out.splitlines()


def scores(results: Path, step: int) -> list[str]:
    """The recorded scores of both cells, as people read them."""
    metrics = Store(results).record("tiny").metrics
    values = metrics[(metrics.name == "emd") & (metrics.step == step)].sort_values("run_key").value
    return sorted(f"{value:.3g}" for value in values)


def test_a_cell_that_ended_has_its_score_and_the_hour(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opening, *ended = said(tmp_path, results, "usual", capsys)
    assert opening == "tiny: 2 of 2 cells to run, 0 done"
    line = rf"done      wgan-gp / 8gaussians / seed [01]: earth mover's distance (\S+)  {CLOCK}"
    found = [re.fullmatch(line, each) for each in ended]
    assert sorted(each[1] for each in found if each) == scores(results, 20)


def test_verbose_says_every_score(tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(tmp_path, results, "verbose", capsys)
    found = [re.fullmatch(r"step (\d+) +wgan-gp .*: earth mover's distance (\S+)", each) for each in lines]
    told = sorted((int(each[1]), each[2]) for each in found if each)
    assert told == [(step, score) for step in (10, 20) for score in scores(results, step)]


def test_quiet_says_nothing_of_what_went_well(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(tmp_path, results, "quiet", capsys) == []


def test_the_bar_of_a_terminal_has_the_last_score_where_a_narrow_one_cuts_it_last(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    said(tmp_path, results, "usual", capsys)
    shown = re.findall(
        r"running, (\S+) wgan-gp / 8gaussians / seed [01] \(earth mover's distance\)", sys.stderr.getvalue()
    )
    known = {score for step in (10, 20) for score in scores(results, step)}
    assert shown
    assert set(shown) <= known
