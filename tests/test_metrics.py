"""The metrics of given features, against closed forms, torch-fidelity and exact arithmetic."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.frechet import fit, frechet_distance
from gan_zoo.metrics.neighbours import density_and_coverage, precision_and_recall, squared_radii
from gan_zoo.metrics.on_images import attempt
from gan_zoo.metrics.reference import Reference
from gan_zoo.metrics.registry import METRICS
from gan_zoo.rng import Rng


def features(n: int, d: int, key: str, shift: float = 0.0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Correlated positive features, like those after a ReLU."""
    mixing = Rng(0, "mixing").normal(d, d, dtype=dtype)
    return (Rng(0, key).normal(n, d, dtype=dtype) @ mixing + shift).relu()


def reference(values: Tensor, kid_subsets: int = 5) -> Reference:
    return Reference(values, fit(values), kid_subsets)


def as_features(values: Tensor) -> Features:
    return Features(values, values)


# Fréchet distance


def test_frechet_distance_equals_the_closed_form_of_two_gaussians() -> None:
    """With Sigma_r = I and Sigma_g = diag(s^2): ||mu||^2 + sum (s - 1)^2, exactly, for whitened samples."""
    d, scales, shift = 5, torch.tensor([0.5, 1, 2, 3, 0.1]).double(), torch.arange(5).double()
    x = Rng(0, "x").normal(64, d, dtype=torch.float64)
    q = torch.linalg.qr(x - x.mean(0)).Q * math.sqrt(63)
    rotation = torch.linalg.qr(Rng(0, "r").normal(d, d, dtype=torch.float64)).Q
    expected = shift.square().sum() + (scales - 1).square().sum()
    assert frechet_distance((q * scales + shift) @ rotation, fit(q @ rotation)) == pytest.approx(
        expected.item(), rel=1e-9
    )


@pytest.mark.parametrize(("n", "m", "d"), [(400, 500, 16), (300, 300, 64), (40, 500, 64), (300, 40, 64)])
def test_frechet_distance_equals_torch_fidelitys(n: int, m: int, d: int) -> None:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    x, y = features(n, d, "x", 0.3), features(m, d, "y")
    expected = fid_statistics_to_metric(*(fid_features_to_statistics(f) for f in (x, y)), verbose=False)
    assert frechet_distance(x, fit(y)) == pytest.approx(expected[KEY_METRIC_FID], rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(60, 50), (10, 50), (60, 10)])
def test_frechet_distance_keeps_what_an_offset_does_not_change(n: int, m: int) -> None:
    """Numbers of few digits, so that neither an offset nor a scale by a power of two rounds them."""
    x, y = (torch.round(256 * features(count, 16, key)) / 256 for count, key in ((n, "x"), (m, "y")))
    x, y = x.float(), y.float()
    distance = frechet_distance(x, fit(y))
    for offset in (10.0, 1000.0, -1000.0):
        assert frechet_distance(x + offset, fit(y + offset)) == pytest.approx(distance, rel=1e-7)
        assert frechet_distance(x + offset, fit(y)) == pytest.approx(exact_shift(x, y, offset) + distance, rel=1e-7)
    for scale in (2.0**-10, 2.0**10):
        assert frechet_distance(scale * x, fit(scale * y)) == pytest.approx(scale**2 * distance, rel=1e-7)


def exact_shift(x: Tensor, y: Tensor, offset: float) -> float:
    """How much ||mu_x - mu_y||^2 grows where x is moved by `offset` along every axis, by NumPy's means."""
    apart = x.double().numpy().mean(axis=0) - y.double().numpy().mean(axis=0)
    return float(((apart + offset) ** 2).sum() - (apart**2).sum())


def test_frechet_distance_survives_constant_features() -> None:
    x = features(100, 8, "x")
    x[:, 3] = 0
    assert frechet_distance(x, fit(x)) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(torch.zeros(100, 8), fit(torch.zeros(50, 8))) == 0
    assert frechet_distance(torch.ones(100, 8), fit(torch.zeros(50, 8))) == pytest.approx(8)


# Inception score, kernel distance, neighbours


def test_inception_score_of_certain_and_of_clueless_logits() -> None:
    certain = 1000 * torch.eye(10).repeat(100, 1)
    assert METRICS["is"].scores(as_features(torch.zeros(1000, 10)))["is"] == pytest.approx(1)
    score = METRICS["is"].scores(as_features(certain))["is"]
    assert 9 < score <= 10


def test_inception_score_equals_torch_fidelitys() -> None:
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    logits = Rng(0, "logits").normal(500, 10)
    expected = isc_features_to_metric(logits)[KEY_METRIC_ISC_MEAN]
    assert METRICS["is"].scores(as_features(logits)) == {"is": pytest.approx(expected, rel=1e-12)}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("offset", [0.0, 10.0, 1e3])
def test_inception_score_is_the_formula_at_any_offset_and_scale(offset: float, scale: float) -> None:
    from scipy.special import rel_entr, softmax

    logits = scale * Rng(0, "logits").normal(100, 7) + offset
    order = np.random.RandomState(2020).permutation(100)
    parts = softmax(logits.double().numpy()[order], axis=1).reshape(10, 10, 7)
    divergences = rel_entr(parts, parts.mean(axis=1, keepdims=True)).sum(axis=2).mean(axis=1)
    expected = np.exp(divergences).mean()
    assert METRICS["is"].scores(as_features(logits)) == {"is": pytest.approx(expected, rel=1e-12)}


def test_inception_score_is_finite_where_no_sample_may_be_of_a_class() -> None:
    """The probability of the class is 0 in float64, and its logarithm has no part in the score; it made it NaN."""
    logits = Rng(0, "logits").normal(200, 10)
    without = METRICS["is"].scores(as_features(logits))["is"]
    never = torch.cat([logits, torch.full((200, 1), -2000.0)], dim=1)
    assert METRICS["is"].scores(as_features(never)) == {"is": pytest.approx(without, rel=1e-12)}


def test_kernel_distance_equals_torch_fidelitys() -> None:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    x, y = features(300, 16, "x", 0.3), features(400, 16, "y")
    expected = kid_features_to_metric(x, y, kid_subsets=7, kid_subset_size=300, verbose=False)[KEY_METRIC_KID_MEAN]
    assert METRICS["kid"].scores(as_features(x), reference(y, 7)) == {"kid": pytest.approx(expected, rel=1e-9)}


def in_fractions(x: Tensor) -> np.ndarray:
    """The same numbers as fractions, which do not round."""
    return np.vectorize(Fraction, otypes=[object])(x.numpy())


def exact_kernel_distance(x: Tensor, y: Tensor) -> float:
    """KID of all of x and y, both (n, d), by its formula in fractions."""
    n, d = x.shape

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([[((row * other).sum() / d + 1) ** 3 for other in b] for row in a])

    generated, real = in_fractions(x), in_fractions(y)
    within = sum((k.sum() - k.trace()) / (n * (n - 1)) for k in (kernel(generated, generated), kernel(real, real)))
    return float(within - 2 * kernel(generated, real).sum() / (n * n))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("offset", [0.0, 10.0, 1e3, -1e3])
def test_kernel_distance_is_the_formula_at_any_offset_and_scale(offset: float, scale: float) -> None:
    """Float32 gives 0.0 at offset 1000 and scale 0.001, where 2,090,960 is right."""
    x, y = (scale * features(20, 4, key, shift, torch.float32) + offset for key, shift in (("x", 0.3), ("y", 0.0)))
    expected = exact_kernel_distance(x, y)
    assert METRICS["kid"].scores(as_features(x), reference(y, 1))["kid"] == pytest.approx(expected, rel=1e-12)


def test_kernel_distance_of_opposed_clouds_is_the_formula() -> None:
    """A common part of the real features need not be common to the generated ones."""
    x, y = features(12, 4, "x", dtype=torch.float32) - 1000, features(12, 4, "y", dtype=torch.float32) + 1000
    expected = exact_kernel_distance(x, y)
    assert METRICS["kid"].scores(as_features(x), reference(y, 1))["kid"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(300, 300), (200, 350)])
def test_precision_and_recall_equal_torch_fidelitys(n: int, m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    monkeypatch.setattr("gan_zoo.metrics.neighbours.BLOCK", 128)
    x, y = features(n, 8, "x", 0.3), features(m, 8, "y")
    expected = prc_features_to_metric(x, y, verbose=False)
    scores = METRICS["recall"].scores(as_features(x), reference(y))
    assert 0 < scores["precision"] < 1
    assert 0 < scores["recall"] < 1
    assert scores["precision"] == pytest.approx(expected[KEY_METRIC_PRECISION], rel=1e-6)
    assert scores["recall"] == pytest.approx(expected[KEY_METRIC_RECALL], rel=1e-6)


def test_density_and_coverage_equal_their_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_zoo.metrics.neighbours.BLOCK", 64)
    x, y = features(150, 6, "x", 0.3).numpy(), features(130, 6, "y").numpy()
    to_real = np.linalg.norm(x[:, None] - y[None], axis=-1)
    reach = np.sort(np.linalg.norm(y[:, None] - y[None], axis=-1), axis=1)[:, 5]
    held = to_real < reach
    scores = METRICS["density"].scores(as_features(torch.from_numpy(x)), reference(torch.from_numpy(y)))
    assert scores["density"] == pytest.approx(held.sum() / (5 * 150), rel=1e-9)
    assert scores["coverage"] == pytest.approx(held.any(axis=0).mean(), rel=1e-9)


def neighbour_scores(x: Tensor, y: Tensor) -> list[float]:
    """[precision, recall, density, coverage] of generated x and real y."""
    shares = precision_and_recall(x, y, squared_radii(x, 3), squared_radii(y, 3))
    return shares + density_and_coverage(x, y, squared_radii(y, 5))


def exact_neighbour_scores(x: Tensor, y: Tensor) -> list[float]:
    """The same by distances in fractions, which do not round."""

    def squared(a: Tensor, b: Tensor) -> np.ndarray:
        left, right = in_fractions(a), in_fractions(b)
        return np.array([[((row - other) ** 2).sum() for other in right] for row in left])

    across, real, generated = squared(x, y), squared(y, y), squared(x, x)
    reach_real, reach_generated = np.sort(real, axis=1)[:, 3], np.sort(generated, axis=1)[:, 3]
    held = across < np.sort(real, axis=1)[:, 5]
    return [
        (across <= reach_real).any(axis=1).mean(),
        (across <= reach_generated[:, None]).any(axis=0).mean(),
        held.sum() / (5 * len(x)),
        held.any(axis=0).mean(),
    ]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("offset", [0.0, 30.0, 1e3, 1e5])
def test_neighbour_scores_are_exact_at_any_offset_and_scale(
    offset: float, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_zoo.metrics.neighbours.BLOCK", 16)
    monkeypatch.setattr("gan_zoo.metrics.neighbours.PAIRS", 128)
    x, y = (
        scale * features(n, 4, key, shift, torch.float32) + offset for n, key, shift in ((20, "x", 0.8), (30, "y", 0.0))
    )
    assert neighbour_scores(x, y) == exact_neighbour_scores(x, y)
    assert neighbour_scores(y, y) == exact_neighbour_scores(y, y)
    assert neighbour_scores(torch.cat([x, y[:10]]), y) == exact_neighbour_scores(torch.cat([x, y[:10]]), y)


def test_neighbour_scores_keep_what_an_offset_does_not_change() -> None:
    """Float32 products give precision 0.8 at an offset of 3000 and 1.0 at 10,000, where 0.733 is right at any."""
    x, y = (torch.round(256 * features(n, 8, key, shift)) / 256 for n, key, shift in ((60, "x", 1.2), (90, "y", 0.0)))
    x, y = x.float(), y.float()
    scores = neighbour_scores(x, y)
    assert scores[0] == pytest.approx(44 / 60)
    assert neighbour_scores(x + 3000, y + 3000) == scores
    assert neighbour_scores(x + 10_000, y + 10_000) == scores
    assert neighbour_scores(1024 * x, 1024 * y) == scores


def test_neighbour_scores_of_two_tight_and_distant_groups_are_exact() -> None:
    near, far = features(20, 4, "x", dtype=torch.float32), features(20, 4, "y", dtype=torch.float32) + 1e6
    x, y = torch.cat([near[:10], far[:10]]), torch.cat([near[10:], far[10:]])
    assert neighbour_scores(x, y) == exact_neighbour_scores(x, y)


def test_neighbour_scores_of_equal_and_of_distant_sets() -> None:
    y = Rng(0, "y").normal(100, 4, dtype=torch.float64)
    assert neighbour_scores(y, y) == [1, 1, 1, 1]
    assert neighbour_scores(y + 1000, y) == [0, 0, 0, 0]
    lattice = torch.cartesian_prod(*[torch.arange(5.0)] * 2)
    assert neighbour_scores(lattice, lattice) == exact_neighbour_scores(lattice, lattice)


def test_what_cannot_be_computed_is_nan_for_that_metric_alone() -> None:
    x = features(50, 4, "x")
    broken = replace(reference(x), gaussian=replace(fit(x), factor=torch.full((4, 4), math.nan, dtype=torch.float64)))
    assert math.isnan(attempt(METRICS["fid"].scores, as_features(x), broken).get("fid", math.nan))
    assert math.isnan(frechet_distance(x, replace(fit(x), trace=torch.tensor(math.nan))))
    assert set(attempt(METRICS["precision"].scores, as_features(x), broken)) == {"precision", "recall"}
    holed = x.clone()
    holed[3, 1] = math.nan
    assert attempt(METRICS["precision"].scores, as_features(holed), reference(x)) == {}


def test_an_unsolved_eigenvalue_problem_is_no_score() -> None:
    def fails(generated: Features) -> dict[str, float]:
        raise torch.linalg.LinAlgError("failed to converge")

    assert attempt(fails, as_features(features(5, 2, "x")), None) == {}
