"""The tables of a report, as cells: scores, how they were made, and who took part."""

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import DASH, Column, Entry, Table, amount, measured, number
from benchmarks.report.captions import bold_rule, checkpoint_rule, hardware, measured_by, quoted, seeds
from benchmarks.report.figures.plan import file_names
from benchmarks.report.published import Fact, facts_of
from benchmarks.report.results import Results, Summary

FAILED = "failed /\u00a0n"


def score_cell(summary: Summary, row: int) -> Entry:
    """Mean ± half-width of one loss; failures are noted where this metric alone has them."""
    mean, half = float(summary.mean[row]), float(summary.half[row])
    return Entry(measured(mean, half), sortable(mean), summary.bold[row], half=sortable(half))


def failed_cell(summary: Summary, row: int) -> Entry:
    """Failed runs of the attempted ones, as k/n."""
    failed, attempted = int(summary.failed[row]), int(summary.attempted[row])
    return Entry(f"{failed}/{attempted}" if attempted else "no run", failed / attempted if attempted else None)


def scores_table(results: Results, dataset: str) -> Table:
    """Every metric of one data set, and what each loss cost."""
    metrics = results.metric_names(dataset)
    summaries = [results.summary(dataset, metric) for metric in metrics]
    costs = results.times(dataset)
    columns = [Column("Loss", False), *(Column(results.label(metric)) for metric in metrics)]
    others = published_columns(results, dataset)
    costs_titles = (FAILED, "critic steps", "images seen", "train s", "it/s")
    columns += [*map(Column, costs_titles), *others]
    rows = []
    for row, loss in enumerate(results.losses):
        scores = []
        for summary in summaries:
            cell, failed = score_cell(summary, row), failed_cell(summary, row)
            own = summary.failed[row] != summaries[0].failed[row]
            scores.append(replace(cell, note=f"({failed.text} failed)" if own else ""))
        costs_of = _cost_cells(costs.loc[loss])
        theirs = [cells[row] for cells in others.values()]
        rows.append([Entry(loss), *scores, failed_cell(summaries[0], row), *costs_of, *theirs])
    return Table(f"scores-{file_names(results)[dataset]}", _scores_caption(results, dataset), columns, rows, paper=True)


def published_columns(results: Results, dataset: str) -> dict[Column, list[Entry]]:
    """For each metric with printed numbers of others, a column of them: the number, or the range and how many."""
    columns = {}
    for metric in results.metric_names(dataset):
        facts = facts_of(dataset, metric, results.losses)
        if facts:
            title = f"published {facts[0].metric.upper()}"
            columns[Column(title, quoted=True)] = [_printed(facts, loss) for loss in results.losses]
    return columns


def _printed(facts: list[Fact], loss: str) -> Entry:
    ordered = sorted((fact for fact in facts if fact.loss == loss), key=lambda fact: fact.number)
    if not ordered:
        return Entry(DASH)
    low, high = ordered[0], ordered[-1]
    text = low.value if low == high else f"{low.number:g}\u2013{high.number:g} ({len(ordered)})"
    return Entry(text, low.number)


def _cost_cells(cost: pd.Series) -> list[Entry]:
    return [
        Entry(number(cost.n_critic), sortable(cost.n_critic)),
        Entry(amount(cost.images_seen), sortable(cost.images_seen)),
        Entry(number(cost.train_seconds), sortable(cost.train_seconds)),
        Entry(number(cost.iterations_per_second), sortable(cost.iterations_per_second)),
    ]


def sortable(value: float) -> float | None:
    """The value to sort by; None for what is not a number."""
    return float(value) if np.isfinite(value) else None


def _scores_caption(results: Results, dataset: str) -> str:
    metrics = results.metric_names(dataset)
    scores = [results.scores(dataset, metric) for metric in metrics]
    return " ".join(
        [
            f"{dataset}: mean ± half-width of the 95 % t-interval over the finished of {seeds(results)},",
            f"{checkpoint_rule(results, dataset)}.",
            "Failed: diverged, broken off or without a finite score, of n runs; in no mean, but ranked last.",
            bold_rule(results, scores),
            "Critic steps are per generator step; images: real ones that the critic saw; seconds: of training alone,",
            f"of runs with a device to themselves. {hardware(results)}. {measured_by(results, dataset, metrics)}",
            quoted(results, dataset),
        ]
    ).strip()


def primary_table(results: Results) -> Table:
    """The primary metric of every data set, side by side."""
    columns, bodies = [Column("Loss", False)], []
    for dataset in results.datasets:
        metric = results.meta["primary"][dataset]
        summary = results.summary(dataset, metric)
        columns += [Column(f"{dataset}: {results.label(metric)}"), Column(FAILED)]
        bodies.append([[score_cell(summary, row), failed_cell(summary, row)] for row in range(len(results.losses))])
    rows = [[Entry(loss), *(cell for body in bodies for cell in body[row])] for row, loss in enumerate(results.losses)]
    scores = [results.scores(dataset, results.meta["primary"][dataset]) for dataset in results.datasets]
    rules = dict.fromkeys(checkpoint_rule(results, dataset) for dataset in results.datasets)
    protocols = [
        f"{dataset}: {measured_by(results, dataset, [results.meta['primary'][dataset]])}"
        for dataset in results.datasets
    ]
    caption = " ".join(
        [
            "Primary metric of each data set: mean ± half-width of the 95 % t-interval over the finished of",
            f"{seeds(results)}, {'; '.join(rules)}. {bold_rule(results, scores)} {hardware(results)}.",
            *protocols,
        ]
    )
    return Table("primary", caption, columns, rows, paper=True)


def recipe_table(results: Results) -> Table:
    """How each loss was trained on each data set."""
    titles = ("Loss", "data set", "net", "steps", "critic steps", "batch", "optimiser", "parameters G / C", "engine")
    rows = []
    for (dataset, loss), runs in results.runs.groupby(["dataset", "loss"], sort=False):
        run = runs.iloc[0]
        sizes = " / ".join(
            DASH if pd.isna(n) else amount(float(n)) for n in (run.parameters_generator, run.parameters_critic)
        )
        texts = [dataset, run.architecture, run.steps, run.n_critic, run.batch_size, run.optimizer, sizes]
        texts.append(", ".join(sorted({engine for engine in runs.engine if engine})))
        rows.append([Entry(loss), *(Entry(DASH if pd.isna(text) else str(text)) for text in texts)])
    order = {name: i for i, name in enumerate([*results.losses, *results.datasets])}
    rows.sort(key=lambda row: (order[row[1].text], order[row[0].text]))
    return Table("recipes", "How every cell was trained.", [Column(title, False) for title in titles], rows)


def run_table(results: Results) -> Table:
    """Every run: its key, how it ended, when and where."""
    titles = ("run key", "loss", "data set", "seed", "status", "step", "train s", "device", "commit", "MLflow run")
    rows = []
    for run in results.runs.itertuples():
        commit = f"{run.commit[:12]}{' + changes' if is_true(run.dirty) else ''}"
        cells = [Entry(text) for text in (run.run_key, run.loss, run.dataset)]
        cells += [Entry(str(run.seed), float(run.seed)), Entry(run.status)]
        cells += [Entry(DASH) if pd.isna(run.step) else Entry(str(run.step), float(run.step))]
        cells += [Entry(number(run.train_seconds), sortable(run.train_seconds)), Entry(run.device), Entry(commit)]
        rows.append([*cells, Entry(run.mlflow_run_id)])
    numeric = {"seed", "step", "train s"}
    return Table("runs", "Every run of the sweep.", [Column(t, t in numeric) for t in titles], rows)


def is_true(value: object) -> bool:
    """Whether a nullable truth value is known and true."""
    return not pd.isna(value) and bool(value)
