"""The classifiers that images are scored by: those of the package, a user's own, and how they compute."""

import os
import pickle
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.cli import main
from gan_zoo.datasets import Images, load_dataset
from gan_zoo.errors import UserError
from gan_zoo.metrics import Evaluator, classifier, training
from gan_zoo.metrics.classifier import bring, classifier_extractor, classifier_of, hand_on, read
from gan_zoo.metrics.training import Classifier, accuracy
from gan_zoo.metrics.whole_numbers import LARGEST, LOGIT_BITS, SUM_BITS, WholeNumberNet, fixed_point, to_whole_numbers
from gan_zoo.numerics import environment
from gan_zoo.rng import Rng
from gan_zoo.tensors import hash_tensors, write_tensors


def protocol(data: Images, cache: Path) -> Mapping[str, str]:
    return classifier_extractor(data, cache).protocol


# the package's


@pytest.mark.parametrize("name", classifier.cards())
def test_the_package_brings_classifiers_that_their_cards_describe(name: str) -> None:
    found = classifier.shipped(name)
    assert found is not None
    assert classifier.cards()[name]["command"] == f"gan-zoo train-extractor {name}"
    assert hash_tensors(found.tensors) == found.weights
    assert found.test_accuracy >= {"digits": 0.99, "mnist": 0.99, "fashion-mnist": 0.9, "cifar10": 0.6}[name]
    assert found.path.stat().st_size < 500_000


def test_digits_are_scored_by_the_packages_without_training(
    digits: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "train", None)
    found = classifier_of(digits, tmp_path)
    assert found.shipped
    assert found.test_accuracy == accuracy(found.tensors, digits)
    (metric,) = Evaluator(digits, ["is_digits"], 10, tmp_path, "cpu").metrics.values()
    assert metric.label == "IS (digits)"
    assert f"of the package (128 features, test accuracy {found.test_accuracy:.2%})" in metric.protocol["extractor"]
    assert metric.protocol["weights"] == found.weights[:12]


@pytest.mark.skipif(environment.processor_fault() is not None, reason="no portable numerics here")
def test_the_command_trains_the_digits_classifier_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-extractor", "digits", "--data", str(tmp_path)]) == 0
    assert "bit for bit the one that comes with the package" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_a_training_that_ends_elsewhere_is_told_and_changes_no_score(
    digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = protocol(digits, tmp_path)
    assert main(["train-extractor", "digits", "--data", str(tmp_path)]) == 1
    assert "differs from the one that comes with the package" in capsys.readouterr().out
    assert protocol(digits, tmp_path) == before


def test_a_damaged_file_of_the_package_gets_one_line(
    digits: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(classifier.SHIPPED, folder)
    monkeypatch.setattr(classifier, "SHIPPED", folder)
    path = folder / "digits.safetensors"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-5] ^= 64
    for damaged in (bytes(flipped), whole[:-100], b"", (folder / "cards.json").read_bytes()):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"digits\.safetensors: damaged or not what the package brought; install"):
            classifier_extractor(digits, tmp_path)
    path.unlink()
    with pytest.raises(UserError, match="install gan-zoo again"):
        classifier_extractor(digits, tmp_path)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text[:-40],
        lambda text: "[]",
        lambda text: "{}",
        lambda text: text.replace('"digits": {', '"digit": {'),
        lambda text: text.replace('"test_accuracy": 0.9932', '"test_accuracy": 0.9999'),
        lambda text: text.replace('"data": "cf1a', '"date": "cf1a'),
        lambda text: text.replace('"data": "cf1a', '"data": "cf1b'),
        lambda text: text.replace('"weights": "03fb', '"weights": "03fc'),
        lambda text: text.replace("0.9932659932659933", '"high"'),
    ],
)
def test_an_edited_card_of_the_package_gets_one_line(
    digits: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Callable[[str], str]
) -> None:
    """Also one whose edit would change no score, only what is said of it, or have another classifier trained."""
    folder = tmp_path / "weights"
    shutil.copytree(classifier.SHIPPED, folder)
    monkeypatch.setattr(classifier, "SHIPPED", folder)
    path = folder / "cards.json"
    before = path.read_text()
    path.write_text(edit(before))
    assert path.read_text() != before
    with pytest.raises(UserError, match=r"(cards\.json|digits\.safetensors): damaged or not what the package brought;"):
        classifier_extractor(digits, tmp_path)
    path.unlink()
    with pytest.raises(UserError, match=r"cards\.json: damaged or not what the package brought; install gan-zoo again"):
        classifier_extractor(digits, tmp_path)


@pytest.mark.usefixtures("quick")
def test_other_images_under_a_name_of_the_packages_have_a_classifier_named_by_its_hash(
    digits: Images, tmp_path: Path
) -> None:
    changed = Images.of("digits", digits.train[:64], digits.test, digits.train_labels[:64], digits.test_labels)
    (metric,) = Evaluator(changed, ["is_digits"], 10, tmp_path, "cpu").metrics.values()
    weights = classifier_of(changed, tmp_path).weights
    assert metric.label == f"IS (digits {weights[:8]})"
    assert "classifier v2 of its own" in metric.protocol["extractor"]


# a user's own


@pytest.mark.usefixtures("quick")
def test_a_classifier_is_the_same_whatever_ran_before(small: Images, tmp_path: Path) -> None:
    first = classifier_extractor(small, tmp_path / "a")
    torch.manual_seed(1)
    torch.randn(7)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    second = classifier_extractor(small, tmp_path / "b")
    torch.set_num_threads(threads)
    assert first.weights == second.weights


@pytest.mark.usefixtures("quick")
def test_a_users_classifier_is_trained_once_and_kept(
    small: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = classifier_extractor(small, tmp_path)
    monkeypatch.setattr(classifier, "train", None)
    again = classifier_extractor(small, tmp_path)
    assert again.protocol == first.protocol
    assert torch.equal(again.net(small.test)[0], first.net(small.test)[0])
    assert classifier_extractor(replace(small, name="renamed"), tmp_path).weights == first.weights
    with pytest.raises(TypeError):
        classifier_extractor(replace(small, fingerprint="0" * 64), tmp_path)


@pytest.mark.usefixtures("quick")
def test_a_damaged_classifier_is_said_and_not_replaced(small: Images, tmp_path: Path) -> None:
    before = classifier_extractor(small, tmp_path)
    (path,) = (tmp_path / "classifiers").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"holds no classifier \(v2\), or a damaged one; train it again by") as caught:
        classifier_extractor(small, tmp_path)
    assert "\n" not in str(caught.value)
    bring(classifier.trained(small), tmp_path)
    assert classifier_extractor(small, tmp_path).protocol == before.protocol


@pytest.mark.usefixtures("quick")
def test_a_classifier_is_handed_on_and_brought_in(
    small: Images, digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs, export = tmp_path / "mine", tmp_path / "theirs", tmp_path / "export"
    assert hand_on(small, mine, export / "extractors") is None
    here = classifier_of(small, mine)
    copy = hand_on(small, mine, export / "extractors")
    assert copy == export / "extractors" / f"small-{here.weights[:12]}.safetensors"
    assert hand_on(digits, mine, export) is None
    monkeypatch.setattr(training, "IMAGES_SHOWN", 320)
    there = classifier_of(replace(small, name="same-images"), theirs / "extractors")
    assert there.weights != here.weights
    assert main(["import-extractor", str(export), "--data", str(theirs)]) == 0
    line = capsys.readouterr().out.strip()
    assert f"takes the place of weights={there.weights[:12]}: scores by the two do not compare" in line
    assert "\n" not in line
    assert classifier_of(replace(small, name="same-images"), theirs / "extractors").weights == here.weights
    assert main(["import-extractor", str(export), "--data", str(theirs)]) == 0
    assert "takes the place" not in capsys.readouterr().out


def test_what_cannot_be_brought_in_gets_one_line(
    digits: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    for name, message in (
        ("empty", "holds no classifier (*.safetensors)"),
        ("bad.safetensors", "holds no classifier (v2)"),
        ("none", "holds no classifier (v2)"),
        (str(classifier.SHIPPED / "digits.safetensors"), "'digits' comes with the package"),
    ):
        assert main(["import-extractor", str(tmp_path / name), "--data", str(tmp_path)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    assert main(["train-extractor", "8gaussians", "--data", str(tmp_path)]) == 2
    assert "scored without a classifier" in capsys.readouterr().err


def write_cifar(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-10's files with 12 images each, red where the class is odd, whose hashes torchvision does not ask for."""
    from torchvision.datasets import CIFAR10

    batches = folder / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        labels = [(i + k) % 10 for k in range(12)]
        pixels = np.random.default_rng(i).integers(0, 60, (12, 3, 32, 32), dtype=np.uint8)
        pixels[:, 0] += 190 * np.array([label % 2 for label in labels], dtype=np.uint8)[:, None, None]
        (batches / name).write_bytes(pickle.dumps({"data": pixels.reshape(12, -1), "labels": labels}))
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    for part in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, part, [[name, None] for name, _ in getattr(CIFAR10, part)])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": None})


@pytest.mark.usefixtures("quick")
def test_cifar10_has_a_classifier_of_the_users_until_the_package_brings_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cifar(tmp_path, monkeypatch)
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "cards.json").write_text("{}")
    monkeypatch.setattr(classifier, "SHIPPED", folder)
    asked = ["train-extractor", "cifar10", "--data", str(tmp_path)]
    assert main(asked) == 0
    data = load_dataset("cifar10", root=tmp_path, download=False)
    assert isinstance(data, Images)
    weights = classifier_of(data, tmp_path / "extractors").weights
    assert f"cifar10 {weights[:8]}: test accuracy" in capsys.readouterr().out
    assert classifier_extractor(data, tmp_path / "extractors").title == f"cifar10 {weights[:8]}"
    assert main([*asked, "--out", str(folder)]) == 0
    assert classifier.cards()["cifar10"]["weights"] == weights
    assert classifier.shipped("cifar10").weights == weights
    extractor = classifier_extractor(data, tmp_path / "extractors")
    assert (extractor.title, "of the package" in extractor.protocol["extractor"]) == ("cifar10", True)
    assert main(asked) == 0
    assert "bit for bit" in capsys.readouterr().out


# how they compute


@pytest.mark.parametrize("name", classifier.cards())
def test_no_sum_of_the_packages_classifiers_can_round(name: str) -> None:
    found = classifier.shipped(name)
    assert found is not None
    for layer in {key.split(".")[0] for key in found.tensors}:
        weight, bias = (found.tensors[f"{layer}.{part}"].double() for part in ("weight", "bias"))
        largest, bits = (2**SUM_BITS, LOGIT_BITS) if layer == "head" else (LARGEST, SUM_BITS)
        most = (weight.abs().flatten(1).sum(dim=1) * largest + bias.abs()).max()
        assert most < 2**bits
        if layer != "head":  # there the 15 bits of a weight are the limit
            assert most > 2 ** (bits - 4)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 40, 64), (2, 4, 4)])
def test_features_are_exact_whatever_the_order_type_and_threads(shape: tuple[int, int, int]) -> None:
    images = (Rng(0, "x").uniform(30, *shape) * 256).to(torch.uint8)
    net = training._initial(shape, 7)
    found = WholeNumberNet(to_whole_numbers(net, images))
    values, logits = found(images)
    assert (values.shape, logits.shape) == ((30, 128), (30, 7))
    expected = by_hand(found, images)
    assert torch.equal(values, expected[0].float())
    assert torch.equal(logits, expected[1].float())
    one_by_one = [found(image[None]) for image in images[:5]]
    assert torch.equal(torch.cat([value for value, _ in one_by_one]), values[:5])
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    again = found(images)[0]
    torch.set_num_threads(threads)
    assert torch.equal(again, values)


def by_hand(net: WholeNumberNet, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same net by sums over unfolded patches, in float64 and from the last to the first."""
    x = images.double()
    for i, shift in enumerate(net.shifts[:-2]):
        weight, bias = net.get_buffer(f"stage{i}_weight"), net.get_buffer(f"stage{i}_bias")
        patches = torch.nn.functional.unfold(x, 3, padding=1).flip(1)
        sums = (weight.flatten(1).flip(1) @ patches + bias[:, None]).unflatten(2, x.shape[2:])
        x = (torch.nn.functional.max_pool2d(sums, 2) / 2**shift).round().clamp(0, 255)
    hidden = (x.flatten(1).flip(1) @ net.hidden_weight.flatten(1).flip(1).T + net.hidden_bias).clamp(min=0)
    logits = hidden.flip(1) @ net.head_weight.flatten(1).flip(1).T + net.head_bias
    return hidden / 2 ** net.shifts[-2], logits / 2 ** net.shifts[-1]


def test_whole_numbers_stay_close_to_the_floats_they_come_from(digits: Images) -> None:
    net = training._initial(digits.shape, 10)
    _, logits = WholeNumberNet(to_whole_numbers(net, digits.train))(digits.test)
    expected = net(digits.test)
    assert (logits - expected).abs().max() < 0.03 * expected.abs().max()


def test_fixed_point_has_as_many_bits_as_the_bound_allows() -> None:
    layer = torch.nn.Conv2d(1, 1, 1)
    with torch.no_grad():
        layer.weight.fill_(0.75)
        layer.bias.fill_(-0.5)
    weight, bias, bits = fixed_point(layer, places=8, largest=255, sum_bits=16)
    assert (weight.item(), bias.item(), bits) == (96, -16384, 7)  # one bit more: 255 x 192 + 32768 > 2^16


def test_the_classifier_has_few_weights_at_any_size() -> None:
    for shape in ((1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 256, 256)):
        assert sum(weight.numel() for weight in Classifier(shape, 10).parameters()) < 600_000


def test_a_file_of_another_kind_is_no_classifier(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x", "a reference", {"x": torch.zeros(2)}, {})
    with pytest.raises(UserError, match="holds no classifier"):
        read(tmp_path / "x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_classifier_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(UserError, match="holds no classifier"):
        read(tmp_path / "x")


@pytest.mark.parametrize(
    "change",
    [{"data": "/../../../../x"}, {"data": "0" * 16}, {"weights": ["0"]}, {"test_accuracy": "high"}, {"name": 1}],
    ids=str,
)
def test_a_card_of_another_form_is_no_classifiers_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    """Its hashes are those of a whole file: somebody wrote it so. Where a classifier is kept its card says."""
    tensors = {"x": torch.zeros(2)}
    card = {"name": "x", "data": "0" * 64, "weights": hash_tensors(tensors), "test_accuracy": 0.5, **change}
    brought = tmp_path / "brought.safetensors"
    write_tensors(brought, classifier.about(str(card["data"])), tensors, card)
    assert main(["import-extractor", str(brought), "--data", str(tmp_path / "data")]) == 2
    assert "holds no classifier (v2)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [brought]


def leave_out(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["stage0.bias"]


def misshape(tensors: dict[str, torch.Tensor]) -> None:
    tensors["head.weight"] = tensors["head.weight"][:-1].clone()


def add(tensors: dict[str, torch.Tensor]) -> None:
    tensors["stage1.weight"] = tensors["stage0.weight"].clone()


def make_floats(tensors: dict[str, torch.Tensor]) -> None:
    tensors["hidden.weight"] = tensors["hidden.weight"].float()


def enlarge(tensors: dict[str, torch.Tensor]) -> None:
    tensors["hidden.bias"] = tensors["hidden.bias"] + 2**SUM_BITS


def shift_far(tensors: dict[str, torch.Tensor]) -> None:
    tensors["stage0.shift"] = torch.tensor(-(10**6))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (leave_out, "stage0.bias is missing, not int64 32"),
        (misshape, "head.weight is int16 9x128x1x1, not int16 10x128x1x1"),
        (add, "stage1.weight is int16 32x1x3x3, not missing"),
        (make_floats, "hidden.weight is float32 128x32x4x4, not int16 128x32x4x4"),
        (enlarge, "hidden is out of bounds"),
        (shift_far, "stage0 is out of bounds"),
    ],
)
def test_another_net_than_the_data_need_is_refused_though_its_hashes_hold(
    small: Images, tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], None], wrong: str
) -> None:
    found = classifier_of(small, tmp_path)
    tensors = dict(found.tensors)
    change(tensors)
    classifier.keep(found.path, replace(found, tensors=tensors, weights=hash_tensors(tensors)))
    assert read(found.path).weights != found.weights
    with pytest.raises(UserError) as refusal:
        classifier_of(small, tmp_path)
    line = f"{found.path}: no classifier of data set 'small' ({wrong}); {classifier.AGAIN}"
    assert str(refusal.value) == line
