"""The data sets by name: points of a known distribution, and images with a held-out split.

A new one is a file and a line below: points as they are, images by a function that loads them. From outside the package
it comes by `--plugin` or an entry point, see `gan_zoo.registry`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_zoo.datasets.dirac import PointMass
from gan_zoo.datasets.downloads import load_cifar10, load_digits, load_fashion_mnist, load_mnist
from gan_zoo.datasets.file import ENDINGS, load_file
from gan_zoo.datasets.folder import load_folder
from gan_zoo.datasets.huggingface import is_saved, load_from_hub, load_saved
from gan_zoo.datasets.images import Images
from gan_zoo.datasets.pairs import Pair, pairs, pairs_of_images
from gan_zoo.datasets.pictures import Pictures
from gan_zoo.datasets.points import GaussianMixture, Points, SwissRoll, eight_gaussians, twenty_five_gaussians
from gan_zoo.datasets.samples import read_images
from gan_zoo.datasets.stacked import stacks_of
from gan_zoo.errors import UserError, suggestion
from gan_zoo.files import expanded
from gan_zoo.registry import Registry

Dataset = Points | Images
Load = Callable[[Path, bool], Dataset]
"""A function of (root, download): where files are looked for, and whether missing ones may be downloaded."""

TAKEN = ("inception",)
"""Names that no folder may have: metrics carry them, and would not say whether the data set's classifier is meant."""


def complaint(known: Mapping[str, Any], name: str, entry: Any) -> str:
    """The fault of a new data set, "" where there is none."""
    if isinstance(entry, type) or not (isinstance(entry, Points) or callable(entry)):
        return "expected gan_zoo.datasets.Points, or a function of (root, download) that loads gan_zoo.datasets.Images"
    if isinstance(entry, Points) and entry.name != name:
        return f"it calls itself '{entry.name}': give it one name"
    return "taken by the names of metrics: choose another name" if name in TAKEN else ""


OWN: dict[str, Points | Load] = {
    "8gaussians": eight_gaussians(),
    "25gaussians": twenty_five_gaussians(),
    "swissroll": SwissRoll(),
    "dirac": PointMass(),
    **pairs(),
    "digits": load_digits,
    "mnist": load_mnist,
    "fashion-mnist": load_fashion_mnist,
    "cifar10": load_cifar10,
    "stacked-mnist": stacks_of(load_mnist, "stacked-mnist"),
    **pairs_of_images({"digits": load_digits, "mnist": load_mnist, "fashion-mnist": load_fashion_mnist}),
}
DATASETS: Registry[Points | Load] = Registry("DATASETS", "data set", OWN, complaint)

__all__ = [
    "DATASETS",
    "Dataset",
    "GaussianMixture",
    "Images",
    "Pair",
    "Pictures",
    "Points",
    "SwissRoll",
    "load_dataset",
    "read_images",
]


def load_dataset(
    name: str,
    *,
    root: Path,
    folder: Path | None = None,
    huggingface: str | None = None,
    image_size: int | None = None,
    download: bool = True,
) -> Dataset:
    """The data set `name`, on the CPU.

    Args:
        root: where files are looked for, downloaded to, and decoded folders are cached.
        folder: where data of one's own are, which any other name makes a data set: a folder of images
            (`gan_zoo.datasets.folder`), a file of images or points (`file`), or what Hugging Face's `save_to_disk`
            wrote (`huggingface`).
        huggingface: the name of a data set of one's own on Hugging Face's hub.
        image_size: crop images to their central square and resize them to this many pixels a side.
        download: whether missing files may be downloaded.

    Raises: UserError where the name is unknown, files are missing or unreadable, or options do not fit the data set.
    """
    if (folder is not None or huggingface is not None) and name in (*DATASETS, *TAKEN):
        raise UserError(f"data set '{name}': what is your own needs a name of its own; rename it")
    if folder is not None:
        return _load_from(name, folder, root, image_size)
    if huggingface is not None:
        return load_from_hub(name, huggingface, root, image_size, download)
    if name not in DATASETS:
        raise UserError(f"unknown data set '{name}' ({suggestion(name, DATASETS)}), or give a folder or file of data")
    entry = DATASETS[name]
    loaded = entry if isinstance(entry, Points) else entry(root, download)
    if image_size is None:
        return loaded
    if isinstance(loaded, Points):
        raise UserError(f"data set '{name}': image_size is for images; remove it")
    return loaded.resized(image_size)


def _load_from(name: str, place: Path, root: Path, image_size: int | None) -> Dataset:
    """The data of a folder or file."""
    place = expanded(place)
    if is_saved(place):
        return load_saved(name, place, root, image_size)
    if place.suffix.lower() in ENDINGS and not place.is_dir():
        return load_file(name, place, image_size)
    return load_folder(name, place, root, image_size)
