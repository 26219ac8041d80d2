"""Data sets by Hugging Face's library `datasets`: what its `save_to_disk` wrote, and those of the hub by name.

The one column of images is taken, with the one of class labels where there is one; else all columns are numbers, or the
one there is lists of them, and make points. `train` and `test` are the splits; without test, `validation` is held out,
and without either a sixth. Pictures are read as those of a folder are. Their pixels are kept under the data root, by
the bytes of the library's files.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import PIL

from gan_zoo.datasets.cloud import Cloud
from gan_zoo.datasets.file import from_arrays
from gan_zoo.datasets.images import Images
from gan_zoo.datasets.pictures import MAX_FILE_GIB, Encoded, Pictures, content_hashes, read_pictures
from gan_zoo.errors import UserError
from gan_zoo.files import read_bytes, reason, shown
from gan_zoo.tensors import read_tensors, write_tensors

VERSION = 1
HELD_OUT = ("test", "validation", "valid")


def is_saved(place: Path) -> bool:
    """Whether a folder is one that `save_to_disk` wrote."""
    one = (place / "dataset_info.json").is_file() and (place / "state.json").is_file()
    return one or (place / "dataset_dict.json").is_file()


def load_saved(name: str, place: Path, root: Path, image_size: int | None) -> Images | Cloud:
    """What `save_to_disk` wrote into the folder `place`, as data set `name`. Raises: UserError."""
    library = _library(name)
    try:
        found = library.load_from_disk(str(place))
    except Exception as failure:  # a damaged file makes Arrow raise whatever it likes
        why = f"{shown(place)} cannot be read as what save_to_disk wrote ({reason(failure)})"
        raise UserError(f"data set '{name}': {why}; save it again") from None
    return _load(name, found, root, image_size)


def load_from_hub(name: str, hub: str, root: Path, image_size: int | None, download: bool) -> Images | Cloud:
    """The data set `hub` of Hugging Face's hub, OWNER/NAME or OWNER/NAME:CONFIGURATION, as data set `name`.

    Raises: UserError that says what to put where, if it is not at hand and cannot be downloaded.
    """
    library = _library(name)
    place, _, configuration = hub.partition(":")
    try:
        with _network(library, download):
            found = library.load_dataset(place, configuration or None)
    except Exception as failure:
        words = ", ".join(repr(word) for word in (place, configuration) if word)
        raise UserError(
            f"data set '{name}': {shown(hub)} of Hugging Face's hub is not at hand and cannot be downloaded "
            f'({reason(failure)[:200]}); where there is a network run python -c "import datasets; '
            f"datasets.load_dataset({words}).save_to_disk('{name}')\", bring the folder {name} here, and give "
            f"folder: path/to/{name} in place of huggingface"
        ) from None
    return _load(name, found, root, image_size)


def _library(name: str) -> ModuleType:
    """The library. Raises: UserError where it is not installed."""
    try:
        import datasets
    except ImportError:
        raise UserError(
            f"data set '{name}': needs Hugging Face's library datasets: python -m pip install 'gan-zoo[huggingface]'"
        ) from None
    datasets.disable_progress_bars()
    return datasets  # type: ignore[no-any-return]


@contextmanager
def _network(library: ModuleType, allowed: bool) -> Iterator[None]:
    """Within it nothing is downloaded unless that is `allowed`."""
    from huggingface_hub import constants

    places = [
        (constants, "HF_HUB_OFFLINE"),
        (library.config, "HF_HUB_OFFLINE"),
        (library.config, "HF_DATASETS_OFFLINE"),
    ]
    before = [getattr(*place) for place in places]
    try:
        for place, value in zip(places, before, strict=True):
            setattr(*place, value or not allowed)
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            setattr(*place, value)


def _load(name: str, found: Any, root: Path, image_size: int | None) -> Images | Cloud:
    """Raises: UserError for what is neither images nor points."""
    splits = _splits(name, found)
    kinds = {key: type(feature).__name__ for key, feature in splits["train"].features.items()}
    pictured = [key for key, kind in kinds.items() if kind == "Image"]
    try:
        if not pictured:
            return from_arrays(name, {key: _numbers(split) for key, split in splits.items()}, image_size)
        if len(pictured) > 1:
            raise ValueError(f"has {len(pictured)} columns of images ({', '.join(pictured)}); keep one")
        pictures = _pictures(splits, pictured[0], root, image_size)
        labels, notes = _labels(splits, [key for key, kind in kinds.items() if kind == "ClassLabel"])
        arrays = {}
        start = 0
        for key, split in splits.items():
            arrays[key] = pictures.pixels[start : start + len(split)].permute(0, 2, 3, 1).numpy()
            start += len(split)
        return from_arrays(name, {**arrays, **labels}, None, (*pictures.notes, *notes))
    except ValueError as why:
        raise UserError(f"data set '{name}': {why}") from None


def _splits(name: str, found: Any) -> dict[str, Any]:
    """The splits that are used, training first. Raises: UserError where there is nothing to train on."""
    if not isinstance(found, Mapping):
        return {"train": found}
    if "train" not in found:
        raise UserError(f"data set '{name}': has the splits {', '.join(found)}, and none is train; rename one")
    held_out = next((key for key in HELD_OUT if key in found), None)
    return {"train": found["train"], **({"test": found[held_out]} if held_out else {})}


def _numbers(split: Any) -> np.ndarray:
    """The columns of numbers as an array (N, D). Raises: ValueError where a column has something else."""
    table = split.with_format("arrow")[:].to_pandas()
    columns = [np.stack(table[key]) if table[key].dtype == object else table[key].to_numpy() for key in table]
    for key, column in zip(table, columns, strict=True):
        if column.dtype.kind != "f":
            raise ValueError(f"column '{key}' holds {column.dtype}; keep the one of images, or numbers of points alone")
    return np.column_stack(columns)


def _pictures(splits: Mapping[str, Any], column: str, root: Path, image_size: int | None) -> Pictures:
    """The pixels of all splits, one after the other: kept ones, or decoded now."""
    files = [Path(file["filename"]) for split in splits.values() for file in split.cache_files]
    counts = {key: len(split) for key, split in splits.items()}
    content = f"{content_hashes(files)} {counts} {column}"
    about = f"hugging face v{VERSION}, Pillow {PIL.__version__}, image size {image_size}, {content}"
    path = root / "huggingface" / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.safetensors"
    kept = read_tensors(path, about)
    if kept is not None:
        return Pictures(kept[0]["pixels"], tuple(kept[1]["notes"]))
    pictures = read_pictures(list(_encoded(splits, column)), image_size)
    write_tensors(path, about, {"pixels": pictures.pixels}, {"notes": list(pictures.notes)})
    return pictures


def _encoded(splits: Mapping[str, Any], column: str) -> Iterator[Encoded]:
    """The images of all splits as they are in their files."""
    for key, split in splits.items():
        rows = split.select_columns(column).with_format("arrow")
        for start in range(0, len(split), 1000):
            for i, picture in enumerate(rows[start : start + 1000][column].to_pylist()):
                yield Encoded(f"{key} row {start + i + 1}", _content(picture))


def _content(picture: Mapping[str, Any] | None) -> bytes:
    """The bytes of an image, of a file that only its path is known of as well."""
    if not picture:
        return b""
    content = picture["bytes"]
    return content if content is not None else read_bytes(Path(picture["path"]), MAX_FILE_GIB * 2**30)


def _labels(splits: Mapping[str, Any], columns: list[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """The classes of each split, where all images have one, and notes."""
    if len(columns) != 1:
        return {}, [f"{len(columns)} columns of classes ({', '.join(columns)}): no labels"] if columns else []
    given = {key: np.asarray(split.with_format("numpy")[columns[0]][:]) for key, split in splits.items()}
    if any((each < 0).any() for each in given.values()):
        return {}, ["images without a class: no labels"]
    if len(np.unique(given["train"])) < 2:
        return {}, ["fewer than two classes: no labels"]
    if len(given) == 1:
        return {"labels": given["train"]}, []
    return {f"{key}_labels": each for key, each in given.items()}, []
