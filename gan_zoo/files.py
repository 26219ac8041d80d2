"""Files that are there whole or not at all, and tensors kept on disk with the hash of their content.

What is worked out once (decoded images, a classifier, reference features) is kept as one safetensors file: the
tensors, `about`, which says what they were worked out from, a card of plain data, and a hash of all three. A file that
is missing, damaged, altered or about something else is no file: its content is worked out again.
"""

import hashlib
import json
import os
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gan_zoo.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write a file that takes `path` at the end, or vanishes if that is not reached.

    Of several writers at once, the last one stays. Errors: UserError where nothing can be written there.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())  # a name is never there before its content
        os.replace(partial, path)
    except (OSError, SafetensorError) as failure:
        why = reason(failure)
        raise UserError(f"cannot write {shown(path)} ({why}); choose a folder that can be written") from None
    finally:
        with suppress(OSError):  # it took its place, or was never there
            partial.unlink()


def read_text(path: Path, largest: int) -> str:
    """The text of a file of at most `largest` bytes.

    Errors: UserError where it is no such file, cannot be read or is not UTF-8.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for its other end
            raise UserError(f"{shown(path)}: not a file")
        with open(path, "rb") as file:
            content = file.read(largest + 1)
        if len(content) > largest:
            raise UserError(f"{shown(path)}: larger than {largest} bytes, the most that is read")
        return content.decode()
    except UnicodeDecodeError as failure:
        raise UserError(f"{shown(path)}: not UTF-8 (byte {failure.start}); save it as UTF-8") from None
    except (OSError, ValueError) as failure:
        raise UserError(f"{shown(path)}: cannot be read ({reason(failure)})") from None


def expanded(path: Path) -> Path:
    """A path with ~ put in full. Errors: UserError where there is no such home."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UserError(f"{shown(path)}: the home directory is not known; write the path in full") from None


def shown(path: Path | str) -> str:
    """A path on one line, whatever its name holds: line breaks, control characters and no text are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def reason(failure: Exception) -> str:
    """Why something failed, on one line and without a path: the operating system's words where it has some."""
    text = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
    return " ".join(text.split())


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}\n".encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def write_tensors(path: Path, about: str, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Keep named tensors and a card of plain data at `path`. Errors: UserError where nothing can be written there."""
    text = json.dumps(card, sort_keys=True)
    metadata = {"about": about, "card": text, "hash": _seal(about, text, tensors)}
    with replacing(path) as partial:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=metadata)


def read_tensors(path: Path, about: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors about `about` at `path`, on the CPU, and their card; None where no such file is whole."""
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
    """What the tensors at `path` are said to be about, unverified; None where nothing is said."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("about")
    except (OSError, SafetensorError):
        return None


def _seal(about: str, card: str, tensors: Mapping[str, Tensor]) -> str:
    """The hash of all that a file of tensors holds."""
    parts = "\0".join((about, card, hash_tensors(tensors)))
    return hashlib.sha256(parts.encode()).hexdigest()
