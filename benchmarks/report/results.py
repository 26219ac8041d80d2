"""A record seen as arrays of scores: (losses, seeds) by data set and metric, curves by step, costs by loss."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import Record
from benchmarks.stats import Array, Direction, best_loss, not_told_from_best, t_interval, worst
from gan_zoo.errors import UserError

RECIPE = ["architecture", "steps", "n_critic", "batch_size", "optimizer"]

PLAYERS = ("critic/", "generator/")


class Results:
    """What a report reads: the record's runs and metrics, indexed. Raises UserError where they cannot share a table.

    `choice` overrides the suite's own `report` settings: `rows` (losses), `columns` (data sets), `metrics`, `baseline`,
    `targets` (score to reach, by data set). What is not chosen takes part in no number.
    """

    def __init__(self, record: Record, choice: dict[str, Any] | None = None) -> None:
        self.record, self.meta = record, record.meta
        self.choice: dict[str, Any] = {**record.meta.get("report", {}), **(choice or {})}
        self.losses: list[str] = self._chosen("rows", list(record.meta["losses"]))
        self.datasets: list[str] = self._chosen("columns", list(record.meta["datasets"]))
        self.seeds: list[int] = [int(seed) for seed in record.meta["seeds"]]
        self.runs = record.runs[record.runs.loss.isin(self.losses) & record.runs.dataset.isin(self.datasets)]
        self._check()

    def _chosen(self, key: str, known: list[str]) -> list[str]:
        chosen = [str(name) for name in self.choice.get(key) or known]
        for name in chosen:
            if name not in known:
                raise UserError(f"report.{key}: {name!r} is not in this record: choose from {', '.join(known)}")
        return chosen

    def _check(self) -> None:
        if not self.losses or not self.datasets or not self.seeds:
            raise UserError("export/meta.json: losses, datasets, seeds: none may be empty: the sweep asked for nothing")
        for dataset in self.datasets:
            primary = self.meta["primary"].get(dataset)
            if primary not in self.meta["metrics"]:
                raise UserError(f"export/meta.json: primary: {dataset!r} has {primary!r}, which is none of its metrics")
        for (loss, dataset), cell in self.runs.groupby(["loss", "dataset"], sort=False):
            mixed = [column for column in RECIPE if cell[column].nunique() > 1]
            if mixed:
                values = " and ".join(str(value) for value in cell[mixed[0]].unique()[:2])
                place = f"export/runs.csv: loss {loss!r} on {dataset!r}: seeds differ in {mixed[0]} ({values})"
                raise UserError(f"{place}: these do not share a cell: run one recipe, or report the sweeps apart")

    @cached_property
    def baseline(self) -> str:
        """The loss that the others are compared with: the suite's choice, else the first."""
        chosen = self.choice.get("baseline") or self.losses[0]
        if chosen not in self.losses:
            raise UserError(f"report.baseline: {chosen!r} is not in this report: choose from {', '.join(self.losses)}")
        return str(chosen)

    @cached_property
    def _curves(self) -> dict[tuple[str, str, str], pd.DataFrame]:
        keys = self.runs[["run_key", "loss", "dataset", "seed"]]
        joined = self.record.metrics.merge(keys, on="run_key", how="inner")
        groups = joined.groupby(["dataset", "loss", "name"], sort=False)
        return {
            key: group.pivot_table(index="step", columns="seed", values="value", aggfunc="last", dropna=False)
            for key, group in groups
        }

    def curve(self, dataset: str, loss: str, name: str) -> pd.DataFrame:
        """Values of one logged quantity: a row a step, a column a seed, NaN where it was not logged or not a number."""
        return self._curves.get((dataset, loss, name), pd.DataFrame())

    def metric_names(self, dataset: str) -> list[str]:
        """The metrics that this data set was scored by, its primary one first."""
        primary = self.meta["primary"][dataset]
        scored = {name for place, _, name in self._curves if place == dataset}
        names = [primary, *(name for name in self.meta["metrics"] if name in scored and name != primary)]
        chosen = self._chosen("metrics", list(self.meta["metrics"]))
        return [name for name in names if name in chosen] or [primary]

    def term_names(self, dataset: str) -> list[str]:
        """What was logged of either player on this data set, critic's before generator's."""
        names = {name for place, _, name in self._curves if place == dataset and name.startswith(PLAYERS)}
        return sorted(names - set(self.meta["metrics"]))

    def direction(self, metric: str) -> Direction:
        """Whether less or more of a metric is better; never guessed from its name."""
        direction = self.meta["metrics"][metric].get("direction")
        if direction not in ("min", "max"):
            raise UserError(f"export/meta.json: metrics.{metric}.direction: {direction!r}: must be min or max")
        return direction

    def label(self, metric: str, arrow: bool = True) -> str:
        """A metric's name for people, with an arrow to where it is better."""
        text = self.meta["metrics"][metric].get("label") or metric
        return f"{text}\u00a0{'↓' if self.direction(metric) == 'min' else '↑'}" if arrow else str(text)

    def protocol(self, metric: str) -> str:
        """How a metric was measured."""
        return str(self.meta["metrics"][metric].get("protocol", ""))

    def cell_runs(self, dataset: str, loss: str) -> pd.DataFrame:
        """The runs of one loss on one data set."""
        return self.runs[(self.runs.dataset == dataset) & (self.runs.loss == loss)]

    def scores(self, dataset: str, metric: str) -> Array:
        """(losses, seeds): the last checkpoint's score; `worst` where a run gave none; NaN where there was no run."""
        scores = np.full((len(self.losses), len(self.seeds)), np.nan)
        rows, columns = ({name: i for i, name in enumerate(names)} for names in (self.losses, self.seeds))
        runs = self.runs[(self.runs.dataset == dataset) & (self.runs.status != "missing")]
        for run in runs.itertuples():
            values = self.curve(dataset, run.loss, metric)
            seed = int(run.seed)
            finished = run.status == "done" and seed in values.columns
            score = float(values[seed].iloc[-1]) if finished else np.nan
            if seed in columns:
                scores[rows[run.loss], columns[seed]] = score if np.isfinite(score) else worst(self.direction(metric))
        return scores

    def summary(self, dataset: str, metric: str) -> "Summary":
        """One column of a table: a metric on a data set, for every loss."""
        return Summary(self.scores(dataset, metric), self.direction(metric))

    def times(self, dataset: str) -> pd.DataFrame:
        """Mean costs of the finished runs by loss: n_critic, images_seen, train_seconds and iterations_per_second."""
        runs = self.runs[(self.runs.dataset == dataset) & (self.runs.status == "done")].copy()
        incomparable = ~runs.timing_comparable.fillna(False).astype(bool)
        runs.loc[incomparable, ["train_seconds", "iterations_per_second"]] = np.nan
        costs = ["images_seen", "train_seconds", "iterations_per_second"]
        means = runs.groupby("loss")[costs].mean().reindex(self.losses).astype(float)
        started = self.runs[self.runs.dataset == dataset].groupby("loss").n_critic.first()
        return means.assign(n_critic=started.reindex(self.losses).astype(float))

    def failed_runs(self) -> pd.DataFrame:
        """Every run that is not done, in the report's order."""
        runs = self.runs[self.runs.status != "done"]
        order = {name: i for i, name in enumerate(self.losses)}
        return runs.sort_values(["dataset", "loss", "seed"], key=lambda c: c.map(order) if c.name == "loss" else c)

    def absent(self) -> list[tuple[str, str, int]]:
        """Planned (data set, loss, seed) without a run."""
        runs = self.runs[self.runs.status != "missing"]
        present = set(zip(runs.dataset, runs.loss, runs.seed.astype(int), strict=True))
        planned = [(d, loss, seed) for d in self.datasets for loss in self.losses for seed in self.seeds]
        return [cell for cell in planned if cell not in present]

    def environment(self) -> dict[str, Any]:
        """Versions and the machine, as the sweep recorded them."""
        return dict(self.meta.get("environment", {}))


class Summary:
    """Scores (losses, seeds) of one metric with their means, intervals, failures, the best loss and its equals."""

    def __init__(self, scores: Array, direction: Direction) -> None:
        self.scores, self.direction = scores, direction
        self.mean, self.half = t_interval(scores)
        self.attempted = (~np.isnan(scores)).sum(1)
        self.failed = np.isinf(scores).sum(1)
        self.best = best_loss(scores, direction)
        self.bold = not_told_from_best(scores, direction)
