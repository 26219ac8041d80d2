"""The data sets: published constants, kept-apart splits, keyed order, folders and messages."""

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_zoo.datasets import DATASETS, GaussianMixture, Images, Points, SwissRoll, load_dataset, read_images
from gan_zoo.datasets.images import resize
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng


def mixture(name: str) -> GaussianMixture:
    dataset = load_dataset(name, root=Path())
    assert isinstance(dataset, GaussianMixture)
    return dataset


def test_eight_gaussians_have_the_papers_constants() -> None:
    data = mixture("8gaussians")
    r = 2 / 1.414
    expected = {(r, 0), (-r, 0), (0, r), (0, -r)}
    expected |= {(i * r / math.sqrt(2), j * r / math.sqrt(2)) for i in (-1, 1) for j in (-1, 1)}
    assert data.std == pytest.approx(0.02 / 1.414, rel=1e-12)
    for mode in expected:
        assert (data.modes - torch.tensor(mode)).norm(dim=1).min() < 1e-6
    assert data.modes.shape == (8, 2)


def test_twenty_five_gaussians_have_the_papers_constants() -> None:
    data = mixture("25gaussians")
    expected = sorted((2 * i / 2.828, 2 * j / 2.828) for i in range(-2, 3) for j in range(-2, 3))
    torch.testing.assert_close(torch.tensor(sorted(data.modes.tolist())), torch.tensor(expected))
    assert data.std == pytest.approx(0.05 / 2.828, rel=1e-12)


@pytest.mark.parametrize("name", ["8gaussians", "25gaussians"])
def test_mixture_samples_follow_their_density(name: str) -> None:
    data = mixture(name)
    x = data.sample(Rng(3, "test"), 40_000)
    distance, nearest = torch.cdist(x, data.modes).min(dim=1)
    counts = torch.bincount(nearest, minlength=len(data.modes)) / len(x)
    assert (counts - 1 / len(data.modes)).abs().max() < 0.01
    assert distance.square().mean().item() == pytest.approx(2 * data.std**2, rel=0.03)
    entropy = math.log(len(data.modes)) + 1 + math.log(2 * math.pi * data.std**2)
    assert -data.log_density(x).mean().item() == pytest.approx(entropy, abs=0.03)


def test_swiss_roll_has_the_moments_of_scikit_learns() -> None:
    from sklearn.datasets import make_swiss_roll

    ours = load_dataset("swissroll", root=Path()).stream(0, 0, 100_000).double().numpy()
    theirs = make_swiss_roll(100_000, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    np.testing.assert_allclose(ours.mean(0), theirs.mean(0), atol=0.02)
    np.testing.assert_allclose(np.cov(ours.T), np.cov(theirs.T), atol=0.02)
    radii = [np.quantile(np.hypot(*x.T), np.linspace(0.01, 0.99, 9)) for x in (ours, theirs)]
    np.testing.assert_allclose(radii[0], radii[1], rtol=0.02)


def test_the_swiss_rolls_density_is_its_integral() -> None:
    from scipy.integrate import quad

    data, std = SwissRoll(), 0.25 / 7.5

    def integrand(u: float, x: np.ndarray) -> float:
        t = 1.5 * math.pi * (1 + 2 * u)
        squared = (x[0] - t * math.cos(t) / 7.5) ** 2 + (x[1] - t * math.sin(t) / 7.5) ** 2
        return math.exp(-squared / (2 * std**2)) / (2 * math.pi * std**2)

    for u, off in ((0.0, 0.0), (0.2, 0.05), (0.5, -0.1), (0.77, 0.0), (1.0, 0.02)):
        t = 1.5 * math.pi * (1 + 2 * u)
        x = np.array([t * math.cos(t), t * math.sin(t)]) / 7.5 + off
        expected = sum(quad(integrand, a / 64, (a + 1) / 64, args=(x,))[0] for a in range(64))
        found = data.log_density(torch.tensor(x)[None]).exp().item()
        assert found == pytest.approx(expected, rel=5e-3 if u in (0, 1) else 1e-8)


def test_the_swiss_rolls_density_is_that_of_its_samples() -> None:
    data = SwissRoll()
    x = data.sample(Rng(1, "test"), 40_000)
    edges = np.linspace(-2.2, 2.2, 12)
    share = np.histogram2d(*x.numpy().T, bins=(edges, edges))[0] / len(x)
    fine = (torch.arange(110, dtype=torch.float64) + 0.5) * (4.4 / 110) - 2.2
    p = data.log_density(torch.cartesian_prod(fine, fine)).exp().reshape(11, 10, 11, 10).sum((1, 3)) * (4.4 / 110) ** 2
    assert p.sum().item() == pytest.approx(share.sum(), abs=2e-3)
    np.testing.assert_allclose(p.numpy(), share, atol=0.006)


@pytest.mark.parametrize("name", ["8gaussians", "25gaussians", "swissroll"])
def test_blocks_of_points_are_keyed(name: str) -> None:
    data = load_dataset(name, root=Path())
    assert torch.equal(data.stream(1, 5, 64), data.stream(1, 5, 64))
    assert not torch.equal(data.stream(1, 5, 64), data.stream(2, 5, 64))
    assert not torch.equal(data.stream(1, 5, 64), data.stream(1, 6, 64))
    assert data.stream(1, 5, 64).dtype == torch.float32
    assert data.to("cpu").fingerprint == data.fingerprint


def test_fingerprints_differ_between_distributions() -> None:
    fingerprints = {load_dataset(name, root=Path()).fingerprint for name in ("8gaussians", "25gaussians", "swissroll")}
    assert len(fingerprints) == 3


def test_digits_are_scikit_learns_with_a_held_out_split(digits: Images) -> None:
    from sklearn.datasets import load_digits

    source = load_digits()
    assert digits.train.shape == (1500, 1, 8, 8)
    assert digits.test.shape == (297, 1, 8, 8)
    assert digits.train.dtype == torch.uint8
    assert digits.classes == 10
    ours = torch.cat([digits.train, digits.test]).flatten(1).tolist()
    labels = torch.cat([digits.train_labels, digits.test_labels]).tolist()
    expected = [
        ([int(v * 255 / 16 + 0.5) for v in image], int(label))
        for image, label in zip(source.data, source.target, strict=True)
    ]
    assert sorted(zip(ours, labels, strict=True)) == sorted(expected)


def test_each_epoch_shows_every_training_image_once(digits: Images) -> None:
    n = len(digits.train)
    order = digits.order(7, 0, 3 * n).view(3, n)
    for epoch in order:
        assert torch.equal(epoch.sort().values, torch.arange(n))
    assert not torch.equal(order[0], order[1])
    assert not torch.equal(order[0], digits.order(8, 0, n))


def test_blocks_of_images_follow_from_their_number(digits: Images) -> None:
    count = 640
    blocks = torch.cat([digits.stream(7, block, count) for block in range(6)])
    straight = digits.train[digits.order(7, 0, 6 * count)].float() / 127.5 - 1
    assert torch.equal(blocks, straight)
    assert (straight.min().item(), straight.max().item()) == (-1, 1)


def test_moving_keeps_everything(digits: Images) -> None:
    moved = digits.to("cpu")
    assert moved.fingerprint == digits.fingerprint
    assert torch.equal(moved.train, digits.train)
    assert torch.equal(moved.test_labels, digits.test_labels)


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_idx_files_are_read_without_a_download(name: str, folder: str, tmp_path: Path) -> None:
    raw = tmp_path / folder / "raw"
    raw.mkdir(parents=True)
    images = np.arange(30 * 28 * 28).reshape(30, 28, 28) % 251
    for prefix, count in (("train", 30), ("t10k", 7)):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images[:count])
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(count) % 10)
    data = load_dataset(name, root=tmp_path, download=False)
    assert isinstance(data, Images)
    assert torch.equal(data.train[:, 0], torch.from_numpy(images).to(torch.uint8))
    assert data.test_labels.tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_fashion_mnist_is_found_where_debian_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "packaged"
    packaged.mkdir()
    images = np.arange(20 * 28 * 28).reshape(20, 28, 28) % 241
    for prefix, count in (("train", 20), ("t10k", 10)):
        for kind, values in (("images-idx3", images[:count]), ("labels-idx1", np.arange(count) % 10)):
            write_idx(tmp_path / "plain", values)
            (packaged / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    monkeypatch.setattr("gan_zoo.datasets.downloads.DEBIAN_FASHION", packaged)
    for _ in range(2):
        data = load_dataset("fashion-mnist", root=tmp_path / "data", download=False)
        assert isinstance(data, Images)
        assert torch.equal(data.train[:, 0], torch.from_numpy(images).to(torch.uint8))
    (packaged / "t10k-labels-idx1-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte\.gz .*install its package again"):
        load_dataset("fashion-mnist", root=tmp_path / "other", download=False)


@pytest.mark.parametrize(
    ("name", "place"),
    [("mnist", "MNIST/raw"), ("fashion-mnist", "FashionMNIST/raw"), ("cifar10", "cifar-10-python.tar.gz")],
)
@pytest.mark.parametrize("download", [True, False])
def test_a_missing_download_says_what_to_put_where(
    name: str, place: str, download: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision.datasets.utils as utils

    def no_network(*args: object, **kwargs: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(utils, "_urlretrieve", no_network)
    monkeypatch.setattr("gan_zoo.datasets.downloads.DEBIAN_FASHION", tmp_path / "not installed")
    with pytest.raises(UserError) as caught:
        load_dataset(name, root=tmp_path, download=download)
    message = str(caught.value)
    assert "\n" not in message
    assert place in message
    assert str(tmp_path) in message


def colours(n: int, size: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, channels), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.squeeze()).save(path)


def test_a_folder_with_splits_and_classes(tmp_path: Path) -> None:
    pixels = colours(9)
    for i in range(6):
        save(tmp_path / "f" / "train" / "ab"[i % 2] / f"{i}.png", pixels[i])
    for i in range(6, 9):
        save(tmp_path / "f" / "test" / "ab"[i % 2] / f"{i}.png", pixels[i])
    data = load_dataset("mine", root=tmp_path, folder=tmp_path / "f")
    assert isinstance(data, Images)
    expected = torch.from_numpy(pixels[[0, 2, 4, 1, 3, 5]]).permute(0, 3, 1, 2)
    assert torch.equal(data.train, expected)
    assert data.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.test_labels.tolist() == [0, 0, 1]
    assert data.name == "mine"


def test_a_plain_grey_folder_is_held_out_and_unlabelled(tmp_path: Path) -> None:
    pixels = colours(24, channels=1)
    for i in range(24):
        save(tmp_path / "f" / f"{i:02}.png", pixels[i])
    data = load_dataset("mine", root=tmp_path, folder=tmp_path / "f")
    assert isinstance(data, Images)
    assert (data.train.shape, data.test.shape) == ((20, 1, 8, 8), (4, 1, 8, 8))
    assert data.train_labels is None
    assert data.classes is None
    together = sorted(torch.cat([data.train, data.test]).flatten(1).tolist())
    assert together == sorted(pixels.reshape(24, -1).tolist())


def test_images_of_different_sizes_need_image_size(tmp_path: Path) -> None:
    save(tmp_path / "f" / "0.png", colours(1, 8)[0])
    save(tmp_path / "f" / "1.png", colours(1, 12)[0])
    with pytest.raises(UserError, match=r"1\.png is 12x12 pixels, 0\.png is 8x8; set image_size"):
        load_dataset("mine", root=tmp_path, folder=tmp_path / "f")
    data = load_dataset("mine", root=tmp_path, folder=tmp_path / "f", image_size=4)
    assert data.shape == (3, 4, 4)


def test_resizing_crops_to_the_central_square_and_keeps_means() -> None:
    flat = torch.full((3, 12, 20), 200, dtype=torch.uint8)
    flat[:, :, :4] = 0
    flat[:, :, 16:] = 0
    assert torch.equal(resize(flat, 6), torch.full((3, 6, 6), 200, dtype=torch.uint8))
    ramp = torch.arange(64, dtype=torch.uint8).expand(1, 64, 64)
    expected = torch.arange(64).float().view(16, 4).mean(1)
    assert (resize(ramp, 16)[0, 8].float() - expected)[2:-2].abs().max() <= 1


def test_digits_can_be_resized(digits: Images, tmp_path: Path) -> None:
    larger = load_dataset("digits", root=tmp_path, image_size=16)
    assert larger.shape == (1, 16, 16)
    assert larger.fingerprint != digits.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "8gausians"}, "did you mean '8gaussians'"),
        ({"name": "zzz"}, "known: "),
        ({"name": "8gaussians", "image_size": 8}, "image_size is for images"),
        ({"name": "digits", "folder": Path("x")}, "needs a name of its own"),
        ({"name": "mine", "folder": Path("no-such-folder")}, "there is no folder"),
    ],
)
def test_bad_requests_get_one_line(options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_dataset(root=tmp_path, **options)
    assert "\n" not in str(caught.value)


def test_bad_folders_get_one_line(tmp_path: Path) -> None:
    empty, broken, stray = (tmp_path / name for name in ("empty", "broken", "stray"))
    empty.mkdir()
    save(broken / "0.png", colours(1)[0])
    (broken / "1.png").write_bytes(b"not an image")
    for i, place in enumerate(("train/a", "train/b", "test/c")):
        save(stray / place / f"{i}.png", colours(3)[i])
    for folder, message in ((empty, "holds 0 images"), (broken, r"1\.png"), (stray, "none of the class folders a, b")):
        with pytest.raises(UserError, match=message) as caught:
            load_dataset("mine", root=tmp_path, folder=folder)
        assert "\n" not in str(caught.value)


def test_every_registered_name_is_its_data_sets_name() -> None:
    for name in [*(name for name, entry in DATASETS.items() if isinstance(entry, Points)), "digits"]:
        assert load_dataset(name, root=Path()).name == name


def test_images_to_score_come_from_folders_and_arrays(tmp_path: Path) -> None:
    pixels = colours(5)
    expected = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    for i in range(5):
        save(tmp_path / "f" / f"{i}.png", pixels[i])
    np.save(tmp_path / "last.npy", pixels)
    np.savez(tmp_path / "first.npz", expected.numpy())
    for path in ("f", "last.npy", "first.npz"):
        assert torch.equal(read_images(tmp_path / path, (3, 8, 8)).pixels, expected)


def test_images_to_score_change_channels_only_without_loss(tmp_path: Path) -> None:
    grey = colours(5, channels=1)
    expected = torch.from_numpy(grey).permute(0, 3, 1, 2)
    np.save(tmp_path / "grey.npy", grey[..., 0])
    np.save(tmp_path / "rgb.npy", grey.repeat(3, axis=-1))
    np.save(tmp_path / "colour.npy", colours(5))
    assert torch.equal(read_images(tmp_path / "grey.npy", (1, 8, 8)).pixels, expected)
    assert torch.equal(read_images(tmp_path / "grey.npy", (3, 8, 8)).pixels, expected.expand(-1, 3, -1, -1))
    assert torch.equal(read_images(tmp_path / "rgb.npy", (1, 8, 8)).pixels, expected)
    with pytest.raises(UserError, match="colour images"):
        read_images(tmp_path / "colour.npy", (1, 8, 8))


def test_images_that_cannot_be_scored_get_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npz").write_text("no array")
    np.save(tmp_path / "float.npy", np.zeros((5, 8, 8), dtype=np.float32))
    np.save(tmp_path / "flat.npy", np.zeros((5, 64), dtype=np.uint8))
    np.save(tmp_path / "large.npy", colours(2, 16))
    np.savez(tmp_path / "two.npz", a=colours(2), b=colours(2))
    reasons = {
        "empty": "no images",
        "missing.npy": "cannot read",
        "text.npz": "cannot read",
        "float.npy": "float32 values; give whole numbers 0..255",
        "flat.npy": r"shape \(5, 64\)",
        "large.npy": r"the reference has \(3, 8, 8\)",
        "two.npz": r"2 arrays \(a, b\)",
    }
    for path, message in reasons.items():
        with pytest.raises(UserError, match=message) as caught:
            read_images(tmp_path / path, (3, 8, 8))
        assert "\n" not in str(caught.value)
        assert path in str(caught.value)
