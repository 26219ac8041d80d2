"""Curves over training: scores against steps, images and seconds; losses' terms, estimates, penalties and norms."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.markup.blocks import shortened
from benchmarks.record.vocabulary import CRITIC_LOSS_HELD_OUT, CRITIC_LOSS_TRAIN, TRAIN_SECONDS
from benchmarks.report.figures.axes import counts, label_below, legend, legend_height, scale
from benchmarks.report.figures.style import COLUMN, PAGE, look
from benchmarks.report.results import DatasetResults, Results
from benchmarks.report.statistics import Array, t_interval

Horizontal = Callable[[DatasetResults, str, Array], Array | None]
BANDS = 8  # losses
POINTS = 160  # a curve is thinned to so many steps: more cannot be seen at this size


def score_curves(dataset: DatasetResults) -> Figure:
    """A row a metric; columns: generator steps, real images seen by the critic, seconds of training."""
    metrics = dataset.metrics
    axes_of = {"generator steps": _steps, "images seen": _images, "training seconds": _seconds}
    figure = Figure(figsize=(PAGE, 0.3 + 1.55 * len(metrics) + legend_height(dataset.losses, PAGE)))
    grid = figure.subplots(len(metrics), len(axes_of), squeeze=False, sharex="col", sharey="row")
    for row, metric in zip(grid, metrics, strict=True):
        for axes, (title, horizontal) in zip(row, axes_of.items(), strict=True):
            _score_panel(axes, dataset, metric, horizontal)
            axes.set_xlabel(title if metric == metrics[-1] else "")
        row[0].set_ylabel(dataset.results.label(metric))
    figure.align_ylabels()
    legend(figure, dataset.losses)
    return figure


def score_column(dataset: DatasetResults) -> Figure:
    """The first metric against generator steps alone, as wide as a column."""
    metric = dataset.metrics[0]
    figure = Figure(figsize=(COLUMN, 2.0 + legend_height(dataset.losses, COLUMN)))
    axes = figure.subplots()
    _score_panel(axes, dataset, metric, _steps)
    axes.set_ylabel(dataset.results.label(metric))
    axes.set_xlabel("generator steps")
    legend(figure, dataset.losses)
    return figure


def _score_panel(axes: Axes, dataset: DatasetResults, metric: str, horizontal: Horizontal) -> None:
    if horizontal is not _seconds:
        axes.xaxis.set_major_formatter(counts)
    scale(axes, [_score_curve(axes, dataset, loss, metric, horizontal) for loss in dataset.losses])


def _score_curve(axes: Axes, dataset: DatasetResults, loss: str, metric: str, horizontal: Horizontal) -> Array:
    frame = dataset.curve(loss, metric)
    x = None if frame.empty else horizontal(dataset, loss, frame.index.to_numpy(dtype=float))
    if x is None:
        return np.empty((2, 0))
    return _draw(axes, x, frame, dataset.results, loss, markers=True)


def _steps(dataset: DatasetResults, loss: str, steps: Array) -> Array | None:
    return steps


def _images(dataset: DatasetResults, loss: str, steps: Array) -> Array | None:
    runs = dataset.cell_runs(loss)
    rates = (runs.images_seen / runs.step.where(runs.step > 0)).dropna()
    return steps * float(rates.iloc[0]) if len(rates) else None


def _seconds(dataset: DatasetResults, loss: str, steps: Array) -> Array | None:
    runs = dataset.cell_runs(loss)
    fair = runs.seed[runs.timing_comparable.fillna(False).astype(bool)].astype(int)
    clock = dataset.curve(loss, TRAIN_SECONDS)
    if clock.empty:
        return None
    mean = clock[[seed for seed in fair if seed in clock.columns]].mean(axis=1).dropna()
    return np.interp(steps, [0.0, *mean.index], [0.0, *mean]) if len(mean) else None


def term_curves(dataset: DatasetResults) -> Figure:
    """A panel for every logged term: both losses, the Wasserstein estimate, penalties, gradient norms."""
    names = term_names(dataset)
    columns = 2 if len(names) in (2, 4) else min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(PAGE, 0.3 + 1.6 * rows + legend_height(dataset.losses, PAGE)))
    grid = list(figure.subplots(rows, columns, squeeze=False, sharex=True).flat)
    for axes, name in zip(grid, names, strict=False):
        scale(axes, [_term_curve(axes, dataset, loss, name) for loss in dataset.losses])
        axes.set_title(term_label(name), loc="left")
        axes.xaxis.set_major_formatter(counts)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    label_below(grid, columns, "generator steps")
    legend(figure, dataset.losses)
    return figure


def _term_curve(axes: Axes, dataset: DatasetResults, loss: str, name: str) -> Array:
    frame = dataset.curve(loss, name)
    if frame.empty:
        return np.empty((2, 0))
    frame = frame.iloc[:: -(-len(frame) // POINTS)]
    return _draw(axes, frame.index.to_numpy(dtype=float), frame, dataset.results, loss)


def term_names(dataset: DatasetResults) -> list[str]:
    """What was logged of either player on this data set, less what has a figure of its own."""
    own_figure = (CRITIC_LOSS_TRAIN, CRITIC_LOSS_HELD_OUT)
    return [name for name in dataset.player_terms() if name not in own_figure]


def term_label(name: str) -> str:
    """`critic/wasserstein_estimate` is "critic: wasserstein estimate"."""
    side, _, term = name.partition("/")
    return shortened(f"{side}: {term.replace('_', ' ')}", 40)


def banded(results: Results) -> bool:
    """Whether curves that share a panel have bands: of many losses, bands hide each other and the lines."""
    return len(results.losses) <= BANDS


def _draw(axes: Axes, x: Array, frame: pd.DataFrame, results: Results, loss: str, markers: bool = False) -> Array:
    """Mean line and t-interval over the seeds that have a finite value at a step. Returns both (2, n)."""
    mean, half = t_interval(frame.to_numpy(dtype=float))
    style, shown = look(loss), np.isfinite(mean)
    x, mean, half = x[shown], mean[shown], np.nan_to_num(half[shown])
    every = max(1, len(x) // 5)
    line = axes.plot(x, mean, color=style.colour, linestyle=style.dash)[0]
    if markers or len(x) == 1:
        line.set(marker=style.marker, markersize=3, markevery=every)
    if banded(results):
        axes.fill_between(x, mean - half, mean + half, color=style.colour, alpha=0.13, linewidth=0)
    return np.stack([mean, half])
