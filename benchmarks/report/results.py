"""The record behind a report, with the choices of the report: losses, data sets, seeds, checkpoint, clock."""

import json
from functools import cached_property
from itertools import product
from typing import Any

import pandas as pd

from benchmarks.record.export import Record
from benchmarks.record.vocabulary import meant
from benchmarks.report.consistency import check_recipes
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.names import unique_slugs
from benchmarks.report.recorded_metric import metrics_of
from benchmarks.report.seconds import Clock, clock_of
from benchmarks.report.statistics import Array
from benchmarks.report.verdicts import Scores
from benchmarks.suites.checkpoint import Checkpoint
from benchmarks.suites.margin import MARGIN, parse_margin
from gan_zoo.errors import UserError


class Results:
    """The record behind a report: its runs and metrics, indexed; `on` gives those of one data set.

    `choice` overrides the suite's own `report` settings: `rows` (losses), `columns` (data sets), `seeds`, `metrics`,
    `baseline`, `targets` (score to reach, by data set), `checkpoint` (last, best or mean-K), `margin` (smallest
    difference of interest, a share). What is not chosen takes part in no number.

    Raises: UserError where the runs cannot share a table.
    """

    def __init__(self, record: Record, choice: dict[str, Any] | None = None) -> None:
        self.record = record
        self.meta = record.meta
        self.asked = dict(choice or {})
        self.choice: dict[str, Any] = {**record.meta.get("report", {}), **self.asked}
        self.losses: list[str] = self.chosen("rows", list(record.meta["losses"]))
        self.datasets: list[str] = self.chosen("columns", list(record.meta["datasets"]))
        known_seeds = list(map(str, record.meta["seeds"]))
        self.seeds: list[int] = list(map(int, self.chosen("seeds", known_seeds)))
        shown = record.runs.loss.isin(self.losses) & record.runs.dataset.isin(self.datasets)
        self.runs = record.runs[shown & record.runs.seed.isin(self.seeds)]
        self.environment: dict[str, Any] = dict(self.meta.get("environment", {}))
        """Versions and the machine, as the sweep recorded them."""
        self.metrics = metrics_of(self.meta)
        self._refuse_empty()
        slugs = unique_slugs(self.datasets)
        self.each_dataset = [DatasetResults(self, dataset, slugs[dataset]) for dataset in self.datasets]
        """The results on each data set, in the report's order."""
        self._on = {each.name: each for each in self.each_dataset}
        self._check_runs()

    def on(self, dataset: str) -> DatasetResults:
        """The results on one data set."""
        return self._on[dataset]

    def chosen(self, key: str, known: list[str]) -> list[str]:
        """The names chosen under a key of `report`, or all that are known. Raises: UserError for an unknown one."""
        chosen: list[str] = []
        for name in map(str, self.choice.get(key) or known):
            # A metric may be named without its protocol, and then all its protocols are meant.
            found = meant(name, known) if key == "metrics" else [name]
            if not found or not set(found) <= set(known):
                raise UserError(f"report.{key}: {name!r} is not in this record: choose from {', '.join(known)}")
            chosen += found
        return chosen

    def _refuse_empty(self) -> None:
        """Raises: UserError for a list without entries, and for a data set without its metric."""
        if not self.losses or not self.datasets or not self.seeds:
            raise UserError("export/meta.json: losses, datasets, seeds: none may be empty: the sweep asked for nothing")
        for dataset in self.datasets:
            primary = self.meta["primary"].get(dataset)
            if primary not in self.metrics:
                raise UserError(f"export/meta.json: primary: {dataset!r} has {primary!r}, which is none of its metrics")

    def _check_runs(self) -> None:
        """Raises: UserError where the runs cannot share a table."""
        if not self.meta.get("search"):  # whose runs differ in their settings, and share no cell
            check_recipes(self.runs)
        for each in self.each_dataset:
            each.check()

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Which evaluation of a run is its score: the suite's choice, else the last."""
        try:
            return Checkpoint.parse(self.choice.get("checkpoint", "last"))
        except ValueError as error:
            raise UserError(f"report.checkpoint: {error}") from None

    @cached_property
    def margin(self) -> float:
        """The smallest difference of interest as a share: the suite's choice, else 10 %."""
        try:
            return parse_margin(self.choice.get("margin", MARGIN))
        except ValueError as error:
            raise UserError(f"report.margin: {error}") from None

    @cached_property
    def baseline(self) -> str:
        """The loss that the others are compared with: the one asked for, else the suite's where it is shown, else the
        first. Raises: UserError where the one asked for is not shown."""
        asked, suites = self.asked.get("baseline"), self.choice.get("baseline")
        if asked and asked not in self.losses:
            raise UserError(f"report.baseline: {asked!r} is not in this report: choose from {', '.join(self.losses)}")
        return str(suites if suites in self.losses else self.losses[0])

    @cached_property
    def clock(self) -> Clock:
        """Where seconds come from."""
        return clock_of(self)

    @cached_property
    def curves(self) -> dict[tuple[str, str, str], pd.DataFrame]:
        """(data set, loss, name of a logged quantity) -> its values, a row a step and a column a seed."""
        keys = self.runs[["run_key", "loss", "dataset", "seed"]]
        joined = self.record.metrics.merge(keys, on="run_key", how="inner")
        of_curve = ["dataset", "loss", "name"]
        values = joined.groupby([*of_curve, "step", "seed"]).value.last()
        # A seed that logged NaN alone, as after divergence, keeps its column.
        groups = values.groupby(level=of_curve, sort=False)
        return {key: group.droplevel(of_curve).unstack("seed") for key, group in groups}

    def judged(self, metric: str, scores: Array, comparisons: int | None = None) -> Scores:
        """Scores of a metric (rows, seeds), as verdicts judge them; intervals are simultaneous over all pairs of rows,
        or over so many `comparisons`."""
        known = self.metrics[metric]
        return Scores(scores, known.direction, self.margin, known.possible, comparisons)

    def failed_runs(self) -> pd.DataFrame:
        """Every run that is not done, in the report's order."""
        runs = self.runs[self.runs.status != "done"]
        return runs.sort_values(
            ["dataset", "loss", "seed"], key=lambda c: c.map(self.losses.index) if c.name == "loss" else c
        )

    def absent(self) -> list[tuple[str, str, int]]:
        """Planned (data set, loss, seed) without a run."""
        runs = self.runs[self.runs.status != "missing"]
        present = set(zip(runs.dataset, runs.loss, runs.seed.astype(int), strict=True))
        planned = list(product(self.datasets, self.losses, self.seeds))
        return [cell for cell in planned if cell not in present]

    def formulas(self, loss: str) -> list[tuple[list[str], dict[str, str]]]:
        """(data sets, formula) of a loss; data sets with the same formula share an entry. Old exports have one a
        loss."""
        if "formulas" not in self.meta:
            return [([], self.each_dataset[0].formula(loss))]
        groups: dict[str, tuple[list[str], dict[str, str]]] = {}
        for each in self.each_dataset:
            formula = each.formula(loss)
            if formula:
                groups.setdefault(json.dumps(formula), ([], formula))[0].append(each.name)
        return list(groups.values())
