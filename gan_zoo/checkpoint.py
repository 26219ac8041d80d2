"""A training state to disk and back: whole, unaltered and of this very run, or not taken at all.

A file is the line MAGIC, the SHA-256 of all that follows, and that in torch's own format, which itself checks nothing:
torch loads a flipped bit, and copying into a tensor broadcasts a wrong shape.
"""

import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_zoo.engine import TrainState
from gan_zoo.errors import UserError
from gan_zoo.files import kind, reason, replacing, shown

MAGIC = b"gan-zoo checkpoint\n"
DIGEST = hashlib.sha256().digest_size
MAY_CHANGE = ("step",)
"""Plain numbers of a state that training changes; all others are settings of the run."""


class CheckpointError(UserError):
    """A checkpoint that cannot be gone on from; the message names the file and says why."""


def save_checkpoint(path: Path, state: TrainState, key: str, record: str, extra: dict[str, Any]) -> None:
    """Write `state` and `extra` (plain data) under the run's `key` and the run in the record that it belongs to.

    Raises: UserError where nothing can be written there.
    """
    buffer = io.BytesIO()
    torch.save({"key": key, "record": record, "state": state.to_dict(), "extra": extra}, buffer)
    content = buffer.getvalue()
    with replacing(path) as partial:
        partial.write_bytes(MAGIC + hashlib.sha256(content).digest() + content)


def load_checkpoint(path: Path, state: TrainState, key: str, record: str, steps: int) -> dict[str, Any]:
    """Restore `state`, fresh and of a run of so many `steps`, in place from `path`; the extra data.

    Raises: CheckpointError where the file is damaged or altered, has nothing left to train, or belongs to another run
    or another place in the record. `state` is then as it was.
    """
    content = verified(path)
    if content["key"] != key:
        raise CheckpointError(f"{shown(path)}: of another run ({content['key']!r:.50}, not {key})")
    if content["record"] != record:
        raise CheckpointError(f"{shown(path)}: its run is not in this record ({content['record']!r:.50}, not {record})")
    difference = first_difference(state.form, content["state"], "state")
    if difference:
        raise CheckpointError(f"{shown(path)}: not a state of this run ({difference})")
    step = content["state"]["step"]
    if not 0 <= step < steps:
        raise CheckpointError(f"{shown(path)}: of step {step}, which leaves nothing to train of {steps}")
    state.load(content["state"])
    extra: dict[str, Any] = content["extra"]
    return extra


def verified(path: Path) -> dict[str, Any]:
    """The verified content of a file. Raises: CheckpointError where that is not, bit for bit, what was written."""
    try:
        if not (path.is_file() or path.is_dir()):  # opening a pipe would wait for its other end
            raise CheckpointError(f"{shown(path)}: {kind(path)}, not a checkpoint")
        content = path.read_bytes()
    except OSError as failure:
        raise CheckpointError(f"{shown(path)}: cannot be read ({reason(failure)})") from None
    start = len(MAGIC) + DIGEST
    if content[: len(MAGIC)] != MAGIC:
        raise CheckpointError(f"{shown(path)}: damaged, or not a checkpoint of this version")
    if hashlib.sha256(content[start:]).digest() != content[len(MAGIC) : start]:
        raise CheckpointError(f"{shown(path)}: damaged or altered (its hash is another)")
    try:
        with warnings.catch_warnings(action="ignore"):  # what torch says of what is refused below
            loaded = torch.load(io.BytesIO(content[start:]), map_location="cpu", weights_only=True)
    except Exception as failure:
        raise CheckpointError(f"{shown(path)}: cannot be read ({type(failure).__name__})") from None
    missing = {"key", "record", "state", "extra"} - set(loaded if isinstance(loaded, dict) else ())
    if missing:
        raise CheckpointError(f"{shown(path)}: lacks {', '.join(sorted(missing))}")
    return dict(loaded)


def first_difference(own: Any, other: Any, place: str) -> str:
    """Where `other` cannot be put in the place of `own`: in a key, a type, a tensor's shape, a setting; else ""."""
    if isinstance(own, Tensor):
        if not isinstance(other, Tensor):
            return f"{place} is no tensor"
        ours, theirs = map(_form, (own, other))
        return "" if ours == theirs else f"{place} is {theirs}, not {ours}"
    if type(own) is not type(other):
        return f"{place} is {other!r:.50}, not a {type(own).__name__}"
    if isinstance(own, dict):
        if own.keys() != other.keys():
            return f"{place} has other entries"
        parts = [(own[key], other[key], f"{place}.{key}") for key in own]
    elif isinstance(own, list | tuple):
        if len(own) != len(other):
            return f"{place} has {len(other)} entries, not {len(own)}"
        parts = [(*pair, f"{place}.{i}") for i, pair in enumerate(zip(own, other, strict=True))]
    else:
        changed = own != other and place.rpartition(".")[2] not in MAY_CHANGE
        return f"{place} is {other!r:.50}, not {own!r:.50}" if changed else ""
    return next(filter(None, (first_difference(*part) for part in parts)), "")


def _form(tensor: Tensor) -> str:
    """The shape and type of a tensor, and what keeps it from being copied: that it is sparse, or has no content."""
    layout = "" if tensor.layout == torch.strided else f" {tensor.layout}"
    return f"{tuple(tensor.shape)} {tensor.dtype}{layout}{' without content' * tensor.is_meta}"
