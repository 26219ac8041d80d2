"""Distance between the mean features of generated and of real images, ‖m~ - m‖: the part of an FID without spreads."""

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure
from gan_zoo.metrics.reference import Reference


def mean_distance(generated: Features, real: Reference) -> dict[str, float]:
    """From features (n, d) and (m, d), by the name that the measure has below."""
    return {"mean": (generated.values.double().mean(0) - real.features.double().mean(0)).norm().item()}


METRICS = {"mean": ImageMeasure("min", "distance of means", "norm of the difference of mean features", mean_distance)}
