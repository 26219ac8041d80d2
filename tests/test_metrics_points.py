"""The metrics of points, against closed forms, POT and the constants of the data sets, and their evaluator."""

import itertools
import math
from pathlib import Path

import pytest
import torch

from gan_zoo.datasets import GaussianMixture, load_dataset
from gan_zoo.errors import UserError
from gan_zoo.metrics import Evaluator, default_metrics, metric_names
from gan_zoo.metrics.modes import good_samples, mode_kl, modes_captured, modes_covered
from gan_zoo.metrics.sinkhorn import regularised
from gan_zoo.metrics.transport import emd
from gan_zoo.rng import Rng

# regularised transport


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_regularised_transport_of_two_points_is_known(temperature: float) -> None:
    """Of 0 and 1 to themselves at T = temperature / 2: a share of 1 / (1 + exp(1 / T)) goes the way of length 1."""
    x = torch.tensor([[0.0], [1.0]])
    expected = 1 / (1 + math.exp(2 / temperature))
    assert regularised(x, x, temperature) == pytest.approx(expected, rel=1e-9)


def test_regularised_transport_lies_between_the_exact_plan_and_that_of_all_pairs() -> None:
    x, y = Rng(0, "x").normal(200, 3).double(), Rng(0, "y").normal(200, 3).double() + 1
    exact, free = emd(x, y), torch.cdist(x, y).mean().item()
    found = [regularised(x, y, temperature) for temperature in (0.01, 0.1, 1.0, 1000.0)]
    assert exact < found[0] < found[1] < found[2] < found[3] < free * 1.0001
    assert found[0] == pytest.approx(exact, rel=0.02)
    assert found[3] == pytest.approx(free, rel=1e-3)


def test_regularised_transport_of_far_points_does_not_underflow() -> None:
    x = torch.cat([torch.zeros(99, 2), torch.full((1, 2), 1e6)])
    assert regularised(x, x) == pytest.approx(0, abs=1e-6)
    assert regularised(torch.ones(5, 2), torch.ones(5, 2)) == 0


def test_regularised_transport_agrees_with_pot() -> None:
    ot = pytest.importorskip("ot")
    x, y = Rng(0, "x").normal(150, 4).double(), 2 * Rng(0, "y").normal(150, 4).double()
    cost = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    plan = ot.sinkhorn([], [], cost, 0.02 * cost.mean(), method="sinkhorn_log", numItermax=5000, stopThr=1e-12)
    assert regularised(x, y, 0.02, 5000) == pytest.approx(float((plan * cost).sum()), rel=1e-6)


# earth mover's distance


def test_emd_of_a_translated_cloud_is_the_translation() -> None:
    x = Rng(0, "x").normal(300, 2)
    assert emd(x, x[Rng(0, "p").permutation(300)] + torch.tensor([3.0, -4.0])) == pytest.approx(5, rel=1e-6)
    assert emd(x, x) == pytest.approx(0, abs=1e-12)


def test_emd_to_one_point_is_the_mean_distance() -> None:
    x = Rng(0, "x").normal(200, 2)
    assert emd(x, torch.zeros(200, 2)) == pytest.approx(x.double().norm(dim=1).mean().item(), rel=1e-9)
    assert emd(torch.zeros(200, 2), x) == pytest.approx(x.double().norm(dim=1).mean().item(), rel=1e-9)


def test_emd_on_a_line_sorts() -> None:
    x, y = (torch.stack([Rng(0, key).normal(400), torch.zeros(400)], dim=1) for key in "xy")
    expected = (x[:, 0].sort().values - 2 * y[:, 0].sort().values).abs().double().mean().item()
    assert emd(x, 2 * y) == pytest.approx(expected, rel=1e-6)


def test_emd_is_the_best_of_all_permutations() -> None:
    x, y = Rng(0, "x").normal(6, 2).double(), Rng(0, "y").normal(6, 2).double()
    every = [(x - y[list(p)]).norm(dim=1).mean().item() for p in itertools.permutations(range(6))]
    assert emd(x, y) == pytest.approx(min(every), rel=1e-12)


CLOUDS = {
    "gaussian": lambda n: Rng(1, "x").normal(n, 2),
    "collapsed": lambda n: 0.01 * Rng(1, "x").normal(n, 2) + 1,
    "far": lambda n: Rng(1, "x").normal(n, 2) + 1000,
    "two modes": lambda n: Rng(1, "k").integers(2, (n, 1)) * 2.0 + 0.01 * Rng(1, "x").normal(n, 2),
    "lattice with ties": lambda n: Rng(1, "x").integers(3, (n, 2)).float(),
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_emd_equals_pot(cloud: str) -> None:
    ot = pytest.importorskip("ot")
    x, y = CLOUDS[cloud](250).double().numpy(), load_toy("8gaussians").stream(0, 0, 250).double().numpy()
    expected = ot.emd2([], [], ot.dist(x, y, metric="euclidean"))
    assert emd(torch.from_numpy(x), torch.from_numpy(y)) == pytest.approx(expected, rel=1e-9)


# modes


def load_toy(name: str) -> GaussianMixture:
    dataset = load_dataset(name, root=Path())
    assert isinstance(dataset, GaussianMixture)
    return dataset


def test_the_true_distribution_covers_all_modes_with_the_chi_squares_share() -> None:
    points = load_toy("25gaussians")
    x = points.stream(0, 0, 40_000)
    assert modes_covered(x, points.modes, points.std) == 25
    assert good_samples(x, points.modes, points.std) == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert mode_kl(x, points.modes, points.std) == pytest.approx(24 / (2 * 40_000), abs=6e-4)


def test_collapse_on_some_modes_is_counted() -> None:
    points = load_toy("8gaussians")
    x = points.modes[:3].repeat(100, 1)
    assert modes_covered(x, points.modes, points.std) == 3
    assert good_samples(x, points.modes, points.std) == 1
    assert mode_kl(x, points.modes, points.std) == pytest.approx(math.log(8 / 3))


def test_a_shapeless_cloud_covers_no_mode() -> None:
    points = load_toy("8gaussians")
    x = Rng(0, "cloud").normal(10_000, 2)
    assert modes_covered(x, points.modes, points.std) == 0
    assert 0 < good_samples(x, points.modes, points.std) < 0.01


def test_a_mode_is_captured_by_one_good_point_as_veegan_counts() -> None:
    """A shapeless cloud captures all eight, and covers none (VEEGAN, section 4; PacGAN, section 4.1)."""
    points = load_toy("8gaussians")
    cloud = Rng(0, "cloud").normal(10_000, 2)
    assert (modes_captured(cloud, points.modes, points.std), modes_covered(cloud, points.modes, points.std)) == (8, 0)
    near, off = points.modes[:3] + 2.9 * points.std * torch.tensor([1.0, 0.0]), points.modes[3:] + 3.1 * points.std
    assert modes_captured(torch.cat([near, off]), points.modes, points.std) == 3
    assert modes_captured(off, points.modes, points.std) == 0


def test_good_means_within_three_std() -> None:
    points = load_toy("8gaussians")
    inside, outside = (points.modes[0] + torch.tensor([r * points.std, 0.0]) for r in (2.99, 3.01))
    assert good_samples(torch.stack([inside, outside]), points.modes, points.std) == 0.5


def test_the_cross_entropy_of_the_true_distribution_is_its_entropy() -> None:
    points = load_toy("8gaussians")
    evaluator = Evaluator(points, ["cross_entropy"], 20_000, Path("unused"), "cpu")
    x = points.sample(Rng(5, "test"), 20_000)
    entropy = math.log(8) + 1 + math.log(2 * math.pi * points.std**2)
    assert evaluator(x)["cross_entropy"] == pytest.approx(entropy, abs=0.03)
    away = points.modes[:1].repeat(20_000, 1) + torch.tensor([3 * points.std, 0.0])
    assert evaluator(away)["cross_entropy"] == pytest.approx(entropy - 1 + 4.5, abs=1e-3)


# the evaluator on points


def test_the_evaluator_scores_points(tmp_path: Path) -> None:
    points = load_toy("8gaussians")
    evaluator = Evaluator(points, metric_names(points), 2000, tmp_path, "cpu")
    x = points.stream(9, 0, 2000)
    scores = evaluator(x)
    assert list(scores) == ["emd", "modes_covered", "good_samples", "mode_kl", "modes_captured", "cross_entropy"]
    assert scores == evaluator(x.clone())
    assert scores == evaluator(x.double())
    assert scores["modes_covered"] == 8
    assert scores["emd"] < 0.4
    assert evaluator.metrics["emd"].protocol["measure"] == "exact W1 between 1000 and 1000 points"
    assert evaluator.metrics["modes_covered"].highest == 8
    assert evaluator.metrics["mode_kl"].highest == pytest.approx(math.log(8))
    assert not list(tmp_path.iterdir())


def test_default_metrics_put_the_primary_first() -> None:
    assert default_metrics(load_toy("8gaussians")) == ["emd", "modes_covered", "good_samples"]
    assert default_metrics(load_dataset("swissroll", root=Path())) == ["emd", "cross_entropy"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_samples_of_a_diverged_run_score_nan(value: float, tmp_path: Path) -> None:
    points = load_toy("8gaussians")
    x = points.stream(0, 0, 100)
    x[37, 1] = value
    scores = Evaluator(points, metric_names(points), 100, tmp_path, "cpu")(x)
    assert len(scores) == 6
    assert all(math.isnan(score) for score in scores.values())


def test_huge_but_finite_points_are_scored(tmp_path: Path) -> None:
    points = load_toy("8gaussians")
    scores = Evaluator(points, metric_names(points), 100, tmp_path, "cpu")(torch.full((100, 2), 1e30))
    assert scores["emd"] == pytest.approx(math.sqrt(2) * 1e30, rel=1e-5)
    assert scores["good_samples"] == 0


@pytest.mark.parametrize(
    ("names", "samples", "message"),
    [
        (["emdd"], 10, r"unknown metric 'emdd' of data set '8gaussians' \(did you mean 'emd'\?\)"),
        (["fid_digits"], 10, "unknown metric 'fid_digits'"),
        (["emd"], 0, "at least 1"),
    ],
)
def test_bad_requests_get_one_line(names: list[str], samples: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        Evaluator(load_toy("8gaussians"), names, samples, tmp_path, "cpu")
    assert "\n" not in str(caught.value)


def test_modes_are_not_asked_of_a_distribution_without_modes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown metric 'modes_covered' of data set 'swissroll'"):
        Evaluator(load_dataset("swissroll", root=tmp_path), ["modes_covered"], 10, tmp_path, "cpu")


def test_a_wrong_number_or_shape_of_samples_is_refused(tmp_path: Path) -> None:
    evaluator = Evaluator(load_toy("8gaussians"), ["emd"], 10, tmp_path, "cpu")
    for shape in ((9, 2), (10, 3)):
        with pytest.raises(UserError, match=r"were set up for \(10, 2\)"):
            evaluator(torch.zeros(shape))
