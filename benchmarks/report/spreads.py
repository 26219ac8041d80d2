"""Spreads of a score, kept apart: over training seeds, over draws of samples, over checkpoints; and what choice moves.

A standard deviation over the parts of an Inception score, or over draws of latents, says nothing of another training.
"""

from itertools import count, takewhile

import numpy as np

from benchmarks.markup.blocks import Column, Entry, Table, measured, number
from benchmarks.report.captions import rule, seeds
from benchmarks.report.figures.plan import file_names
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array, pooled_deviation, t_interval
from benchmarks.report.tables import sortable
from benchmarks.suites.checkpoint import Checkpoint

LAST = 3
"""Checkpoints whose mean stands for the end of training, where the suite says nothing else."""


def spread_table(results: Results, dataset: str) -> Table | None:
    """The primary score by choice of checkpoint and its spreads; None where there is one evaluation a run, or none."""
    metric = results.meta["primary"][dataset]
    few = results.checkpoint if results.checkpoint.count > 1 else Checkpoint("mean", LAST)
    draws = [_draws(results, dataset, loss, metric) for loss in results.losses]
    ends = [_ends(results, dataset, loss, metric)[:, -few.count :] for loss in results.losses]
    if max(end.shape[1] for end in ends) < 2:
        return None
    apart = any(len(results.curve(dataset, loss, f"apart/{metric}")) for loss in results.losses)
    choices = {"last": Checkpoint(), "best": Checkpoint("best"), f"mean of last {few.count}": few}
    if not apart:
        del choices["best"]
    scores = results.scores(dataset, metric)
    spreads = {"sd over seeds": [pooled_deviation([row]) for row in scores]}
    repeats = max(group.shape[1] for group in draws)
    if repeats:
        spreads["sd over samples"] = [pooled_deviation(group) for group in draws]
    spreads["sd over checkpoints"] = [pooled_deviation(group) for group in ends]
    means = [results.scores(dataset, metric, choice) for choice in choices.values()]
    rows = [
        [Entry(loss), *(_mean(by[row]) for by in means), *(_deviation(sd[row]) for sd in spreads.values())]
        for row, loss in enumerate(results.losses)
    ]
    columns = [Column("Loss", False), *map(Column, (*choices, *spreads))]
    caption = _caption(results, dataset, few, repeats if apart else 0)
    return Table(f"spreads-{file_names(results)[dataset]}", caption, columns, rows)


def _caption(results: Results, dataset: str, few: Checkpoint, repeats: int) -> str:
    label = results.label(results.meta["primary"][dataset])
    over = [f"over training seeds, at the {rule(results, dataset, results.checkpoint)}"]
    over += [f"over {repeats} draws of latents for the same final weights"] if repeats else []
    over += [f"over the last {few.count} checkpoints of a run, between which it may still have learned"]
    remark = (
        f"Best is the {rule(results, dataset, Checkpoint('best'))}."
        if repeats
        else "Every evaluation drew its latents once, so there is no spread over samples and no best checkpoint chosen "
        "fairly: evaluate.repeats 2 or more gives both."
    )
    return (
        f"{dataset}: {label} by choice of checkpoint, mean ± half-width of the 95 % t-interval over {seeds(results)}; "
        f"and its standard deviations, pooled over seeds but for the first: {'; '.join(over)}. {remark}"
    )


def _mean(scores: Array) -> Entry:
    mean, half = (float(x) for x in t_interval(scores))
    return Entry(measured(mean, half), sortable(mean), half=sortable(half))


def _deviation(value: float) -> Entry:
    return Entry(number(value, 2), sortable(value))


def _finished(results: Results, dataset: str, loss: str) -> list[int]:
    return [int(seed) for seed in results.cell_runs(dataset, loss).query("status == 'done'").seed]


def _ends(results: Results, dataset: str, loss: str, metric: str) -> Array:
    """(finished runs, checkpoints): the scores of one loss over training."""
    curve = results.curve(dataset, loss, metric)
    return curve[[seed for seed in _finished(results, dataset, loss) if seed in curve.columns]].to_numpy(dtype=float).T


def _draws(results: Results, dataset: str, loss: str, metric: str) -> Array:
    """(finished runs, repeats): the scores of the same final weights on several draws of latents."""
    curves = (results.curve(dataset, loss, f"sampling/{metric}/{i}") for i in count())
    ends = [curve.reindex(columns=_finished(results, dataset, loss)).iloc[-1] for curve in takewhile(len, curves)]
    return np.array(ends, dtype=float).T if ends else np.empty((0, 0))
