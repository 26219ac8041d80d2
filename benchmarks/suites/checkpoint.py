"""Which checkpoint of a run gives its score, as `report: {checkpoint: ...}` of a suite says it."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Checkpoint:
    """Which of a run's evaluations give its score: the last one, the best one, or the mean of the last `count`.

    The best by the reported score itself would flatter (Lucic et al. 2018 and most codes do so), so it is chosen by
    another score of the same checkpoints, on the validation split.
    """

    rule: Literal["last", "best", "mean"] = "last"
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """From `last`, `best` or `mean-K`. Raises: ValueError for anything else, which says so."""
        found = re.fullmatch(r"last|best|mean-([1-9]\d*)", str(text))
        if not found:
            raise ValueError(f"expected last, best or mean-K (as mean-3), got {text!r}")
        return cls("mean", int(found[1])) if found[1] else cls("best" if text == "best" else "last")

    def score(self, scores: ArrayLike, validation: ArrayLike, direction: Literal["min", "max"]) -> float:
        """The score of a run from those of its checkpoints (n,) and, for the best, those on the validation split (n,).

        NaN where the score is not a number, where the best is to be chosen by no score at all, and where n < count.
        """
        values = np.asarray(scores, dtype=np.float64)
        if self.rule == "best":
            judged = np.asarray(validation, dtype=np.float64) * (1.0 if direction == "min" else -1.0)
            return float(values[np.nanargmin(judged)]) if np.isfinite(judged).any() else float("nan")
        return float(values[-self.count :].mean()) if len(values) >= self.count else float("nan")

    def __str__(self) -> str:
        return f"mean-{self.count}" if self.rule == "mean" else self.rule
