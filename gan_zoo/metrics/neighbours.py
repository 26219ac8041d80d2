"""How well two sets of features lie in each other's neighbourhoods.

The real manifold is the union of balls around real features, each reaching its k-th nearest other real feature; the
generated manifold likewise.

precision  share of generated features in the real manifold     (Kynkäänniemi et al. 2019, arXiv 1904.06991, k = 3)
recall     share of real features in the generated manifold     (same; both equal torch-fidelity's)
density    real balls that hold a generated feature, on average, / k   (Naeem et al. 2020, arXiv 2002.09797, k = 5)
coverage   share of real balls that hold a generated feature           (same)

Which of two distances is the less decides everything, so distances are exact where that is close. Fast ones,
|x|^2 + |y|^2 - 2 x.y, lose all digits where features are large and near to each other; they only sort out what is far
from the decision. The rest is computed from the differences of the two features alone, by the same roundings
everywhere: scores do not depend on an offset or a scale of the features, nor on the processor.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure, share

if TYPE_CHECKING:
    from gan_zoo.metrics.reference import Reference

BLOCK = 1000
"""Rows of distances at a time."""
PAIRS = 2**22
"""Differences at a time, where distances are exact."""
# Each paper's own: their scores under another k are not comparable with what others publish.
PRECISION_K = 3
DENSITY_K = 5


def squared_radii(features: Tensor, k: int) -> Tensor:
    """Squared distance of each feature (n, d) to its k-th nearest other one, shape (n,), float64."""
    found = []
    for rows in features.split(BLOCK):
        fast, doubt = _fast_distances(rows, features)
        near = fast.topk(k + 1, largest=False).values[:, k:]
        exact = settled(fast, (fast - near).abs() <= 2 * doubt, rows, features)
        found.append(exact.topk(k + 1, largest=False).values[:, k])
    return torch.cat(found)


def precision_and_recall(generated: Tensor, real: Tensor, generated_radii: Tensor, real_radii: Tensor) -> list[float]:
    """[precision, recall] of features (n, d) and (m, d) with the squared radii of their balls (n,) and (m,)."""
    in_real, in_generated = [], torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for rows, reach in zip(generated.split(BLOCK), generated_radii.split(BLOCK), strict=True):
        in_real.append((distances(rows, real, real_radii) <= real_radii).any(dim=1))
        in_generated |= (distances(rows, real, reach[:, None]) <= reach[:, None]).any(dim=0)
    return [torch.cat(in_real).double().mean().item(), in_generated.double().mean().item()]


def density_and_coverage(generated: Tensor, real: Tensor, real_radii: Tensor) -> list[float]:
    """[density, coverage] of features (n, d) and (m, d) with the squared radii of the real balls (m,) for k = 5."""
    balls, covered = 0, torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for rows in generated.split(BLOCK):
        held = distances(rows, real, real_radii) < real_radii
        balls += int(held.sum())
        covered |= held.any(dim=0)
    return [balls / (DENSITY_K * len(generated)), covered.double().mean().item()]


def distances(x: Tensor, y: Tensor, limit: Tensor) -> Tensor:
    """Squared distances of x (n, d) and y (m, d), shape (n, m), float64: each on its side of `limit`, a row or a column
    of squared distances."""
    fast, doubt = _fast_distances(x, y)
    return settled(fast, (fast - limit).abs() <= doubt, x, y)


def _fast_distances(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """|x_i|^2 + |y_j|^2 - 2 x_i.y_j (n, m), about the mean of y, and how far off each may be by rounding (n, m)."""
    centre = y.double().mean(dim=0)
    x, y = x.double() - centre, y.double() - centre
    size = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    rounding = 8 * (x.shape[1] + 4) * torch.finfo(torch.float64).eps
    return size - 2 * (x @ y.T), rounding * size


def settled(fast: Tensor, doubtful: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The distances, exact where they are doubtful."""
    rows, columns = doubtful.nonzero(as_tuple=True)
    step = max(1, PAIRS // x.shape[1])
    for i, j in zip(rows.split(step), columns.split(step), strict=True):
        fast[i, j] = _exact_distances(x[i], y[j])
    return fast


def _exact_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared distances of the pairs x (n, d) and y (n, d), shape (n,), float64: each from its pair alone.

    Terms are added in halves, in an order that no processor chooses.
    """
    terms = (x.double() - y.double()).square()
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        odd = terms[:, 2 * half :]
        terms = torch.cat([terms[:, :half] + terms[:, half : 2 * half], odd], dim=1)
    return terms.sum(dim=1)


def _precision_scores(generated: Features, real: "Reference") -> dict[str, float]:
    x = generated.values
    reach = squared_radii(x, PRECISION_K)
    precision, recall = precision_and_recall(x, real.manifold, reach, real.radii_precision)
    return {"precision": precision, "recall": recall}


def _density_scores(generated: Features, real: "Reference") -> dict[str, float]:
    density, coverage = density_and_coverage(generated.values, real.manifold, real.radii_density)
    return {"density": density, "coverage": coverage}


NEAREST_3, NEAREST_5 = "k=3 nearest of {manifold} real", "k=5 nearest of {manifold} real"
LEAST_3, LEAST_5 = PRECISION_K + 1, DENSITY_K + 1
"""How many features it takes for each to have so many others."""

METRICS = {
    **{
        name: ImageMeasure(
            "max", name, NEAREST_3, _precision_scores, highest=share, fewest=LEAST_3, fewest_real=LEAST_3
        )
        for name in ("precision", "recall")
    },
    "density": ImageMeasure("max", "density", NEAREST_5, _density_scores, fewest=1, fewest_real=LEAST_5),
    "coverage": ImageMeasure(
        "max", "coverage", NEAREST_5, _density_scores, highest=share, fewest=1, fewest_real=LEAST_5
    ),
}
