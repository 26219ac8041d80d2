"""Images that came from anywhere, to be scored: a folder of pictures, or an array in an .npy or .npz file."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_zoo.datasets.arrays import read_arrays
from gan_zoo.datasets.listing import list_images
from gan_zoo.datasets.pictures import Pictures, read_pictures
from gan_zoo.errors import UserError
from gan_zoo.files import expanded, shown


def read_images(path: Path, shape: tuple[int, ...]) -> Pictures:
    """The images at `path` as uint8 (N, C, H, W) with (C, H, W) = `shape`, and notes of what was left out or changed.

    Arrays are whole numbers 0..255 (uint8) of shape (N, H, W), (N, H, W, C) or (N, C, H, W). Grey images become RGB
    where `shape` has three channels; RGB images become grey where it has one and their channels are equal.

    Raises: UserError where nothing there can be read, size or range are others, or there is colour and grey is due.
    """
    path = expanded(path)
    if not path.is_dir():
        return Pictures(_fit(path, _channels_first(path, _array(path), shape), shape))
    listing = list_images(path)
    notes = listing.notes()
    if not listing.images:
        beside = f" ({'; '.join(notes)})" if notes else ""
        raise UserError(f"{shown(path)} holds no images{beside}; give a folder of pictures or an .npy or .npz file")
    pictures = read_pictures(listing.images, None)
    return Pictures(_fit(path, pictures.pixels, shape), (*notes, *pictures.notes))


def _array(path: Path) -> np.ndarray:
    """The one array in a file. Raises: UserError where that is not what it holds."""
    try:
        arrays = read_arrays(path)
        if len(arrays) != 1:
            raise ValueError(f"{len(arrays)} arrays ({', '.join(arrays)}); keep one")
    except ValueError as why:
        raise UserError(f"cannot read images from {shown(path)} ({why}); give a folder, an .npy or an .npz") from None
    return next(iter(arrays.values()))


def _channels_first(path: Path, array: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    if array.dtype != np.uint8:
        raise UserError(f"{shown(path)} holds {array.dtype} values; give whole numbers 0..255 as uint8")
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or not len(array):
        shapes = "(N, H, W), (N, H, W, C) or (N, C, H, W)"
        raise UserError(f"{shown(path)} holds an array of shape {array.shape}; give {shapes}")
    if array.shape[1:3] == shape[1:] and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    return torch.from_numpy(array.copy())


def _fit(path: Path, images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The images with the channels of `shape`, where no information is lost or made up."""
    channels, height, width = shape
    found = tuple(images.shape[1:])
    if found[1:] != (height, width) or found[0] not in (1, 3):
        raise UserError(f"{shown(path)} holds images of {found} (channels, height, width); the reference has {shape}")
    if found[0] == 3 and channels == 1:
        if not (images == images[:, :1]).all():
            raise UserError(f"{shown(path)} holds colour images; the reference is grey: convert them first")
        return images[:, :1].contiguous()
    return images.expand(-1, channels, -1, -1).contiguous()
