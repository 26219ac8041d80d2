"""Cells of an export run again from their specs, where what was altered is found; and what it takes to be published."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.cli import main
from benchmarks.record import places
from benchmarks.record.export import Record
from benchmarks.record.store import Store
from benchmarks.report.results import Results
from benchmarks.suites.suite import load_suite
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import run_suite
from benchmarks.tools import publish, reproduce
from gan_zoo import plugins

SUITE = """\
name: tiny
losses: [wgan-gp]
datasets: [8gaussians]
seeds: 6
architecture: {name: mlp, width: 8, depth: 1}
train: {steps: 4, batch_size: 8, n_critic: 1, optimizer: {name: adam, lr: 1e-3}}
evaluate: {every: 2, samples: 50}
"""

CATS = """\
name: tiny
losses: [wgan-gp]
datasets: [{{name: cats, folder: {}, image_size: 8}}]
seeds: 2
architecture: {{name: mlp, width: 8, depth: 1}}
train: {{steps: 4, batch_size: 8, n_critic: 1, optimizer: {{name: adam, lr: 1e-3}}}}
evaluate: {{every: 2, samples: 50}}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Path:
    """The export of a small sweep."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "tiny.yaml").write_text(SUITE)
    shutil.copy(migrated_database, folder / "mlflow.db")
    store, suite = Store(folder), load_suite(str(folder / "tiny.yaml"))
    run_suite(make_plan(suite, Options(folder, folder / "data", "cpu", 1), store, print), store, Listener())
    store.record("tiny").write(folder / "export")
    return folder / "export"


@pytest.fixture(autouse=True)
def _ready_database(monkeypatch: pytest.MonkeyPatch, migrated_database: Path) -> None:
    """Records of what is recomputed begin with a database that is made already."""
    place_for = reproduce.place_for

    @contextmanager
    def with_database(out: Path | None) -> Iterator[Path]:
        with place_for(out) as folder:
            shutil.copy(migrated_database, folder / "mlflow.db")
            yield folder

    monkeypatch.setattr(reproduce, "place_for", with_database)


def check(export: Path, *words: str) -> int:
    data = export.parent / "data"
    return main(["reproduce", str(export), "--data", str(data), "--device", "cpu", "--workers", "0", *words])


def altered(ran: Path, folder: Path, change) -> Path:
    record = Record.read(ran)
    change(record)
    record.write(folder / "export")
    return folder / "export"


def drawn(text: str) -> list[str]:
    kinds = ("equal bits", "within noise", "contradicts", "failed")
    return [line for line in text.splitlines() if line.startswith(kinds)]


def test_an_honest_export_holds_bit_for_bit_and_nothing_is_left(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check(ran, "--cells", "2") == 0
    text = capsys.readouterr().out
    assert [line.split("  ")[0] for line in drawn(text)] == ["equal bits", "equal bits"]
    assert text.splitlines()[-1] == "2 cells: 2 equal bits"
    assert list(tmp_path.iterdir()) == []


def test_cells_of_a_plugin_are_reproduced_with_it_alone(
    tmp_path: Path, migrated_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = Path(__file__).parents[1] / "docs" / "examples" / "smoothed.py"
    shutil.copy(plugin, tmp_path)
    (tmp_path / "tiny.yaml").write_text(f"{SUITE.replace('wgan-gp', 'smoothed')}plugins: [smoothed.py]\n")
    shutil.copy(migrated_database, tmp_path / "mlflow.db")
    with plugins.scope():
        store, suite = Store(tmp_path), load_suite(str(tmp_path / "tiny.yaml"))
        run_suite(make_plan(suite, Options(tmp_path, tmp_path / "data", "cpu", 0), store, print), store, Listener())
    store.record("tiny").write(tmp_path / "export")
    capsys.readouterr()
    assert check(tmp_path / "export", "--cells", "1") == 2
    assert "unknown adversarial term 'smoothed'" in capsys.readouterr().err
    assert check(tmp_path / "export", "--cells", "1", "--plugin", str(plugin)) == 0
    assert drawn(capsys.readouterr().out)[0].startswith("equal bits")


@pytest.fixture(scope="module")
def of_cats(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Path:
    """The export of a small sweep on a folder of images, which lies beside it as `cats`."""
    folder = tmp_path_factory.mktemp("cats")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    for number, image in enumerate(pixels):
        place = folder / "cats" / ("train" if number < 30 else "test") / "ab"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place)
    (folder / "tiny.yaml").write_text(CATS.format(folder / "cats"))
    shutil.copy(migrated_database, folder / "mlflow.db")
    store, suite = Store(folder), load_suite(str(folder / "tiny.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        short_training(patch)
        run_suite(make_plan(suite, Options(folder, folder / "data", "cpu", 0), store, print), store, Listener())
    store.record("tiny").write(folder / "export")
    return folder / "export"


def short_training(patch: pytest.MonkeyPatch) -> None:
    """A classifier of the images is trained in a moment."""
    for least in ("LEAST_EPOCHS", "IMAGES_SHOWN"):
        patch.setattr(f"gan_zoo.metrics.training.{least}", 1)


def test_cells_of_a_folder_are_reproduced_from_the_same_images_wherever_they_lie(
    of_cats: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(of_cats.parent / "cats", tmp_path / "elsewhere")
    assert check(of_cats, "--cells", "1", "--folder", f"cats={tmp_path / 'elsewhere'}") == 0
    assert drawn(capsys.readouterr().out)[0].startswith("equal bits")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no export brings along: say in which folder or file you have them, --folder cats=PATH"),
        (["--folder", "cats=/nowhere"], "/nowhere"),
        (["--folder", "cats=ALTERED"], "such scores are not compared"),
        (["--folder", "dogs=/nowhere"], "--folder dogs: no cell of "),
        (["--folder", "cats"], "is not NAME=PATH"),
        (["--folder", "cats=a", "--folder", "cats=b"], "is given twice"),
    ],
)
def test_a_folder_that_is_not_the_export_s_gets_one_line(
    of_cats: Path,
    tmp_path: Path,
    words: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    short_training(monkeypatch)
    shutil.copytree(of_cats.parent / "cats", tmp_path / "altered")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "altered" / "train" / "a" / "0.png")
    assert check(of_cats, *(word.replace("ALTERED", str(tmp_path / "altered")) for word in words)) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_cells_are_drawn_by_export_and_seed_alone(ran: Path, tmp_path: Path) -> None:
    claimed = Results(Record.read(ran))
    choices = [
        [cell.name for cell in reproduce.draw(claimed, reproduce.Request(ran, ran, 3, seed), mark)]
        for seed, mark in [(0, "a"), (0, "a"), *((seed, mark) for seed in range(5) for mark in "bc")]
    ]
    assert choices[0] == choices[1]
    assert all(len(set(places)) == 3 for places in choices)
    assert len({tuple(places) for places in choices}) > 5
    assert len(reproduce.draw(claimed, reproduce.Request(ran, ran, 100), "a")) == 6


def multiply(record: Record) -> None:
    record.metrics.loc[record.metrics.name == "emd", "value"] *= 1.3


def rename(record: Record) -> None:
    record.runs["weights_hash"] = "0123456789abcdef"


def steps(record: Record) -> None:
    """Another spec than what ran."""
    record.runs["spec"] = [text.replace('"steps":4', '"steps":3') for text in record.runs.spec]
    record.runs["weights_hash"] = ""
    record.metrics.loc[record.metrics.name == "emd", "value"] *= 1e3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (multiply, "the weights are equal, but emd at step 2 is"),
        (rename, "every number is equal, but not the weights' hash (0123456789abcdef, "),
        (steps, ", more than "),
    ],
)
def test_an_altered_export_is_found(
    ran: Path, tmp_path: Path, change, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export = altered(ran, tmp_path, change)
    assert check(export, "--cells", "1", "--seed", "7") == 1
    (line,) = drawn(capsys.readouterr().out)
    assert line.startswith("contradicts")
    assert words in line


def test_other_bits_are_within_noise_and_what_differs_is_named(
    ran: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The claimed run is of other bits: of another learning rate by a hair, on another machine by its own words."""

    def other(record: Record) -> None:
        record.runs["spec"] = [text.replace('"lr":0.001', '"lr":0.00100001') for text in record.runs.spec]
        record.meta["environment"]["torch"] = "1.0"

    assert check(altered(ran, tmp_path, other), "--cells", "1") == 0
    text = capsys.readouterr().out
    assert drawn(text)[0].startswith("within noise")
    assert "what differs and may make other bits: " in text
    assert "torch (1.0 there, " in text


def unspecified(record: Record) -> None:
    record.runs["spec"] = ""


def damaged(record: Record) -> None:
    record.runs["spec"] = "{}"


def swapped(record: Record) -> None:
    specs = {json.loads(text)["seed"]: text for text in record.runs.spec}
    record.runs["spec"] = [specs[(json.loads(text)["seed"] + 1) % 6] for text in record.runs.spec]


def otherwise_scored(record: Record) -> None:
    record.runs["protocol"] = record.runs.protocol.str.replace('"generated": "50"', '"generated": "60"')


def unfinished(record: Record) -> None:
    record.runs["status"] = "missing"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (unspecified, "was written before specs were kept"),
        (damaged, "spec: loss: missing key"),
        (swapped, "the export is altered"),
        (otherwise_scored, "measured by generated=60 there, generated=50 here"),
        (unfinished, "has no finished run"),
    ],
)
def test_what_cannot_be_recomputed_gets_one_line(
    ran: Path, tmp_path: Path, change, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(altered(ran, tmp_path, change)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert str(tmp_path) in line


def test_an_absent_export_and_a_used_folder_get_one_line(
    ran: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path / "nowhere") == 2
    assert check(ran, "--out", str(ran)) == 2
    assert "is not empty" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "numerics"),
    [
        ("float32, portable", "reference"),
        ("float32, bf16", "bf16"),
        ("float64, tf32", "tf32"),
        ("float32, odd", "reference"),
        ("float32, 2 threads", "fast"),
        ("float32, bf16, 2 threads", "bf16"),
    ],
)
def test_numerics_are_those_that_the_export_names(text: str, numerics: str) -> None:
    assert reproduce.numerics_of(text) == numerics
    assert reproduce.numerics_of("float32") in ("fast", "reference")


@pytest.fixture
def shelf(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Published results to be, and `tiny` as a suite of the package."""
    folder = tmp_path / "checkout" / "results" / "published"
    folder.mkdir(parents=True)
    monkeypatch.setattr(places, "PUBLISHED", folder)
    monkeypatch.setattr(publish, "suite_names", lambda: ["tiny"])
    monkeypatch.setattr(publish, "load_suite", lambda name: load_suite(str(ran.parent / "tiny.yaml")))
    return folder


def clean(record: Record) -> None:
    record.runs["dirty"], record.runs["commit"] = False, "0123456789ab"


def published(ran: Path, tmp_path: Path, change) -> int:
    def both(record: Record) -> None:
        clean(record)
        change(record)

    altered(ran, tmp_path / "mine" / "tiny", both)
    return main(["publish", "tiny", "--results", str(tmp_path / "mine")])


def test_a_finished_run_is_published_with_its_report(ran: Path, tmp_path: Path, shelf: Path) -> None:
    assert published(ran, tmp_path, lambda record: None) == 0
    for name in ("meta.json", "runs.csv", "metrics.csv", "samples.npz"):
        mine = tmp_path / "mine" / "tiny" / "export" / name
        assert (shelf / "tiny" / "export" / name).read_bytes() == mine.read_bytes()
    report = (shelf / "tiny" / "report.md").read_text()
    assert "wgan-gp" in report
    assert "Against the published results" not in report


def test_a_suite_of_one_s_own_is_not_published(ran: Path, shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", str(ran.parent / "tiny.yaml"), "--results", str(ran)]) == 2
    assert (
        "suites of the package, by name (tiny), and the searches behind them (NAME-search)" in capsys.readouterr().err
    )
    assert list(shelf.iterdir()) == []


def unended(record: Record) -> None:
    record.runs.loc[0, "status"] = "failed"


def dirty(record: Record) -> None:
    record.runs.loc[0, "dirty"] = True


def two_commits(record: Record) -> None:
    record.runs.loc[0, "commit"] = "fedcba987654"


def relaxed(record: Record) -> None:
    record.runs.loc[0, "numerics"] = "float32, bf16"


def rechosen(record: Record) -> None:
    record.meta["report"] = {"checkpoint": "mean-2"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (unended, "1 cells have not ended with a result"),
        (dirty, "uncommitted changes"),
        (two_commits, "runs come from 2 commits"),
        (relaxed, "in relaxed numerics (bf16)"),
        (steps, "it is of a changed suite"),
        (rechosen, "it is of a changed suite"),
    ],
)
def test_what_is_unfinished_or_changed_is_not_published(
    ran: Path, tmp_path: Path, shelf: Path, change, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert published(ran, tmp_path, change) == 2
    assert words in capsys.readouterr().err
    assert list(shelf.iterdir()) == []
