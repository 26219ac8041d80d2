"""Small grey images of filled and of hollow squares: a data set of images that nothing has to be downloaded for."""

from pathlib import Path

import torch
from torch import Tensor

from gan_zoo.datasets.images import Images
from gan_zoo.rng import Rng

SIDE = 8


def squares(key: str, n: int) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 8, 8), uint8, and their classes (n,): 0 is filled, 1 hollow."""
    rng = Rng(0, "shapes", key)
    pixels = torch.zeros(n, 1, SIDE, SIDE, dtype=torch.uint8)
    labels = torch.arange(n) % 2
    for image, label, (top, left) in zip(pixels, labels, rng.integers(SIDE - 4, (n, 2)), strict=True):
        image[:, top : top + 5, left : left + 5] = 255
        if label == 1:
            image[:, top + 1 : top + 4, left + 1 : left + 4] = 0
    return pixels, labels


def load_shapes(root: Path, download: bool) -> Images:
    """2000 squares to train on and 500 held out."""
    train, train_labels = squares("train", 2000)
    test, test_labels = squares("test", 500)
    return Images.of("shapes", train, test, train_labels, test_labels)


DATASETS = {"shapes": load_shapes}
