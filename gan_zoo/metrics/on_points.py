"""The metrics of generated points against a known law on the plane."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.metrics import modes, transport
from gan_zoo.metrics.data import PointData
from gan_zoo.metrics.metric import Direction, Metric, unknown
from gan_zoo.rng import Rng

EMD_POINTS = 1000


@dataclass(frozen=True)
class Measure:
    """A function of generated points (n, 2), their law, and real points to compare with; `highest` from K modes."""

    direction: Direction
    label: str
    protocol: str
    highest: Callable[[int], float | None]
    needs_modes: bool
    value: Callable[[Tensor, PointData, Tensor], float]


def _of_modes(function: Callable[[Tensor, Tensor, float], float]) -> Callable[[Tensor, PointData, Tensor], float]:
    def value(x: Tensor, law: PointData, real: Tensor) -> float:
        assert law.modes is not None
        assert law.std is not None
        return function(x, law.modes, law.std)

    return value


def _emd(x: Tensor, law: PointData, real: Tensor) -> float:
    return transport.emd(x[: len(real)], real)


def _cross_entropy(x: Tensor, law: PointData, real: Tensor) -> float:
    return -law.log_density(x.double()).mean().item()


MEASURES = {
    "emd": Measure(
        "min", "earth mover's distance", "exact W1 between {pairs} and {pairs} points", lambda k: None, False, _emd
    ),
    "modes_covered": Measure(
        "max",
        "modes covered",
        "modes with a tenth of their fair share of points within 3 std",
        float,
        True,
        _of_modes(modes.modes_covered),
    ),
    "good_samples": Measure(
        "max", "good samples", "points within 3 std of a mode", lambda k: 1.0, True, _of_modes(modes.good_samples)
    ),
    "mode_kl": Measure(
        "min", "KL over modes", "nats, points counted at their nearest mode", math.log, True, _of_modes(modes.mode_kl)
    ),
    "modes_captured": Measure(
        "max",
        "modes captured",
        "modes with one point within 3 std, as VEEGAN and PacGAN count",
        float,
        True,
        _of_modes(modes.modes_captured),
    ),
    "cross_entropy": Measure(
        "min",
        "cross-entropy",
        "-E log p of generated points, p the true density, nats",
        lambda k: None,
        False,
        _cross_entropy,
    ),
}


def names(data: PointData) -> list[str]:
    """The metrics that can be had on this law."""
    return [name for name, measure in MEASURES.items() if data.modes is not None or not measure.needs_modes]


def prepare(
    data: PointData, chosen: Sequence[str], samples: int, apart: bool = False
) -> tuple[dict[str, Metric], Callable[[Tensor], dict[str, float]]]:
    """The metrics, and the function of generated points (samples, 2) that computes them; `apart` from another draw.

    Raises:
        UserError: an unknown metric, or no samples.
    """
    for name in chosen:
        if name not in names(data):
            raise unknown(name, data.name, names(data))
    if samples < 1:
        raise UserError(f"evaluate.samples: {samples} points cannot be scored; make it at least 1")
    law = data.to("cpu")
    real = law.sample(Rng(0, "evaluation", "apart" if apart else "real"), min(EMD_POINTS, samples))
    count = 0 if law.modes is None else len(law.modes)

    def describe(name: str) -> Metric:
        measure = MEASURES[name]
        how = measure.protocol.format(pairs=len(real))
        protocol = {
            "measure": how,
            "generated": str(samples),
            "distribution": f"{law.name} {law.fingerprint[:12]}",
        }
        highest = measure.highest(count) if count else None
        lowest = None if name == "cross_entropy" else 0.0
        return Metric(name, measure.direction, measure.label, protocol, lowest, highest)

    def scores(x: Tensor) -> dict[str, float]:
        return {name: MEASURES[name].value(x.cpu(), law, real) for name in chosen}

    return {name: describe(name) for name in chosen}, scores
