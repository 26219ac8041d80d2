"""Stacks of images as channels, and how many of their modes generated images are of."""

import math
from pathlib import Path

import pytest
import torch

from benchmarks.tools import extractors
from gan_zoo.datasets import Images
from gan_zoo.datasets.stacked import stacked
from gan_zoo.errors import UserError
from gan_zoo.metrics import Evaluator
from gan_zoo.metrics.classes import METRICS
from gan_zoo.metrics.classifier import classifier_extractor
from gan_zoo.metrics.features import Features

NAMES = ["classes_found_stacked", "class_kl_stacked"]


def stacks(digits: Images) -> Images:
    return stacked(digits, "stacked", 3000, 1000)


def test_each_channel_is_an_image_of_its_split_and_the_class_is_the_triple(digits: Images) -> None:
    data = stacks(digits)
    assert data.shape == (3, 8, 8)
    assert data.classes == 1000
    for images, labels, of, their in (
        (data.train, data.train_labels, digits.train, digits.train_labels),
        (data.test, data.test_labels, digits.test, digits.test_labels),
    ):
        known = {image.numpy().tobytes(): int(label) for image, label in zip(of, their, strict=True)}
        for stack, label in zip(images[:200], labels, strict=False):
            a, b, c = (known[channel[None].numpy().tobytes()] for channel in stack)
            assert label == 100 * a + 10 * b + c
    assert torch.equal(stacks(digits).train, data.train)


def test_channels_are_drawn_on_their_own(digits: Images) -> None:
    labels = stacks(digits).train_labels
    assert labels is not None
    pairs = torch.bincount(labels // 10, minlength=100)
    assert pairs.max() < 30 + 6 * math.sqrt(30)
    assert pairs.min() > 30 - 5 * math.sqrt(30)


def test_the_classifier_of_the_digits_sees_the_classes_of_stacks(digits: Images, tmp_path: Path) -> None:
    data = stacks(digits)
    extractor = classifier_extractor(data, tmp_path)
    features = extractor(data.test, torch.device("cpu"))
    assert features.values.shape == (1000, 3 * 128)
    assert features.logits.shape == (1000, 1000)
    torch.testing.assert_close(
        features.logits.double().exp().sum(1), torch.ones(1000, dtype=torch.float64), rtol=0, atol=1e-6
    )
    assert (features.logits.argmax(1) == data.test_labels).double().mean() > 0.96  # 0.9933 a digit, cubed
    one = classifier_extractor(digits, tmp_path)(data.test[:, 1:2], torch.device("cpu"))
    assert torch.equal(features.values[:, 128:256], one.values)
    assert list(tmp_path.iterdir()) == []  # nothing was trained


def test_real_stacks_find_as_many_classes_as_they_have(digits: Images, tmp_path: Path) -> None:
    data = stacks(digits)
    evaluator = Evaluator(data, NAMES, 1000, tmp_path, "cpu")
    scores = evaluator(data.test)
    labels = data.test_labels
    assert labels is not None
    assert scores["classes_found_stacked_1k"] == pytest.approx(len(labels.unique()), abs=15)
    one = evaluator(data.test[:1].expand(1000, -1, -1, -1))
    assert one == {"classes_found_stacked_1k": 1, "class_kl_stacked_1k": pytest.approx(math.log(1000))}
    metric = evaluator.metrics["classes_found_stacked_1k"]
    assert metric.protocol["extractor"].startswith("on each of 3 channels digits classifier")
    assert metric.highest == 1000


def test_classes_of_known_logits() -> None:
    logits = torch.eye(4)[[0, 0, 1, 3]]
    scores = METRICS["class_kl"].scores(Features(torch.zeros(4, 1), logits))
    assert scores["classes_found"] == 3
    assert scores["class_kl"] == pytest.approx(math.log(4) - (0.5 * math.log(2) + 0.5 * math.log(4)))


def test_no_classifier_is_trained_of_stacks(digits: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractors, "load_reference", lambda *_: stacks(digits))
    with pytest.raises(
        UserError, match=r"^data set 'stacked': is scored by the classifier of 'digits': train that one$"
    ):
        extractors.train("stacked", tmp_path, None, None)
