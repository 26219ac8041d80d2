"""Cross-entropy of generated points under the true density: -E log p(x~), in nats."""

from torch import Tensor

from gan_zoo.metrics.data import PointData
from gan_zoo.metrics.measure import PointMeasure


def cross_entropy(x: Tensor, distribution: PointData, real: Tensor) -> float:
    """-mean log p of points x (n, 2), p the density of `distribution`."""
    return -distribution.log_density(x.double()).mean().item()


METRICS = {
    "cross_entropy": PointMeasure(
        "min",
        "cross-entropy",
        "-E log p of generated points, p the true density, nats",
        cross_entropy,
        lowest=None,
        needs_density=True,
        default=True,
    )
}
