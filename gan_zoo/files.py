"""Files that are there whole or not at all, and the one way to read what anybody may have written: bounded, and refused
in one line. Knows no tensor.
"""

import io
import json
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from gan_zoo.errors import Unwritable, UserError

LARGEST_ARRAY = 2**32
"""Bytes of an array that is kept in a file of its own."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write a file that takes `path` at the end, or vanishes if that is not reached.

    Of several writers at once, the last one stays. Raises: Unwritable where that cannot be.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())  # a name is never there before its content
        os.replace(partial, path)
    except OSError as failure:
        why = reason(failure)
        raise Unwritable(f"cannot write {shown(path)} ({why}); choose a folder that can be written", path) from None
    finally:
        with suppress(OSError):  # it took its place, or was never there
            partial.unlink()


def refuse_blocked(folder: Path, own: bool = False) -> None:
    """Raises: UserError where something else than a folder is in the place of `folder`, or of one above it; and where
    it is its program's `own`, which may be emptied, also for a link to one."""
    if own and folder.is_symlink():
        raise UserError(f"{shown(folder)}: a link, where a folder of its own belongs: remove the link")
    for place in (folder, *folder.parents):
        if os.path.lexists(place):
            if not os.path.isdir(place):
                raise UserError(f"{shown(place)}: {kind(place)}, where a folder belongs: move it away, or mend it")
            return


def make_folder(path: Path, own: bool = False) -> Path:
    """`path`, a folder, made if need be. Raises: UserError where it cannot be, and as from `refuse_blocked`."""
    refuse_blocked(path, own)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise UserError(f"{shown(path)}: cannot be made ({reason(failure)}); choose another folder") from None
    return path


def kind(path: Path) -> str:
    """The kind of thing at a path, in words."""
    if not os.path.exists(path):
        return "a link to nothing" if os.path.islink(path) else "nothing"
    return "a folder" if os.path.isdir(path) else "a file" if os.path.isfile(path) else "neither file nor folder"


def read_bytes(path: Path, largest: int) -> bytes:
    """The content of a file of at most `largest` bytes; the way to read what anybody may have written.

    Raises: UserError where it is no such file or cannot be read.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for its other end
            raise UserError(f"{shown(path)}: not a file")
        with open(path, "rb") as file:
            content = file.read(largest + 1)
    except (OSError, ValueError) as failure:
        raise UserError(f"{shown(path)}: cannot be read ({reason(failure)})") from None
    if len(content) > largest:
        raise UserError(f"{shown(path)}: larger than {largest} bytes, the most that is read")
    return content


def read_text(path: Path, largest: int) -> str:
    """The text of a file, as `read_bytes`. Raises: UserError, also where it is not UTF-8."""
    try:
        return read_bytes(path, largest).decode()
    except UnicodeDecodeError as failure:
        raise UserError(f"{shown(path)}: not UTF-8 (byte {failure.start}); save it as UTF-8") from None


def read_json(path: Path, largest: int) -> Any:
    """The JSON value in a file, as `read_text`. Raises: UserError, also where it is none or holds NaN or Infinity."""
    try:
        return json.loads(read_text(path, largest), parse_constant=_refuse_number)
    except (ValueError, RecursionError) as failure:
        raise UserError(f"{shown(path)}: not JSON ({reason(failure)})") from None


def _refuse_number(word: str) -> None:
    raise ValueError(f"{word} is no number here")


def write_array(path: Path, array: np.ndarray) -> None:
    """Keep one array at `path`, an .npy file, whole or not at all. Raises: OSError where it cannot be written."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    os.replace(partial, path)


def read_array(path: Path) -> np.ndarray | None:
    """The array at `path`; None where no such file is whole."""
    try:
        array = np.load(io.BytesIO(read_bytes(path, LARGEST_ARRAY)), allow_pickle=False)
    except Exception:  # a damaged file makes NumPy raise whatever it likes
        return None
    return array if isinstance(array, np.ndarray) else None


def expanded(path: Path) -> Path:
    """A path with ~ put in full. Raises: UserError where there is no such home."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UserError(f"{shown(path)}: the home directory is not known; write the path in full") from None


def shown(path: os.PathLike[str] | str) -> str:
    """A path on one line, whatever its name holds: line breaks, control characters and no text are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def reason(failure: Exception) -> str:
    """Why something failed, on one line and without a path: the operating system's words where it has some."""
    text = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
    return " ".join(text.split())
