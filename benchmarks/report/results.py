"""A record seen as arrays of scores: (losses, seeds) by data set and metric, curves by step, costs by loss."""

import json
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record.export import Record
from benchmarks.record.protocols import Protocol, read_protocol
from benchmarks.record.vocabulary import is_player_term, meant, validation
from benchmarks.report.consistency import check_numerics, check_protocols, check_recipes, protocols
from benchmarks.report.names import unique_slugs
from benchmarks.report.seconds import Clock, clock_of
from benchmarks.report.specs import spec_fields
from benchmarks.report.statistics import Array, Direction, worst
from benchmarks.report.summary import Summary
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
        self._on = {dataset: DatasetResults(self, dataset) for dataset in self.datasets}
        self._check()

    def on(self, dataset: str) -> "DatasetResults":
        """The results on one data set."""
        return self._on[dataset]

    @property
    def each_dataset(self) -> "list[DatasetResults]":
        """The results on each data set, in the report's order."""
        return list(self._on.values())

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

    def _check(self) -> None:
        if not self.losses or not self.datasets or not self.seeds:
            raise UserError("export/meta.json: losses, datasets, seeds: none may be empty: the sweep asked for nothing")
        for dataset in self.datasets:
            primary = self.meta["primary"].get(dataset)
            if primary not in self.meta["metrics"]:
                raise UserError(f"export/meta.json: primary: {dataset!r} has {primary!r}, which is none of its metrics")
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
        curves = {}
        for key, group in joined.groupby(["dataset", "loss", "name"], sort=False):
            # By default a seed that logged NaN alone, as after divergence, would lose its column.
            curves[key] = group.pivot_table("value", index="step", columns="seed", aggfunc="last", dropna=False)
        return curves

    def direction(self, metric: str) -> Direction:
        """Whether less or more of a metric is better; never guessed from its name."""
        direction = self.meta["metrics"][metric].get("direction")
        if direction not in ("min", "max"):
            raise UserError(f"export/meta.json: metrics.{metric}.direction: {direction!r}: must be min or max")
        return direction

    def label(self, metric: str, arrow: bool = True) -> str:
        """A metric's name for people, with an arrow to where it is better."""
        text = str(self.meta["metrics"][metric].get("label") or metric)
        if not arrow:
            return text
        return f"{text}\u00a0{'↓' if self.direction(metric) == 'min' else '↑'}"

    def judged(self, metric: str, scores: Array, comparisons: int | None = None) -> Scores:
        """Scores of a metric (rows, seeds), as verdicts judge them; intervals are simultaneous over all pairs of rows,
        or over so many `comparisons`."""
        known = self.meta["metrics"][metric]
        limits = known.get("lowest"), known.get("highest")
        return Scores(scores, self.direction(metric), self.margin, limits, comparisons)

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

    def formulas(self, loss: str) -> list[tuple[str, dict[str, str]]]:
        """(data sets, formula) of a loss; data sets with the same formula share an entry. Old exports have one a
        loss."""
        if "formulas" not in self.meta:
            return [("all", self.each_dataset[0].formula(loss))]
        groups: dict[str, tuple[list[str], dict[str, str]]] = {}
        for each in self.each_dataset:
            formula = each.formula(loss)
            if formula:
                groups.setdefault(json.dumps(formula), ([], formula))[0].append(each.name)
        return [(", ".join(datasets), formula) for datasets, formula in groups.values()]

    def environment(self) -> dict[str, Any]:
        """Versions and the machine, as the sweep recorded them."""
        return dict(self.meta.get("environment", {}))


class DatasetResults:
    """The results on one data set: its metrics, scores, curves and costs."""

    def __init__(self, results: Results, name: str) -> None:
        self.results = results
        self.name = name
        self.losses = results.losses
        self.runs = results.runs[results.runs.dataset == name]

    @property
    def slug(self) -> str:
        """The part of file names that identifies this data set."""
        return unique_slugs(self.results.datasets)[self.name]

    @property
    def primary(self) -> str:
        """The metric that losses are ranked by."""
        return str(self.results.meta["primary"][self.name])

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics that this data set was scored by, its primary one first."""
        known = list(self.results.meta["metrics"])
        chosen = self.results.chosen("metrics", known)
        scored = self._logged_names()
        others = [name for name in known if name in scored and name != self.primary]
        return [name for name in [self.primary, *others] if name in chosen] or [self.primary]

    def player_terms(self) -> list[str]:
        """The logged terms of either player, the critic's before the generator's."""
        names = set(filter(is_player_term, self._logged_names()))
        return sorted(names - set(self.results.meta["metrics"]))

    def _logged_names(self) -> set[str]:
        return {name for dataset, _, name in self.results.curves if dataset == self.name}

    def curve(self, loss: str, name: str) -> pd.DataFrame:
        """Values of one logged quantity: a row a step, a column a seed, NaN where it was not logged or not a number."""
        return self.results.curves.get((self.name, loss, name), pd.DataFrame())

    def curve_of_seed(self, loss: str, name: str, seed: int) -> Array:
        """The values that one run logged of a quantity, in the order of steps; empty where it logged none."""
        curve = self.curve(loss, name)
        return curve[seed].to_numpy(dtype=float) if seed in curve.columns else np.empty(0)

    def finished_curve(self, loss: str, name: str) -> pd.DataFrame:
        """`curve` of the runs that came to their end alone."""
        curve = self.curve(loss, name)
        return curve.loc[:, curve.columns.isin(self.finished_seeds(loss))]

    def cell_runs(self, loss: str) -> pd.DataFrame:
        """The runs of one loss."""
        return self.runs[self.runs.loss == loss]

    def finished_seeds(self, loss: str) -> list[int]:
        """The seeds of the runs of a loss that came to their end."""
        runs = self.cell_runs(loss)
        return runs.seed[runs.status == "done"].astype(int).to_list()

    def scores(self, metric: str, checkpoint: Checkpoint | None = None) -> Array:
        """(losses, seeds): scores by the checkpoint rule; `worst` where a run gave none; NaN where there was no run."""
        rule = checkpoint or self.results.checkpoint
        losses, seeds = self.losses, self.results.seeds
        scores = np.full((len(losses), len(seeds)), np.nan)
        for run in self.runs[self.runs.status != "missing"].itertuples():
            row, column = losses.index(run.loss), seeds.index(int(run.seed))
            score = self._score(run, metric, rule)
            scores[row, column] = score if np.isfinite(score) else worst(self.results.direction(metric))
        return scores

    def _score(self, run: Any, metric: str, rule: Checkpoint) -> float:
        """The score of a run; NaN where it did not come to its end or was not scored."""
        values = self.curve_of_seed(run.loss, metric, run.seed)
        if run.status != "done" or not len(values):
            return float("nan")
        chosen_by = self.curve_of_seed(run.loss, validation(self.primary), run.seed)
        return rule.score(values, chosen_by, self.results.direction(self.primary))

    def summary(self, metric: str) -> Summary:
        """One column of a table: a metric, for every loss."""
        scores = self.scores(metric)
        return Summary(scores, self.results.judged(metric, scores))

    def times(self) -> pd.DataFrame:
        """Mean costs of the finished runs by loss: n_critic, images_seen, train_seconds and iterations_per_second."""
        seen = self.runs[self.runs.status == "done"].groupby("loss").images_seen.mean().reindex(self.losses)
        n_critic = self.runs.groupby("loss").n_critic.first().reindex(self.losses)
        return self.results.clock.costs(self).assign(n_critic=n_critic.astype(float), images_seen=seen.astype(float))

    def protocol(self, metric: str) -> Protocol:
        """How a metric was measured: as the runs say, or the sweep where they do not."""
        of_runs = protocols(self.runs, self.name, metric)
        if of_runs:
            return of_runs[0][0]
        return read_protocol(self.results.meta["metrics"][metric].get("protocol"))

    def formula(self, loss: str) -> dict[str, str]:
        """The objectives of `critic` and `generator` under a loss, and the `paper`; empty if unknown. Old exports have
        the defaults of a loss."""
        meta = self.results.meta
        if "formulas" in meta:
            return dict(meta["formulas"].get(self.name, {}).get(loss, {}))
        old = meta.get("loss_info", {}).get(loss, {})
        return {
            "critic": str(old.get("formula_critic", "")),
            "generator": str(old.get("formula_generator", "")),
            "paper": str(old.get("paper", "")),
        }

    def floor(self, metric: str) -> tuple[Array, int] | None:
        """The scores of held-out real data in place of generated samples, one a draw, and of how many samples each is;
        None where the export has none."""
        known = self.results.meta.get("floor", {}).get(self.name, {}).get(metric) or {}
        return (np.asarray(known["values"], dtype=float), int(known["n"])) if known.get("values") else None

    def sample_count(self) -> int | None:
        """How many samples are generated for a score; None where the export has no specs."""
        known = self.runs.spec[self.runs.spec != ""]
        return int(spec_fields(known.iloc[0])["evaluate.samples"]) if len(known) else None

    def check(self) -> None:
        """Raises: UserError where runs were scored in different ways, or not as the checkpoint rule needs."""
        check_numerics(self.runs, self.name)
        for metric in self.metrics:
            check_protocols(self.runs, self.name, metric)
        for run in self.runs[self.runs.status == "done"].itertuples():
            self._check_checkpoint(run)

    def _check_checkpoint(self, run: Any) -> None:
        rule, chosen_by = self.results.checkpoint, validation(self.primary)
        where = f"report.checkpoint: {rule}: loss {run.loss!r} on {self.name!r}, seed {run.seed}"
        if rule.rule == "best" and not len(self.curve_of_seed(run.loss, chosen_by, run.seed)):
            raise UserError(
                f"{where}: has no score on the validation split ({chosen_by}) to choose by: run the suite with "
                "evaluate.repeats 2 or more, or choose last or mean-K"
            )
        evaluations = len(self.curve_of_seed(run.loss, self.primary, run.seed))
        if 0 < evaluations < rule.count:
            raise UserError(f"{where}: has {evaluations} evaluations only: choose a smaller K, or last")
