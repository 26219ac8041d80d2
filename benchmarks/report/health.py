"""Critics that are not what their loss means them to be, by what was recorded of them at the last checkpoint.

A penalty of the form (‖∇f‖ - c) asks for a gradient norm of c, or of at most c. Its critic is called unhealthy where

    the mean gradient norm ‖∇f‖ on the points that the penalty looks at is more than 10 c, or
    |E f(x) - E f(x~)| is more than 10 c times the exact earth mover's distance, of which it is an estimate from below,

medians over the seeds that finished. A score beside such a critic may be good, but not for the reason that the loss
gives.
"""

import re

import numpy as np

from benchmarks.markup.blocks import number
from benchmarks.record.vocabulary import EARTH_MOVER, GRADIENT_NORM, WASSERSTEIN_ESTIMATE
from benchmarks.report.dataset_results import DatasetResults

TOLERANCE = 10.0
ASKED = re.compile(r"‖ - (\d+(?:\.\d+)?)\)")


def unhealthy(dataset: DatasetResults, loss: str) -> str:
    """The fault of the critic of a loss on a data set, in words; empty where none is known."""
    asked = ASKED.search(dataset.formula(loss).get("critic", ""))
    if asked is None:
        return ""
    c = float(asked[1])
    norm = _last(dataset, loss, GRADIENT_NORM)
    estimate = abs(_last(dataset, loss, WASSERSTEIN_ESTIMATE))
    distance = _last(dataset, loss, EARTH_MOVER)
    faults = []
    if norm > TOLERANCE * c:
        faults.append(f"its gradient norm is {number(norm, 2)} where the loss asks for {number(c)}")
    if estimate > TOLERANCE * c * distance:
        faults.append(f"its estimate is {number(estimate / distance, 2)} times the exact distance")
    return " and ".join(faults)


def unhealthy_losses(dataset: DatasetResults) -> dict[str, str]:
    """Loss -> what is wrong with its critic on a data set."""
    faults = {}
    for loss in dataset.losses:
        fault = unhealthy(dataset, loss)
        if fault:
            faults[loss] = fault
    return faults


def _last(dataset: DatasetResults, loss: str, name: str) -> float:
    """The median over finished seeds of a quantity where it was logged last; NaN where it was not logged."""
    values = dataset.finished_curve(loss, name).dropna(how="all").to_numpy(dtype=float)
    return float(np.nanmedian(values[-1])) if values.size else float("nan")
