"""Images that came from anywhere, to be scored: a folder of pictures, or an array in an .npy or .npz file."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from gan_zoo.datasets.folder import decode, image_files
from gan_zoo.errors import UserError


def read_images(path: Path, shape: tuple[int, ...]) -> Tensor:
    """The images at `path` as uint8 (N, C, H, W) with (C, H, W) = `shape`.

    Arrays are whole numbers 0..255 (uint8) of shape (N, H, W), (N, H, W, C) or (N, C, H, W). Grey images become RGB
    where `shape` has three channels; RGB images become grey where it has one and their channels are equal.

    Raises:
        UserError: nothing readable there, another size, another range, colour where grey is due.
    """
    if path.is_dir():
        files = sorted(image_files(path))
        if not files:
            raise UserError(f"{path} holds no images; give a folder of pictures or an .npy or .npz file")
        return _fit(path, decode(str(path), files, None), shape)
    return _fit(path, _channels_first(path, _array(path), shape), shape)


def _array(path: Path) -> np.ndarray:
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            if len(content.files) != 1:
                raise UserError(f"{path} holds {len(content.files)} arrays ({', '.join(content.files)}); keep one")
            return content[content.files[0]]
    except (OSError, ValueError, EOFError, BadZipFile) as failure:
        raise UserError(f"cannot read images from {path} ({failure}); give a folder, an .npy or an .npz") from None


def _channels_first(path: Path, array: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    if array.dtype != np.uint8:
        raise UserError(f"{path} holds {array.dtype} values; give whole numbers 0..255 as uint8")
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or not len(array):
        raise UserError(f"{path} holds an array of shape {array.shape}; give (N, H, W), (N, H, W, C) or (N, C, H, W)")
    if array.shape[1:3] == shape[1:] and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(array))


def _fit(path: Path, images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The images with the channels of `shape`, where no information is lost or made up."""
    channels, height, width = shape
    found = tuple(images.shape[1:])
    if found[1:] != (height, width) or found[0] not in (1, 3):
        raise UserError(f"{path} holds images of {found} (channels, height, width); the reference has {shape}")
    if found[0] == 3 and channels == 1:
        if not (images == images[:, :1]).all():
            raise UserError(f"{path} holds colour images; the reference is grey: convert them first")
        return images[:, :1].contiguous()
    return images.expand(-1, channels, -1, -1).contiguous()
