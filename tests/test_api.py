"""The Python interface: the same bits as the command line's, scores as data frames, errors of one line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gan_zoo
from benchmarks.cli import main
from gan_zoo import fingerprints
from gan_zoo.numerics.environment import processor_fault
from gan_zoo.weights_file import final_weights, weights_hash

ROOT = Path(__file__).resolve().parents[1]
TINY = {
    "train.steps": 20,
    "train.batch_size": 8,
    "architecture.width": 8,
    "architecture.depth": 1,
    "evaluate.every": 10,
    "evaluate.samples": 64,
    "evaluate.repeats": 2,
}


@pytest.fixture(scope="module")
def trained() -> gan_zoo.Trained:
    heard: list[int] = []
    run = gan_zoo.train(
        "wgan-lp", "8gaussians", seed=1, settings=TINY, progress=lambda step, values: heard.append(step)
    )
    assert heard == list(range(1, 21))
    return run


def test_every_public_name_is_there_and_documented() -> None:
    for name in gan_zoo.__all__:
        assert getattr(gan_zoo, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = gan_zoo.trian


def test_a_run_has_scores_curves_samples_and_a_critic(trained: gan_zoo.Trained) -> None:
    assert trained.status == "done"
    assert set(trained.scores) == {"emd", "modes_covered", "good_samples"}
    assert trained.scores["emd"] == trained.curves["emd"][20]
    assert list(trained.curves["emd"].dropna().index) == [10, 20]
    points = trained.sample(5)
    assert points.shape == (5, 2)
    assert np.array_equal(points, trained.sample(5))
    assert not np.array_equal(points, trained.sample(5, seed=1))
    weights = {name: weight.numpy() for name, weight in trained.state.critic.items()}
    first, last = (name.removesuffix(".weight") for name in weights if name.endswith(".weight"))
    hidden = np.maximum(points @ weights[f"{first}.weight"].T + weights[f"{first}.bias"], 0)
    by_hand = (hidden @ weights[f"{last}.weight"].T + weights[f"{last}.bias"])[:, 0]
    assert trained.critic(points) == pytest.approx(by_hand, rel=1e-5, abs=1e-6)


def test_a_sweep_gives_the_bits_of_single_runs_and_its_report_as_frames(
    trained: gan_zoo.Trained, tmp_path: Path
) -> None:
    ended: list[tuple[str, str]] = []
    chosen = {"losses": ["wgan-lp"], "datasets": ["8gaussians"], "seeds": [0, 1], "settings": TINY}
    report = gan_zoo.sweep("quickstart", results=tmp_path, workers=0, progress=lambda *end: ended.append(end), **chosen)
    assert report.missing == ()
    assert sorted(ended) == [(f"wgan-lp / 8gaussians / seed {seed}", "done") for seed in (0, 1)]
    run = report.runs.set_index("seed").loc[1]
    assert run.weights_hash == weights_hash(final_weights(trained.run, trained.state))
    of_run = report.curves[report.curves.run_key == run.run_key]
    assert of_run[(of_run.name == "emd") & (of_run.step == 20)].value.item() == pytest.approx(
        trained.scores["emd"], rel=1e-8
    )
    scores = report.scores.set_index(["metric", "loss"])
    both = report.curves[(report.curves.name == "emd") & (report.curves.step == 20)].value
    assert scores.loc[("emd", "wgan-lp"), "mean"] == pytest.approx(both.mean(), rel=1e-8)
    assert "WGAN-LP" in report.table()
    assert r"\begin{tabular}" in report.table("tex")
    assert all(path.is_file() for path in report.figures.values())
    assert report.figures

    view = gan_zoo.report("quickstart", results=tmp_path, seeds=[1])
    assert view.folder.parent == tmp_path / "quickstart" / "views"
    assert view.scores.set_index(["metric", "loss"]).loc[("emd", "wgan-lp"), "n"] == 1
    assert gan_zoo.report(view.folder.parent.parent, results=tmp_path).folder == report.folder
    assert main(["report", "quickstart", "--results", str(tmp_path), "--check"]) == 0


def test_a_published_report_is_read_as_it_is() -> None:
    report = gan_zoo.report(ROOT / "results" / "published" / "quickstart")
    assert len(report.runs) == 60
    assert set(report.runs.status) == {"done"}


def test_a_diverged_run_says_so() -> None:
    settings = {**TINY, "overrides.wgan-gp-hinge/8gaussians.train.optimizer.lr": 1e30}
    run = gan_zoo.train("wgan-gp-hinge", "8gaussians", settings=settings)
    assert run.status == "diverged"
    assert "is not finite at step" in run.reason
    assert run.state.step < 20


def test_pictures_are_drawn(trained: gan_zoo.Trained, tmp_path: Path) -> None:
    trained.plot().savefig(tmp_path / "points.png")
    images = {name: value for name, value in TINY.items() if name != "architecture.width"}
    digits = gan_zoo.train("hinge", "digits", settings={**images, "evaluate.metrics": ["fid_digits"]})
    assert digits.sample(3).shape == (3, 1, 8, 8)
    assert digits.sample(3).dtype == np.uint8
    digits.plot().savefig(tmp_path / "digits.png")
    assert (tmp_path / "digits.png").stat().st_size > (tmp_path / "points.png").stat().st_size / 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gan_zoo.train("WGAN", "8gaussians"), "unknown loss 'WGAN'"),
        (lambda: gan_zoo.train("wgan-gp", "8gaussian"), "unknown data set '8gaussian'"),
        (lambda: gan_zoo.train("wgan-gp", "8gaussians", settings={"train.step": 3}), "unknown key"),
        (lambda: gan_zoo.train("wgan-gp", "8gaussians", engine="fast"), "unknown engine"),
        (lambda: gan_zoo.train("wgan-gp", "8gaussians", device="cuda:9"), "not on this machine"),
        (lambda: gan_zoo.train("wgan-gp", "8gaussians", plugins=["no.py"]), "no Python file"),
        (lambda: gan_zoo.sweep("quick"), "unknown suite"),
        (lambda: gan_zoo.report("quickstart", rows=["wgan-gp"]), "'rows' is no choice"),
        (lambda: gan_zoo.Report(ROOT / "docs"), "has no report.html"),
    ],
)
def test_what_is_wrong_is_one_line(call, message: str) -> None:
    with pytest.raises(gan_zoo.UserError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)


OF_A_MACHINE = re.compile(r"^- (Hardware|Seconds): .*$|\| [\d.]+ \| [\d.]+ \|$", re.M)
"""In a report's tables: its hardware, and the last two columns, seconds and iterations a second."""


def said(notebook: Path) -> list[str]:
    """What each cell of a notebook printed and showed, but for pictures and what is of a machine."""
    texts = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            shown = {"text": output["text"]} if "text" in output else output["data"]
            texts += [OF_A_MACHINE.sub("", "".join(text)) for form, text in shown.items() if form != "image/png"]
    return texts


def test_the_notebook_says_what_it_says_where_it_is_run(tmp_path: Path) -> None:
    """CONTRIBUTING.md says what writes it again."""
    committed, again = ROOT / "docs" / "tutorial.ipynb", tmp_path / "again.ipynb"
    command = [sys.executable, str(ROOT / "tests" / "notebook.py"), str(committed), again.name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "results" / "quickstart" / "report.html").is_file()
    pictures = committed.read_text(encoding="utf-8").count("image/png")
    assert again.read_text(encoding="utf-8").count("image/png") == pictures == 1
    if processor_fault() is None and fingerprints.table()["versions"] == fingerprints.versions():
        assert said(again) == said(committed)
    else:  # other bits, and so other numbers
        assert len(said(again)) == len(said(committed))
