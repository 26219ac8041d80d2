"""Images whose three channels are grey images of another data set, drawn each on its own: K classes there, K^3 here.

StackedMNIST has 1000 modes (Metz et al. 2017, arXiv 1611.02163). The class of a stack of images of
classes a, b and c is (a K + b) K + c. Both splits are stacks of images of the same split there.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from gan_zoo.datasets.images import Images
from gan_zoo.rng import Rng

CHANNELS = 3
TRAIN, TEST = 60_000, 10_000
LoadImages = Callable[[Path, bool], Images]


def stacked(images: Images, name: str, train: int, test: int) -> Images:
    """`train` and `test` stacks of grey, labelled images; the draws are fixed for `name`."""
    assert images.train_labels is not None
    assert images.test_labels is not None
    assert images.classes is not None
    shown = _stacks(images.train, images.train_labels, images.classes, Rng(0, "stacks", name, "train"), train)
    kept = _stacks(images.test, images.test_labels, images.classes, Rng(0, "stacks", name, "test"), test)
    return replace(Images.of(name, shown[0], kept[0], shown[1], kept[1], images.notes), channels=images)


def _stacks(images: Tensor, labels: Tensor, classes: int, rng: Rng, n: int) -> tuple[Tensor, Tensor]:
    """`n` stacks (n, 3, H, W) of images (N, 1, H, W), and their classes (n,)."""
    drawn = rng.integers(len(images), (n, CHANNELS))
    first, second, third = labels[drawn].unbind(1)
    return images[drawn].squeeze(2), (first * classes + second) * classes + third


def stacks_of(load: LoadImages, name: str) -> LoadImages:
    """What loads the stacks of the images that `load` loads."""

    def load_stacks(root: Path, download: bool) -> Images:
        """60,000 and 10,000 stacks of three digits of MNIST as channels: 1000 modes."""
        return stacked(load(root, download), name, TRAIN, TEST)

    return load_stacks
