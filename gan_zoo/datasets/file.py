"""Any file of images or of points as a data set.

    .npz           images uint8 (N, H, W) or (N, H, W, C), C 1 or 3; or points float32 or float64 (N, D)
    .npy           the same, one array
    .csv           points: a row each, columns of numbers, with or without a line of their names

An .npz file with the arrays `train` and `test` has both splits, one with a single array leaves the choice: a sixth is
held out, as of a file of another kind. Classes of images are whole numbers (N,): `labels` beside a single array,
`train_labels` and `test_labels` beside two. Nothing is scaled: scores of points are in the unit of the file.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_zoo.datasets.arrays import read_arrays
from gan_zoo.datasets.cloud import Cloud
from gan_zoo.datasets.images import Images, hold_out
from gan_zoo.errors import UserError
from gan_zoo.files import expanded, read_text, reason, shown

ENDINGS = (".npz", ".npy", ".csv")
LARGEST_TABLE = 2**30  # bytes
MOST_DIMENSIONS = 10_000
LABELS = "labels"


def load_file(name: str, path: Path, image_size: int | None) -> Images | Cloud:
    """The images or points in the file at `path` as data set `name`.

    Raises: UserError where it cannot be read, or holds something else, and for an `image_size` of points.
    """
    path = expanded(path)
    try:
        return from_arrays(name, _read(path), image_size)
    except ValueError as why:
        raise UserError(f"data set '{name}': {shown(path)}: {why}") from None


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a file by name. Raises: ValueError."""
    if not path.is_file():
        raise ValueError("there is no such file")
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"not known by its ending; give one of {', '.join(ENDINGS)}")
    if path.suffix.lower() == ".csv":
        return {"": _table(path)}
    try:
        return read_arrays(path)
    except ValueError as why:
        raise ValueError(f"cannot be read ({why})") from None


def _table(path: Path) -> np.ndarray:
    """The numbers of a .csv file, float64 (N, D); its first line may name the columns. Raises: ValueError."""
    lines = read_text(path, LARGEST_TABLE).removeprefix("\ufeff").splitlines()
    names = 1 if lines and not all(map(_is_number, lines[0].split(","))) else 0
    if len(lines) == names:
        raise ValueError("holds no rows")
    try:
        return np.loadtxt(lines, delimiter=",", skiprows=names, comments=None, ndmin=2)
    except ValueError as why:
        raise ValueError(f"cannot be read as a table of numbers ({reason(why)})") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def from_arrays(
    name: str, arrays: Mapping[str, np.ndarray], image_size: int | None, notes: tuple[str, ...] = ()
) -> Images | Cloud:
    """The data set of the arrays that a file may hold, by name, with these `notes`. Raises: ValueError for others."""
    splits, labels = _sorted_out(arrays)
    kinds = {_kind(key, array) for key, array in splits.items()}
    if len(kinds) > 1 or len({array.shape[1:] for array in splits.values()}) > 1:
        shapes = " and ".join(f"{array.shape}" for array in splits.values())
        raise ValueError(f"its splits are unlike: {shapes}")
    if kinds == {"points"}:
        if labels:
            raise ValueError("points have no labels here; leave them out")
        if image_size is not None:
            raise ValueError("holds points, and image_size is for images: leave it out")
        train, test = _split([_points(key, array) for key, array in splits.items()])
        return Cloud(name, train, test, notes)
    train, test = _split([_images(array) for array in splits.values()])
    classes = _split(_classes(labels, splits)) if labels else (None, None)
    images = Images.of(name, train, test, classes[0], classes[1], notes)
    return images if image_size is None else images.resized(image_size)


def _sorted_out(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The one array or both splits, and the labels of each. Raises: ValueError for anything else."""
    labels = {key: array for key, array in arrays.items() if key.endswith(LABELS)}
    splits = {key: array for key, array in arrays.items() if key not in labels}
    wanted = {LABELS} if len(splits) == 1 else {f"train_{LABELS}", f"test_{LABELS}"}
    if (len(splits) != 1 and splits.keys() != {"train", "test"}) or (labels and labels.keys() != wanted):
        there = ", ".join(arrays) or "nothing"
        raise ValueError(
            f"holds {there}; give one array (and {LABELS}), or train and test (and train_{LABELS}, test_{LABELS})"
        )
    if len(splits) == 1:
        return splits, labels
    return {key: splits[key] for key in ("train", "test")}, {key: labels[key] for key in sorted(labels, reverse=True)}


def _kind(key: str, array: np.ndarray) -> str:
    """Whether an array is one of images or of points. Raises: ValueError where it is neither."""
    said = f"{key}: " if key else ""
    found = f"{said}holds {array.dtype} of shape {array.shape}"
    least = 1 if key == "test" else 2
    if len(array.shape) and len(array) < least:
        raise ValueError(f"{found}: {least} or more are needed")
    if array.dtype == np.uint8 and (array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3))):
        return "images"
    if array.dtype in (np.float32, np.float64) and array.ndim == 2 and 1 <= array.shape[1] <= MOST_DIMENSIONS:
        return "points"
    raise ValueError(
        f"{found}; give images as uint8 (N, H, W) or (N, H, W, C) with C 1 or 3, or points as float32 or float64 "
        f"(N, D) with D up to {MOST_DIMENSIONS}"
    )


def _points(key: str, array: np.ndarray) -> Tensor:
    """float32 (N, D). Raises: ValueError where a number is not finite."""
    with np.errstate(over="ignore"):
        points = array.astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(wrong):
        said = f"{key}: " if key else ""
        raise ValueError(f"{said}row {wrong[0] + 1} has a number that is not finite in float32; mend or remove it")
    return torch.from_numpy(points)


def _images(array: np.ndarray) -> Tensor:
    """uint8 (N, C, H, W). Raises: ValueError for images without pixels."""
    if not array.size:
        raise ValueError(f"images of shape {array.shape[1:]} have no pixels")
    last = array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)
    return torch.from_numpy(last.copy())


def _classes(labels: Mapping[str, np.ndarray], splits: Mapping[str, np.ndarray]) -> list[Tensor]:
    """The classes of each split from 0, int64 (N,), in the order of their numbers. Raises: ValueError."""
    for (key, array), images in zip(labels.items(), splits.values(), strict=True):
        if array.dtype.kind not in "iu" or array.shape != (len(images),):
            raise ValueError(f"{key} holds {array.dtype} of shape {array.shape}; give {len(images)} whole numbers")
    given = list(labels.values())
    known = np.unique(given[0])
    if len(known) < 2:
        raise ValueError(f"{next(iter(labels))} names one class; leave labels out")
    unseen = np.setdiff1d(given[-1], known)
    if len(unseen):
        raise ValueError(f"test_{LABELS} has the class {unseen[0]}, which train_{LABELS} has not")
    return [torch.from_numpy(np.searchsorted(known, array).astype(np.int64)) for array in given]


def _split(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Both splits as they are, or a sixth of the one there is held out."""
    if len(parts) == 2:
        return parts[0], parts[1]
    (whole,) = parts
    train, test = hold_out(len(whole), max(1, len(whole) // 6), "file")
    return whole[train], whole[test]
