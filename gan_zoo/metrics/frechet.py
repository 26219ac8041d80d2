"""Fréchet distance between Gaussians fitted to two sets of features (Heusel et al. 2017, arXiv 1706.08500, eq. 6).

FID = ||mu_g - mu_r||^2 + tr(Sigma_g) + tr(Sigma_r) - 2 tr((Sigma_r Sigma_g)^(1/2))

With Sigma_r = L L^T, the last trace is the sum of the square roots of the eigenvalues of L^T Sigma_g L, symmetric and
small where features are few; and with fewer samples than features, the sum of the singular values of X_g L, where
X_g^T X_g = Sigma_g. So L is worked out once for a reference, and each evaluation costs one symmetric problem.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure
from gan_zoo.numerics.process import one_thread
from gan_zoo.numerics.roots import root

if TYPE_CHECKING:
    from gan_zoo.metrics.reference import Reference


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean (d,), trace of the covariance, and its factor L (d, d); float64."""

    mean: Tensor
    trace: Tensor
    factor: Tensor


@one_thread()
def fit(features: Tensor) -> Gaussian:
    """The Gaussian of features (n, d), n >= 2, with the unbiased covariance."""
    mean, centred = _centred(features)
    covariance = centred.T @ centred
    values, vectors = torch.linalg.eigh(covariance)
    factor = vectors * root(values.clamp(min=0))
    return Gaussian(mean, covariance.trace(), factor.contiguous())  # laid out as when read back: sums round alike


@one_thread()
def frechet_distance(features: Tensor, reference: Gaussian) -> float:
    """FID of features (n, d), n >= 2, to a reference; rounding below zero is cut off."""
    mean, centred = _centred(features)
    projected = centred @ reference.factor
    if len(projected) < projected.shape[1]:
        trace_of_root = torch.linalg.svdvals(projected).sum()
    else:
        trace_of_root = root(torch.linalg.eigvalsh(projected.T @ projected).clamp(min=0)).sum()
    distance = (mean - reference.mean).square().sum()
    fid = distance + centred.square().sum() + reference.trace - 2 * trace_of_root
    return fid.clamp(min=0).item()


def _centred(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (d,), and X (n, d) such that X^T X is the unbiased covariance."""
    x = features.double()
    mean = x.mean(dim=0)
    return mean, (x - mean) / (len(x) - 1) ** 0.5


def _frechet_scores(generated: Features, real: "Reference") -> dict[str, float]:
    return {"fid": frechet_distance(generated.values, real.gaussian)}


METRICS = {"fid": ImageMeasure("min", "FID", "Fréchet distance", _frechet_scores, default=True)}
