"""Folders of images with everything that goes wrong with folders of images, composed at random from a key.

What is there is known: `Hostile` holds the pixels that people would see, their classes and splits, the counts that
notes must tell, and the one fault, if any, that the folder has to be refused for.
"""

import os
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 8
ORIENTATION = 0x0112
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.swapaxes(0, 1),
    6: lambda seen: np.rot90(seen, 1),
    7: lambda seen: seen[::-1, ::-1].swapaxes(0, 1),
    8: lambda seen: np.rot90(seen, -1),
}
"""How an image is stored that its EXIF orientation turns into what is seen."""
NAMES = ["0", "a b", "é", "%20?#", "-x", "new\nline", "\udcff\udcfe", "\u202egnp", "$(x)", "'", "0" * 120, "ｗ", "a.b"]


@dataclass(frozen=True)
class Seen:
    """One image as people see it: (H, W, C) with C = 1 or 3, where it lies, and by how much a reader may round."""

    place: tuple[str, ...]
    pixels: np.ndarray
    rounding: int = 0


@dataclass
class Hostile:
    folder: Path
    rng: np.random.Generator
    grey: bool = False
    seen: list[Seen] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    """How many of what the notes must tell, by a part of the note."""
    fault: str | None = None
    """A part of the message that refuses the folder; None where it is to be read."""

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def pick(self, *choices: object) -> object:
        return choices[self.rng.integers(len(choices))]

    def pixels(self) -> np.ndarray:
        return self.rng.integers(0, 256, (SIDE, SIDE, 1 if self.grey else 3), dtype=np.uint8)

    def path(self, *place: str) -> Path:
        path = self.folder.joinpath(*place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def free(self, *place: str, suffix: str) -> tuple[str, ...]:
        """A place in a folder for a new file of an odd name."""
        name = f"{self.pick(*NAMES)}{len(self.seen)}{suffix}"
        return (*place, name)


def compose(folder: Path, key: int, grey: bool | None = None) -> Hostile:
    """A folder of some images, clutter and perhaps a fault; the same for the same key."""
    rng = np.random.default_rng(key)
    folder.mkdir(parents=True)
    made = Hostile(folder, rng, bool(rng.random() < 0.3) if grey is None else grey)
    for place in layout(made):
        for _ in range(rng.integers(2, 5)):
            FORMS[rng.integers(len(FORMS))](made, place)
    for clutter in CLUTTER:
        if made.chance(0.4):
            clutter(made)
    if made.chance(0.45):
        FAULTS[rng.integers(len(FAULTS))](made, made.seen[0].place[:-1])
    return made


def layout(made: Hostile) -> list[tuple[str, ...]]:
    """The folders to fill."""
    classes = [("cat",), ("Dog",), ("z z",)][: made.rng.integers(2, 4)]
    train = str(made.pick("train", "Train", "TRAIN", "training"))
    test = str(made.pick("test", "Test", "TEST", "val", "Validation"))
    return [
        [()],
        classes,
        [("only",)],
        [(train,), (test,)],
        [(split, *each) for split in (train, test) for each in classes],
    ][made.rng.integers(5)]


# Forms of an image


def plain(made: Hostile, place: tuple[str, ...]) -> None:
    suffix = str(made.pick(".png", ".PNG", ".bmp", ".tif", ".Tiff", ".webp"))
    options = {"lossless": True} if suffix == ".webp" else {}
    keep(made, made.free(*place, suffix=suffix), made.pixels(), **options)


def turned(made: Hostile, place: tuple[str, ...]) -> None:
    orientation = int(made.rng.integers(2, 9))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    seen = made.pixels()
    at = made.free(*place, suffix=str(made.pick(".png", ".tif")))
    picture(STORED[orientation](seen)).save(made.path(*at), exif=exif)
    made.seen.append(Seen(at, seen))
    made.told["turned upright"] += 1


def transparent(made: Hostile, place: tuple[str, ...]) -> None:
    colour, alpha = made.pixels(), made.rng.integers(0, 255, (SIDE, SIDE, 1), dtype=np.uint8)
    at = made.free(*place, suffix=".png")
    picture(np.concatenate([colour, alpha], axis=-1)).save(made.path(*at))
    share = alpha / 255
    made.seen.append(Seen(at, np.rint(share * colour + (1 - share) * 255).astype(np.uint8), rounding=1))
    made.told["transparency laid on white"] += 1


def palette(made: Hostile, place: tuple[str, ...]) -> None:
    colours = made.pixels().reshape(-1, 1 if made.grey else 3)[: made.rng.integers(2, SIDE * SIDE)]
    seen = colours[made.rng.integers(len(colours), size=(SIDE, SIDE))]
    at = made.free(*place, suffix=str(made.pick(".png", ".gif")))
    Image.fromarray(np.repeat(seen, 4 - seen.shape[-1], axis=-1)[..., :3]).quantize(256).save(made.path(*at))
    made.seen.append(Seen(at, seen))


def animated(made: Hostile, place: tuple[str, ...]) -> None:
    frames = [made.pixels() for _ in range(3)]
    at = made.free(*place, suffix=str(made.pick(".png", ".tif")))
    first, *rest = map(picture, frames)
    first.save(made.path(*at), save_all=True, append_images=rest)
    made.seen.append(Seen(at, frames[0]))
    made.told["several frames"] += 1


def inked(made: Hostile, place: tuple[str, ...]) -> None:
    if made.grey:
        return plain(made, place)
    ink = made.rng.integers(0, 256, (SIDE, SIDE, 4), dtype=np.uint8)
    at = made.free(*place, suffix=".tif")
    Image.fromarray(ink, "CMYK").save(made.path(*at))
    left = (255 - ink[..., :3].astype(float)) * (255 - ink[..., 3:].astype(float)) / 255
    made.seen.append(Seen(at, np.rint(left).astype(np.uint8), rounding=1))
    made.told["converted from CMYK"] += 1
    return None


def linked(made: Hostile, place: tuple[str, ...]) -> None:
    """A link to a file elsewhere, of a name without a suffix."""
    seen, target = made.pixels(), made.folder.parent / f"{made.folder.name}-target{len(made.seen)}"
    picture(seen).save(target, "PNG")
    at = made.free(*place, suffix=".png")
    made.path(*at).symlink_to(target)
    made.seen.append(Seen(at, seen))


FORMS = [plain, plain, turned, transparent, palette, animated, inked, linked]


def keep(made: Hostile, at: tuple[str, ...], pixels: np.ndarray, **options: object) -> None:
    picture(pixels).save(made.path(*at), **options)
    made.seen.append(Seen(at, pixels))


def picture(pixels: np.ndarray) -> Image.Image:
    """(H, W, 1 to 4) as a picture."""
    mode = ("L", "LA", "RGB", "RGBA")[pixels.shape[-1] - 1]
    return Image.fromarray(np.ascontiguousarray(pixels.squeeze(-1) if mode == "L" else pixels), mode)


# What lies beside


def hide(made: Hostile) -> None:
    for place in ((".ipynb_checkpoints", "x.png"), ("__MACOSX", "cat", "y.png"), ("._z.png",), (".git", "a", "b.JPG")):
        if made.chance(0.5):
            made.path(*place).write_bytes(b"never read")
            made.told["hidden image"] += 1


def strew(made: Hostile) -> None:
    for name in ("labels.csv", "photo.heic", "LICENSE", "x.npz"):
        if made.chance(0.5):
            made.path(name).write_text("")
            made.told["other kinds"] += 1


def pipe(made: Hostile) -> None:
    os.mkfifo(made.path("pipe.png"))
    made.told["other kinds"] += 1


def link_back(made: Hostile) -> None:
    place = made.seen[0].place[:-1]
    made.path(*place, "loop").symlink_to(made.folder, target_is_directory=True)
    made.told["back to a folder above"] += 1


def leave_empty(made: Hostile) -> None:
    made.path("nothing", "here", "x").parent.mkdir(parents=True, exist_ok=True)
    made.told["without images"] += 2


def link_class(made: Hostile) -> None:
    """The first folder of images moved elsewhere, with a link in its place."""
    place = made.seen[0].place[:-1]
    if place:
        here, there = made.path(*place), made.folder.parent / f"{made.folder.name}-moved"
        here.rename(there)
        here.symlink_to(there, target_is_directory=True)


CLUTTER = [hide, strew, pipe, link_back, leave_empty, link_class]


# Faults


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file of what its header says, with these rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def broken(content: Callable[[Hostile], bytes], message: str, suffix: str = ".png") -> Callable[..., None]:
    """A fault: a file that is no image to be read."""

    def put(made: Hostile, place: tuple[str, ...]) -> None:
        at = made.free(*place, suffix=suffix)
        made.path(*at).write_bytes(content(made))
        made.fault = message

    return put


def shortened(suffix: str) -> Callable[..., None]:
    """A fault: an image file that ends before its end."""

    def put(made: Hostile, place: tuple[str, ...]) -> None:
        path = made.path(*made.free(*place, suffix=suffix))
        picture(made.rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(made.rng.integers(1, len(whole) - 40))])
        made.fault = "cannot read the image"

    return put


def dangling(made: Hostile, place: tuple[str, ...]) -> None:
    made.path(*made.free(*place, suffix=str(made.pick(".png", "", "/")).rstrip("/"))).symlink_to("gone")
    made.fault = "is a link to nothing"


def own_link(made: Hostile, place: tuple[str, ...]) -> None:
    path = made.path(*place, "self.png")
    path.symlink_to(path)
    made.fault = "is a link to nothing"


def other_size(made: Hostile, place: tuple[str, ...]) -> None:
    at = made.free(*place, suffix=".png")
    picture(made.rng.integers(0, 256, (SIDE, SIDE + 1, 3), dtype=np.uint8)).save(made.path(*at))
    made.fault = "set image_size to resize all"


def deep_tiff(made: Hostile, place: tuple[str, ...]) -> None:
    values = made.rng.random((SIDE, SIDE)).astype(np.float32)
    Image.fromarray(values).save(made.path(*made.free(*place, suffix=".tiff")))
    made.fault = "more than 8 bits a channel"


FAULTS = [
    broken(lambda made: b"", "(an empty file)"),
    broken(lambda made: b"not an image", "(no image, or a damaged one)", ".jpg"),
    broken(lambda made: made.rng.bytes(300), "(no image, or a damaged one)", ".webp"),
    broken(lambda made: png(20_000, 20_000, 8, 2, b""), "more pixels than the 100 megapixels"),
    broken(lambda made: png(11_000, 9_999, 1, 0, b""), "more pixels than the 100 megapixels"),
    broken(lambda made: png(SIDE, SIDE, 16, 0, bytes(17 * 8)), "more than 8 bits a channel"),
    broken(lambda made: png(SIDE, SIDE, 16, 2, bytes(49 * 8)), "more than 8 bits a channel"),
    *(shortened(suffix) for suffix in (".png", ".jpg", ".gif", ".webp", ".bmp", ".tif")),
    dangling,
    own_link,
    other_size,
    deep_tiff,
]
