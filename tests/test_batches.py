"""How far batches are from a batch of real images: cases by hand, and how images are dealt out."""

from pathlib import Path

import pytest
import torch

from gan_zoo.datasets import Images, load_dataset
from gan_zoo.errors import UserError
from gan_zoo.metrics.batches import between, centres, distances, labels
from gan_zoo.rng import Rng


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_distances_of_two_clusters_are_those_by_hand() -> None:
    """Clusters about 0 and 4, whose centres are the batch itself, and whose mean is 2."""
    rest = column(-0.5, 4.5, 0.5, 3.5)
    found = between(column(4, 0), column(1, 4), rest)
    assert found == pytest.approx({"w1_another_batch_2": 0.5, "w1_centres_2": 0, "w1_mean_image_2": 2})


def test_a_single_centre_is_the_mean_image() -> None:
    images = Rng(0, "images").normal(40, 3)
    found = between(images[:1], images[1:2], images[2:])
    assert found["w1_centres_1"] == pytest.approx(found["w1_mean_image_1"], rel=1e-6)
    assert found["w1_another_batch_1"] == pytest.approx(float((images[0] - images[1]).norm()), rel=1e-6)


def test_centres_are_means_of_the_points_nearest_to_them() -> None:
    points = torch.cat([Rng(0, "points", k).normal(50, 2) * 0.1 + 10 * k for k in range(3)])
    points = points[Rng(1, "order").permutation(150)]
    first = torch.cat([points[(points[:, :1] - 10 * k).abs().flatten() < 2][:1] for k in range(3)])
    found = centres(torch.cat([first, points]), 3)
    for k in range(3):
        own = torch.cat([first[k : k + 1], points[(points[:, 0] - 10 * k).abs() < 2]])
        assert torch.allclose(found[k], own.mean(0), atol=1e-5)


def grey(count: int, held_out: int) -> Images:
    """Images of one pixel, each of another grey."""
    pixels = torch.arange(count, dtype=torch.uint8)[:, None, None, None]
    return Images.of("grey", pixels[held_out:], pixels[:held_out])


def test_images_of_both_splits_are_dealt_out_once() -> None:
    data, n, rng = grey(30, 9), 10, Rng(3, "deal")
    found = distances(data, n, rng)
    values = torch.cat([data.train, data.test]).flatten().double() / 127.5 - 1
    order = Rng(3, "deal").permutation(30)
    batch, another, rest = (values[order[part]] for part in (slice(n), slice(n, 2 * n), slice(2 * n, None)))
    on_the_line = (batch.sort().values - another.sort().values).abs().mean()  # where sorting is optimal
    assert found["w1_another_batch_10"] == pytest.approx(float(on_the_line), rel=1e-5)
    assert found["w1_mean_image_10"] == pytest.approx(float((batch - rest.mean()).abs().mean()), rel=1e-5)
    assert found["w1_centres_10"] == pytest.approx(float((batch.sort().values - rest.sort().values).abs().mean()))
    assert list(found) == list(labels(10))


def test_fewer_images_than_three_batches_are_refused() -> None:
    with pytest.raises(UserError) as error:
        distances(grey(30, 9), 11, Rng(0, "deal"))
    assert str(error.value) == "grey: its 30 images are fewer than three batches of 11: give at most 10"


def test_centres_of_digits_are_nearer_than_digits(tmp_path: Path) -> None:
    digits = load_dataset("digits", root=tmp_path, download=False)
    found = distances(digits, 64, Rng(0, "batches", "digits", 64))
    assert 0.7 < found["w1_centres_64"] / found["w1_another_batch_64"] < 0.95
