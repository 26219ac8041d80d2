"""A training state to disk and back, atomically: either the whole new file is there or the whole old one."""

import os
from pathlib import Path
from typing import Any

import torch

from gan_zoo.engine import TrainState
from gan_zoo.errors import UserError


def save_checkpoint(path: Path, state: TrainState, key: str, extra: dict[str, Any]) -> None:
    """Writes `state` and `extra` (plain data) under the run's `key`."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        torch.save({"key": key, "state": state.to_dict(), "extra": extra}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_checkpoint(path: Path, state: TrainState, key: str) -> dict[str, Any]:
    """Restores `state` in place from `path` and returns the extra data.

    Errors: UserError where the file is damaged or belongs to another run.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"{path}: damaged checkpoint ({type(error).__name__}); delete it to start this run anew"
        ) from None
    if content["key"] != key:
        raise UserError(
            f"{path}: the checkpoint of run {content['key']}, not of {key}; delete it to start this run anew"
        )
    state.load(content["state"])
    extra: dict[str, Any] = content["extra"]
    return extra
