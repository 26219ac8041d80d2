"""The entries of a suite's lists: losses and data sets, and by what name each is known."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gan_zoo.datasets import DATASETS, TAKEN, Points
from gan_zoo.datasets.file import ENDINGS
from gan_zoo.errors import suggestion
from gan_zoo.losses import LOSSES, Loss
from gan_zoo.losses.config import parse_loss
from gan_zoo.spec import DatasetSpec
from gan_zoo.validation import KeyPath, LossName, SpecError, validated

HUB = "huggingface"
PATHS = ("folder", "file")
"""Keys of a data set that are paths."""


@dataclass(frozen=True)
class Named:
    """A loss with its name, and where the suite lists it."""

    name: str
    loss: Loss
    path: KeyPath


@dataclass(frozen=True)
class Lists:
    """What a suite compares, on which data sets."""

    losses: Sequence[Named]
    datasets: Sequence[DatasetSpec]
    loss_names: tuple[str, ...]
    dataset_names: tuple[str, ...]


def read_lists(losses: Sequence[object], datasets: Sequence[object]) -> Lists:
    """The two lists of a suite. Raises: SpecError for an entry that cannot be, or whose name is there already."""
    found = [_loss_of(entry, ("losses", i)) for i, entry in enumerate(losses)]
    drawn_from = [_dataset_of(entry, ("datasets", i)) for i, entry in enumerate(datasets)]
    loss_names = tuple(named.name for named in found)
    dataset_names = tuple(dataset.name for dataset in drawn_from)
    _refuse_alike(loss_names, "losses")
    _refuse_alike(dataset_names, "datasets")
    for i, name in enumerate(loss_names):
        if name in dataset_names:
            raise SpecError(("losses", i), f"'{name}' is also a data set: choose another name")
    return Lists(found, drawn_from, loss_names, dataset_names)


def _loss_of(entry: object, path: KeyPath) -> Named:
    """An entry of `losses`. Raises: SpecError for another loss under the name of a registered one."""
    name, loss = parse_loss(entry, path)
    if name in LOSSES and LOSSES[name].config() != loss.config():
        raise SpecError((*path, "name"), f"'{name}' is a registered loss, which this is not: choose another name")
    return Named(validated(LossName, name, path), loss, path)


def _dataset_of(entry: object, path: KeyPath) -> DatasetSpec:
    """An entry of `datasets`. Raises: SpecError for a name without data, and for options that do not go with it."""
    dataset = validated(DatasetSpec, {"name": entry} if isinstance(entry, str) else entry, path)
    place = path if isinstance(entry, str) else (*path, "name")
    if dataset.is_own and (dataset.name in DATASETS or dataset.name in TAKEN):
        raise SpecError(place, f"'{dataset.name}' is taken: what is your own needs a name of its own")
    if dataset.name not in DATASETS and not dataset.is_own:
        hint = f"{suggestion(dataset.name, DATASETS)}), or say where yours is: folder, file or huggingface"
        raise SpecError(place, f"unknown data set '{dataset.name}' ({hint}")
    if dataset.image_size and isinstance(DATASETS.get(dataset.name), Points):
        raise SpecError((*path, "image_size"), f"'{dataset.name}' has points, not images: leave it out")
    return dataset


def seen_from_here(entry: object, folder: Path) -> object:
    """An entry of `datasets` in a file in `folder`, with paths of one's own data that are from there as from here."""
    if not isinstance(entry, Mapping):
        return entry
    places = {key: entry[key] for key in PATHS if isinstance(entry.get(key), str)}
    moved = {key: str(folder / place) for key, place in places.items() if place and not place.startswith("~")}
    return {**entry, **moved}


def own_entry(text: str) -> dict[str, str] | None:
    """The entry of `datasets` for data of one's own that were typed in the place of a name: a folder, a file, or
    huggingface:OWNER/NAME; None where that is none of these."""
    hub, path = text.removeprefix(f"{HUB}:"), Path(os.path.expanduser(text))
    if text in DATASETS:
        return None
    if hub != text:
        return {"name": _as_name(hub), HUB: hub}
    if path.is_dir():
        return {"name": _as_name(os.path.basename(os.path.abspath(path))), "folder": str(path)}
    return {"name": _as_name(path.stem), "file": str(path)} if path.suffix.lower() in ENDINGS else None


def sized(entry: object, image_size: int) -> object:
    """An entry of `datasets` with its images at so many pixels a side."""
    return {**(entry if isinstance(entry, Mapping) else {"name": entry}), "image_size": image_size}


def _as_name(text: str) -> str:
    """The name of a folder or a file as one of a data set: a hyphen for what is no letter, digit, dot or underscore."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-._")[:60] or "own"


def _refuse_alike(names: Sequence[str], key: str) -> None:
    """Raises: SpecError where two names are the same, also for file systems that know no case."""
    lower = [name.lower() for name in names]
    for i, name in enumerate(names):
        if lower[i] in lower[:i]:
            raise SpecError((key, i), f"'{name}' stands here twice; keep one")


def names_in(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names in a suite's lists as far as they can be told."""
    found: dict[str, list[str]] = {"losses": [], "datasets": []}
    for key, names in found.items():
        for entry in entries_of(content, key):
            name = name_of_entry(entry)
            if isinstance(name, str):
                names.append(name)
    return found


def entries_of(content: Mapping[str, Any], key: str) -> list[Any]:
    entries = content.get(key)
    return entries if isinstance(entries, list) else []


def name_of_entry(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry if isinstance(entry, str) else None
    if "adversarial" not in entry and set(entry) <= {field.name for field in fields(DatasetSpec)}:
        return entry.get("name")
    try:
        return parse_loss(entry, ())[0]
    except SpecError:
        return None
