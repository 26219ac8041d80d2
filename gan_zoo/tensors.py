"""Tensors kept on disk with the hash of their content.

What is worked out once (decoded images, a classifier, reference features) is kept as one safetensors file: the
tensors, `about`, which says what they were worked out from, a card of plain data, and a hash of all three. A file that
is missing, damaged, altered or about something else is no file: its content is worked out again.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gan_zoo.files import reason, replacing


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}\n".encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def write_tensors(path: Path, about: str, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Keep named tensors and a card of plain data at `path`. Raises: UserError where nothing can be written there."""
    text = json.dumps(card, sort_keys=True)
    metadata = {"about": about, "card": text, "hash": _seal(about, text, tensors)}
    with replacing(path) as partial:
        try:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=metadata)
        except SafetensorError as failure:  # what its writer makes of a disk that is full
            raise OSError(reason(failure)) from None


def read_tensors(path: Path, about: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors about `about` at `path`, on the CPU, and their card; None where no such file is whole."""
    if not path.is_file():  # opening a pipe would wait for its other end
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = file.metadata()
        text = metadata["card"]
        if metadata["about"] != about or metadata["hash"] != _seal(about, text, tensors):
            return None
        return tensors, json.loads(text)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def read_about(path: Path) -> str | None:
    """The description in the file of tensors at `path`, unverified; None where nothing is said."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("about")
    except (OSError, SafetensorError):
        return None


def _seal(about: str, card: str, tensors: Mapping[str, Tensor]) -> str:
    """The hash of all that a file of tensors holds."""
    parts = "\0".join((about, card, hash_tensors(tensors)))
    return hashlib.sha256(parts.encode()).hexdigest()
