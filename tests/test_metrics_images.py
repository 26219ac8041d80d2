"""The image metrics end to end: classifier, cache, references, Inception."""

import math
import multiprocessing
import os
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from benchmarks.speed.metrics import random_weights as write_random_weights
from gan_zoo.datasets import Images, load_dataset
from gan_zoo.errors import UserError
from gan_zoo.metrics import Evaluator, default_metrics, inception, training
from gan_zoo.metrics.classifier import classifier_extractor
from gan_zoo.metrics.features import to_uint8
from gan_zoo.metrics.inception import WEIGHTS_FILE, fetch_weights, fold_batch_norm, inception_extractor
from gan_zoo.metrics.on_images import parse
from gan_zoo.metrics.reference import reference
from gan_zoo.rng import Rng

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def evaluator(digits: Images, cache: Path) -> Evaluator:
    names = [*default_metrics(digits), "precision_digits", "recall_digits", "density_digits", "coverage_digits"]
    return Evaluator(digits, names, 297, cache, "cpu")


def test_held_out_digits_score_better_than_noise(digits: Images, evaluator: Evaluator) -> None:
    noise = 2 * Rng(0, "noise").uniform(*digits.test.shape) - 1
    real, bad = evaluator(digits.test.float() / 127.5 - 1), evaluator(noise)
    for name, metric in evaluator.metrics.items():
        assert real[name] < bad[name] if metric.direction == "min" else real[name] > bad[name]
    assert 8 < real["is_digits_297"] <= 10


def test_scores_are_pure_and_bytes_score_like_floats(digits: Images, evaluator: Evaluator) -> None:
    state = torch.random.get_rng_state()
    scores = evaluator(digits.test.float() / 127.5 - 1)
    assert scores == evaluator(digits.test)
    assert scores == evaluator(digits.test)
    assert torch.equal(state, torch.random.get_rng_state())


def test_images_of_a_diverged_run_score_nan(digits: Images, evaluator: Evaluator) -> None:
    x = digits.test.float() / 127.5 - 1
    x[11, 0, 3, 3] = math.nan
    scores = evaluator(x)
    assert set(scores) == set(evaluator.metrics)
    assert all(math.isnan(score) for score in scores.values())


def test_constant_and_out_of_range_images_are_scored(evaluator: Evaluator) -> None:
    for x in (torch.zeros(297, 1, 8, 8), torch.full((297, 1, 8, 8), 1e20)):
        assert all(math.isfinite(score) for score in evaluator(x).values())


def test_floats_round_to_the_bytes_they_came_from() -> None:
    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_uint8(values.float() / 127.5 - 1), values)
    assert to_uint8(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]


def test_fid_of_the_reference_itself_is_zero(digits: Images, cache: Path) -> None:
    names = ["fid_digits_1500", "fid_digits_test"]
    scores = Evaluator(digits, names, 1500, cache, "cpu")(digits.train)
    assert scores["fid_digits_1500_train"] == pytest.approx(0, abs=1e-6)
    assert scores["fid_digits_1500_test"] > 0.1


def test_scores_apart_compare_with_the_other_split(digits: Images, cache: Path) -> None:
    for name, split in (("fid_digits_297_train", "test split, 297"), ("fid_digits_297_test", "train split, 1500")):
        validation = Evaluator(digits, [name], 297, cache, "cpu", validation=True)
        assert f"digits {split} images" in validation.metrics[name].protocol["reference"]
    (expected,) = Evaluator(digits, ["fid_digits"], 297, cache, "cpu")(digits.test).values()
    assert validation(digits.test) == {"fid_digits_297_test": expected}


def test_names_carry_extractor_count_and_split(digits: Images, cache: Path) -> None:
    asked = ["kid_digits", "is_digits", "kid_digits_1000_train", "kid_digits_1k_test"]
    evaluator = Evaluator(digits, asked, 1000, cache, "cpu")
    assert list(evaluator.metrics) == ["kid_digits_1k_train", "is_digits_1k", "kid_digits_1k_test"]
    assert [metric.name for metric in evaluator.metrics.values()] == list(evaluator.metrics)
    train, none, test = (metric.protocol for metric in evaluator.metrics.values())
    assert [protocol["generated"] for protocol in (train, none, test)] == ["1000"] * 3
    assert train["reference"].startswith("digits train split, 1500 images 8x8")
    assert train["measure"].endswith("5 subsets of 1000")
    assert none["reference"] == "none, images 8x8"
    assert test["reference"].startswith("digits test split, 297 images 8x8")
    assert test["measure"].endswith("5 subsets of 297")


@pytest.mark.parametrize(("samples", "name"), [(1797, "fid_digits_1797_train"), (50_000, "fid_digits_50k_train")])
def test_counts_are_short_where_they_can_be(samples: int, name: str, digits: Images) -> None:
    for asked in ("fid_digits", f"fid_digits_{samples}", name):
        assert str(parse(asked, digits, samples)) == name


def test_the_inception_score_compares_with_nothing_and_prepares_nothing(
    digits: Images, cache: Path, monkeypatch
) -> None:
    monkeypatch.setattr("gan_zoo.metrics.on_images.reference", None)
    evaluator = Evaluator(digits, ["is_digits"], 297, cache, "cpu")
    assert 8 < evaluator(digits.test)["is_digits_297"] <= 10


@pytest.mark.parametrize(
    ("name", "samples", "message"),
    [
        ("fid", 100, "did you mean 'fid_digits'"),
        ("fid_mnist", 100, "unknown metric 'fid_mnist' of data set 'digits'"),
        ("fid_digits_50k", 100, "its name says 50k samples, evaluate.samples says 100"),
        ("fid_digits_valid", 100, "unknown metric"),
        ("emd", 100, "unknown metric 'emd'"),
        ("fid_digits", 1, "1 are too few for 'fid_digits'; make it at least 2"),
        ("is_digits", 9, "at least 10"),
        ("is_digits_test", 100, "compares with no split; leave '_test' out"),
    ],
)
def test_bad_requests_get_one_line(name: str, samples: int, message: str, digits: Images, cache: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        Evaluator(digits, [name], samples, cache, "cpu")
    assert "\n" not in str(caught.value)


def test_images_of_another_size_are_refused(evaluator: Evaluator) -> None:
    with pytest.raises(UserError, match=r"shape \(297, 1, 9, 8\)"):
        evaluator(torch.zeros(297, 1, 9, 8))


# cache


def test_unlabelled_images_are_scored_by_inception(digits: Images, tmp_path: Path) -> None:
    unlabelled = replace(digits, name="mine", train_labels=None, test_labels=None)
    assert default_metrics(unlabelled) == ["fid_inception", "is_inception", "kid_inception"]
    with pytest.raises(UserError, match="'mine' has no labels"):
        Evaluator(unlabelled, ["fid_mine"], 100, tmp_path, "cpu")


@pytest.mark.usefixtures("quick")
def test_references_are_kept_and_remade_when_damaged(small: Images, tmp_path: Path) -> None:
    extractor = classifier_extractor(small, tmp_path)
    first = reference(small, "train", extractor, tmp_path, CPU)
    (path,) = (tmp_path / "references").iterdir()
    written = path.stat().st_mtime_ns
    os.utime(path, ns=(written - 10**9, written - 10**9))
    again = reference(small, "train", extractor, tmp_path, CPU)
    assert path.stat().st_mtime_ns == written - 10**9
    assert torch.equal(again.gaussian.factor, first.gaussian.factor)
    assert again.gaussian.factor.stride() == first.gaussian.factor.stride()
    path.write_bytes(path.read_bytes()[:-1])
    mended = reference(small, "train", extractor, tmp_path, CPU)
    assert torch.equal(mended.features, first.features)
    other = replace(extractor, weights="other")
    reference(small, "train", other, tmp_path, CPU)
    assert len(list((tmp_path / "references").iterdir())) == 2


@pytest.mark.usefixtures("quick")
def test_references_of_other_arithmetic_are_not_used(
    small: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Portable scores are not compared with statistics that numerics fast left in the cache."""
    extractor = classifier_extractor(small, tmp_path)
    for portable in (True, False, True):
        monkeypatch.setattr("gan_zoo.numerics.process.products.installed", lambda portable=portable: portable)
        reference(small, "train", extractor, tmp_path, CPU)
    assert len(list((tmp_path / "references").iterdir())) == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("measure", "least", "there"),
    [("precision", 4, "3 images"), ("recall", 4, "3 images"), ("density", 6, "5 images"), ("fid", 2, "1 image")],
)
def test_fewer_real_images_than_neighbours_get_one_line(
    measure: str, least: int, there: str, digits: Images, tmp_path: Path
) -> None:
    def few(n: int) -> Images:
        test, labels = digits.test[:n], digits.test_labels[:n]
        return Images.of("few", digits.train[:64], test, digits.train_labels[:64], labels)

    asked = [f"{measure}_few_test"]
    message = f"'{measure}_few_10_test': the test split of 'few' has {there}, and it needs {least}"
    with pytest.raises(UserError, match=message):
        Evaluator(few(least - 1), asked, 10, tmp_path, "cpu")
    (score,) = Evaluator(few(least), asked, 10, tmp_path, "cpu")(digits.train[:10]).values()
    assert math.isfinite(score)


def score_small(cache: Path, start: Barrier, scores: "Queue[dict[str, float]]") -> None:
    """One of several processes that all need a classifier and a reference that are not there yet."""
    training.IMAGES_SHOWN = 640
    dataset = load_dataset("digits", root=Path())
    assert isinstance(dataset, Images)
    data = Images.of("small", dataset.train[:64], dataset.test, dataset.train_labels[:64], dataset.test_labels)
    start.wait(60)
    scores.put(Evaluator(data, ["fid_small", "kid_small"], 100, cache, "cpu")(data.test[:100]))


def test_two_processes_fill_one_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, scores = context.Barrier(2), context.Queue()
    processes = [context.Process(target=score_small, args=(tmp_path, start, scores)) for _ in range(2)]
    for process in processes:
        process.start()
    first, second = (scores.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    assert first == second
    assert all(math.isfinite(score) for score in first.values())
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".safetensors"] * 2


# Inception


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of Inception weights drawn at random, with batch statistics that differ between channels."""
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    write_random_weights(path)
    return path


def coloured(n: int, key: str) -> Tensor:
    """Smooth random pictures, uint8 (n, 3, 32, 32)."""
    coarse = Rng(0, key).uniform(n, 3, 4, 4)
    return to_uint8(2 * nn.functional.interpolate(coarse, size=32, mode="bicubic", align_corners=False) - 1)


def original(weights: Path) -> nn.Module:
    from torch_fidelity import FeatureExtractorInceptionV3

    return FeatureExtractorInceptionV3(
        "original", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights)
    )


def test_folded_inception_has_the_features_of_torch_fidelitys(random_weights: Path, tmp_path: Path) -> None:
    images = coloured(4, "a")
    ours = inception_extractor(tmp_path, random_weights)
    net = original(random_weights)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in ours.net.modules())
    found = ours(images, CPU)
    for mine, theirs in zip((found.values, found.logits), net(images), strict=True):
        assert (mine - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    grey = images[:2, :1]
    assert torch.equal(ours(grey, CPU).values, ours(grey.expand(-1, 3, -1, -1), CPU).values)


def test_image_files_score_as_with_torch_fidelity(random_weights: Path, tmp_path: Path) -> None:
    import torch_fidelity
    from PIL import Image

    n = 10
    pictures = {"real/train": coloured(n, "a"), "real/test": coloured(2, "b"), "fake": coloured(n, "c") // 2}
    for place, images in pictures.items():
        (tmp_path / place).mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / place / f"{i:02}.png")
    data = load_dataset("mine", root=tmp_path, folder=tmp_path / "real")
    names = [f"{measure}_inception" for measure in ("fid", "is", "kid", "precision", "recall")]
    scores = Evaluator(data, names, n, tmp_path, "cpu", weights=random_weights)(pictures["fake"])
    expected = torch_fidelity.calculate_metrics(
        input1=str(tmp_path / "fake"),
        input2=str(tmp_path / "real" / "train"),
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(random_weights),
        isc=True,
        kid=True,
        kid_subset_size=n,
        prc=True,
        cuda=False,
        cache=False,
        verbose=False,
    )
    assert scores["is_inception_10"] == pytest.approx(expected["inception_score_mean"], rel=1e-5)
    assert scores["kid_inception_10_train"] == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)
    assert scores["precision_inception_10_train"] == pytest.approx(expected["precision"])
    assert scores["recall_inception_10_train"] == pytest.approx(expected["recall"])
    net = original(random_weights)
    x, y = (net(pictures[place])[0].double() for place in ("fake", "real/train"))
    roots = torch.linalg.svdvals((x - x.mean(0)) @ (y - y.mean(0)).T).sum() / (n - 1)
    fid = (x.mean(0) - y.mean(0)).square().sum() + x.var(0).sum() + y.var(0).sum() - 2 * roots
    assert scores["fid_inception_10_train"] == pytest.approx(fid.item(), rel=1e-5)


def test_weights_that_give_no_finite_features_are_refused(random_weights: Path, tmp_path: Path) -> None:
    state = torch.load(random_weights, weights_only=True)
    state["Mixed_7c.branch1x1.bn.bias"][3] = math.nan
    torch.save(state, tmp_path / "nan.pth")
    data = Images.of("mine", coloured(2, "a"), coloured(2, "b"))
    with pytest.raises(UserError, match="are not finite: its weights are damaged"):
        Evaluator(data, ["fid_inception"], 2, tmp_path, "cpu", weights=tmp_path / "nan.pth")
    assert not (tmp_path / "references").exists()


def test_features_that_tell_no_image_from_another_are_refused(random_weights: Path, tmp_path: Path) -> None:
    data = Images.of("mine", coloured(1, "a").repeat(3, 1, 1, 1), coloured(3, "b"))
    for _ in ("made", "kept"):
        with pytest.raises(UserError, match="'mine' by 'inception' are the same for all its train images"):
            Evaluator(data, ["fid_inception"], 2, tmp_path, "cpu", weights=random_weights)
    scores = Evaluator(data, ["fid_inception_test"], 2, tmp_path, "cpu", weights=random_weights)(coloured(2, "c"))
    assert math.isfinite(scores["fid_inception_2_test"])


def test_folding_batch_norm_keeps_the_function() -> None:
    block = nn.Module()
    block.conv, block.bn = nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3, eps=0.001)
    rng = Rng(0, "block")
    for tensor in (block.conv.weight.data, block.bn.weight.data, block.bn.bias.data, block.bn.running_mean):
        tensor.copy_(rng.normal(*tensor.shape))
    block.bn.running_var.copy_(0.1 + rng.uniform(3))
    block.eval()
    x = rng.normal(2, 2, 5, 5)
    expected = block.bn(block.conv(x))
    fold_batch_norm(nn.ModuleList([block]))
    torch.testing.assert_close(block.bn(block.conv(x)), expected)


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    missing, other, torn = tmp_path / "missing.pth", tmp_path / "other.pth", tmp_path / "torn.pth"
    torch.save({"a": torch.zeros(1)}, other)
    torn.write_bytes(other.read_bytes()[:50])
    for path, message in ((missing, "cannot read"), (other, "no Inception weights"), (torn, "no Inception weights")):
        with pytest.raises(UserError, match=message) as caught:
            inception_extractor(tmp_path, path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_without_network_the_message_says_where_to_put_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object, **kwargs: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(UserError, match="no network") as caught:
        fetch_weights(tmp_path / "new")
    assert str(tmp_path / "new" / WEIGHTS_FILE) in str(caught.value)
    assert "pt_inception-2015-12-05-6726825d.pth" in str(caught.value)


def test_standard_weights_are_checked_by_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / WEIGHTS_FILE).write_bytes(b"damaged")
    with pytest.raises(UserError, match="is damaged"):
        fetch_weights(tmp_path)
    monkeypatch.setattr(inception, "HASH_PREFIX", "3a9ba6")
    (tmp_path / WEIGHTS_FILE).write_bytes(b"")
    with pytest.raises(UserError, match="3a9ba6"):
        fetch_weights(tmp_path)
    monkeypatch.setattr(inception, "HASH_PREFIX", "e3b0c442")
    assert fetch_weights(tmp_path) == tmp_path / WEIGHTS_FILE
    for endless in (tmp_path, Path("/dev/zero")):
        with pytest.raises(
            UserError, match=f"cannot read the Inception weights: {endless}: (not a file|cannot be read)"
        ):
            fetch_weights(tmp_path, endless)
