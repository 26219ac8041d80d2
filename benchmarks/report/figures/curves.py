"""Curves over training: scores against steps, images and seconds; losses' terms, estimates, penalties and norms."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.markup.blocks import shortened
from benchmarks.record.vocabulary import CRITIC_LOSS_HELD_OUT, CRITIC_LOSS_TRAIN
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.axes import (
    counts,
    label_below,
    legend,
    legend_height,
    panel_columns,
    scale,
    within,
)
from benchmarks.report.figures.style import COLUMN, PAGE, dashes, look, semantics
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array, t_interval
from benchmarks.report.verdicts import Limits

Horizontal = Callable[[DatasetResults, str, Array], Array | None]
BANDS = 8  # losses
POINTS = 160  # a curve is thinned to so many steps: more cannot be seen at this size


def score_curves(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """A row a metric; columns: generator steps, real images seen by the critic, seconds of training."""
    metrics = [metric for metric in dataset.metrics if _curves(dataset, metric, _steps_at)]
    axes_of = {"generator steps": _steps_at, "images seen": images_at, "training seconds": seconds_at}
    known = {}
    for title, x in axes_of.items():
        if any(_curves(dataset, metric, x) for metric in metrics):
            known[title] = x
    figure = Figure(figsize=(width, 0.3 + 1.55 * len(metrics) + legend_height(dataset.losses, width)))
    grid = figure.subplots(len(metrics), len(known), squeeze=False, sharex="col", sharey="row")
    for row, metric in zip(grid, metrics, strict=True):
        for axes, (title, horizontal) in zip(row, known.items(), strict=True):
            _score_panel(axes, dataset, metric, horizontal)
            axes.set_xlabel(title if metric == metrics[-1] else "")
        row[0].set_ylabel(dataset.results.metrics[metric].titled)
    figure.align_ylabels()
    legend(figure, dataset.losses)
    return figure


def score_column(dataset: DatasetResults, width: float = COLUMN) -> Figure:
    """The first metric against generator steps alone, as wide as a column."""
    metric = dataset.metrics[0]
    figure = Figure(figsize=(width, 2.0 + legend_height(dataset.losses, width)))
    axes = figure.subplots()
    _score_panel(axes, dataset, metric, _steps_at)
    axes.set_ylabel(dataset.results.metrics[metric].titled)
    axes.set_xlabel("generator steps")
    legend(figure, dataset.losses)
    return figure


def _score_panel(axes: Axes, dataset: DatasetResults, metric: str, horizontal: Horizontal) -> None:
    if horizontal is not seconds_at:
        axes.xaxis.set_major_formatter(counts)
    curves = _curves(dataset, metric, horizontal)
    _draw(axes, dataset, curves, dataset.results.metrics[metric].possible, markersize=3.5, markevery=_every(curves))


def _curves(dataset: DatasetResults, metric: str, horizontal: Horizontal) -> dict[str, pd.DataFrame]:
    """Loss -> its scores, a row a place on the horizontal axis and a column a seed; losses without are left out."""
    found = {}
    for loss in dataset.losses:
        frame = dataset.curve(loss, metric)
        x = None if frame.empty else horizontal(dataset, loss, frame.index.to_numpy(dtype=float))
        if x is not None:
            found[loss] = frame.set_axis(x)
    return found


def _every(curves: dict[str, pd.DataFrame]) -> int:
    """Every how many steps a curve has a marker: some five in all."""
    longest = max(map(len, curves.values()), default=1)
    return max(1, longest // 5)


def _steps_at(dataset: DatasetResults, loss: str, steps: Array) -> Array | None:
    return steps


def images_at(dataset: DatasetResults, loss: str, steps: Array) -> Array | None:
    runs = dataset.cell_runs(loss)
    rates = (runs.images_seen / runs.step.where(runs.step > 0)).dropna()
    return steps * float(rates.iloc[0]) if len(rates) else None


def seconds_at(dataset: DatasetResults, loss: str, steps: Array) -> Array | None:
    return dataset.results.clock.at(dataset, loss, steps)


def term_curves(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """A panel for every logged term: both losses, the Wasserstein estimate, penalties, gradient norms."""
    names = term_names(dataset)
    columns = 2 if len(names) in (2, 4) else min(3, panel_columns(len(names), width))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(width, 0.3 + 1.6 * rows + legend_height(dataset.losses, width)))
    grid = list(figure.subplots(rows, columns, squeeze=False, sharex=True).flat)
    for axes, name in zip(grid, names, strict=False):
        _draw(axes, dataset, _term_curves(dataset, name), (None, None), markersize=0)
        axes.set_title(term_label(name), loc="left")
        axes.xaxis.set_major_formatter(counts)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    label_below(grid, columns, "generator steps")
    legend(figure, dataset.losses)
    return figure


def _term_curves(dataset: DatasetResults, name: str) -> dict[str, pd.DataFrame]:
    """Loss -> the values of a logged term, thinned, by step."""
    thinned = {}
    for loss in dataset.losses:
        frame = dataset.curve(loss, name)
        if not frame.empty:
            every = -(-len(frame) // POINTS)
            thinned[loss] = frame.iloc[::every]
    return thinned


def term_names(dataset: DatasetResults) -> list[str]:
    """The logged terms of either player, less those that have a figure of their own."""
    own_figure = (CRITIC_LOSS_TRAIN, CRITIC_LOSS_HELD_OUT)
    return [name for name in dataset.player_terms() if name not in own_figure]


def term_label(name: str) -> str:
    """`critic/wasserstein_estimate` is "critic: wasserstein estimate"."""
    side, _, term = name.partition("/")
    return shortened(f"{side}: {term.replace('_', ' ')}", 40)


def banded(results: Results) -> bool:
    """Whether curves that share a panel have bands: of many losses, bands hide each other and the lines."""
    return len(results.losses) <= BANDS


def _draw(
    axes: Axes, dataset: DatasetResults, curves: dict[str, pd.DataFrame], possible: Limits, **markers: float
) -> None:
    """Mean lines, and t-intervals within the possible range, over the seeds that have a finite value at a step."""
    tables, spans = {}, []
    for loss, frame in curves.items():
        table = _over_seeds(frame)
        if len(table):
            tables[loss] = table
            spans.append(table[["mean", "half"]].to_numpy().T)
    scale(axes, spans, possible)
    if not tables:
        return
    lines = pd.concat(tables, names=["loss"]).reset_index("loss")
    # seaborn's own intervals are of resamples, other ones each time: means and halves come worked out
    seaborn.lineplot(
        lines,
        x="x",
        y="mean",
        estimator=None,
        dashes=dashes(dataset.losses),
        markeredgewidth=0,
        ax=axes,
        **markers,
        **semantics(dataset.losses),
    )
    axes.set(xlabel="", ylabel="")
    for loss, table in tables.items():
        if len(table) == 1:  # of which a line shows nothing
            axes.plot(table.x, table["mean"], look(loss).marker, color=look(loss).colour, markersize=3)
        if banded(dataset.results):
            low = within(table["mean"] - table.half, possible)
            high = within(table["mean"] + table.half, possible)
            axes.fill_between(table.x, low, high, color=look(loss).colour, alpha=0.13, linewidth=0)


def _over_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns x, mean and half (0 for a single seed), at the places where some seed has a finite value."""
    mean, half = t_interval(frame.to_numpy(dtype=float))
    table = pd.DataFrame({"x": frame.index.to_numpy(dtype=float), "mean": mean, "half": np.nan_to_num(half)})
    return table[np.isfinite(table["mean"])]
