"""Folders of images: what people mean is what is read, by content alone, and what is left out is told."""

import os
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gan_zoo.datasets.folder as room
from gan_zoo.datasets import Images, load_dataset
from gan_zoo.datasets.folder import SPLITS
from gan_zoo.datasets.listing import list_images
from gan_zoo.errors import UserError

ORIENTATION = 0x0112


def colours(key: int, n: int = 1, height: int = 8, width: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(key).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.squeeze()).save(path, **options)


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2)


def fill(folder: Path, *places: str, key: int = 0) -> np.ndarray:
    """Images of noise at these places under `folder`; their pixels."""
    pixels = colours(key, len(places))
    for place, image in zip(places, pixels, strict=True):
        save(folder / place, image)
    return pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.mkdir()
    return path


def load(folder: Path, image_size: int | None = None) -> Images:
    data = load_dataset("mine", root=folder.parent / "root", folder=folder, image_size=image_size)
    assert isinstance(data, Images)
    return data


def refusal(folder: Path, image_size: int | None = None) -> str:
    """The one line that a folder is refused with."""
    with pytest.raises(UserError) as caught:
        load(folder, image_size)
    assert str(caught.value).isprintable()
    return str(caught.value)


# Content alone


def test_folders_that_agree_in_names_sizes_and_times_are_told_apart(tmp_path: Path) -> None:
    loaded = []
    for name in ("bmpA", "bmpB"):
        pixels = fill(tmp_path / name, *(f"{i}.bmp" for i in range(6)), key=len(loaded))
        for file in (tmp_path / name).iterdir():
            os.utime(file, ns=(10**18, 10**18))
        data = load(tmp_path / name)
        together = torch.cat([data.train, data.test]).flatten(1).tolist()
        assert sorted(together) == sorted(tensor(pixels).flatten(1).tolist())
        loaded.append(data)
    assert loaded[0].fingerprint != loaded[1].fingerprint
    assert load(tmp_path / "bmpA").fingerprint == loaded[0].fingerprint


def test_the_same_content_elsewhere_is_the_same_data(tmp_path: Path) -> None:
    for name in ("first", "second"):
        fill(tmp_path / name, "train/a/0.png", "train/b/1.png", "train/b/2.png")
    os.rename(tmp_path / "second" / "train", tmp_path / "second" / "Training")
    assert load(tmp_path / "first").fingerprint == load(tmp_path / "second").fingerprint


def test_a_changed_label_or_split_is_other_data(folder: Path) -> None:
    fill(folder, "train/a/0.png", "train/a/1.png", "train/b/2.png", "test/a/3.png")
    seen = [load(folder).fingerprint]
    (folder / "train/a/1.png").rename(folder / "train/b/1.png")
    seen.append(load(folder).fingerprint)
    (folder / "train/b/2.png").rename(folder / "test/a/2.png")
    seen.append(load(folder).fingerprint)
    assert len(set(seen)) == 3


def test_a_folder_is_decoded_once_and_again_when_it_or_the_cache_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, *(f"{i}.png" for i in range(4)))
    save(folder / "upright.png", colours(1)[0], exif=oriented(6))
    decoded = []
    original = room.decode
    monkeypatch.setattr(room, "decode", lambda *args: decoded.append(args) or original(*args))
    first = load(folder)
    again = load(folder)
    assert (again.fingerprint, again.notes) == (first.fingerprint, ("1 image turned upright by EXIF orientation",))
    assert len(decoded) == 1
    (cached,) = (folder.parent / "root" / "folders").iterdir()
    damaged = bytearray(cached.read_bytes())
    damaged[-1] ^= 1
    for content in (bytes(damaged), bytes(damaged[: len(damaged) // 2]), b""):
        cached.write_bytes(content)
        assert load(folder).fingerprint == first.fingerprint
    assert len(decoded) == 4
    save(folder / "0.png", 255 - colours(0)[0])
    assert load(folder).fingerprint != first.fingerprint


def test_a_folder_that_changes_while_it_is_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, *(f"{i}.png" for i in range(4)))
    original = room.decode

    def decode_and_change(*args: object) -> object:
        found = original(*args)
        fill(folder, "0.png", key=7)
        return found

    monkeypatch.setattr(room, "decode", decode_and_change)
    assert "changed while it was read" in refusal(folder)
    assert not (folder.parent / "root").exists()


def test_an_unwritable_data_root_gets_one_line(folder: Path) -> None:
    fill(folder, "0.png", "1.png")
    (folder.parent / "root").write_text("a file in the way")
    assert "cannot write" in refusal(folder)


# What people see


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


UPRIGHT = {  # how a stored image is seen, by its EXIF orientation (row 0 / column 0 of the stored one are seen at ...)
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_images_are_seen_upright(orientation: int, suffix: str, folder: Path) -> None:
    stored = colours(3, 2, height=6, width=9)
    lossless = {"lossless": True, "exact": True} if suffix == "webp" else {}
    for i in range(2):
        save(folder / "train" / f"{i}.{suffix}", stored[i], exif=oriented(orientation), **lossless)
    data = load(folder)
    seen = np.stack([UPRIGHT[orientation](image) for image in stored])
    together = torch.cat([data.train, data.test]).flatten(1).tolist()
    assert data.shape == (3, 6, 9) if orientation < 5 else (3, 9, 6)
    assert sorted(together) == sorted(tensor(seen).flatten(1).tolist())
    told = "2 images turned upright by EXIF orientation" in data.notes
    assert told == (orientation > 1)


def test_transparency_is_laid_on_white(folder: Path) -> None:
    rgba = colours(4, channels=4)[0]
    rgba[0, :, 3], rgba[1, :, 3] = 0, 255
    save(folder / "train" / "0.png", rgba)
    save(folder / "train" / "1.png", rgba[..., :3])
    save(folder / "test" / "0.png", np.concatenate([rgba[..., :3], np.full((8, 8, 1), 255, np.uint8)], -1))
    data = load(folder)
    alpha = rgba[..., 3:] / 255.0
    expected = rgba[..., :3] * alpha + 255 * (1 - alpha)
    found = data.train[0].permute(1, 2, 0).numpy().astype(float)
    np.testing.assert_allclose(found, expected, atol=1)
    assert (found[0] == 255).all()
    assert np.array_equal(found[1], rgba[1, :, :3])
    assert torch.equal(data.test[0], data.train[1])
    assert data.notes == ("1 image with transparency laid on white",)


def test_grey_stays_grey_in_every_form(folder: Path) -> None:
    grey = colours(5, 1, channels=1)[0]
    save(folder / "train" / "0.png", grey)
    Image.fromarray(grey[..., 0]).convert("RGB").quantize(256).save(folder / "train" / "1.png")
    alpha = np.full((8, 8, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([grey, alpha], -1), "LA").save(folder / "train" / "2.png")
    Image.fromarray(grey[..., 0]).save(folder / "train" / "3.gif")
    Image.fromarray(grey[..., 0]).save(folder / "train" / "4.webp", lossless=True)
    data = load(folder)
    together = torch.cat([data.train, data.test])
    assert data.shape == (1, 8, 8)
    assert torch.equal(together, tensor(grey[None]).expand(5, -1, -1, -1))
    assert data.notes == ()


def test_other_forms_are_read_and_told(folder: Path) -> None:
    pixels = colours(6, 3)
    ink = Image.fromarray(pixels[0]).convert("CMYK")
    ink.save(folder / "0.tif")
    frames = [Image.fromarray(image) for image in pixels]
    frames[0].save(folder / "1.png", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "2.tif", save_all=True, append_images=frames[1:])
    data = load(folder)
    assert (torch.cat([data.train, data.test]) == tensor(pixels[:1])).all()
    assert data.notes == (
        "1 image converted from CMYK to RGB",
        "2 images with several frames or pages: the first one taken",
    )


def test_what_is_cut_is_told(folder: Path) -> None:
    save(folder / "0.png", colours(0, height=8, width=12))
    save(folder / "1.png", colours(1, height=8, width=8))
    data = load(folder, image_size=8)
    assert data.notes == ("1 image not square: cut to the central square",)
    expected = [colours(0, height=8, width=12)[:, :, 2:10], colours(1)]
    together = torch.cat([data.train, data.test]).flatten(1).tolist()
    assert sorted(together) == sorted(tensor(np.concatenate(expected)).flatten(1).tolist())


# What a folder means


@pytest.mark.parametrize(("train", "test"), [("Train", "TEST"), ("training", "Testing"), ("TRAIN", "test")])
def test_splits_are_known_in_any_capitalisation(train: str, test: str, folder: Path) -> None:
    pixels = fill(folder, f"{train}/a/0.png", f"{train}/b/1.png", f"{test}/a/2.png", f"{test}/b/3.png")
    data = load(folder)
    assert torch.equal(data.train, tensor(pixels[:2]))
    assert torch.equal(data.test, tensor(pixels[2:]))
    assert (data.train_labels.tolist(), data.test_labels.tolist()) == ([0, 1], [0, 1])
    assert data.notes == ()


def test_a_validation_split_is_held_out_or_named(folder: Path) -> None:
    pixels = fill(folder, "train/0.png", "train/1.png", "Val/2.png", "notes.png")
    data = load(folder)
    assert torch.equal(data.test, tensor(pixels[2:3]))
    assert data.notes == (
        "held-out split: 1 image of Val/",
        "1 image beside the splits left out (in no subfolder)",
    )
    more = fill(folder, "test/3.png", "extra/4.png", "extra/x/5.png", key=1)
    data = load(folder)
    assert torch.equal(data.test, tensor(more[:1]))
    assert data.notes == (
        "1 image of Val/ left out: test/ is the held-out split",
        "3 images beside the splits left out (extra/, in no subfolder)",
    )


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (["train/0.png", "Train/1.png"], "Train/ and train/ in"),
        (["train/0.png", "val/1.png", "valid/2.png"], "val/ and valid/ in"),
        (["test/0.png", "test/1.png"], "no images in train/"),
        (["train/0.png", "train/1.png", "bus/2.png"], "train/ beside bus: a split or a class?"),
        (["data/train/0.png", "data/test/1.png"], "data holds splits (test, train)"),
        (["a/Train/0.png", "a/val/1.png", "b/train/2.png"], "a holds splits (Train, val)"),
        (["a/b/train/0.png", "a/b/test/x/1.png"], "a/b holds splits (test, train)"),
        (["a/trainA/0.png", "a/testA/1.png"], "a holds splits (testA, trainA)"),
        (["cats_train/0.png", "cats_test/1.png"], "cats_test, cats_train in"),
        (["trainA/0.png", "trainB/1.png", "testA/2.png"], "splits or classes? Call splits train/ and "),
        (["TRAIN2017/0.png", "val2017/1.png", "2.png"], "splits or classes?"),
        (["train/a/0.png", "train/b/1.png", "test/c/2.png"], "none of the class folders a, b"),
        (["a/0.png", "b/1.png", "2.png"], "2.png is in none of the class folders a, b"),
        (["train/0.png"], "holds 1 image"),
        ([], "holds 0 images"),
    ],
)
def test_what_can_be_meant_in_two_ways_is_refused(places: list[str], message: str, folder: Path) -> None:
    fill(folder, *places)
    assert message in refusal(folder)


def test_classes_may_be_called_like_one_split(folder: Path) -> None:
    """Without a second one nothing is merged, nor where a name is of both."""
    fill(folder, "trained/0.png", "steam-train/1.png", "train_or_test/2.png", "contest/3.png")
    assert load(folder).classes == 4


def test_class_folders_may_be_links(folder: Path) -> None:
    pixels = fill(folder.parent / "elsewhere", "0.png", "1.png")
    fill(folder, "train/b/2.png", key=1)
    (folder / "train" / "a").symlink_to(folder.parent / "elsewhere")
    (folder / "test").symlink_to(folder / "train")
    data = load(folder)
    assert torch.equal(data.train[:2], tensor(pixels))
    assert data.train_labels.tolist() == [0, 0, 1]
    assert torch.equal(data.test, data.train)


def test_links_back_are_not_followed(folder: Path) -> None:
    fill(folder, "a/0.png", "b/1.png", "b/2.png")
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "b" / "self").symlink_to(folder / "b")
    (folder / "b" / "out").symlink_to("../..")
    fill(folder.parent / "beside", "9.png")
    data = load(folder)
    assert len(data.train) + len(data.test) == 3
    assert data.notes == ("3 links back to a folder above not followed (a/loop, b/out, b/self)",)


def test_an_orientation_that_is_no_number_turns_nothing(folder: Path) -> None:
    (pixels,) = fill(folder, "0.png", key=1)
    as_text = struct.pack("<2sHIHHHI4sI", b"II", 42, 8, 1, ORIENTATION, 2, 2, b"6", 0)
    save(folder / "1.png", pixels, exif=b"Exif\0\0" + as_text)
    data = load(folder)
    assert torch.equal(data.train, data.test)
    assert data.notes == ()


def test_what_is_hidden_or_of_another_kind_is_left_out_and_told(folder: Path) -> None:
    fill(folder, "a/0.png", "b/1.png", ".ipynb_checkpoints/0-checkpoint.png", ".ipynb_checkpoints/x/2.png", "a/._0.png")
    fill(folder, "__MACOSX/a/0.png", "$RECYCLE.BIN/1.png", "#recycle/a/2.png")
    (folder / ".DS_Store").write_text("")
    (folder / "labels.csv").write_text("")
    (folder / "photo.heic").write_text("")
    (folder / "LICENSE").write_text("")
    (folder / "c").mkdir()
    os.mkfifo(folder / "pipe.png")
    data = load(folder)
    assert len(data.train) + len(data.test) == 2
    assert data.classes == 2
    assert data.notes == (
        "6 hidden images left out (#recycle, $RECYCLE.BIN, ._0.png, .ipynb_checkpoints, __MACOSX)",
        "4 files of other kinds left out (.csv, .heic, no suffix, special .png)",
        "1 folder without images left out (c/)",
    )


def test_images_in_deeper_folders_count_to_their_class(folder: Path) -> None:
    fill(folder, "a/0.png", "a/x/1.png", "b/y/z/2.png")
    data = load(folder)
    assert sorted(torch.cat([data.train_labels, data.test_labels]).tolist()) == [0, 0, 1]
    assert data.notes == ("2 images in subfolders of their class folders",)


def test_one_class_folder_gives_no_labels_and_says_so(folder: Path) -> None:
    fill(folder, "a/0.png", "a/1.png")
    data = load(folder)
    assert data.train_labels is None
    assert data.notes == ("2 images in fewer than two class folders: no labels",)


def test_a_home_directory_is_put_in_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, "0.png", "1.png")
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(load_dataset("mine", root=folder.parent, folder=Path("~/f")).train) == 1
    with pytest.raises(UserError, match="home directory is not known"):
        load_dataset("mine", root=folder.parent, folder=Path("~nobody-of-this-name/f"))


def test_a_folder_may_not_take_a_name_that_means_something(folder: Path) -> None:
    fill(folder, "0.png", "1.png")
    for name in ("digits", "swissroll", "inception"):
        with pytest.raises(UserError, match="needs a name of its own"):
            load_dataset(name, root=folder.parent, folder=folder)


def test_split_names_are_no_class_names_by_accident() -> None:
    assert set(SPLITS.values()) == {"train", "test", "val"}
    assert all(SPLITS[role] == role for role in set(SPLITS.values()))


# What cannot be read


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file of what its header says, with these rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


WHOLE = png(8, 8, 8, 2, b"".join(b"\0" + bytes(24) for _ in range(8)))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.png", b"", "(an empty file); mend or remove it"),
        ("text.jpg", b"not an image", "(no image, or a damaged one)"),
        ("script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "(no image, or a damaged one)"),
        ("short.png", WHOLE[:-30], "cannot read the image"),
        ("bomb.png", png(20_000, 20_000, 8, 2, b""), "more pixels than the 100 megapixels that are read"),
        ("large.png", png(10_001, 10_000, 8, 0, b""), "more pixels than the 100 megapixels that are read"),
        ("deep.png", png(8, 8, 16, 2, bytes(49 * 8)), "more than 8 bits a channel"),
        ("deepgrey.png", png(8, 8, 16, 0, bytes(17 * 8)), "more than 8 bits a channel"),
        ("a\nb\udcff.png", b"", r"a\nb\xff.png"),
    ],
)
def test_an_image_that_cannot_be_read_gets_one_line(name: str, content: bytes, message: str, folder: Path) -> None:
    fill(folder, "0.png", "1.png")
    Path(os.fsdecode(os.fsencode(folder / name))).write_bytes(content)
    assert message in refusal(folder)


def test_names_that_are_no_text_are_read(folder: Path) -> None:
    pixels = fill(folder, *(f"{name}.png" for name in ("\udcff\udcfe", "a b", "-", "\n", "\u202e", "é", "%20?#")))
    data = load(folder)
    together = torch.cat([data.train, data.test]).flatten(1).tolist()
    assert sorted(together) == sorted(tensor(pixels).flatten(1).tolist())


def test_a_link_to_nothing_is_refused(folder: Path) -> None:
    fill(folder, "a/0.png", "b/1.png")
    (folder / "c").symlink_to(folder / "gone")
    assert "/f/c is a link to nothing" in refusal(folder)
    (folder / "c").unlink()
    (folder / "c").symlink_to(folder / "c")
    assert "/f/c is a link to nothing" in refusal(folder)
    (folder / "c").rename(folder / ".c")
    load(folder)


def test_bounds_are_kept_and_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gan_zoo.datasets.listing as listing
    import gan_zoo.datasets.pictures as pictures

    fill(folder, *(f"{i}.png" for i in range(5)))
    monkeypatch.setattr(listing, "MAX_FILES", 4)
    assert "more than the 4 files in 100,000 folders that are read" in refusal(folder)
    monkeypatch.setattr(listing, "MAX_FILES", 5)
    assert len(list_images(folder).images) == 5
    monkeypatch.setattr(pictures, "MAX_TOTAL_GIB", 5 * 3 * 64 / 2**30)
    load(folder)
    (folder.parent / "root").rename(folder.parent / "kept")
    monkeypatch.setattr(pictures, "MAX_TOTAL_GIB", (5 * 3 * 64 - 1) / 2**30)
    assert "5 images of 8x8 pixels take" in refusal(folder)
    monkeypatch.setattr(pictures, "MAX_FILE_GIB", 10 / 2**30)
    assert "is larger than the" in refusal(folder)


def test_a_tangle_of_links_ends_at_the_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty folders, each with two links to the next, are 2^30 ways down."""
    monkeypatch.setattr("gan_zoo.datasets.listing.MAX_FOLDERS", 2000)
    places = [folder / f"{i:02}" for i in range(30)]
    for place in places:
        place.mkdir()
    for here, below in pairwise(places):
        for name in "ab":
            (here / name).symlink_to(below)
    assert "more than the 5,000,000 files in 2,000 folders" in refusal(folder)
