"""`gan-zoo score`, `fetch-weights` and `check-metrics`: images from anywhere get the scores of the sweeps' protocol."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmarks.cli import main
from gan_zoo.datasets import Images, load_dataset
from gan_zoo.evaluation import Evaluation
from gan_zoo.metrics import WEIGHTS_FILE, Evaluator, default_metrics, inception
from gan_zoo.spec import run_spec
from gan_zoo.trainer import advance, initial_state, prepare, train
from gan_zoo.weights_file import HASH, final_weights, weights_hash


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, digits: Images) -> Path:
    """A data folder with a classifier of digits that was trained in a moment."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gan_zoo.metrics.training.IMAGES_SHOWN", 640)
        Evaluator(digits, ["is_digits"], 10, folder / "extractors", "cpu")
    return folder


def scored(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["score", "--json", "--device", "cpu", "--data", str(root), *arguments]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def values(result: dict[str, Any]) -> dict[str, float]:
    return {name: score["value"] for name, score in result["scores"].items()}


def generator_files(folder: Path, dataset: str, **evaluate: Any) -> dict[str, float]:
    """Trains a few steps and leaves weights and spec as a run does; the run's own scores."""
    content = {
        "loss": "wgan-gp",
        "dataset": dataset,
        "architecture": {"name": "mlp", "width": 16, "depth": 2, "generator_norm": "batch"},
        "train": {"steps": 10, "batch_size": 8, "optimizer": {"name": "adam", "lr": 1e-3}},
        "evaluate": {"every": 10, "samples": 120, **evaluate},
    }
    data = load_dataset(dataset, root=Path("unused"))
    run = prepare(run_spec(content), data)
    state = initial_state(run)
    advance(train(run, state), 10)
    (folder / "weights").mkdir()
    weights = final_weights(run, state)
    save_file(weights, folder / "weights" / "weights.safetensors", {HASH: weights_hash(weights)})
    (folder / "spec.json").write_text(json.dumps(run.spec.to_dict()))
    return Evaluation(run, data, Evaluator(data, default_metrics(data)[:1], 120, folder, "cpu"))(state)


def test_folders_and_arrays_of_the_same_images_have_the_evaluators_scores(
    root: Path, digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = digits.test[:40]
    np.savez(tmp_path / "images.npz", images.numpy())
    (tmp_path / "pictures").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[0].numpy()).save(tmp_path / "pictures" / f"{i:03}.png")
    results = [
        scored(root, capsys, "--images", str(tmp_path / place), "--reference", "digits")
        for place in ("images.npz", "pictures")
    ]
    evaluator = Evaluator(digits, default_metrics(digits), 40, root / "extractors", "cpu")
    assert values(results[0]) == values(results[1]) == evaluator(images)
    assert results[0]["images"]["sha256"] == results[1]["images"]["sha256"]
    for name, score in results[0]["scores"].items():
        assert score["protocol"] == evaluator.metrics[name].protocol
        assert score["direction"] == evaluator.metrics[name].direction


def test_some_of_the_images_are_drawn_by_the_seed(
    root: Path, digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "images.npy", digits.test.numpy())
    ask = [
        "--images",
        str(tmp_path / "images.npy"),
        "--reference",
        "digits",
        "--samples",
        "50",
        "--metrics",
        "fid_digits",
    ]
    first, again, other = (scored(root, capsys, *ask, "--seed", seed) for seed in ("1", "1", "2"))
    assert first == again
    assert first["images"]["samples"] == 50
    assert values(first) != values(other)


def test_the_table_names_scores_and_protocols(
    root: Path, digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "images.npy", digits.test[:30].numpy())
    asked = ["--images", str(tmp_path / "images.npy"), "--reference", "digits", "--metrics", "fid_digits", "is_digits"]
    assert main(["score", "--device", "cpu", "--data", str(root), *asked]) == 0
    out = capsys.readouterr().out
    assert "30 samples against digits" in out
    assert "fid_digits_30_train: measure=Fréchet distance; generated=30; reference=digits train split" in out
    assert out.count("is better") == 2


@pytest.mark.parametrize("dataset", ["8gaussians", "swissroll"])
def test_a_generator_gets_the_scores_of_its_run(
    dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = generator_files(tmp_path, dataset, metrics=["emd"], seed=3)
    result = scored(tmp_path, capsys, "--images", str(tmp_path / "weights" / "weights.safetensors"))
    assert values(result) == {"emd": recorded["emd"]}
    assert result["images"]["seed"] == 3
    elsewhere = scored(tmp_path, capsys, "--images", str(tmp_path / "weights" / "weights.safetensors"), "--seed", "4")
    assert values(elsewhere) != values(result)


def test_a_generator_of_images_gets_the_scores_of_its_run(
    root: Path, digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_zoo.metrics.training.IMAGES_SHOWN", 640)
    recorded = generator_files(tmp_path, "digits")
    (tmp_path / "spec.json").rename(tmp_path / "elsewhere.json")
    asked = ["--images", str(tmp_path / "weights" / "weights.safetensors"), "--spec", str(tmp_path / "elsewhere.json")]
    assert values(scored(root, capsys, *asked))["fid_digits_120_train"] == recorded["fid_digits_120_train"]


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a refused command prints."""
    assert main(list(arguments)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "missing.npz", "--reference", "digits"], "cannot read images from missing.npz"),
        (["--images", __file__, "--reference", "digits"], "(not an array); give a folder, an .npy or an .npz"),
        (["--images", "few.npy", "--reference", "digits"], "1 are too few for 'fid_digits'"),
        (["--images", "few.npy", "--reference", "digits", "--samples", "2"], "--samples 2: few.npy holds 1 image"),
        (["--images", "few.npy", "--reference", "digits", "--samples", "0"], "--samples: expected a whole number"),
        (["--images", "few.npy", "--reference", "digit"], "unknown data set 'digit' (did you mean 'digits'?)"),
        (["--images", "few.npy"], "--reference: name a data set, or a folder"),
        (["--images", "few.npy", "--reference", "swissroll"], "is of points, not of images"),
        (["--images", "large.npy", "--reference", "digits"], "(1, 9, 9) (channels, height, width); the reference has"),
        (["--images", "float.npy", "--reference", "digits"], "float64 values; give whole numbers 0..255"),
        (["--images", "few.npy", "--reference", "digits", "--metrics", "fid"], "did you mean 'fid_digits'"),
        (["--images", "few.npy", "--reference", "digits", "--spec", "s.json"], "--spec: goes with the weights"),
        (["--images", "few.npy", "--reference", "digits", "--threads", "0"], "--threads: expected a whole number"),
        (["--images", "torn.safetensors"], "needs the spec.json of its run"),
        (["--images", "torn.safetensors", "--spec", "few.npy"], "few.npy: not UTF-8"),
        (["--images", "torn.safetensors", "--spec", "empty.json"], "empty.json: loss: missing key"),
    ],
)
def test_what_cannot_be_scored_gets_one_line(
    arguments: list[str],
    message: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("few.npy", np.zeros((1, 8, 8), dtype=np.uint8))
    np.save("large.npy", np.zeros((30, 9, 9), dtype=np.uint8))
    np.save("float.npy", np.zeros((30, 8, 8)))
    Path("torn.safetensors").write_bytes(b"torn")
    Path("empty.json").write_text("{}")
    assert message in complaint(capsys, "score", "--device", "cpu", "--data", str(root), *arguments)


def test_damaged_and_foreign_weights_get_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator_files(tmp_path, "8gaussians")
    path = tmp_path / "weights" / "weights.safetensors"
    asked = ["score", "--device", "cpu", "--data", str(tmp_path), "--images", str(path)]
    assert "another net than its spec says" in complaint(capsys, *asked, "--reference", "digits")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "damaged or altered (its hash is another)" in complaint(capsys, *asked)
    path.write_bytes(whole[:100])
    assert "cannot read weights from" in complaint(capsys, *asked)
    save_file({"critic.a": torch.zeros(1)}, path)
    assert "holds no weights named generator" in complaint(capsys, *asked)


def test_weights_are_fetched_from_a_file_if_they_are_the_standard_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "copy.pth").write_bytes(b"")
    asked = ["fetch-weights", "--from", str(tmp_path / "copy.pth"), "--data", str(tmp_path / "data")]
    assert "copy.pth is damaged or another file" in complaint(capsys, *asked)
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr(inception, "HASH_PREFIX", "e3b0c442")
    assert main(asked) == 0
    assert [path.name for path in (tmp_path / "data" / "extractors").iterdir()] == [WEIGHTS_FILE]
    assert "verified" in capsys.readouterr().out
    assert main(["fetch-weights", "--data", str(tmp_path / "data")]) == 0
    assert "cannot read" in complaint(capsys, *asked[:2], str(tmp_path / "none.pth"))


def test_the_check_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, "check-metrics", "--device", "cpu", "--data", str(tmp_path))
    assert str(tmp_path / "extractors" / WEIGHTS_FILE) in line
    assert "cifar-10-python.tar.gz" in line


@pytest.mark.parametrize(("value", "code"), [(11.23678, 0), (10.0, 1)])
def test_the_check_compares_with_the_published_value(
    value: float, code: int, digits: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    from benchmarks.tools import score

    monkeypatch.setattr(score, "load_dataset", lambda name, **_: digits)
    monkeypatch.setattr(
        score, "Evaluator", lambda *_: lambda images: {"is_inception_1500": value * (len(images) == 1500)}
    )
    (tmp_path / "w.pth").write_bytes(b"")
    asked = ["check-metrics", "--device", "cpu", "--data", str(tmp_path), "--weights", str(tmp_path / "w.pth")]
    assert main(asked) == code
    assert f"{value:.5g} here, 11.237 ± 0.095 published" in capsys.readouterr().out
