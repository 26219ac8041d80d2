"""An adaptive search, by Optuna: each setting follows from the validation scores of those before it.

The first STARTUP settings of a loss on a data set are those of the fair search. Each later one is asked of a
tree-structured Parzen estimator (Bergstra et al. 2011) in the unit cube of the ranges, which is told of all trials
before and seeded by the number of the new one. So the record of the trials is all there is to keep: after a break the
same settings follow from the same scores. One setting a loss and data set is asked at a time, whatever the workers.
"""

import math
from collections.abc import Mapping, Sequence

from benchmarks.suites.suite import Suite
from benchmarks.suites.trials import DataAndLoss, Ground, Point, points_of
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng

STARTUP = 10  # Optuna's own


class Adaptive:
    """The settings of an adaptive search of `count` settings a loss and data set, as far as they are known.

    Raises: UserError where Optuna is not installed.
    """

    def __init__(self, ground: Ground, count: int, seed: int) -> None:
        self.ground, self.count, self.seed = ground, count, seed
        self.by = f"Optuna {version()}, tree-structured Parzen estimator"
        self.points: dict[DataAndLoss, list[Point]] = {}
        for place, ranges in ground.spaces.items():
            self.points[place] = [*points_of(ranges, min(count, STARTUP), seed, *place)]

    def suite(self) -> Suite:
        """The suite of the trials whose settings are known."""
        return self.ground.at(self.points, self.seed, self.by)

    def extend(self, scores: Mapping[DataAndLoss, Sequence[float]]) -> bool:
        """Adds a setting at each place, from the validation score of each of its trials (lower is better, +inf where
        one failed); False where there are as many as there are to be."""
        if len(next(iter(self.points.values()))) == self.count:
            return False
        for place, points in self.points.items():
            points.append(_next_point(points, scores[place], Rng(self.seed, "adaptive", *place, len(points))))
        return True


def _next_point(points: Sequence[Point], scores: Sequence[float], key: Rng) -> Point:
    """The point that the estimator asks for after these."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    axes = [f"axis{i}" for i in range(len(points[0]))]
    cube = {axis: optuna.distributions.FloatDistribution(0, 1) for axis in axes}
    sampler = optuna.samplers.TPESampler(seed=key.state_seed % 2**32, n_startup_trials=STARTUP)
    # in memory and anew each time: Optuna's storage by MLflow reads every earlier trial again at each question
    study = optuna.create_study(sampler=sampler)
    for point, score in zip(points, scores, strict=True):
        params = dict(zip(axes, point, strict=True))
        study.add_trial(optuna.trial.create_trial(params=params, distributions=cube, value=score))
    asked = study.ask(cube).params
    # Optuna's interval has its upper end, that of `Range.at` has not
    return [min(asked[axis], math.nextafter(1, 0)) for axis in axes]


def version() -> str:
    """Optuna's version. Raises: UserError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise UserError("--adaptive: needs Optuna: run `python -m pip install 'gan-zoo[optuna]'`") from error
    return str(optuna.__version__)
