"""Any folder of images as a data set.

FOLDER/train/CLASS/*.png and FOLDER/test/CLASS/*.png are the two splits; without test/ (or without either) a sixth of
the images is held out. Class subfolders give the labels, in alphabetical order; images that lie in no subfolder, or
all in one, have none. Decoding happens once: the result is kept under the data root, keyed by the listing (paths,
sizes, times of change) and the image size.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gan_zoo.datasets.images import Images, hold_out, picture_to_tensor, square
from gan_zoo.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
VERSION = 1


def load_folder(name: str, folder: Path, root: Path, image_size: int | None) -> Images:
    """The images under `folder` as data set `name`; grey if all of them are, else RGB.

    Raises:
        UserError: no folder, too few images, an unreadable image, images of different sizes and no `image_size`.
    """
    if not folder.is_dir():
        raise UserError(f"data set '{name}': there is no folder {folder}; give the folder that holds the images")
    files = sorted(image_files(folder))
    cached = root / "folders" / f"{_key(folder, files, image_size)}.safetensors"
    return _read(name, cached) or _decode_and_keep(name, folder, files, image_size, cached)


def image_files(folder: Path) -> Iterator[Path]:
    """All image files under `folder`, however deep, in no order."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, file) for file in names if Path(file).suffix.lower() in SUFFIXES)


def _key(folder: Path, files: list[Path], image_size: int | None) -> str:
    listing = hashlib.blake2b(f"{VERSION} {image_size}".encode(), digest_size=16)
    for file in files:
        stat = file.stat()
        listing.update(f"{file.relative_to(folder).as_posix()}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return listing.hexdigest()


def _read(name: str, cached: Path) -> Images | None:
    """The decoded images, or None where they are missing or damaged."""
    try:
        with safe_open(cached, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            digest = file.metadata()["digest"]
        images = _assemble(name, tensors)
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
    return images if images.fingerprint == digest else None


def _assemble(name: str, tensors: dict[str, Tensor]) -> Images:
    labels = tensors.get("train_labels"), tensors.get("test_labels")
    return Images.of(name, tensors["train"], tensors["test"], *labels)


def _decode_and_keep(name: str, folder: Path, files: list[Path], image_size: int | None, cached: Path) -> Images:
    tensors = _decode_splits(name, folder, files, image_size)
    images = _assemble(name, tensors)
    cached.parent.mkdir(parents=True, exist_ok=True)
    partial = cached.with_suffix(f".{uuid.uuid4().hex}.partial")
    save_file(tensors, partial, metadata={"digest": images.fingerprint})
    os.replace(partial, cached)
    return images


def _decode_splits(name: str, folder: Path, files: list[Path], image_size: int | None) -> dict[str, Tensor]:
    base = folder / "train" if (folder / "train").is_dir() else folder
    train_files = [file for file in files if file.is_relative_to(base)]
    test_files = [file for file in files if base != folder and file.is_relative_to(folder / "test")]
    if len(train_files) < 2:
        raise UserError(f"data set '{name}': {base} holds {len(train_files)} images; put at least 2 there")
    pixels = decode(name, train_files + test_files, image_size)
    labels = _labels(name, base, train_files, folder / "test", test_files)
    if test_files:
        train, test = torch.arange(len(train_files)), torch.arange(len(train_files), len(pixels))
    else:
        train, test = hold_out(len(pixels), max(1, len(pixels) // 6), "folder")
    tensors = {"train": pixels[train], "test": pixels[test]}
    if labels is not None:
        tensors |= {"train_labels": labels[train], "test_labels": labels[test]}
    return tensors


def _labels(name: str, base: Path, train: list[Path], test_base: Path, test: list[Path]) -> Tensor | None:
    """The class of every image, training split first; None where the folder names fewer than two classes."""
    parts = [file.relative_to(base).parts for file in train] + [file.relative_to(test_base).parts for file in test]
    classes = sorted({part[0] for part in parts[: len(train)] if len(part) > 1})
    if len(classes) < 2:
        return None
    stray = [file for file, part in zip(train + test, parts, strict=True) if len(part) < 2 or part[0] not in classes]
    if stray:
        raise UserError(f"data set '{name}': {stray[0]} is in none of the class folders {', '.join(classes[:5])}")
    return torch.tensor([classes.index(part[0]) for part in parts], dtype=torch.int64)


def decode(name: str, files: list[Path], image_size: int | None) -> Tensor:
    """All images as one uint8 tensor (N, C, H, W): grey if all of them are, else RGB."""
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(lambda file: _decode_one(name, file, image_size), files, chunksize=64))
    height_width = images[0].shape[1:]
    for file, image in zip(files, images, strict=True):
        if image.shape[1:] != height_width:
            raise UserError(
                f"data set '{name}': {file} is {image.shape[2]}x{image.shape[1]} pixels, {files[0].name} is "
                f"{height_width[1]}x{height_width[0]}; set image_size to resize all"
            )
    channels = max(len(image) for image in images)
    return torch.stack([image.expand(channels, -1, -1) for image in images])


def _decode_one(name: str, file: Path, image_size: int | None) -> Tensor:
    try:
        with Image.open(file) as opened:
            if opened.mode.startswith(("I", "F")):
                raise UserError(f"data set '{name}': {file} has more than 8 bits a channel; convert it to 8 bits")
            picture = opened.convert("L" if opened.mode in {"1", "L", "LA"} else "RGB")
    except (OSError, SyntaxError, ValueError) as failure:
        raise UserError(f"data set '{name}': cannot read the image {file} ({failure}); mend or remove it") from None
    return picture_to_tensor(picture if image_size is None else square(picture, image_size))
