"""The trials of a search as arrays, and what follows from them: choices, curves, shares, ranks of numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations, pairwise
from typing import Any

import numpy as np
from scipy import stats as scipy_stats

from benchmarks.record.vocabulary import validation
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.order_statistics import all_fail, chance_of_best, expected_best, interval, share_within
from benchmarks.report.statistics import Array

SHOWN = (1, 5, 20, 50, 200, 1000)
"""The numbers of trials that tables show."""


@dataclass(frozen=True)
class LossTrials:
    """The trials of a loss on a data set in the order of their numbers: validation scores and reported ones (K,),
    signed so that lower is better, +inf where a trial failed; their settings; `missing`: those that have not ended."""

    loss: str
    validation: Array
    scores: Array
    settings: list[Mapping[str, float]]
    numbers: list[int]
    missing: int

    @property
    def count(self) -> int:
        return len(self.scores)

    @property
    def failed(self) -> int:
        return int((~np.isfinite(self.scores)).sum())

    @property
    def chosen(self) -> int | None:
        """The place of the trial with the best validation score; None where all failed."""
        return int(np.argmin(self.validation)) if self.count > self.failed else None

    def expected(self, k: int) -> float:
        """The expected score, signed, of the best of k."""
        return float(expected_best(self.validation, self.scores, k)) if k <= self.count else float("nan")

    def interval(self, k: int) -> tuple[float, float]:
        return interval(self.validation, self.scores, k)

    def all_fail(self, k: int) -> float:
        return all_fail(self.validation, self.scores, k)

    def share_within(self, share: float) -> float:
        return share_within(self.scores, share) if self.count else float("nan")

    def searched(self) -> list[str]:
        """The numbers that were searched."""
        return list(dict.fromkeys(chain.from_iterable(self.settings)))

    def so_far(self) -> Array:
        """(K,): the score of the best by validation among the first 1, ..., K trials; +inf until one is finished."""
        best = [int(np.argmin(self.validation[: k + 1])) for k in range(self.count)]
        return self.scores[best]

    def values(self, number: str) -> Array:
        """(K,): the values of a number."""
        return np.array([setting.get(number, np.nan) for setting in self.settings], dtype=float)

    def correlation(self, number: str) -> float:
        """Spearman's rank correlation of a number with the signed score, failed trials the worst."""
        values = self.values(number)
        if self.count < 3 or len(set(values)) < 2 or len(set(self.scores)) < 2:
            return float("nan")
        return float(scipy_stats.spearmanr(values, scipy_stats.rankdata(self.scores)).statistic)


class DatasetSearch:
    """The search on one data set."""

    def __init__(self, dataset: DatasetResults) -> None:
        self.dataset = dataset
        self.metric = dataset.primary
        self.about = dataset.results.metrics[self.metric]
        self.sign = 1.0 if self.about.direction == "min" else -1.0
        search = dataset.results.meta["search"]
        self.adaptive = str(search.get("adaptive", ""))
        trials = search.get("trials", {})
        metrics = dataset.results.record.metrics
        judged = metrics[metrics.name.isin([self.metric, validation(self.metric)])].sort_values("step")
        self._logged = {key: group.value.to_numpy(dtype=float) for key, group in judged.groupby(["run_key", "name"])}
        self.losses = [self._of_loss(loss, trials) for loss in dataset.losses]

    def _of_loss(self, loss: str, trials: Mapping[str, Any]) -> LossTrials:
        runs = self.dataset.cell_runs(loss)
        ended = [run for run in runs.itertuples() if run.status != "missing" and run.run_key in trials]
        ended.sort(key=lambda run: int(trials[run.run_key]["trial"]))
        rows = [self._scores(run) for run in ended]
        table = np.array(rows, dtype=float).reshape(-1, 2)
        known = [trials[run.run_key] for run in ended]
        settings, numbers = [trial["setting"] for trial in known], [int(trial["trial"]) for trial in known]
        return LossTrials(loss, table[:, 0], table[:, 1], settings, numbers, int((runs.status == "missing").sum()))

    def _scores(self, run: Any) -> tuple[float, float]:
        """The signed validation score and reported score of a trial, both +inf where it failed."""
        rule, direction = self.dataset.results.checkpoint, self.about.direction
        by = self._logged.get((run.run_key, validation(self.metric)), np.empty(0))
        values = self._logged.get((run.run_key, self.metric), np.empty(0))
        if run.status != "done" or not len(values) or len(by) != len(values):
            return float("inf"), float("inf")
        pair = self.sign * rule.score(by, by, direction), self.sign * rule.score(values, by, direction)
        return pair if np.isfinite(pair).all() else (float("inf"), float("inf"))

    @cached_property
    def most(self) -> int:
        """The number of trials that every loss has."""
        return min((each.count for each in self.losses), default=0)

    def shown(self) -> list[int]:
        """The numbers of trials to show in tables, up to what every loss has."""
        return [k for k in SHOWN if k <= self.most]

    def drawn(self) -> list[int]:
        """The numbers of trials to draw: all up to 20, then ever fewer."""
        grid = np.unique(np.round(np.geomspace(1, max(self.most, 1), 24)).astype(int))
        return [int(k) for k in grid if k <= self.most]

    def chances(self, k: int) -> dict[str, float]:
        """By loss the probability of the best score with k new trials each."""
        found = chance_of_best([(each.validation, each.scores) for each in self.losses], k)
        return dict(zip((each.loss for each in self.losses), found, strict=True))

    def leader(self, k: int) -> LossTrials | None:
        """The loss with the best expected score of k trials."""
        known = [each for each in self.losses if np.isfinite(each.expected(k))]
        return min(known, key=lambda each: each.expected(k)) if known else None

    def changes(self) -> list[tuple[int, str, str]]:
        """(k, loss before, loss from k on): where the loss that leads by expectation changes."""
        leaders = [(k, leader.loss) for k in range(1, self.most + 1) if (leader := self.leader(k))]
        return [(k, before, after) for (_, before), (k, after) in pairwise(leaders) if before != after]

    def crossings(self) -> list[tuple[str, str, list[int]]]:
        """Pairs of losses whose order by expectation changes, and the numbers of trials from which it is another."""
        curves = {}
        for each in self.losses:
            curves[each.loss] = np.array([each.expected(k) for k in range(1, self.most + 1)])
        found = []
        for one, other in combinations(self.losses, 2):
            ahead = curves[one.loss] < curves[other.loss]
            at = [k + 1 for k in range(1, self.most) if ahead[k] != ahead[k - 1]]
            if at:
                found.append((one.loss, other.loss, at))
        return found
