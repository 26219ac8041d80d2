"""A record seen as arrays of scores: (losses, seeds) by data set and metric, curves by step, costs by loss."""

import json
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record.export import Record
from benchmarks.report.specs import spec_fields
from benchmarks.report.statistics import Array, Direction, best_loss, t_interval, worst
from benchmarks.report.verdicts import Scores
from benchmarks.suites.checkpoint import Checkpoint
from benchmarks.suites.margin import MARGIN, parse_margin
from gan_zoo.errors import UserError

RECIPE = ["architecture", "steps", "n_critic", "batch_size", "optimizer"]

PLAYERS = ("critic/", "generator/")


class Results:
    """What a report reads: the record's runs and metrics, indexed. Raises UserError where they cannot share a table.

    `choice` overrides the suite's own `report` settings: `rows` (losses), `columns` (data sets), `seeds`, `metrics`,
    `baseline`, `targets` (score to reach, by data set), `checkpoint` (last, best or mean-K), `margin` (smallest
    difference of interest, a share). What is not chosen takes part in no number.
    """

    def __init__(self, record: Record, choice: dict[str, Any] | None = None) -> None:
        self.record, self.meta, self.asked = record, record.meta, dict(choice or {})
        self.choice: dict[str, Any] = {**record.meta.get("report", {}), **self.asked}
        self.losses: list[str] = self._chosen("rows", list(record.meta["losses"]))
        self.datasets: list[str] = self._chosen("columns", list(record.meta["datasets"]))
        self.seeds: list[int] = [int(seed) for seed in self._chosen("seeds", [str(s) for s in record.meta["seeds"]])]
        shown = record.runs.loss.isin(self.losses) & record.runs.dataset.isin(self.datasets)
        self.runs = record.runs[shown & record.runs.seed.isin(self.seeds)]
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
            for name, values in _recipes(cell).items():
                if len(values) > 1:
                    unlike = " and ".join(values[:2])
                    place = f"export/runs.csv: loss {loss!r} on {dataset!r}: seeds differ in {name} ({unlike})"
                    raise UserError(f"{place}: these do not share a cell: run one recipe, or report the sweeps apart")
        for dataset in self.datasets:
            self._check_provenance(dataset)
            self._check_checkpoints(dataset)

    def _check_provenance(self, dataset: str) -> None:
        """Scores of one data set are made alike, or they do not stand in one table."""
        named = {"numerics": self._variants(dataset, "numerics")}
        named |= {metric: self._protocols(dataset, metric) for metric in self.metric_names(dataset)}
        for name, variants in named.items():
            if len(variants) > 1:
                (one, a), (other, b) = list(variants.items())[:2]
                unlike = " and ".join(
                    f"{text} ({run})" for text, run in zip(differing(one, other), (a, b), strict=True)
                )
                raise UserError(
                    f"export/runs.csv: data set {dataset!r}, {name}: runs differ: {unlike}: such rows share no "
                    "table: run them again alike, or report them apart (--rows, --metrics)"
                )

    def _variants(self, dataset: str, column: str) -> dict[str, str]:
        """What runs of a data set recorded in a column -> the first that did."""
        runs = self.runs[(self.runs.dataset == dataset) & (self.runs[column] != "")]
        return {
            value: f"{run.loss} seed {run.seed}"
            for value, run in runs.drop_duplicates(column).set_index(column).iterrows()
        }

    def _protocols(self, dataset: str, metric: str) -> dict[str, str]:
        """By which protocols a metric was measured on a data set -> the first run that was."""
        protocols: dict[str, str] = {}
        for text, run in self._variants(dataset, "protocol").items():
            try:
                known = json.loads(text)
            except ValueError:
                raise UserError(f"export/runs.csv: {run} on {dataset!r}: protocol: not JSON: {text[:60]}") from None
            protocols.setdefault(known.get(metric, f"not scored by it, but by {', '.join(known)}"), run)
        return protocols

    def _check_checkpoints(self, dataset: str) -> None:
        """Every finished run has the evaluations that the checkpoint rule needs."""
        primary = self.meta["primary"][dataset]
        for run in self.runs[(self.runs.dataset == dataset) & (self.runs.status == "done")].itertuples():
            have = self._of_seed(dataset, run.loss, primary, run.seed)
            apart = self._of_seed(dataset, run.loss, f"apart/{primary}", run.seed)
            place = f"report.checkpoint: {self.checkpoint}: loss {run.loss!r} on {dataset!r}, seed {run.seed}"
            if self.checkpoint.rule == "best" and not len(apart):
                raise UserError(
                    f"{place}: has no score apart from the reported one (apart/{primary}) to choose by: run the suite "
                    "with evaluate.repeats 2 or more, or choose last or mean-K"
                )
            if 0 < len(have) < self.checkpoint.count:
                raise UserError(f"{place}: has {len(have)} evaluations only: choose a smaller K, or last")

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

    def protocol(self, dataset: str, metric: str) -> str:
        """How a metric was measured on a data set: as its runs say, or the sweep where they do not."""
        of_sweep = str(self.meta["metrics"][metric].get("protocol", ""))
        return next(iter(self._protocols(dataset, metric)), of_sweep)

    def cell_runs(self, dataset: str, loss: str) -> pd.DataFrame:
        """The runs of one loss on one data set."""
        return self.runs[(self.runs.dataset == dataset) & (self.runs.loss == loss)]

    def scores(self, dataset: str, metric: str, checkpoint: Checkpoint | None = None) -> Array:
        """(losses, seeds): scores by the checkpoint rule; `worst` where a run gave none; NaN where there was no run."""
        scores = np.full((len(self.losses), len(self.seeds)), np.nan)
        rows, columns = ({name: i for i, name in enumerate(names)} for names in (self.losses, self.seeds))
        rule, direction = checkpoint or self.checkpoint, self.direction(metric)
        primary = self.meta["primary"][dataset]
        runs = self.runs[(self.runs.dataset == dataset) & (self.runs.status != "missing")]
        for run in runs[runs.seed.isin(self.seeds)].itertuples():
            values = self._of_seed(dataset, run.loss, metric, run.seed)
            apart = self._of_seed(dataset, run.loss, f"apart/{primary}", run.seed)
            finished = run.status == "done" and len(values)
            score = rule.score(values, apart, self.direction(primary)) if finished else np.nan
            scores[rows[run.loss], columns[int(run.seed)]] = score if np.isfinite(score) else worst(direction)
        return scores

    def _of_seed(self, dataset: str, loss: str, name: str, seed: int) -> Array:
        """What one run logged of a quantity, in the order of steps; empty where it logged none."""
        curve = self.curve(dataset, loss, name)
        return curve[seed].to_numpy(dtype=float) if seed in curve.columns else np.empty(0)

    def summary(self, dataset: str, metric: str) -> "Summary":
        """One column of a table: a metric on a data set, for every loss."""
        scores = self.scores(dataset, metric)
        return Summary(scores, self.judged(metric, scores))

    def judged(self, metric: str, scores: Array, comparisons: int | None = None) -> Scores:
        """Scores of a metric (rows, seeds), as verdicts judge them; intervals are simultaneous over all pairs of rows,
        or over so many `comparisons`."""
        known = self.meta["metrics"][metric]
        limits = known.get("lowest"), known.get("highest")
        return Scores(scores, self.direction(metric), self.margin, limits, comparisons)

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

    def formulas(self, loss: str) -> list[tuple[str, dict[str, str]]]:
        """What `critic` and `generator` minimised under a loss and the `paper`, by data set; data sets with the same
        formula stand together. Exports of old have one a loss."""
        if "formulas" not in self.meta:
            old = self.meta.get("loss_info", {}).get(loss, {})
            keys = {"critic": "formula_critic", "generator": "formula_generator", "paper": "paper"}
            return [("all", {name: str(old.get(key, "")) for name, key in keys.items()})]
        groups: dict[str, tuple[list[str], dict[str, str]]] = {}
        for dataset in self.datasets:
            formula = self.formula(dataset, loss)
            if formula:
                groups.setdefault(json.dumps(formula), ([], formula))[0].append(dataset)
        return [(", ".join(datasets), formula) for datasets, formula in groups.values()]

    def formula(self, dataset: str, loss: str) -> dict[str, str]:
        """What `critic` and `generator` minimised under a loss on a data set, and the `paper`; empty if unknown."""
        if "formulas" in self.meta:
            return dict(self.meta["formulas"].get(dataset, {}).get(loss, {}))
        return self.formulas(loss)[0][1]

    def floor(self, dataset: str, metric: str) -> tuple[Array, int] | None:
        """The scores of held-out real data in place of generated samples, one a draw, and of how many samples each is;
        None where the export has none."""
        known = self.meta.get("floor", {}).get(dataset, {}).get(metric)
        return (np.asarray(known["values"], dtype=float), int(known["n"])) if known and known["values"] else None

    def samples(self, dataset: str) -> int | None:
        """How many samples are generated for a score on a data set; None where the export has no specs."""
        specs = [spec_fields(text) for text in self.runs[self.runs.dataset == dataset].spec if text]
        return int(specs[0]["evaluate.samples"]) if specs else None

    def environment(self) -> dict[str, Any]:
        """Versions and the machine, as the sweep recorded them."""
        return dict(self.meta.get("environment", {}))


def _recipes(cell: pd.DataFrame) -> dict[str, list[str]]:
    """What the runs of a cell were asked for but their seed: the values of each column, and of each field of specs."""
    recipes = {column: [str(value) for value in cell[column].dropna().unique()] for column in RECIPE}
    specs = pd.DataFrame([spec_fields(text) for text in cell.spec if text]).drop(columns="seed", errors="ignore")
    return recipes | {str(name): [str(value) for value in specs[name].dropna().unique()] for name in specs}


def differing(one: str, other: str) -> tuple[str, str]:
    """The parts of two lists "key=value; key=value" that are not in both."""
    a, b = (text.split("; ") for text in (one, other))
    return "; ".join(part for part in a if part not in b), "; ".join(part for part in b if part not in a)


class Summary:
    """Scores (losses, seeds) of one metric with their means, intervals, failures, the best loss, and what is certain of
    the others against it: `verdicts` are "best", one of VERDICTS, or empty where nothing can be said."""

    def __init__(self, scores: Array, column: Scores) -> None:
        self.scores, self.direction, self.column = scores, column.direction, column
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
        return self.column.contradiction(self.best) if self.best is not None and any(self.verdicts) else float("nan")
