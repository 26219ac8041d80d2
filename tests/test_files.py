"""Files: whole or not at all, and what is kept on disk is never trusted beyond its own hash."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from gan_zoo.errors import UserError
from gan_zoo.files import read_array, read_json, shown, write_array
from gan_zoo.tensors import hash_tensors, read_tensors, write_tensors


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "x.safetensors"
    write_tensors(path, "about", {"x": torch.arange(6.0).view(2, 3), "y": torch.zeros(2).long()}, {"n": [1, "two"]})
    return path


def test_tensors_and_card_come_back(kept: Path) -> None:
    tensors, card = read_tensors(kept, "about")
    assert torch.equal(tensors["x"], torch.arange(6.0).view(2, 3))
    assert tensors["y"].dtype == torch.int64
    assert card == {"n": [1, "two"]}
    assert [file.name for file in kept.parent.iterdir()] == [kept.name]


def test_no_flipped_bit_and_no_shortened_file_is_believed(kept: Path) -> None:
    whole = kept.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        kept.write_bytes(damaged)
        assert read_tensors(kept, "about") is None
        kept.write_bytes(whole[:place])
        assert read_tensors(kept, "about") is None
    kept.write_bytes(whole)
    assert read_tensors(kept, "about") is not None


def test_what_is_about_something_else_or_was_put_together_by_hand_is_not_believed(kept: Path) -> None:
    assert read_tensors(kept, "something else") is None
    with safe_open(kept, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(kept)
    for changed in ({"about": "something else"}, {"card": "{}"}, {"hash": hash_tensors(tensors)}):
        save_file(tensors, kept, metadata=metadata | changed)
        assert read_tensors(kept, "something else") is None
        assert read_tensors(kept, "about") is None
    save_file(tensors, kept)
    assert read_tensors(kept, "about") is None
    save_file(tensors | {"z": torch.zeros(1)}, kept, metadata=metadata)
    assert read_tensors(kept, "about") is None


def test_a_place_that_cannot_be_written_gets_one_line_and_no_leftover(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "folder", tmp_path / "file" / "below", Path("/proc/nowhere/x")):
        with pytest.raises(UserError, match=r"cannot write .*; choose a folder that can be written$"):
            write_tensors(path, "about", {"x": torch.zeros(3)}, {})
    assert sorted(tmp_path.iterdir()) == [tmp_path / "file", tmp_path / "folder"]


def test_many_writers_of_one_file_leave_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "tensors.safetensors"
    tensors = {"x": torch.arange(50_000.0)}

    def write_and_read(_: int) -> bool:
        write_tensors(path, "about", tensors, {})
        found = read_tensors(path, "about")
        return found is not None and torch.equal(found[0]["x"], tensors["x"])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(64)))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_path_is_shown_on_one_line() -> None:
    assert shown(Path("a/é b.png")) == "a/é b.png"
    assert shown(Path("a\nb\t\x1b[31m\udcff")) == "a\\nb\\t\\x1b[31m\\xff"


def test_an_array_comes_back_or_is_no_array(tmp_path: Path) -> None:
    array, path = np.arange(6.0).reshape(2, 3), tmp_path / "x.npy"
    write_array(path, array)
    assert np.array_equal(read_array(path), array)
    assert [file.name for file in tmp_path.iterdir()] == ["x.npy"]
    whole = path.read_bytes()
    for end in (0, 5, 60, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert read_array(path) is None
    path.unlink()
    assert read_array(path) is None


@pytest.mark.parametrize(
    ("content", "refusal"),
    [(b"{", "not JSON"), (b"\xff", "not UTF-8"), (b"[Infinity]", "not JSON"), (b"[" * 100_000, "not JSON")],
)
def test_what_is_no_json_is_one_clear_line(tmp_path: Path, content: bytes, refusal: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"x.json: {refusal}") as refused:
        read_json(path, 200_000)
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match="larger than 0 bytes"):
        read_json(path, 0)
    with pytest.raises(UserError, match="not a file"):
        read_json(tmp_path, 10)
