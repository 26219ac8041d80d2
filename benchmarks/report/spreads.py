"""Spreads of a score, each by itself: over training seeds, draws of samples and checkpoints; and the effect of choice.

A standard deviation over the parts of an Inception score, or over draws of latents, says nothing of another training.
"""

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import Column, Entry, Table, measured, number
from benchmarks.record.vocabulary import redrawn, validation
from benchmarks.report.captions import means, rule
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.names import named
from benchmarks.report.statistics import Array, mean_and_half, pooled_deviation
from benchmarks.report.tables import sortable
from benchmarks.suites.checkpoint import Checkpoint

LAST = 3
"""Checkpoints whose mean is taken as the end of training, where the suite says nothing else."""


def spread_table(dataset: DatasetResults) -> Table | None:
    """The primary score by choice of checkpoint and its spreads; None where there is one evaluation a run, or none."""
    metric = dataset.primary
    chosen = dataset.results.checkpoint
    few = chosen if chosen.count > 1 else Checkpoint("mean", LAST)
    draws, ends, repeats, checkpoints, validated = [], [], 0, 0, False
    for loss in dataset.losses:
        draws.append(_draws(dataset, loss, metric))
        ends.append(_ends(dataset, loss, metric)[:, -few.count :])
        repeats, checkpoints = max(repeats, draws[-1].shape[1]), max(checkpoints, ends[-1].shape[1])
        validated = validated or len(dataset.curve(loss, validation(metric))) > 0
    if checkpoints < 2:
        return None
    choices = {"last": Checkpoint()}
    if validated:
        choices["best"] = Checkpoint("best")
    choices[f"mean of last {few.count}"] = few
    scores = dataset.scores(metric)
    spreads = {"sd over seeds": [*map(pooled_deviation, scores[:, None])]}
    if repeats:
        spreads["sd over samples"] = [*map(pooled_deviation, draws)]
    spreads["sd over checkpoints"] = [*map(pooled_deviation, ends)]
    rows = [[named(loss)] for loss in dataset.losses]
    for choice in choices.values():
        for row, of_loss in zip(rows, dataset.scores(metric, choice), strict=True):
            row.append(_mean(of_loss))
    for deviations in spreads.values():
        for row, deviation in zip(rows, deviations, strict=True):
            row.append(_deviation(deviation))
    columns = [Column("Loss", False), *map(Column, (*choices, *spreads))]
    label = dataset.results.metrics[metric].titled
    caption = (
        f"{dataset.title}: {label} by choice of checkpoint, {means(dataset.results)}; and its standard deviations "
        "over seeds, samples and checkpoints, each by itself."
    )
    protocol = _protocol(dataset, few, repeats if validated else 0)
    return Table(f"spreads-{dataset.slug}", caption, columns, rows, protocol=protocol)


def _protocol(dataset: DatasetResults, few: Checkpoint, repeats: int) -> tuple[str, ...]:
    over = [f"over training seeds, at the {rule(dataset, dataset.results.checkpoint)}"]
    over += [f"over {repeats} draws of latents for the same final weights"] if repeats else []
    over += [f"over the last {few.count} checkpoints of a run, between which it may still have learned"]
    remark = (
        f"best is the {rule(dataset, Checkpoint('best'))}."
        if repeats
        else "every evaluation drew its latents once, so there is no spread over samples and no best checkpoint chosen "
        "fairly: evaluate.repeats 2 or more gives both."
    )
    return f"Standard deviations: pooled over seeds but for the first: {'; '.join(over)}.", f"Checkpoints: {remark}"


def _mean(scores: Array) -> Entry:
    mean, half = mean_and_half(scores)
    return Entry(measured(mean, half), sortable(mean), half=sortable(half))


def _deviation(value: float) -> Entry:
    return Entry(number(value, 2), sortable(value))


def _ends(dataset: DatasetResults, loss: str, metric: str) -> Array:
    """(finished runs, checkpoints): the scores of one loss over training."""
    return dataset.finished_curve(loss, metric).to_numpy(dtype=float).T


def _draws(dataset: DatasetResults, loss: str, metric: str) -> Array:
    """(finished runs, repeats): the scores of the same final weights on several draws of latents."""
    ends: list[pd.Series] = []
    curve = dataset.curve(loss, redrawn(metric, 0))
    while len(curve):
        ends.append(curve.reindex(columns=dataset.finished_seeds(loss)).iloc[-1])
        curve = dataset.curve(loss, redrawn(metric, len(ends)))
    return np.array(ends, dtype=float).T if ends else np.empty((0, 0))
