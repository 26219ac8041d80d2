"""Checkpoints: what is not bit for bit what this very run wrote is refused in one line, and the run starts anew."""

import hashlib
import io
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import damaged

from gan_zoo.checkpoint import MAGIC, CheckpointError, load_checkpoint, save_checkpoint, verified
from gan_zoo.datasets import load_dataset
from gan_zoo.rng import Rng
from gan_zoo.spec import run_spec
from gan_zoo.trainer import Run, initial_state, prepare, train

SPEC = {
    "loss": "wgan-gp",
    "dataset": "8gaussians",
    "architecture": {"name": "mlp", "width": 4, "depth": 1},
    "train": {"steps": 9, "batch_size": 4, "n_critic": 1, "optimizer": {"name": "adam", "lr": 1e-3}},
    "evaluate": {"every": 9, "samples": 10},
}


@pytest.fixture(scope="module")
def run() -> Run:
    return prepare(run_spec(SPEC), load_dataset("8gaussians", root=Path("unused")))


@pytest.fixture
def path(run: Run, tmp_path: Path) -> Path:
    """The checkpoint of the run "k" at its step 5, of the run "r" in the record."""
    state = initial_state(run)
    iterations = train(run, state)
    for _ in range(5):
        next(iterations)
    save_checkpoint(tmp_path / "checkpoint.pt", state, "k", "r", {"seconds": 1.5})
    return tmp_path / "checkpoint.pt"


def refused(path: Path, run: Run, **changes: Any) -> str:
    """Why the checkpoint is not taken; the state stays that before the first step, bit for bit."""
    state = initial_state(run)
    before = plain(state.to_dict())
    with warnings.catch_warnings(action="error"), pytest.raises(CheckpointError) as refusal:
        load_checkpoint(path, state, **{"key": "k", "record": "r", "steps": 9, **changes})
    assert plain(state.to_dict()) == before
    text = str(refusal.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def plain(content: Any) -> Any:
    """Nested data with the bytes of its tensors in their place: equal where all bits are."""
    if isinstance(content, torch.Tensor):
        return tuple(content.shape), str(content.dtype), content.numpy().tobytes()
    if isinstance(content, dict):
        return {key: plain(value) for key, value in content.items()}
    return [plain(value) for value in content] if isinstance(content, list) else content


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The file with other content and the hash of that: what a program, not an accident, would leave."""
    content = verified(path)
    change(content)
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(MAGIC + hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())


def test_what_was_saved_is_loaded_bit_for_bit(run: Run, path: Path) -> None:
    state = initial_state(run)
    assert load_checkpoint(path, state, "k", "r", 9) == {"seconds": 1.5}
    assert state.step == 5
    assert plain(verified(path)["state"]) == plain(state.to_dict())
    assert [each.name for each in path.parent.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("count", [25, pytest.param(400, marks=pytest.mark.faults)])
def test_every_damage_is_found(run: Run, path: Path, count: int) -> None:
    original = path.read_bytes()
    for kind, place, more in Rng(12, "mutations").integers(2**31, (count, 3)).tolist():
        content = damaged(original, kind, place, more)
        assert content != original
        path.write_bytes(content)
        assert "damaged" in refused(path, run)


@pytest.mark.parametrize("content", [b"", b"PK", MAGIC, MAGIC + bytes(32), MAGIC * 9], ids=str)
def test_what_is_no_checkpoint_is_refused(run: Run, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path, run)


def test_a_checkpoint_of_torch_alone_is_refused(run: Run, path: Path) -> None:
    torch.save({"key": "k", "state": initial_state(run).to_dict(), "extra": {}}, path)
    assert refused(path, run) == "damaged, or not a checkpoint of this version"


def test_a_folder_in_its_place_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").mkdir()
    assert refused(tmp_path / "checkpoint.pt", run) == "cannot be read (Is a directory)"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_its_place_is_refused_and_not_waited_for(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checkpoint.pt")
    assert refused(tmp_path / "checkpoint.pt", run) == "neither file nor folder, not a checkpoint"


def test_a_link_to_nothing_in_its_place_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").symlink_to("gone")
    assert refused(tmp_path / "checkpoint.pt", run) == "a link to nothing, not a checkpoint"


def test_another_run_is_refused(run: Run, path: Path) -> None:
    assert refused(path, run, key="other") == "of another run ('k', not other)"
    assert refused(path, run, record="s") == "its run is not in this record ('r', not s)"


@pytest.mark.parametrize("step", [-1, 9, 10, 10**30])
def test_a_step_that_cannot_be_is_refused(run: Run, path: Path, step: int) -> None:
    rewritten(path, lambda content: content["state"].update(step=step))
    assert refused(path, run) == f"of step {step}, which leaves nothing to train of 9"


def weight(content: dict[str, Any]) -> dict[str, Any]:
    nets: dict[str, Any] = content["state"]["critic"]
    return nets


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "broadcasts": (
        lambda content: weight(content).update({name: w[:1] for name, w in weight(content).items()}),
        r"state\.critic\.\S+ is \(1, 2\) torch.float32, not \(4, 2\) torch.float32",
    ),
    "scalar": (
        lambda content: weight(content).update({name: torch.tensor(0.0) for name in weight(content)}),
        r"is \(\) torch.float32",
    ),
    "double": (
        lambda content: weight(content).update({name: w.double() for name, w in weight(content).items()}),
        "torch.float64, not",
    ),
    "sparse": (
        lambda content: weight(content).update({name: w.to_sparse() for name, w in weight(content).items()}),
        r"is \(4, 2\) torch.float32 torch.sparse_coo, not \(4, 2\) torch.float32\)$",
    ),
    "no content": (
        lambda content: weight(content).update({name: w.to("meta") for name, w in weight(content).items()}),
        r"is \(4, 2\) torch.float32 without content, not \(4, 2\) torch.float32\)$",
    ),
    "no net": (lambda content: content["state"].pop("critic"), "state has other entries"),
    "no tensor": (
        lambda content: weight(content).update(dict.fromkeys(weight(content), 1.0)),
        "is no tensor",
    ),
    "step as text": (lambda content: content["state"].update(step="5"), "state.step is '5', not a int"),
    "step as bool": (lambda content: content["state"].update(step=True), "state.step is True, not a int"),
    "betas": (
        lambda content: content["state"]["critic_optimizer"]["param_groups"][0].update(betas=(0.1, 0.2)),
        r"param_groups\.0\.betas\.0 is 0\.1, not",
    ),
    "no group": (
        lambda content: content["state"]["critic_optimizer"].update(param_groups=[]),
        "param_groups has 0 entries, not 1",
    ),
}


@pytest.mark.parametrize("kind", ALTERED)
def test_a_state_of_another_form_is_refused(run: Run, path: Path, kind: str) -> None:
    change, message = ALTERED[kind]
    rewritten(path, change)
    assert re.search(message, refused(path, run))


def test_a_file_that_lacks_a_part_is_refused(run: Run, path: Path) -> None:
    rewritten(path, lambda content: content.pop("record"))
    assert refused(path, run) == "lacks record"
