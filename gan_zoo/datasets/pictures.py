"""Image files as uint8 tensors: the one reader of pictures that others made.

What people see is what is read: turned upright by the EXIF orientation, transparency laid on white, the first of
several frames, palettes and other colour models as RGB, 8 bits a channel. What is more than 8 bits deep, damaged or
larger than the bounds is refused.
"""

import hashlib
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_zoo.datasets.images import picture_to_tensor, square
from gan_zoo.errors import UserError, plural
from gan_zoo.files import reason, shown

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
MAX_MEGAPIXELS = 100
MAX_FILE_GIB, MAX_TOTAL_GIB = 1, 64
"""Bounds on one image, on one file, and on all images as RGB in memory."""

ORIENTATION = 0x0112  # EXIF's tag
UPRIGHT = "turned upright by EXIF orientation"
ON_WHITE = "with transparency laid on white"
FIRST_FRAME = "with several frames or pages: the first one taken"
CUT = "not square: cut to the central square"

GREY = {"1", "L", "LA", "La"}
PALETTES = {"P", "PA"}
OTHER_MODELS = {"CMYK", "YCbCr", "LAB", "HSV"}

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Pictures:
    """`pixels` uint8 (N, C, H, W), and notes of what was left out or changed in how many of them."""

    pixels: Tensor
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoded:
    """An image in the format of a file, that is in none: `name` says where it comes from."""

    name: str
    content: bytes

    def __fspath__(self) -> str:
        return self.name


def _file_bytes(file: Path | Encoded) -> bytes:
    """The content of a file. Raises: UserError where it cannot be read or is larger than the bound."""
    if isinstance(file, Encoded):
        return file.content
    try:
        if file.stat().st_size > MAX_FILE_GIB * 2**30:
            raise UserError(f"{shown(file)} is larger than the {MAX_FILE_GIB} GiB that are read; make it smaller")
        return file.read_bytes()
    except OSError as failure:
        raise UserError(f"cannot read {shown(file)} ({reason(failure)}); mend or remove it") from None


def _content_hash(file: Path) -> str:
    """The hash of a file's bytes."""
    return hashlib.blake2b(_file_bytes(file), digest_size=16).hexdigest()


def content_hashes(files: Sequence[Path]) -> list[str]:
    return _in_threads(_content_hash, files)


def _in_threads(function: Callable[..., T], *arguments: Iterable[object]) -> list[T]:
    """The values of `function`, in order; the first error ends it."""
    with ThreadPoolExecutor() as pool:
        try:
            return list(pool.map(function, *arguments))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def read_pictures(files: Sequence[Path | Encoded], image_size: int | None) -> Pictures:
    """All `files`, at least one, as one tensor: grey if all of them are, else RGB.

    Args:
        image_size: cut images to their central square and resize them to this many pixels a side; None: as they are.

    Raises: UserError where an image cannot be read, their sizes differ, or they are more than the bounds allow.
    """
    with _quiet_decoders():
        first, _ = _read_picture(files[0], image_size)
        _, height, width = first.shape
        _require_memory(len(files), height, width)
        pixels = torch.empty(len(files), 3, height, width, dtype=torch.uint8)

        def read(row: int) -> tuple[int, list[str]]:
            picture, changes = _read_picture(files[row], image_size)
            if picture.shape[1:] != (height, width):
                raise UserError(
                    f"{shown(files[row])} is {picture.shape[2]}x{picture.shape[1]} pixels, {shown(files[0].name)} is "
                    f"{width}x{height}; set image_size to resize all"
                )
            pixels[row] = picture
            return len(picture), changes

        found = _in_threads(read, range(len(files)))
    if all(channels == 1 for channels, _ in found):
        pixels = pixels[:, :1].clone()
    changed: Counter[str] = Counter()
    for _, changes in found:
        changed.update(changes)
    notes = [f"{plural(changed[change], 'image')} {change}" for change in sorted(changed)]
    return Pictures(pixels, tuple(notes))


@contextmanager
def _quiet_decoders() -> Iterator[None]:
    """Silence for Pillow's warnings and log: of what is wrong with a file, an error tells."""
    log = logging.getLogger("PIL")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")
            yield
    finally:
        log.setLevel(level)


def _require_memory(count: int, height: int, width: int) -> None:
    """Raises: UserError where so many RGB images are more than the bound."""
    total = count * 3 * height * width
    if total > MAX_TOTAL_GIB * 2**30:
        raise UserError(
            f"{plural(count, 'image')} of {width}x{height} pixels take {total / 2**30:.0f} GiB, more than the "
            f"{MAX_TOTAL_GIB} GiB that are held; set a smaller image_size, or give fewer"
        )


def _read_picture(file: Path | Encoded, image_size: int | None) -> tuple[Tensor, list[str]]:
    """One image, uint8 (1 or 3, H, W), and what was changed in it. Raises: UserError that names the file."""
    content = _file_bytes(file)
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            picture, changes = _as_seen(opened)
    except Image.DecompressionBombError:
        bound = f"{MAX_MEGAPIXELS} megapixels that are read"
        raise UserError(f"{shown(file)} has more pixels than the {bound}; make it smaller") from None
    except TooDeep:
        raise UserError(f"{shown(file)} has more than 8 bits a channel; convert it to 8 bits") from None
    except Image.UnidentifiedImageError:
        why = "no image, or a damaged one" if content else "an empty file"
        raise UserError(f"cannot read the image {shown(file)} ({why}); mend or remove it") from None
    except Exception as failure:  # a decoder in the hands of a damaged file raises whatever it likes
        raise UserError(f"cannot read the image {shown(file)} ({reason(failure)}); mend or remove it") from None
    if image_size is None:
        return picture_to_tensor(picture), changes
    if picture.width != picture.height:
        changes.append(CUT)
    return picture_to_tensor(square(picture, image_size)), changes


class TooDeep(Exception):
    """An image of more than 8 bits a channel."""


def _as_seen(opened: Image.Image) -> tuple[Image.Image, list[str]]:
    """The "L" or "RGB" picture that people see, and what was changed for it. Raises: whatever the decoder raises."""
    if opened.width * opened.height > MAX_MEGAPIXELS * 10**6:
        raise Image.DecompressionBombError
    if _is_deep(opened):
        raise TooDeep
    changes = []
    if getattr(opened, "n_frames", 1) > 1:
        opened.seek(0)
        changes.append(FIRST_FRAME)
    if opened.getexif().get(ORIENTATION) in range(2, 9):  # which a damaged one holds as text, and nobody turns
        changes.append(UPRIGHT)
    upright = ImageOps.exif_transpose(opened)
    if upright.mode in OTHER_MODELS:
        changes.append(f"converted from {upright.mode} to RGB")
    grey, untold = upright.mode in GREY, upright.mode in PALETTES or opened.format == "WEBP"
    if _is_transparent(upright):
        changes.append(ON_WHITE)
        upright = _on_white(upright)
    picture = upright.convert("RGB")
    if grey or (untold and _is_grey(picture)):
        picture = picture.getchannel(0)
    return picture, changes


def _is_deep(opened: Image.Image) -> bool:
    """Whether it has more than 8 bits a channel, in memory or in the file: 16 bits are read as RGB without a word."""
    return opened.mode.startswith(("I", "F")) or any(";16" in str(tile) for tile in getattr(opened, "tile", ()))


def _is_transparent(picture: Image.Image) -> bool:
    """Whether any pixel is less than opaque."""
    if not picture.has_transparency_data:
        return False
    darkest, _ = picture.convert("RGBA").getchannel("A").getextrema()
    return bool(darkest < 255)


def _on_white(picture: Image.Image) -> Image.Image:
    """An "RGBA" picture without transparency: every pixel alpha of its colour and 1 - alpha of white."""
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, picture.convert("RGBA"))


def _is_grey(picture: Image.Image) -> bool:
    """Whether an "RGB" picture has only greys: palettes and WebP have no grey mode that would tell."""
    red, green, blue = picture.split()
    return bool(red.tobytes() == green.tobytes() == blue.tobytes())
