"""The floor: what real data score, by the metrics that generated samples are scored by."""

import math
from pathlib import Path

import pytest
import torch

from gan_zoo.datasets import Images, load_dataset
from gan_zoo.metrics import Evaluator
from gan_zoo.metrics import floor as floors
from gan_zoo.metrics.floor import floor


@pytest.mark.parametrize(("name", "mean", "std"), [("8gaussians", 0.084, 0.017), ("swissroll", 0.091, 0.010)])
def test_the_floor_of_points_is_the_known_one(name: str, mean: float, std: float, tmp_path: Path) -> None:
    """EMD between two draws of 1000 points, found by independent code; our second draw is the same for all scores."""
    data = load_dataset(name, root=tmp_path)
    found = floor(data, ["emd"], 1000, tmp_path, "cpu")
    values = torch.tensor(found["emd"]["values"])
    assert found["emd"]["n"] == 1000
    assert len(values.unique()) == floors.POINT_DRAWS
    assert values.mean().item() == pytest.approx(mean, abs=std)
    assert std / 3 < values.std().item() < 3 * std


def test_the_floor_of_the_other_scores_of_points_is_exact(tmp_path: Path) -> None:
    """Good samples: 1 - exp(-4.5). Cross-entropy of distant modes: log(2 pi e std^2) + log 8."""
    data = load_dataset("8gaussians", root=tmp_path)
    found = floor(data, ["good_samples", "modes_covered", "cross_entropy"], 2000, tmp_path, "cpu")
    mean = {name: sum(entry["values"]) / len(entry["values"]) for name, entry in found.items()}
    n = 2000 * floors.POINT_DRAWS
    assert mean["good_samples"] == pytest.approx(1 - math.exp(-4.5), abs=4 * 0.105 / math.sqrt(n))
    assert mean["modes_covered"] == 8
    entropy = math.log(2 * math.pi * math.e * (0.02 / 1.414) ** 2) + math.log(8)
    assert mean["cross_entropy"] == pytest.approx(entropy, abs=4 / math.sqrt(n))


def test_fewer_held_out_images_than_samples_are_all_scored_and_counted(digits: Images, tmp_path: Path) -> None:
    found = floor(digits, ["fid_digits", "is_digits", "kid_digits_test"], 2500, tmp_path, "cpu")
    held_out = Evaluator(digits, ["fid_digits", "is_digits"], 297, tmp_path, "cpu")(digits.test)
    approx = pytest.approx  # the images are scored in another order: sums and the ten parts of IS differ
    trained_on = Evaluator(digits, ["kid_digits_test"], 1500, tmp_path, "cpu")(digits.train)
    assert set(found) == {"fid_digits_2500_train", "is_digits_2500", "kid_digits_2500_test"}
    assert found["fid_digits_2500_train"]["n"] == found["is_digits_2500"]["n"] == 297
    assert found["kid_digits_2500_test"]["n"] == 1500
    assert found["fid_digits_2500_train"]["values"] == approx([held_out["fid_digits_297_train"]], rel=1e-6)
    assert found["is_digits_2500"]["values"] == approx([held_out["is_digits_297"]], rel=0.05)
    assert found["kid_digits_2500_test"]["values"] == approx([trained_on["kid_digits_1500_test"]], abs=0.01)


def test_of_more_held_out_images_several_draws_share_none(
    digits: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    original = Evaluator.__call__

    def spy(self: Evaluator, x: torch.Tensor) -> dict[str, float]:
        seen.append(x)
        return original(self, x)

    monkeypatch.setattr(Evaluator, "__call__", spy)
    found = floor(digits, ["fid_digits"], 40, tmp_path, "cpu")["fid_digits_40_train"]
    assert found["n"] == 40
    assert len(set(found["values"])) == len(seen) == floors.IMAGE_DRAWS
    pool = {image.numpy().tobytes() for image in digits.test}
    drawn = [image.numpy().tobytes() for image in torch.cat(seen)]
    assert set(drawn) <= pool
    assert len(set(drawn)) == len(drawn)


@pytest.mark.usefixtures("quick")
def test_what_too_few_images_cannot_give_is_left_out(digits: Images, tmp_path: Path) -> None:
    few = Images.of("few", digits.train, digits.test[:8], digits.train_labels, digits.test_labels[:8])
    found = floor(few, ["is_few", "fid_few"], 100, tmp_path, "cpu")
    assert list(found) == ["fid_few_100_train"]
    assert found["fid_few_100_train"]["n"] == 8


def test_a_floor_is_worked_out_once_and_again_by_another_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load_dataset("8gaussians", root=tmp_path)
    first = floor(data, ["emd", "mode_kl"], 50, tmp_path, "cpu")
    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "__call__", None)
        assert floor(data, ["emd", "mode_kl"], 50, tmp_path, "cpu") == first
    assert floor(data, ["emd"], 60, tmp_path, "cpu")["emd"] != first["emd"]
    for path in (tmp_path / "floors").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert floor(data, ["emd", "mode_kl"], 50, tmp_path, "cpu") == first
