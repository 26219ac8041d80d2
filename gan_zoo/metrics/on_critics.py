"""The metrics of a critic that trains alone, and what exact transport of batches, which trains nothing, has in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.metrics.critics import Critic, Truth
from gan_zoo.metrics.measure import CriticMeasure
from gan_zoo.metrics.metric import Metric, unknown
from gan_zoo.metrics.registry import critic_measures
from gan_zoo.metrics.sinkhorn import regularised
from gan_zoo.metrics.transport import assigned
from gan_zoo.rng import Rng

BATCH, BATCHES = 1000, 5
"""Points of a batch that is transported exactly, and how many batches the baseline is of."""
Known = Literal["distance", "densities", ""]


def known(data: Any, fakes: Any) -> Known:
    """What is known of a data set and its distribution of fakes (`gan_zoo.datasets.fakes.Fakes`)."""
    if hasattr(data, "coupled") and fakes.needs == "fakes":
        return "distance"
    return "densities" if data.has_density and fakes.log_density else ""


def names(data: Any, fakes: Any) -> list[str]:
    """The metrics that can be had of critics between these distributions."""
    have = known(data, fakes)
    return [name for name, measure in critic_measures().items() if measure.needs in (have, "")]


def default_names(data: Any, fakes: Any) -> list[str]:
    """Those that are scored where a suite names none, the primary one first: all that need what is known."""
    have = known(data, fakes)
    measures = {name: critic_measures()[name] for name in names(data, fakes)}
    return [name for name, measure in measures.items() if measure.default and measure.needs == have]


class CriticEvaluator:
    """A pure function of a critic, as `Evaluator` is of samples: it looks at the same `samples` points each time.

    Args:
        data: the distribution of real points.
        fakes: that of the fakes, a `gan_zoo.datasets.fakes.Fakes`.
        names: which metrics; `metrics` has them.

    Raises: UserError for a metric that cannot be had between these distributions.
    """

    def __init__(self, data: Any, fakes: Any, names: Sequence[str], samples: int) -> None:
        self.data, self.fakes = data.to("cpu"), fakes
        self.measures = {name: _measure_of(name, data, fakes) for name in names}
        transported = "transport_cosine" in names
        self.truth = _truth_of(self.data, fakes, samples, Rng(0, "evaluation", "truth"), transported)
        self.metrics = {name: self._described(name, measure, samples) for name, measure in self.measures.items()}

    def __call__(self, critic: Critic) -> dict[str, float]:
        """The metrics by name; between a pair also `truth/estimate`, the critic's estimate of W1 as a share of it."""
        scores = {name: measure.value(critic, self.truth) for name, measure in self.measures.items()}
        if self.truth.distance is not None:
            scores["truth/estimate"] = critic.estimate(self.truth.real, self.truth.fake) / self.truth.distance
        return scores

    def of_batches(self, seed: int) -> dict[str, float]:
        """Of two batches drawn by `seed` between a pair, `truth/batch`, their exact W1 as a share of the true W1, and
        `truth/sinkhorn_error`, the relative error of their regularised W1; else nothing."""
        if self.truth.distance is None:
            return {}
        real, fake = self._batches(seed)
        return {
            "truth/batch": Transport.of(real, fake).distance / self.truth.distance,
            "truth/sinkhorn_error": abs(regularised(real, fake) / self.truth.distance - 1),
        }

    def baseline(self) -> dict[str, dict[str, Any]]:
        """The scores of exact transport of batches in place of a critic, in the form of `metrics.floor.Floor`."""
        if self.truth.distance is None:
            return {}
        found: dict[str, dict[str, Any]] = {}
        for name, measure in self.measures.items():
            if measure.needs == "distance":
                found[name] = {"values": [], "n": BATCH, "of": "exact transport of batches"}
        for seed in range(BATCHES):
            real, fake = self._batches(seed)
            transport = Transport.of(real, fake)
            truth = Truth(real, real, self.truth.distance, self.data.optimal_gradient(real))
            for name, entry in found.items():
                entry["values"].append(self.measures[name].value(transport, truth))
        return found

    def _batches(self, seed: int) -> tuple[Tensor, Tensor]:
        """A batch of either distribution, drawn by `seed`, each (BATCH, D)."""
        rng = Rng(seed, "evaluation", "batch")
        real, fake = self.data.sample(rng.child("real"), BATCH), self.fakes.sample(self.data, rng.child("fake"), BATCH)
        return real.double(), fake.double()

    def _described(self, name: str, measure: CriticMeasure, samples: int) -> Metric:
        protocol = {
            "measure": measure.protocol.format(n=samples, pairs=min(BATCH, samples)),
            "distribution": f"{self.data.name} {self.data.fingerprint[:12]}",
        }
        return Metric(name, measure.direction, measure.label, protocol, measure.lowest, measure.highest)


def _measure_of(name: str, data: Any, fakes: Any) -> CriticMeasure:
    """The measure of this name. Raises: UserError where it cannot be had."""
    if name not in names(data, fakes):
        raise unknown(name, data.name, names(data, fakes))
    return critic_measures()[name]


def _truth_of(data: Any, fakes: Any, n: int, rng: Rng, transported: bool) -> Truth:
    """What is known at `n` points of each distribution, drawn from `rng`; `transported`: also by exact transport."""
    if n < 1:
        raise UserError(f"evaluate.samples: {n} points cannot be scored; make it at least 1")
    have = known(data, fakes)
    if have == "distance":
        real, fake = data.coupled(rng.child("coupled"), n)
        distance = float(torch.linalg.vector_norm(real - fake, dim=1).mean())
        return Truth(real, fake, distance, data.optimal_gradient(real))
    real, fake = data.sample(rng.child("real"), n).double(), fakes.sample(data, rng.child("fake"), n).double()
    share = None
    if have == "densities":
        points = torch.cat([real, fake])
        share = (data.log_density(points) - fakes.log_density(points)).sigmoid()
    direction = Transport.of(fake[:BATCH], real[:BATCH]).towards if transported else None
    return Truth(real, fake, share=share, direction=direction)


@dataclass(frozen=True)
class Transport:
    """Exact transport between two batches, where a critic could be: it knows its own points alone."""

    real: Tensor
    towards: Tensor
    """the step from each point of the first batch to the one of the second that it is assigned to, (n, D)"""
    distance: float

    @classmethod
    def of(cls, real: Tensor, fake: Tensor) -> "Transport":
        """That between points (n, D) of two distributions."""
        column, distance = assigned(real, fake)
        return cls(real, fake[column] - real, distance)

    def scores(self, x: Tensor) -> Tensor:
        raise NotImplementedError("exact transport of a batch has no potential beyond its points")

    def gradient(self, x: Tensor) -> Tensor:
        """That of a potential which falls along the plan."""
        return -torch.nn.functional.normalize(self.towards, dim=1)

    def estimate(self, real: Tensor, fake: Tensor) -> float:
        return self.distance
