"""Curves over training: scores against steps, images and seconds; losses' terms, estimates, penalties and norms."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator

from benchmarks.report.cells import amount, shortened
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, look
from benchmarks.stats import Array, t_interval

Horizontal = Callable[[Results, str, str, Array], Array | None]
POINTS = 160  # a curve is thinned to so many steps: more cannot be seen at this size


def score_curves(results: Results, dataset: str) -> Figure:
    """A row a metric; columns: generator steps, real images seen by the critic, seconds of training."""
    metrics = results.metric_names(dataset)
    axes_of = {"generator steps": _steps, "images seen": _images, "training seconds": _seconds}
    figure = Figure(figsize=(PAGE, 0.5 + 1.55 * len(metrics)))
    grid = figure.subplots(len(metrics), len(axes_of), squeeze=False, sharex="col", sharey="row")
    for row, metric in zip(grid, metrics, strict=True):
        for axes, (title, horizontal) in zip(row, axes_of.items(), strict=True):
            means = [_score_curve(axes, results, dataset, loss, metric, horizontal) for loss in results.losses]
            _scale(axes, means)
            axes.set_xlabel(title if metric == metrics[-1] else "")
            if horizontal is not _seconds:
                axes.xaxis.set_major_formatter(counts)
        row[0].set_ylabel(results.label(metric))
    figure.align_ylabels()
    legend(figure, results.losses)
    return figure


def _score_curve(axes: Axes, results: Results, dataset: str, loss: str, metric: str, horizontal: Horizontal) -> Array:
    frame = results.curve(dataset, loss, metric)
    if frame.empty:
        return np.empty(0)
    x = horizontal(results, dataset, loss, frame.index.to_numpy(dtype=float))
    return np.empty(0) if x is None else _draw(axes, x, frame, loss, markers=True)


def _steps(results: Results, dataset: str, loss: str, steps: Array) -> Array | None:
    return steps


def _images(results: Results, dataset: str, loss: str, steps: Array) -> Array | None:
    runs = results.cell_runs(dataset, loss)
    rates = (runs.images_seen / runs.step.where(runs.step > 0)).dropna()
    return steps * float(rates.iloc[0]) if len(rates) else None


def _seconds(results: Results, dataset: str, loss: str, steps: Array) -> Array | None:
    runs = results.cell_runs(dataset, loss)
    fair = runs.seed[runs.timing_comparable.fillna(False).astype(bool)].astype(int)
    clock = results.curve(dataset, loss, "train_seconds")
    if clock.empty:
        return None
    mean = clock[[seed for seed in fair if seed in clock.columns]].mean(axis=1).dropna()
    return np.interp(steps, [0.0, *mean.index], [0.0, *mean]) if len(mean) else None


def term_curves(results: Results, dataset: str) -> Figure:
    """A panel for every logged term: both losses, the Wasserstein estimate, penalties, gradient norms."""
    names = results.term_names(dataset)
    columns = 2 if len(names) in (2, 4) else min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(PAGE, 0.5 + 1.6 * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True).flat
    for axes, name in zip(grid, names, strict=False):
        means = []
        for loss in results.losses:
            frame = results.curve(dataset, loss, name)
            if not frame.empty:
                frame = frame.iloc[:: -(-len(frame) // POINTS)]
                means.append(_draw(axes, frame.index.to_numpy(dtype=float), frame, loss, markers=False))
        _scale(axes, means)
        axes.set_title(term_label(name), loc="left")
    for position, axes in enumerate(figure.axes):
        if position >= len(names):
            axes.set_axis_off()
        elif position + columns >= len(names):
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("generator steps")
        axes.xaxis.set_major_formatter(counts)
    legend(figure, results.losses)
    return figure


def term_label(name: str) -> str:
    """`critic/wasserstein_estimate` is "critic: wasserstein estimate"."""
    side, _, term = name.partition("/")
    return shortened(f"{side}: {term.replace('_', ' ')}", 40)


def _draw(axes: Axes, x: Array, frame: pd.DataFrame, loss: str, markers: bool) -> Array:
    """Mean line and t-interval over the seeds that have a finite value at a step. Returns the drawn means."""
    mean, half = t_interval(frame.to_numpy(dtype=float))
    style, shown = look(loss), np.isfinite(mean)
    x, mean, half = x[shown], mean[shown], np.nan_to_num(half[shown])
    every = max(1, len(x) // 5)
    line = axes.plot(x, mean, color=style.colour, linestyle=style.dash)[0]
    if markers or len(x) == 1:
        line.set(marker=style.marker, markersize=3, markevery=every)
    axes.fill_between(x, mean - half, mean + half, color=style.colour, alpha=0.13, linewidth=0)
    return mean


def _scale(axes: Axes, means: list[Array]) -> None:
    """A logarithmic axis where means are positive over more than 1.5 decades; limits from means, not from bands."""
    values = np.concatenate([*means, np.empty(0)])
    if not len(values):
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", color="#777777")
        return
    low, high = values.min(), values.max()
    if low > 0 and high / low > 30:
        axes.set_ylim(low / 1.4, high * 1.4)
        logarithmic(axes, "y")
    elif low < 0 and max(high, -low) > 30 * np.median(np.abs(values)):
        symmetric(axes, low, high, max(float(np.median(np.abs(values))), 1e-12))
    else:
        margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)


def counts(value: float, _position: float) -> str:
    """A tick's label for a count: 20k, not 20000 or 2e4."""
    return amount(value)


def logarithmic(axes: Axes, which: Literal["x", "y"]) -> None:
    """A logarithmic axis with plain numbers at its ticks: decades where it is long, 1, 2, 5 where it is short."""
    axes.set_xscale("log") if which == "x" else axes.set_yscale("log")
    axis, (low, high) = (axes.xaxis, axes.get_xlim()) if which == "x" else (axes.yaxis, axes.get_ylim())
    axis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 1e3 else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(plain_number)
    axis.set_minor_formatter(NullFormatter())


def symmetric(axes: Axes, low: float, high: float, linear: float) -> None:
    """A vertical axis, linear within ±`linear` and logarithmic beyond, with at most four decades named a side."""
    axes.set_yscale("symlog", linthresh=linear)
    ticks = [0.0]
    for sign, end in ((1, high), (-1, -low)):
        decades = np.arange(np.ceil(np.log10(linear)), np.floor(np.log10(max(end, linear))) + 1)
        ticks += [sign * 10.0**decade for decade in decades[:: -max(1, -(-len(decades) // 4))]]
    axes.yaxis.set_major_locator(FixedLocator(sorted(ticks)))
    axes.yaxis.set_major_formatter(plain_number)
    axes.yaxis.set_minor_locator(NullLocator())


def plain_number(value: float, _position: float) -> str:
    """A tick's label without mathematics: 0.01, -100, 1e+06."""
    return f"{value:.6g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.0e}"


def legend(figure: Figure, losses: list[str]) -> None:
    """One legend for the whole figure, below it, read line by line."""
    handles = [
        Line2D(
            [], [], color=style.colour, linestyle=style.dash, marker=style.marker, markersize=3.5, label=shortened(loss)
        )
        for loss, style in ((loss, look(loss)) for loss in losses)
    ]
    longest = max(len(shortened(loss)) for loss in losses)
    columns = max(1, min(len(losses), int(figure.get_figwidth() / (0.06 * longest + 0.55))))
    columns = -(-len(losses) // -(-len(losses) // columns))
    by_column = [handle for column in range(columns) for handle in handles[column::columns]]
    figure.legend(handles=by_column, loc="outside lower center", ncols=columns, columnspacing=1.2)
