"""Data of one's own beside folders of images: files of arrays, tables, and Hugging Face's data sets."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from benchmarks.cli import main
from benchmarks.record.store import Store
from benchmarks.suites.suite import load_first_look, load_suite
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import run_suite
from gan_zoo import plugins
from gan_zoo.datasets import Images, load_dataset
from gan_zoo.datasets.cloud import Cloud
from gan_zoo.errors import UserError
from gan_zoo.metrics import Evaluator
from gan_zoo.metrics.floor import floor
from gan_zoo.rng import Rng
from gan_zoo.spec import run_spec

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Leaves other tests without the plugins of the example."""
    with plugins.scope():
        yield


def load(path: Path, **options: Any) -> Any:
    return load_dataset("mine", root=path.parent / "root", folder=path, **options)


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        load(path, **options)
    text = str(caught.value)
    assert text.startswith("data set 'mine': ")
    assert "\n" not in text
    return text


def pixels(*shape: int, key: int = 0) -> np.ndarray:
    return np.random.default_rng(key).integers(0, 256, shape, dtype=np.uint8)


def points(n: int, d: int = 2, key: int = 0) -> np.ndarray:
    return np.random.default_rng(key).normal(size=(n, d))


def saved(path: Path, array: np.ndarray | None = None, **arrays: Any) -> Path:
    """The path of a file with these arrays, which may be pickles."""
    if array is None:
        np.savez_compressed(path, **arrays)
    else:
        np.save(path, array)
    return path


def test_an_archive_of_images_has_splits_and_classes(tmp_path: Path) -> None:
    train, test = pixels(6, 5, 4, 3), pixels(2, 5, 4, 3, key=1)
    named = {"train_labels": np.array([7, 3, 7, 3, 3, 7]), "test_labels": np.array([3, 7], np.uint8)}
    data = load(saved(tmp_path / "a.npz", train=train, test=test, **named))
    assert isinstance(data, Images)
    assert torch.equal(data.train, torch.from_numpy(train).permute(0, 3, 1, 2))
    assert torch.equal(data.test, torch.from_numpy(test).permute(0, 3, 1, 2))
    assert data.train_labels.tolist() == [1, 0, 1, 0, 0, 1]
    assert data.test_labels.tolist() == [0, 1]
    assert load(tmp_path / "a.npz", image_size=2).shape == (3, 2, 2)


def test_a_single_array_has_a_sixth_held_out_with_its_classes(tmp_path: Path) -> None:
    images = np.broadcast_to(np.arange(12, dtype=np.uint8)[:, None, None], (12, 3, 3))
    data = load(saved(tmp_path / "a.npz", faces=images, labels=np.arange(12) % 2))
    assert (len(data.train), len(data.test)) == (10, 2)
    assert sorted([*data.train[:, 0, 0, 0].tolist(), *data.test[:, 0, 0, 0].tolist()]) == list(range(12))
    for split, labels in ((data.train, data.train_labels), (data.test, data.test_labels)):
        assert torch.equal(split[:, 0, 0, 0] % 2, labels)


def test_data_are_known_by_their_content_and_nothing_else(tmp_path: Path) -> None:
    """An array by itself, in an archive under any name, in either order of memory; but no other pixel or point."""
    images = pixels(9, 4, 4)
    files = saved(tmp_path / "a.npy", images), saved(tmp_path / "b.npz", x=images)
    files += (saved(tmp_path / "c.npy", np.asfortranarray(images)),)
    assert len({load(path).fingerprint for path in files}) == 1
    images[0, 0, 0] ^= 1
    assert load(saved(tmp_path / "d.npy", images)).fingerprint != load(files[0]).fingerprint
    cloud = points(9)
    lines = [f"{x!r},{y!r}" for x, y in cloud.tolist()]
    tables = {"e.csv": "\n".join(lines), "f.csv": "\r\n".join(["x,y", *lines, ""])}
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    files = saved(tmp_path / "g.npy", cloud), saved(tmp_path / "h.npy", cloud.astype(np.float32))
    files += tuple(tmp_path / name for name in tables)
    assert len({load(path).fingerprint for path in files}) == 1
    cloud[0, 0] += 1e-3
    assert load(saved(tmp_path / "i.npy", cloud)).fingerprint != load(files[0]).fingerprint


def test_points_are_shown_once_an_epoch_and_held_out_ones_never(tmp_path: Path) -> None:
    data = load(saved(tmp_path / "a.npy", points(60, 3)))
    assert isinstance(data, Cloud)
    assert (data.shape, len(data.train), len(data.test)) == ((3,), 50, 10)
    shown = torch.cat([data.stream(0, block, 25) for block in range(4)])
    for epoch in shown.split(50):
        assert torch.equal(epoch.sort(dim=0).values, data.train.sort(dim=0).values)
    assert not torch.equal(shown[:50], shown[50:])
    held_out = {tuple(x) for x in data.held_out(Rng(0, "x"), 99).tolist()}
    assert held_out == {tuple(x) for x in data.test.tolist()}
    assert held_out.isdisjoint(tuple(x) for x in shown.tolist())


def distance(x: torch.Tensor, y: torch.Tensor) -> float:
    cost = torch.cdist(x.double(), y.double()).numpy()
    return float(cost[linear_sum_assignment(cost)].mean())


def test_points_are_scored_against_the_training_split_and_the_floor_is_the_held_out_one(tmp_path: Path) -> None:
    data = load(saved(tmp_path / "a.npz", train=points(40, 3), test=points(40, 3, key=1)))
    evaluator = Evaluator(data, ["emd"], 40, tmp_path, "cpu")
    assert evaluator(data.train)["emd"] == 0
    x = torch.from_numpy(points(40, 3, key=2)).float()
    assert evaluator(x)["emd"] == pytest.approx(distance(x, data.train), rel=1e-6)
    apart = Evaluator(data, ["emd"], 40, tmp_path, "cpu", validation=True)
    assert apart(x)["emd"] == pytest.approx(distance(x, data.test), rel=1e-6)
    found = floor(data, ["emd"], 40, tmp_path, "cpu")["emd"]
    assert found == {"values": [pytest.approx(distance(data.test, data.train), rel=1e-6)], "n": 40}
    assert evaluator.metrics["emd"].protocol["distribution"].startswith("mine train split, 40 points, ")
    assert len(floor(data, ["emd"], 10, tmp_path, "cpu")["emd"]["values"]) == 4
    assert floor(data, ["emd"], 500, tmp_path, "cpu")["emd"]["n"] == 40


class Trap:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return (open, ("sprung", "w"))


def npy(header: str) -> bytes:
    """The head of an .npy file that says this, and eight bytes."""
    text = f"{header:<118}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)


def hostile(folder: Path) -> dict[str, str]:
    """Files that are refused, and by what words."""
    objects = np.array([Trap(), None], dtype=object)
    nan, huge = points(9), points(9)
    nan[4, 1], huge[2, 0] = np.nan, 1e300
    whole = saved(folder / "whole.npz", train=pixels(9, 4, 4), test=pixels(2, 4, 4)).read_bytes()
    one = saved(folder / "one.npy", pixels(9, 4, 4)).read_bytes()
    saved(folder / "objects.npy", objects)
    saved(folder / "objects.npz", train=pixels(9, 4, 4), test=objects)
    saved(folder / "nan.npy", nan)
    saved(folder / "huge.npz", train=huge, test=points(3))
    saved(folder / "floats.npy", points(8).reshape(2, 2, 4))
    saved(folder / "flat.npy", pixels(9, 16))
    saved(folder / "deep.npy", pixels(9, 4, 4, 4))
    saved(folder / "integers.npy", np.arange(18).reshape(9, 2))
    saved(folder / "line.npy", points(9)[:, 0])
    saved(folder / "single.npy", points(1))
    saved(folder / "scalar.npy", np.float64(3))
    saved(folder / "swapped.npy", points(9).astype(">f8"))
    saved(folder / "three.npz", a=pixels(9, 4, 4), b=pixels(9, 4, 4), c=pixels(9, 4, 4))
    saved(folder / "unlike.npz", train=pixels(9, 4, 4), test=pixels(9, 5, 5))
    saved(folder / "mixed.npz", train=pixels(9, 4, 4), test=points(9))
    saved(folder / "labels.npz", x=pixels(9, 4, 4), labels=np.arange(8))
    saved(folder / "labelled.npz", x=points(9), labels=np.arange(9))
    saved(
        folder / "unseen.npz",
        train=pixels(3, 4, 4),
        test=pixels(2, 4, 4),
        train_labels=np.array([0, 1, 0]),
        test_labels=np.array([1, 5]),
    )
    (folder / "cut.npz").write_bytes(whole[:-30])
    (folder / "cut.npy").write_bytes(one[:-1])
    (folder / "longer.npy").write_bytes(one + b"\0")
    (folder / "claims.npy").write_bytes(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 9999), }"))
    (folder / "code.npy").write_bytes(npy("__import__('os').system('touch sprung')"))
    (folder / "text.npy").write_text("no array")
    (folder / "empty.csv").write_text("")
    (folder / "names.csv").write_text("x,y\n")
    (folder / "word.csv").write_text("x,y\n1,2\n3,red\n")
    (folder / "ragged.csv").write_text("1,2\n3,4\n5,6,7\n")
    (folder / "gap.csv").write_text("1,2\n3,\n5,6\n")
    (folder / "mine.txt").write_text("1,2\n")
    (folder / "folder.npz").mkdir()
    with zipfile.ZipFile(folder / "twice.npz", "w") as archive:
        for name in ("a.npy", "a"):
            archive.writestr(name, one)
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(2**20))
    return {
        "objects.npy": "holds Python objects, which are pickles; save numbers",
        "objects.npz": "holds Python objects, which are pickles; save numbers",
        "nan.npy": "row 5 has a number that is not finite",
        "huge.npz": "train: row 3 has a number that is not finite in float32",
        "floats.npy": "holds float64 of shape (2, 2, 4); give images as uint8 (N, H, W)",
        "flat.npy": "holds uint8 of shape (9, 16); give images",
        "deep.npy": "holds uint8 of shape (9, 4, 4, 4); give images",
        "integers.npy": "holds int64 of shape (9, 2); give images",
        "line.npy": "holds float64 of shape (9,); give images",
        "single.npy": "holds float64 of shape (1, 2): 2 or more are needed",
        "scalar.npy": "holds float64 of shape (); give images",
        "swapped.npy": "holds >f8 of shape (9, 2); give images",
        "three.npz": "holds a, b, c; give one array (and labels), or train and test",
        "unlike.npz": "its splits are unlike: (9, 4, 4) and (9, 5, 5)",
        "mixed.npz": "its splits are unlike: (9, 4, 4) and (9, 2)",
        "labels.npz": "labels holds int64 of shape (8,); give 9 whole numbers",
        "labelled.npz": "points have no labels here",
        "unseen.npz": "test_labels has the class 5, which train_labels has not",
        "cut.npz": "cannot be read (",
        "cut.npy": "shape (9, 4, 4) takes 144 bytes, and 143 are there: truncated or damaged",
        "longer.npy": "shape (9, 4, 4) takes 144 bytes, and 145 are there: truncated or damaged",
        "claims.npy": "takes 79992000000000 bytes, and 8 are there: truncated or damaged",
        "code.npy": "cannot be read (",
        "text.npy": "cannot be read (not an array)",
        "empty.csv": "holds no rows",
        "names.csv": "holds no rows",
        "word.csv": "cannot be read as a table of numbers (could not convert string 'red' to float64",
        "ragged.csv": "cannot be read as a table of numbers (the number of columns changed from 2 to 3",
        "gap.csv": "cannot be read as a table of numbers (could not convert string '' to float64",
        "mine.txt": "there is no folder",
        "gone.npz": "there is no such file",
        "folder.npz": "holds 0 images",
        "twice.npz": "two arrays named a",
        "bomb.npz": "more than the 0.0001 GiB that are read",
    }


def test_hostile_files_are_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gan_zoo.datasets.arrays.MAX_TOTAL_GIB", 1e-4)
    expected = hostile(tmp_path)
    wrong = {name: text for name in expected if expected[name] not in (text := refusal(tmp_path / name))}
    assert wrong == {}
    assert not (tmp_path / "sprung").exists()
    assert "image_size is for images" in refusal(saved(tmp_path / "p.npy", points(9)), image_size=8)


def test_the_place_is_no_part_of_a_spec() -> None:
    """What a file has beside its content changes neither the key nor the canonical form, and may be given one way."""
    content = {
        "loss": "wgan-gp",
        "architecture": "mlp",
        "train": {"steps": 1, "batch_size": 8, "optimizer": {"name": "adam", "lr": 1}},
        "evaluate": {"every": 1, "samples": 10},
    }
    places = ({}, {"folder": "a"}, {"file": "a.npz"}, {"huggingface": "nobody/cats:small"})
    specs = [run_spec({**content, "dataset": {"name": "cats", **place}}) for place in places]
    assert len({spec.key for spec in specs}) == len({spec.canonical for spec in specs}) == 1
    assert "file" not in specs[0].canonical + str(specs[1].to_dict())
    for spec in specs:
        assert run_spec(spec.to_dict()) == spec
    for place, words in (
        ({"folder": "a", "file": "b.npz"}, "expected one of folder, file, huggingface, got folder and file"),
        ({"huggingface": "../cats"}, "expected OWNER/NAME of Hugging Face's hub"),
    ):
        with pytest.raises(UserError, match=words):
            run_spec({**content, "dataset": {"name": "cats", **place}})


def test_paths_are_those_of_the_suite_and_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    suite = load_suite("examples/own/own.yaml")
    assert [spec.dataset.file for spec in suite.cells[::2]] == [
        f"examples/own/{name}" for name in ("moons.csv", "squares.npz")
    ] * 2
    assert str(suite.only(["wgan-gp"]).cells[0].train.optimizer) == "Lion 0.0001"
    (tmp_path / "two words").mkdir()
    typed = ["two words", "8gaussians", "~/a.csv", "huggingface:nobody/cats"]
    looked = load_first_look("quickstart", {}, ["wgan-gp"], typed)
    assert [
        (spec.dataset.name, spec.dataset.folder, spec.dataset.file, spec.dataset.huggingface) for spec in looked.cells
    ] == [
        ("two-words", "two words", None, None),
        ("8gaussians", None, None, None),
        ("a", None, os.path.expanduser("~/a.csv"), None),
        ("nobody-cats", None, None, "nobody/cats"),
    ]
    sized = load_first_look("quickstart", {}, ["wgan-gp"], ["a.npz"], image_size=16)
    assert sized.cells[0].dataset.image_size == 16
    with pytest.raises(
        UserError, match=r"unknown data set 'nowhere'.*or say where yours is: folder, file or huggingface"
    ):
        load_first_look("quickstart", {}, ["wgan-gp"], ["nowhere"])


def test_the_example_runs_and_its_data_are_taken_wherever_folders_are(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path / "examples" / "own")
    subprocess.run([sys.executable, "make.py"], check=True, capture_output=True)
    data, store = tmp_path / "data", Store(results)
    few = {"train.steps": "4", "evaluate.every": "4", "seeds": "1", "evaluate.samples": "50"}
    suite = load_suite("own.yaml", few).only(["wgan-gp"], ["moons"])
    run_suite(make_plan(suite, Options(results, data, workers=0), store, Listener().say), store, Listener())
    record = store.record("own")
    record.write(tmp_path / "export")
    assert list(record.runs.status) == ["done"]
    assert set(record.runs.optimizer) == {"Lion 0.0001"}
    places = ["--data", str(data)]
    given = ["--folder", "moons=moons.csv", "--workers", "0"]
    capsys.readouterr()
    assert main(["reproduce", str(tmp_path / "export"), *given, *places]) == 0
    assert "1 cells: 1 equal bits" in capsys.readouterr().out
    with np.load("squares.npz") as arrays:
        np.save("squares.npy", arrays["test"])
    assert main(["score", "--images", "squares.npy", "--reference", "squares.npz", *places]) == 0
    assert "200 samples against squares" in capsys.readouterr().out


def test_hugging_faces_library_reads_what_it_saved(tmp_path: Path) -> None:
    """The same images and classes in an .npz file are the same data set."""
    pytest.importorskip("datasets")
    subprocess.run([sys.executable, EXAMPLES / "own" / "make.py"], check=True, capture_output=True, cwd=tmp_path)
    expected, found = load(tmp_path / "squares.npz"), load(tmp_path / "squares")
    assert found.fingerprint == expected.fingerprint
    assert load(tmp_path / "squares").fingerprint == expected.fingerprint  # as it was kept
    next((tmp_path / "squares").glob("train/*.arrow")).write_bytes(b"torn")
    assert "cannot be read as what save_to_disk wrote" in refusal(tmp_path / "squares")


def test_points_of_hugging_faces_library_are_columns_of_numbers(tmp_path: Path) -> None:
    library = pytest.importorskip("datasets")
    cloud = points(60).astype(np.float32)
    library.Dataset.from_dict({"x": cloud[:, 0], "y": cloud[:, 1]}).save_to_disk(tmp_path / "columns")
    library.Dataset.from_dict({"point": cloud.tolist()}).save_to_disk(tmp_path / "lists")
    library.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(tmp_path / "texts")
    expected = load(saved(tmp_path / "a.npy", cloud))
    assert load(tmp_path / "columns").fingerprint == load(tmp_path / "lists").fingerprint == expected.fingerprint
    assert "column 'text' holds" in refusal(tmp_path / "texts")


def test_without_library_or_network_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dataset_dict.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "python -m pip install 'gan-zoo[huggingface]'" in refusal(tmp_path)

    library, hub = ModuleType("datasets"), ModuleType("huggingface_hub")
    library.disable_progress_bars = lambda: None
    library.config = ModuleType("config")
    for module in (library.config, hub):
        module.HF_HUB_OFFLINE = module.HF_DATASETS_OFFLINE = False
    hub.constants = hub
    seen = []

    def away(*words: str) -> None:
        seen.append((*words, hub.HF_HUB_OFFLINE))
        raise ConnectionError("no route\nto the hub")

    library.load_dataset = away
    monkeypatch.setitem(sys.modules, "datasets", library)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    for download in (True, False):
        with pytest.raises(UserError) as caught:
            load_dataset("cats", root=tmp_path, huggingface="nobody/cats:small", download=download)
    command = "datasets.load_dataset('nobody/cats', 'small').save_to_disk('cats')"
    assert command in str(caught.value)
    assert "(no route to the hub)" in str(caught.value)
    assert str(caught.value).endswith(
        "bring the folder cats here, and give folder: path/to/cats in place of huggingface"
    )
    assert seen == [("nobody/cats", "small", False), ("nobody/cats", "small", True)]
    assert not hub.HF_HUB_OFFLINE
