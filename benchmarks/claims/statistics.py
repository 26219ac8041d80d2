"""The statistics that criteria are about, by name: one number a seed, from what runs logged.

A new one is a function here and a line in STATISTICS. It gets a table for each of its quantities, a row a step and a
column a seed (of the finished runs), and gives a number a seed on the scale where seeds may be averaged; `shown` takes
that back to the scale that people read.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.report.statistics import Array


@dataclass(frozen=True)
class Statistic:
    """`values` maps as many curves as there are `quantities` to a number a seed, NaN where it has none. An infinite
    number is one: verdicts say how it counts."""

    values: Callable[..., Array]
    about: str
    quantities: int = 1
    logarithmic: bool = False
    """whether values are natural logarithms of what is shown"""

    def shown(self, value: float) -> float:
        """A value, or an end of an interval, on the scale that people read."""
        return math.exp(value) if self.logarithmic else value

    def kept(self, value: float) -> float:
        """The edge of a criterion, written on the scale that people read, on that of the values."""
        return math.log(value) if self.logarithmic else value


def last(curve: pd.DataFrame) -> Array:
    """The last logged value of each seed."""
    return curve.iloc[-1].to_numpy(dtype=float)


def difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> Array:
    return last(ours) - last(theirs)


def ratio(ours: pd.DataFrame, theirs: pd.DataFrame) -> Array:
    """log(ours / theirs); -inf where ours is exactly 0, as what is too small for float32 reads. NaN where theirs is not
    positive, or ours is negative or infinite."""
    above, below = last(ours), last(theirs)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(above) - np.log(below)
    return np.where(np.isfinite(logs) | ((above == 0) & (below > 0)), logs, np.nan)


def decades(ours: pd.DataFrame, theirs: pd.DataFrame) -> Array:
    """|log10(ours / theirs)|"""
    return np.abs(ratio(ours, theirs)) / math.log(10)


def rank_correlation(ours: pd.DataFrame, theirs: pd.DataFrame) -> Array:
    """Spearman's correlation of two quantities over the evaluations of a run, but for the one before training."""
    found = []
    for seed in ours.columns:
        both = pd.concat([ours[seed], theirs[seed]], axis=1).loc[1:].dropna()
        found.append(float(spearmanr(both.iloc[:, 0], both.iloc[:, 1]).statistic) if len(both) > 2 else np.nan)
    return np.array(found)


def rebound(curve: pd.DataFrame) -> Array:
    """By how much the last value lies above the lowest of the run."""
    return last(curve) - curve.min().to_numpy(dtype=float)


STATISTICS = {
    "value": Statistic(last, "the last value"),
    "magnitude": Statistic(lambda curve: np.abs(last(curve)), "the last value without its sign"),
    "difference": Statistic(difference, "the difference of the last values, seed by seed", 2),
    "ratio": Statistic(ratio, "the ratio of the last values, seed by seed", 2, logarithmic=True),
    "decades": Statistic(decades, "the decades between the last values, whichever is larger", 2),
    "rank_correlation": Statistic(rank_correlation, "Spearman's correlation over a run's evaluations", 2),
    "rebound": Statistic(rebound, "the last value less the lowest of the run"),
}
