"""Any folder of images as a data set.

FOLDER/train/CLASS/*.png and FOLDER/test/CLASS/*.png are the two splits, in any capitalisation; without test/, val/ is
held out, and without either a sixth of the images. Class subfolders give the labels, in alphabetical order; images that
lie in no subfolder, or all in one, have none. What is left out or changed is told in the data set's notes.

Decoding happens once: the result is kept under the data root, by the bytes of all files. Nothing less is trusted: two
folders may agree in names, sizes and times and differ in their pixels.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import PIL
import torch
from torch import Tensor

from gan_zoo.datasets.images import Images, hold_out
from gan_zoo.datasets.listing import examples, list_images
from gan_zoo.datasets.pictures import content_hashes, read_pictures
from gan_zoo.errors import UserError, plural
from gan_zoo.files import expanded, shown
from gan_zoo.tensors import read_tensors, write_tensors

VERSION = 3
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
}
"""Which split a folder is, by its name in lower case."""
LOOSE = ""
"""The place of images that lie in no subfolder."""


@dataclass(frozen=True)
class Layout:
    """The files of a data set: training ones, held-out ones (none: some of the former are held out), the class of each
    in this order (None without classes), and the notes."""

    train: list[Path]
    held_out: list[Path]
    labels: list[int] | None
    notes: list[str]

    @property
    def files(self) -> list[Path]:
        return self.train + self.held_out


def load_folder(name: str, folder: Path, root: Path, image_size: int | None) -> Images:
    """The images under `folder` as data set `name`; grey if all of them are, else RGB.

    Raises: UserError where there is no folder, images are too few, one is unreadable or their sizes differ without an
    `image_size`, and where the layout can be understood in two ways.
    """
    folder = expanded(folder)
    if not folder.is_dir():
        raise UserError(f"data set '{name}': there is no folder {shown(folder)}; give the folder that holds the images")
    layout = _find_layout(name, folder)
    about = key(layout, content_hashes(layout.files), image_size)
    path = root / "folders" / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.safetensors"
    kept = read_tensors(path, about)
    if kept is None:
        tensors, notes = decode(layout, image_size)
        if key(layout, content_hashes(layout.files), image_size) != about:
            raise UserError(f"data set '{name}': {shown(folder)} changed while it was read; try again")
        write_tensors(path, about, tensors, {"notes": notes})
    else:
        tensors, notes = kept[0], kept[1]["notes"]
    labels = tensors.get("train_labels"), tensors.get("test_labels")
    return Images.of(name, tensors["train"], tensors["test"], *labels, (*layout.notes, *notes))


def key(layout: Layout, hashes: list[str], image_size: int | None) -> str:
    """The origin of the tensors: each file's bytes and its label, in order, the splits, the size, the decoder."""
    order = f"{hashes} {layout.labels} {len(layout.train)}"
    content = hashlib.sha256(order.encode()).hexdigest()
    return f"folder v{VERSION}, Pillow {PIL.__version__}, image size {image_size}, files {content}"


def decode(layout: Layout, image_size: int | None) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of both splits, and notes of what was changed in the images."""
    pictures = read_pictures(layout.files, image_size)
    n, pixels = len(layout.train), pictures.pixels
    if layout.held_out:
        train, test = torch.arange(n), torch.arange(n, len(pixels))
    else:
        train, test = hold_out(n, max(1, n // 6), "folder")
    tensors = {"train": pixels[train], "test": pixels[test]}
    if layout.labels is not None:
        labels = torch.tensor(layout.labels, dtype=torch.int64)
        tensors |= {"train_labels": labels[train], "test_labels": labels[test]}
    return tensors, list(pictures.notes)


def _find_layout(name: str, folder: Path) -> Layout:
    """Which image is of which split and class. Raises: UserError where that cannot be told, or images are too few."""
    listing = list_images(folder)
    tops = _by_subfolder(folder, listing.images)
    _refuse_inner_splits(name, folder, listing.images)
    splits, notes = _find_splits(name, folder, tops)
    train_base, train = folder, listing.images
    held_base, held_out = folder, list[Path]()
    if splits.train is not None:
        train_base, train = folder / splits.train, tops[splits.train]
    if splits.held_out is not None:
        held_base, held_out = folder / splits.held_out, tops[splits.held_out]
    if len(train) < 2:
        beside = "; ".join(listing.notes())
        found = f"{shown(train_base)} holds {plural(len(train), 'image')}" + (f" ({beside})" if beside else "")
        raise UserError(f"data set '{name}': {found}; put at least 2 there")
    parts = [file.relative_to(train_base).parts for file in train]
    parts += [file.relative_to(held_base).parts for file in held_out]
    labels, more = _find_labels(name, train + held_out, parts, len(train))
    return Layout(train, held_out, labels, [*listing.notes(), *notes, *more])


def _by_subfolder(folder: Path, files: list[Path]) -> dict[str, list[Path]]:
    """Files by the subfolder of `folder` that they lie in."""
    tops = defaultdict(list)
    for file in files:
        first, *below = file.relative_to(folder).parts
        tops[first if below else LOOSE].append(file)
    return dict(tops)


def _refuse_inner_splits(name: str, folder: Path, files: list[Path]) -> None:
    """Raises: UserError where the splits lie below another folder: as classes they would be merged."""
    inside = defaultdict(set)
    for parent in {file.parent for file in files}:
        parts = parent.relative_to(folder).parts
        for depth in range(1, len(parts)):
            inside[parts[:depth]].add(parts[depth])
    for above in sorted(inside):
        if _look_like_splits(inside[above]):
            raise UserError(
                f"data set '{name}': {shown(folder.joinpath(*above))} holds splits ({examples(inside[above])}); "
                "give that folder, or put the splits above the classes"
            )


def _look_like_splits(folders: Iterable[str]) -> bool:
    """Whether a training and a held-out split are among folders of these names: train and val, trainA and testA,
    cats_train and cats_test, train2017 and val2017."""
    found = set()
    for each in folders:
        words = map(str.lower, re.findall("[A-Z]?[a-z]+|[A-Z]+", each))
        roles = {SPLITS[word] for word in words if word in SPLITS}
        found |= roles if len(roles) == 1 else set()
    return "train" in found and len(found) > 1


@dataclass(frozen=True)
class Splits:
    """The subfolders of the training and the held-out split; None where there is no such folder."""

    train: str | None = None
    held_out: str | None = None


def _find_splits(name: str, folder: Path, tops: dict[str, list[Path]]) -> tuple[Splits, list[str]]:
    """The splits, and notes of what is in neither. Raises: UserError where a folder may be a split or a class."""
    roles: dict[str, str] = {}
    for top in sorted(tops):
        role = SPLITS.get(top.lower())
        if role in roles:
            both = f"{shown(roles[role])}/ and {shown(top)}/"
            raise UserError(f"data set '{name}': {both} in {shown(folder)} mean the same split; keep one")
        if role is not None:
            roles[role] = top
    if not roles:
        if _look_like_splits(tops):
            raise UserError(
                f"data set '{name}': {examples(tops)} in {shown(folder)}: splits or classes? Call splits train/ and "
                "test/, or rename the classes"
            )
        return Splits(), []
    if "train" not in roles:
        given = next(iter(roles.values()))
        raise UserError(
            f"data set '{name}': {shown(folder)} has {shown(given)}/ but no images in train/; put some there, "
            f"or give {shown(folder / given)}"
        )
    splits = Splits(roles["train"], roles.get("test", roles.get("val")))
    rest = sorted(tops.keys() - set(roles.values()))
    if splits.held_out is None and rest not in ([], [LOOSE]):
        raise UserError(
            f"data set '{name}': {shown(folder)} has {shown(roles['train'])}/ beside {examples(rest)}: a split or a "
            "class? Put all classes into train/, or rename it"
        )
    return splits, _split_notes(tops, roles, rest)


def _split_notes(tops: dict[str, list[Path]], roles: dict[str, str], rest: list[str]) -> list[str]:
    """Notes on what the splits leave out, and on a held-out split that is not called test."""
    notes = []
    if "val" in roles:
        count, folder = plural(len(tops[roles["val"]]), "image"), f"{shown(roles['val'])}/"
        if "test" in roles:
            notes.append(f"{count} of {folder} left out: {shown(roles['test'])}/ is the held-out split")
        else:
            notes.append(f"held-out split: {count} of {folder}")
    if rest:
        count = plural(sum(len(tops[top]) for top in rest), "image")
        names = examples(f"{top}/" if top else "in no subfolder" for top in rest)
        notes.append(f"{count} beside the splits left out ({names})")
    return notes


def _find_labels(
    name: str, files: list[Path], parts: list[tuple[str, ...]], train: int
) -> tuple[list[int] | None, list[str]]:
    """The class of each file by its path below its split (the first `train` are for training), and notes.

    None where the folder names fewer than two classes.
    """
    classes = sorted({part[0] for part in parts[:train] if len(part) > 1})
    if len(classes) < 2:
        deeper = sum(len(part) > 1 for part in parts)
        return None, [f"{plural(deeper, 'image')} in fewer than two class folders: no labels"] if deeper else []
    number = {each: index for index, each in enumerate(classes)}
    for file, part in zip(files, parts, strict=True):
        if len(part) < 2 or part[0] not in number:
            raise UserError(f"data set '{name}': {shown(file)} is in none of the class folders {examples(classes)}")
    deeper = sum(len(part) > 2 for part in parts)
    notes = [f"{plural(deeper, 'image')} in subfolders of their class folders"] if deeper else []
    return [number[part[0]] for part in parts], notes
