"""The tables of a report, as cells: scores, how they were made, and who took part."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import DASH, Column, Entry, Mark, Table, amount, columns_of, measured, number
from benchmarks.report.captions import (
    MARKS,
    UNHEALTHY,
    checkpoints,
    hardware,
    marks_key,
    means,
    measured_by,
    paragraphs,
    planned_images,
    remarks,
    sentences,
    steps_sentence,
    verdict_rule,
)
from benchmarks.report.dataset_results import FLOOR, TRANSPORT, DatasetResults
from benchmarks.report.health import unhealthy_losses
from benchmarks.report.names import named
from benchmarks.report.results import Results
from benchmarks.report.specs import spec_fields
from benchmarks.report.statistics import mean_and_half
from benchmarks.report.summary import Summary

FAILED = "failed /\u00a0n"
FAILURES = "failed runs, of n, diverged, were broken off or have no finite score; they are in no mean, but rank last"
IMAGES = "images seen"


def _score_cell(summary: Summary, row: int) -> Entry:
    """Mean ± half-width of one loss; failures are noted where this metric alone has them."""
    mean, half = float(summary.mean[row]), float(summary.half[row])
    mark = MARKS.get(summary.verdicts[row], Mark(summary.verdicts[row]))
    return Entry(measured(mean, half), sortable(mean), mark, half=sortable(half))


def _flag(cell: Entry, unhealthy: bool) -> Entry:
    """The cell, with the mark of an unhealthy critic beside its own where it is one."""
    if not unhealthy:
        return cell
    word = ", ".join(filter(None, (cell.mark.word, "unhealthy critic")))
    return replace(cell, mark=replace(cell.mark, word=word, symbol=cell.mark.symbol + UNHEALTHY))


def _floor_cell(dataset: DatasetResults, metric: str) -> Entry:
    """The score of real data in place of generated samples; of how many, where losses are scored on another number."""
    floor = dataset.floor(metric)
    if floor is None:
        return Entry(DASH)
    values, n = floor
    mean, half = mean_and_half(values)
    note = "" if n == dataset.sample_count() else f"(n = {n})"
    return Entry(measured(mean, half), sortable(mean), note=note, half=sortable(half))


def _floor_rows(scored: list[tuple[DatasetResults, str]], gap: int, end: int) -> list[list[Entry]]:
    """The row of real data, and of exact transport, with `gap` dashes after each score and `end` at the end; without
    those of which no score is known."""
    rows = []
    for name in (FLOOR, TRANSPORT):
        cells = []
        for dataset, metric in scored:
            own = dataset.floor_name(metric) == name
            cells += [_floor_cell(dataset, metric) if own else Entry(DASH), *[Entry(DASH)] * gap]
        if any(cell.text != DASH for cell in cells):
            rows.append([*_note_beside_name(Entry(name), cells), *[Entry(DASH)] * end])
    return rows


def _note_beside_name(name: Entry, cells: list[Entry]) -> list[Entry]:
    """A row; a note that all of its cells share is said once, beside its name."""
    notes = {cell.note for cell in cells}
    if len(notes) > 1:
        return [name, *cells]
    return [replace(name, note=notes.pop()), *(replace(cell, note="") for cell in cells)]


def _failed_cell(summary: Summary, row: int) -> Entry:
    """Failed runs of the attempted ones, as k/n."""
    failed, attempted = int(summary.failed[row]), int(summary.attempted[row])
    return Entry(f"{failed}/{attempted}" if attempted else "no run", failed / attempted if attempted else None)


def scores_table(dataset: DatasetResults) -> Table:
    """Every metric of one data set, and what each loss cost."""
    metrics = dataset.metrics
    summaries = list(map(dataset.summary, metrics))
    costs, faults = dataset.times(), unhealthy_losses(dataset)
    costs_titles = (FAILED, "critic steps", "images seen", "train s", "it/s")
    columns = [Column("Loss", False)]
    for metric in metrics:
        columns.append(Column(dataset.results.metrics[metric].titled))
    columns += map(Column, costs_titles)
    rows = []
    for row, loss in enumerate(dataset.losses):
        scores = []
        for summary in summaries:
            cell, failed = _score_cell(summary, row), _failed_cell(summary, row)
            own = summary.failed[row] != summaries[0].failed[row]
            cell = _flag(cell, loss in faults and summary is summaries[0])
            scores.append(replace(cell, note=f"({failed.text} failed)" if own else ""))
        costs_of = _cost_cells(costs.loc[loss])
        rows.append([named(loss), *scores, _failed_cell(summaries[0], row), *costs_of])
    rows += _floor_rows([(dataset, metric) for metric in metrics], gap=0, end=len(costs_titles))
    caption = f"{dataset.title}: {means(dataset.results)}, {checkpoints([dataset])}. {marks_key([dataset])}"
    return Table(f"scores-{dataset.slug}", caption, columns, rows, True, _scores_protocol(dataset))


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


def _scores_protocol(dataset: DatasetResults) -> tuple[str, ...]:
    results, metrics = dataset.results, dataset.metrics
    return paragraphs(
        [
            verdict_rule(results, [*map(dataset.summary, metrics)]),
            f"Counts: {FAILURES}. Critic steps are per generator step; images seen: real ones that the critic saw. "
            f"{steps_sentence(dataset)}",
            results.clock.caption,
            f"{hardware(results)}.",
            *measured_by(dataset, metrics),
            *remarks([(dataset, metric) for metric in metrics]),
        ]
    )


def primary_table(results: Results) -> Table:
    """The primary metric of every data set, side by side."""
    primary, summaries, protocols = [], [], []
    columns = [Column("Loss", False)]
    rows = [[named(loss)] for loss in results.losses]
    for dataset in results.each_dataset:
        metric = dataset.primary
        summary = dataset.summary(metric)
        columns += [Column(f"{dataset.title}: {results.metrics[metric].titled}"), Column(FAILED), Column(IMAGES)]
        for row, cells in zip(rows, _primary_cells(dataset, summary), strict=True):
            row += cells
        primary.append((dataset, metric))
        summaries.append(summary)
        texts = [*measured_by(dataset, [metric]), steps_sentence(dataset)]
        protocols.append(f"{dataset.title}: {sentences(texts)}")
    rows += _floor_rows(primary, gap=2, end=0)
    datasets = results.each_dataset
    caption = f"Primary metric of each data set: {means(results)}, {checkpoints(datasets)}. {marks_key(datasets)}"
    protocol = paragraphs(
        [
            verdict_rule(results, summaries),
            f"Counts: {FAILURES}. Images seen: real ones that the critic saw.",
            f"{hardware(results)}.",
            *protocols,
            *remarks(primary),
        ]
    )
    return Table("primary", caption, columns, rows, True, protocol)


def _primary_cells(dataset: DatasetResults, summary: Summary) -> list[list[Entry]]:
    """For each loss its score, failed runs and images seen."""
    faults, seen = unhealthy_losses(dataset), dataset.times().images_seen
    cells = []
    for row, loss in enumerate(dataset.losses):
        score = _flag(_score_cell(summary, row), loss in faults)
        images = Entry(amount(seen[loss]), sortable(seen[loss]))
        cells.append([score, _failed_cell(summary, row), images])
    return cells


def recipe_table(results: Results) -> Table:
    """How each loss was trained on each data set."""
    titles = ("Loss", "data set", "net", "steps", "critic steps", "batch", "optimiser", "images", "parameters G / C")
    rows = []
    for (dataset, loss), runs in results.runs.groupby(["dataset", "loss"], sort=False):
        run = runs.iloc[0]
        decay = spec_fields(run.spec).get("train.lr_decay", "none")
        optimizer = run.optimizer if decay == "none" else f"{run.optimizer}, {decay} decay"
        sizes = f"{_count(run.parameters_generator)} / {_count(run.parameters_critic)}"
        images = amount(planned_images(run))
        texts = [run.architecture, run.steps, run.n_critic, run.batch_size, optimizer, images, sizes]
        texts.append(", ".join(sorted(set(filter(None, runs.engine)))))
        rows.append([named(loss), named(dataset), *map(_known, texts)])
    rows.sort(key=lambda row: (results.datasets.index(row[1].plain), results.losses.index(row[0].plain)))
    caption = (
        "How every cell was trained: generator steps, critic steps in each, real images a critic step, optimiser with "
        "learning rate and decay rates, real images in all."
    )
    return Table("recipes", caption, columns_of((*titles, "engine")), rows)


def _known(value: Any) -> Entry:
    """The text of a value, a dash where none is recorded."""
    return Entry(DASH if pd.isna(value) else str(value))


def _count(n: Any) -> str:
    return DASH if pd.isna(n) else amount(float(n))


def run_table(results: Results) -> Table:
    """Every run: its key, how it ended, when and where."""
    titles = ("run key", "loss", "data set", "seed", "status", "step", "train s", "device", "commit", "MLflow run")
    rows = []
    for run in results.runs.itertuples():
        commit = f"{run.commit[:12]}{' + changes' if _is_true(run.dirty) else ''}"
        cells = [Entry(run.run_key), named(run.loss), named(run.dataset)]
        cells += [Entry(str(run.seed), float(run.seed)), Entry(run.status)]
        cells += [Entry(DASH) if pd.isna(run.step) else Entry(str(run.step), float(run.step))]
        cells += [_seconds_cell(results, run), Entry(run.device), Entry(commit)]
        rows.append([*cells, Entry(run.mlflow_run_id)])
    numeric = ("seed", "step", "train s")
    columns = columns_of(titles, numeric)
    return Table("runs", "Every run of the sweep.", columns, rows, protocol=(results.clock.caption,))


def _seconds_cell(results: Results, run: Any) -> Entry:
    """The seconds that a run trained, by the report's clock."""
    step = float("nan") if pd.isna(run.step) else float(run.step)
    seconds = results.clock.of_run(results.on(run.dataset), run, step)
    return Entry(DASH) if seconds is None else Entry(number(seconds), sortable(seconds))


def _is_true(value: object) -> bool:
    """Whether a nullable truth value is known and true."""
    return not pd.isna(value) and bool(value)
