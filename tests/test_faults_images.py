"""The fault suite's part on images: each hostile folder ends in the right tensors and notes, or in one clear line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import Hostile, Seen, compose

from benchmarks.cli import main
from gan_zoo.datasets import Images, load_dataset, read_images
from gan_zoo.errors import UserError

FAST = range(12)
ALL = [pytest.param(key, marks=[] if key in FAST else pytest.mark.faults) for key in range(100)]


def matches(seen: Seen, image: torch.Tensor) -> bool:
    """Whether an image (C, H, W) is what is to be seen."""
    expected = np.broadcast_to(seen.pixels.transpose(2, 0, 1), image.shape).astype(int)
    return bool((np.abs(expected - image.numpy().astype(int)) <= seen.rounding).all())


def expect_in_order(seen: Sequence[Seen], images: torch.Tensor) -> None:
    assert len(seen) == len(images)
    assert all(matches(each, image) for each, image in zip(seen, images, strict=True))


def expect_somewhere(seen: Sequence[Seen], images: torch.Tensor) -> None:
    assert len(seen) == len(images)
    assert all(any(matches(each, image) for image in images) for each in seen)


def expect_notes(made: Hostile, notes: Sequence[str]) -> None:
    """Each kind that there is has one note with its count, and no other kind has one."""
    for kind, count in made.told.items():
        (note,) = [note for note in notes if kind in note]
        assert note.startswith(f"{count} ")
    assert all(note.isprintable() for note in notes)
    kinds = [*made.told, "held-out split: ", "no labels"]
    assert [note for note in notes if not any(kind in note for kind in kinds)] == []


def in_split(made: Hostile, *names: str) -> list[Seen]:
    """The files in the split of one of these names, as the reader orders it."""
    return sorted((s for s in made.seen if s.place[0].lower() in names), key=lambda s: made.folder.joinpath(*s.place))


@pytest.mark.parametrize("key", ALL)
def test_a_hostile_folder_is_read_right_or_refused_in_one_line(key: int, tmp_path: Path) -> None:
    made = compose(tmp_path / "folder", key)
    if made.fault is not None:
        with pytest.raises(UserError) as caught:
            load_dataset("hostile", root=tmp_path, folder=made.folder)
        assert made.fault in str(caught.value)
        assert str(caught.value).isprintable()
        return
    first = load_dataset("hostile", root=tmp_path, folder=made.folder)
    again = load_dataset("hostile", root=tmp_path, folder=made.folder)
    for data in (first, again):
        assert isinstance(data, Images)
        assert data.shape[0] == max(seen.pixels.shape[-1] for seen in made.seen)
        expect_notes(made, data.notes)
        train = in_split(made, "train", "training")
        if train:
            expect_in_order(train, data.train)
            expect_in_order(in_split(made, "test", "val", "validation"), data.test)
        else:
            expect_somewhere(made.seen, torch.cat([data.train, data.test]))
        classes = {seen.place[:-1][-1] for seen in made.seen if len(seen.place) > (2 if train else 1)}
        assert data.classes == (len(classes) if len(classes) > 1 else None)
    assert first.fingerprint == again.fingerprint


@pytest.mark.parametrize("key", ALL)
def test_a_hostile_folder_to_be_scored_gives_all_images_or_one_line(key: int, tmp_path: Path) -> None:
    made = compose(tmp_path / "folder", key)
    if made.fault is not None:
        with pytest.raises(UserError) as caught:
            read_images(made.folder, (3, 8, 8))
        assert made.fault in str(caught.value)
        assert str(caught.value).isprintable()
        return
    pictures = read_images(made.folder, (3, 8, 8))
    expect_in_order(sorted(made.seen, key=lambda seen: made.folder.joinpath(*seen.place)), pictures.pixels)
    expect_notes(made, pictures.notes)


@pytest.mark.parametrize("key", [pytest.param(key, marks=pytest.mark.faults) for key in range(100, 200)])
def test_the_command_line_scores_a_hostile_folder_or_refuses_it_in_one_line(
    key: int, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = compose(tmp_path / "folder", key, grey=True)
    root = tmp_path_factory.getbasetemp() / "root"
    asked = ["--reference", "digits", "--metrics", "fid_digits", "--device", "cpu", "--data", str(root)]
    code = main(["score", "--images", str(made.folder), *asked])
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert all(line.startswith("gan-zoo: ") and line.isprintable() for line in lines)
    if made.fault is None:
        assert (code, len(lines)) == (0, len(made.told))
        assert f"{len(made.seen)} samples against digits" in out
    else:
        assert (code, len(lines), out) == (2, 1, "")
        assert made.fault in err
