"""The tables of a report, as cells: scores, comparisons, aggregates, times, and who took part."""

import numpy as np
import pandas as pd

from benchmarks.report.cells import DASH, Cell, Column, Table, amount, measured, number
from benchmarks.report.figures import file_names
from benchmarks.report.results import Results, Summary
from benchmarks.stats import (
    comparable_scale,
)

BOLD = (
    "Bold: the best loss (best median over all runs, a failed run counting as worst) and every loss that a paired "
    "t-test on {scale} over seeds, Holm-corrected within the column, cannot tell from it at the 5 % level and that has "
    "no more failed runs."
)


FAILED = "failed\u00a0/\u00a0n"
EITHER_SCALE = "log scores (scores, where one is not positive)"


def hardware(results: Results) -> str:
    """Where the runs ran, in a few words."""
    done = results.runs[results.runs.status == "done"]
    devices = sorted({f"{run.device}, {_threads(run.threads)}" for run in done.itertuples() if run.device})
    name = str(results.environment().get("device", ""))
    parts = [name] if name and not any(name in device for device in devices) else []
    return "; ".join([*parts, *devices]) or "hardware not recorded"


def _threads(threads: object) -> str:
    return "threads not recorded" if pd.isna(threads) else f"{threads} thread{'s' if threads != 1 else ''}"


def score_cell(summary: Summary, row: int) -> Cell:
    """Mean ± half-width of one loss; failures are noted where this metric alone has them."""
    mean, half = float(summary.mean[row]), float(summary.half[row])
    return Cell(measured(mean, half), mean if np.isfinite(mean) else None, summary.bold[row])


def failed_cell(summary: Summary, row: int) -> Cell:
    """Failed runs of the attempted ones, as k/n."""
    failed, attempted = int(summary.failed[row]), int(summary.attempted[row])
    return Cell(f"{failed}/{attempted}" if attempted else "no run", failed / attempted if attempted else None)


def scores_table(results: Results, dataset: str) -> Table:
    """Every metric of one data set, and what each loss cost."""
    metrics = results.metric_names(dataset)
    summaries = [results.summary(dataset, metric) for metric in metrics]
    costs = results.times(dataset)
    columns = [Column("Loss", False), *(Column(results.label(metric)) for metric in metrics)]
    columns += [Column(t) for t in (FAILED, "critic steps", "images seen", "train\u00a0s", "it/s")]
    rows = []
    for row, loss in enumerate(results.losses):
        scores = []
        for summary in summaries:
            cell, failed = score_cell(summary, row), failed_cell(summary, row)
            own = summary.failed[row] != summaries[0].failed[row]
            scores.append(Cell(cell.text, cell.value, cell.bold, f"({failed.text} failed)" if own else ""))
        cost = costs.loc[loss]
        rows.append([Cell(loss), *scores, failed_cell(summaries[0], row), *_cost_cells(cost)])
    return Table(f"scores-{file_names(results)[dataset]}", _scores_caption(results, dataset), columns, rows, paper=True)


def _cost_cells(cost: pd.Series) -> list[Cell]:
    return [
        Cell(number(cost.n_critic), sortable(cost.n_critic)),
        Cell(amount(cost.images_seen), sortable(cost.images_seen)),
        Cell(number(cost.train_seconds), sortable(cost.train_seconds)),
        Cell(number(cost.iterations_per_second), sortable(cost.iterations_per_second)),
    ]


def sortable(value: float) -> float | None:
    """The value to sort by; None for what is not a number."""
    return float(value) if np.isfinite(value) else None


def _scores_caption(results: Results, dataset: str) -> str:
    metrics = results.metric_names(dataset)
    scales = [comparable_scale(results.scores(dataset, metric))[1] for metric in metrics]
    scale = "log scores" if all(scales) else "scores" if not any(scales) else EITHER_SCALE
    asked = results.runs[results.runs.dataset == dataset].steps.dropna()
    steps = " or ".join(str(steps) for steps in sorted(asked.unique()))
    protocols = "; ".join(f"{results.label(m)}: {results.protocol(m)}" for m in metrics if results.protocol(m))
    return " ".join(
        [
            f"{dataset}: mean ± half-width of the 95 % t-interval over the finished of",
            f"{_seeds(results)}, last checkpoint{f' ({steps} generator steps)' if steps else ''}.",
            "Failed: diverged, broken off, or without a finite score; of n attempted.",
            _bold(results, scale),
            "Critic steps are per generator step; images are real images shown to the critic; seconds are of training",
            f"alone (comparable runs only). Hardware: {hardware(results)}.",
            f"{protocols}." if protocols else "",
        ]
    ).strip()


def _seeds(results: Results) -> str:
    return f"{len(results.seeds)} training seed{'s' if len(results.seeds) > 1 else ''}"


def _bold(results: Results, scale: str) -> str:
    """What is bold and why."""
    one = "One seed: no interval and no test, so nothing is bold."
    return BOLD.format(scale=scale) if len(results.seeds) > 1 else one


def primary_table(results: Results) -> Table:
    """The primary metric of every data set, side by side."""
    columns, bodies = [Column("Loss", False)], []
    for dataset in results.datasets:
        metric = results.meta["primary"][dataset]
        summary = results.summary(dataset, metric)
        columns += [Column(f"{dataset}: {results.label(metric)}"), Column(FAILED)]
        bodies.append([[score_cell(summary, row), failed_cell(summary, row)] for row in range(len(results.losses))])
    rows = [[Cell(loss), *(cell for body in bodies for cell in body[row])] for row, loss in enumerate(results.losses)]
    caption = (
        "Primary metric of each data set: mean ± half-width of the 95 % t-interval over the finished of "
        f"{_seeds(results)}, last checkpoint. {_bold(results, EITHER_SCALE)} "
        f"Hardware: {hardware(results)}."
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
        rows.append([Cell(loss), *(Cell(DASH if pd.isna(text) else str(text)) for text in texts)])
    order = {name: i for i, name in enumerate([*results.losses, *results.datasets])}
    rows.sort(key=lambda row: (order[row[1].text], order[row[0].text]))
    return Table("recipes", "How every cell was trained.", [Column(title, False) for title in titles], rows)


def run_table(results: Results) -> Table:
    """Every run: its key, how it ended, when and where."""
    titles = ("run key", "loss", "data set", "seed", "status", "step", "train s", "device", "commit", "MLflow run")
    rows = []
    for run in results.runs.itertuples():
        commit = f"{run.commit[:12]}{' + changes' if is_true(run.dirty) else ''}"
        cells = [Cell(text) for text in (run.run_key, run.loss, run.dataset)]
        cells += [Cell(str(run.seed), float(run.seed)), Cell(run.status)]
        cells += [Cell(DASH) if pd.isna(run.step) else Cell(str(run.step), float(run.step))]
        cells += [Cell(number(run.train_seconds), sortable(run.train_seconds)), Cell(run.device), Cell(commit)]
        rows.append([*cells, Cell(run.mlflow_run_id)])
    numeric = {"seed", "step", "train s"}
    return Table("runs", "Every run of the sweep.", [Column(t, t in numeric) for t in titles], rows)


def is_true(value: object) -> bool:
    """Whether a nullable truth value is known and true."""
    return not pd.isna(value) and bool(value)
