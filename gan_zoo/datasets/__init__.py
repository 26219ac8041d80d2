"""The data sets by name: points of a known law, and images with a held-out split."""

import difflib
from collections.abc import Callable
from pathlib import Path

from gan_zoo.datasets.downloads import load_cifar10, load_digits, load_fashion_mnist, load_mnist
from gan_zoo.datasets.folder import load_folder
from gan_zoo.datasets.images import Images
from gan_zoo.datasets.pictures import Pictures
from gan_zoo.datasets.points import GaussianMixture, Points, SwissRoll, eight_gaussians, twenty_five_gaussians
from gan_zoo.datasets.samples import read_images
from gan_zoo.errors import UserError

Dataset = Points | Images

POINTS: dict[str, Callable[[], Points]] = {
    "8gaussians": eight_gaussians,
    "25gaussians": twenty_five_gaussians,
    "swissroll": SwissRoll,
}
IMAGES: dict[str, Callable[[Path, bool], Images]] = {
    "digits": load_digits,
    "mnist": load_mnist,
    "fashion-mnist": load_fashion_mnist,
    "cifar10": load_cifar10,
}
DATASETS: dict[str, Callable[..., Dataset]] = {**POINTS, **IMAGES}
TAKEN = ("inception",)
"""Names that no folder may have: metrics carry them, and would not say whether the data set's classifier is meant."""

__all__ = [
    "DATASETS",
    "IMAGES",
    "POINTS",
    "Dataset",
    "GaussianMixture",
    "Images",
    "Pictures",
    "Points",
    "SwissRoll",
    "load_dataset",
    "read_images",
]


def load_dataset(
    name: str, *, root: Path, folder: Path | None = None, image_size: int | None = None, download: bool = True
) -> Dataset:
    """The data set `name`, on the CPU.

    Args:
        root: where files are looked for, downloaded to, and decoded folders are cached.
        folder: a folder of images, which makes any other name a data set (see `gan_zoo.datasets.folder`).
        image_size: crop images to their central square and resize them to this many pixels a side.
        download: whether missing files may be downloaded.

    Raises:
        UserError: unknown name, missing or unreadable files, options that do not fit the data set.
    """
    if folder is not None:
        if name in (*DATASETS, *TAKEN):
            raise UserError(f"data set '{name}': a folder of images needs a name of its own; rename it")
        return load_folder(name, folder, root, image_size)
    if name in POINTS:
        if image_size is not None:
            raise UserError(f"data set '{name}': image_size is for images; remove it")
        return POINTS[name]()
    if name in IMAGES:
        images = IMAGES[name](root, download)
        return images if image_size is None else images.resized(image_size)
    close = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(DATASETS)}; or give a folder of images"
    raise UserError(f"unknown data set '{name}': {hint}")
