"""Kernel distance: unbiased squared MMD with the kernel (x.y / d + 1)^3 (Bińkowski et al. 2018, arXiv 1801.01401)."""

from typing import TYPE_CHECKING

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure

if TYPE_CHECKING:
    from gan_zoo.metrics.reference import Reference

LARGEST_SUBSET = 1000


def kernel_scores(generated: Features, real: "Reference") -> dict[str, float]:
    """torch-fidelity's: the mean over subsets of both."""
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    size = subset_size(len(generated.values), len(real.features))
    scores = kid_features_to_metric(
        generated.values, real.features, kid_subsets=real.kid_subsets, kid_subset_size=size, verbose=False
    )
    return {"kid": scores[KEY_METRIC_KID_MEAN]}


def subset_size(generated: int, real: int) -> int:
    """The features in a subset, of this many generated and real ones."""
    return min(LARGEST_SUBSET, generated, real)


METRICS = {
    "kid": ImageMeasure(
        "min", "KID", "kernel distance, {subsets} subsets of {subset}", kernel_scores, lowest=None, default=True
    )
}
