"""One column of a table: the scores of a metric on a data set, and what is certain of them."""

import numpy as np

from benchmarks.report.statistics import Array, best_loss, t_interval
from benchmarks.report.verdicts import Scores


class Summary:
    """Scores (losses, seeds) of one metric with their means, intervals, failures, the best loss, and what is certain of
    the others against it: `verdicts` are "best", one of VERDICTS, or empty where nothing can be said."""

    def __init__(self, scores: Array, column: Scores) -> None:
        self.scores = scores
        self.direction = column.direction
        self.column = column
        self.mean, self.half = t_interval(scores)
        self.attempted = (~np.isnan(scores)).sum(1)
        self.failed = np.isinf(scores).sum(1)
        self.best = best_loss(scores, self.direction)
        self.verdicts = [""] * len(scores)
        if self.best is not None and np.isfinite(scores[self.best]).sum() > 1:
            self.verdicts = self.column.against(self.best)
            self.verdicts[self.best] = "best"

    def contradiction(self) -> float:
        """The probability that a repeat of the sweep contradicts one of `verdicts`; NaN where there are none."""
        if self.best is None or not any(self.verdicts):
            return float("nan")
        return self.column.contradiction(self.best)
