"""The metrics of generated points against a known distribution, or the training points of an unknown one."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.metrics.data import PointData
from gan_zoo.metrics.measure import PointMeasure
from gan_zoo.metrics.metric import Metric, unknown
from gan_zoo.metrics.registry import point_measures
from gan_zoo.rng import Rng

EMD_POINTS = 1000


def names(data: PointData, default: bool = False) -> list[str]:
    """The metrics that can be had on this distribution, or the default ones of them."""
    measures = {name: measure for name, measure in point_measures().items() if measure.default or not default}
    return [name for name, measure in measures.items() if _can_be_had(measure, data)]


def _can_be_had(measure: PointMeasure, data: PointData) -> bool:
    """Whether the distribution has what the measure needs."""
    has_modes = data.modes is not None or not measure.needs_modes
    return has_modes and (data.has_density or not measure.needs_density)


def prepare(
    data: PointData, chosen: Sequence[str], samples: int, validation: bool = False
) -> tuple[dict[str, Metric], Callable[[Tensor], Callable[[], dict[str, float]]]]:
    """The metrics, and the function of generated points (samples, 2) whose result computes them on the CPU.

    `validation`: each compares with another draw of real points, or with held-out ones where there are only so many.

    Raises: UserError where a metric is unknown or there are no samples.
    """
    for name in chosen:
        if name not in names(data):
            raise unknown(name, data.name, names(data))
    if samples < 1:
        raise UserError(f"evaluate.samples: {samples} points cannot be scored; make it at least 1")
    measures = {name: point_measures()[name] for name in chosen}
    distribution = data.to("cpu")
    pairs = min(EMD_POINTS, samples)
    if validation:
        real = distribution.held_out(Rng(0, "evaluation", "apart"), pairs)
    else:
        real = distribution.trained_on(Rng(0, "evaluation", "real"), pairs)
    count = 0 if distribution.modes is None else len(distribution.modes)

    def describe(name: str) -> Metric:
        measure = measures[name]
        how = measure.protocol.format(pairs=len(real))
        protocol = {
            "measure": how,
            "generated": str(samples),
            "distribution": distribution.origin,
        }
        highest = measure.highest(count) if count else None
        return Metric(name, measure.direction, measure.label, protocol, measure.lowest, highest)

    def read(x: Tensor) -> Callable[[], dict[str, float]]:
        points = x.cpu()
        return torch.no_grad()(
            lambda: {name: measure.value(points, distribution, real) for name, measure in measures.items()}
        )

    return {name: describe(name) for name in chosen}, read
