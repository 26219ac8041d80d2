"""Figures that set losses against each other: final scores, pairs, profiles, and when runs failed."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from benchmarks.markup.blocks import number
from benchmarks.report.captions import MARKS
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.axes import (
    counts,
    keys,
    label_below,
    legend,
    legend_height,
    logarithmic,
    panel_columns,
    wants_log,
    within,
)
from benchmarks.report.figures.style import COLUMN, PAGE, dashes, look, semantics
from benchmarks.report.names import shown
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array, comparable_scale, log_ratios, performance_profile
from benchmarks.report.verdicts import Scores


def final_scores(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """A panel a metric, a line a loss: every seed's score as a dot, mean and t-interval over it."""
    return _final(dataset, dataset.metrics, width)


def final_column(dataset: DatasetResults, width: float = COLUMN) -> Figure:
    """The first metric of `final_scores` alone, as wide as a column."""
    return _final(dataset, dataset.metrics[:1], width)


def _final(dataset: DatasetResults, metrics: list[str], width: float) -> Figure:
    figure = Figure(figsize=(width, 0.55 + 0.24 * len(dataset.losses)))
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0], metrics, strict=True):
        _dots(axes, dataset, metric, width / len(metrics))
        axes.set_xlabel(dataset.results.metrics[metric].titled)
    primary = dataset.summary(metrics[0])
    names = []
    for row, loss in enumerate(dataset.losses):
        failed = f" ({primary.failed[row]}/{primary.attempted[row]} failed)" if primary.failed[row] else ""
        names.append(shown(loss) + failed)
    figure.axes[0].set_yticks(range(len(names)), names, fontsize="medium")
    figure.axes[0].set_ylabel("")
    figure.axes[0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def _dots(axes: Axes, dataset: DatasetResults, metric: str, room: float) -> None:
    """Every seed as a point, in the order of seeds from the top, and mean and interval over them, in `room` inches."""
    summary = dataset.summary(metric)
    count = len(dataset.results.seeds)
    offsets = np.linspace(-0.2, 0.2, count) if count > 1 else np.zeros(1)
    seeds = pd.DataFrame(summary.scores, dataset.losses).rename_axis("loss").reset_index()
    points = seeds.melt("loss", var_name="seed", value_name="score")
    points["row"] = points.loss.map(dataset.losses.index) + offsets[points.seed.astype(int)]
    points = points[np.isfinite(points.score)]
    low, high = _ends(dataset, metric)
    _horizontal(axes, points.score.to_numpy(dtype=float), summary.mean, low, high, room)
    seaborn.scatterplot(points, x="score", y="row", s=15, alpha=0.75, linewidth=0, ax=axes, **semantics(dataset.losses))
    known = np.isfinite(low)
    rows = np.arange(len(dataset.losses))[known]
    mean, left = summary.mean[known], np.maximum(low[known], _outside(axes))
    axes.errorbar(mean, rows, xerr=[mean - left, high[known] - mean], fmt="|", color="#222222", ms=8, lw=0.8, capsize=2)
    axes.grid(axis="y", visible=False)


def _outside(axes: Axes) -> float:
    """A place left of the axis, where an interval that goes on beyond it has its end, which is then not seen."""
    return axes.get_xlim()[0] / 2 if axes.get_xscale() == "log" else -np.inf


def _ends(dataset: DatasetResults, metric: str) -> tuple[Array, Array]:
    """The ends of each loss's interval, within the metric's range; NaN where there is none."""
    summary = dataset.summary(metric)
    possible = dataset.results.metrics[metric].possible
    return within(summary.mean - summary.half, possible), within(summary.mean + summary.half, possible)


def _horizontal(axes: Axes, dots: Array, means: Array, low: Array, high: Array, room: float) -> None:
    """Limits and scale of the axis of scores: logarithmic where most losses would be squeezed at one end."""
    if not len(dots):
        return
    if dots.min() > 0 and wants_log(means[np.isfinite(means)]):
        axes.set_xlim(dots.min() / 1.5, dots.max() * 1.5)
        logarithmic(axes, "x", decades=3 if room > 2 else 1.5)
    else:
        axes.set_xlim(*_limits(dots, low, high))


def _limits(dots: Array, low: Array, high: Array) -> tuple[float, float]:
    """Room for all dots and intervals, but for no interval further out than half of what the dots span."""
    span = float(np.ptp(dots)) or float(abs(dots).max()) or 1.0
    left = max(min(dots.min(), np.nanmin([*low, dots.min()])), dots.min() - span / 2)
    right = min(max(dots.max(), np.nanmax([*high, dots.max()])), dots.max() + span / 2)
    return left - 0.06 * span, right + 0.06 * span


ON_DARK, ON_LIGHT = "#fdfdfd", "#1c1c1c"
"""Of text on a field of its own colour: not the white and black that a page in the dark exchanges."""


def pairwise_matrix(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """Row against column on the primary metric: mean ratio (or difference) and the verdict on it, by type and mark."""
    metric = dataset.primary
    column = dataset.summary(metric).column
    count = len(dataset.losses)
    effect = np.full((count, count), np.nan)
    for reference in range(count):
        effect[:, reference] = column.contrast(reference).difference
    np.fill_diagonal(effect, np.nan)
    size = min(width, max(2.8, 0.42 * count + 1.7))
    figure = Figure(figsize=(size, size * (0.8 if count < 9 else 0.93)))
    axes = figure.subplots()
    sign = 1.0 if dataset.results.metrics[metric].direction == "min" else -1.0
    limit = 1.3 * max(float(np.nanmax(np.abs(effect))) if np.isfinite(effect).any() else 0.0, 1e-9)
    names = [shown(loss, 22) for loss in dataset.losses]
    marks = _marks(column)
    seaborn.heatmap(
        pd.DataFrame(sign * effect, names, names),
        vmin=-limit,
        vmax=limit,
        cmap="PuOr_r",
        cbar=False,
        linewidths=0.6,
        annot=_numbers(np.exp(effect) if column.is_log else effect, marks),
        fmt="",
        annot_kws={"fontsize": "small"},
        ax=axes,
    )
    drawn = marks[np.isfinite(effect)]
    for text, mark in zip(axes.texts, drawn, strict=True):
        text.set_fontweight("normal" if mark else "bold")
        text.set_color(ON_DARK if to_hex(text.get_color()) == "#ffffff" else ON_LIGHT)
    axes.set_xticks(np.arange(count) + 0.5, names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(np.arange(count) + 0.5, names, rotation=0)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_title(dataset.results.metrics[metric].titled, loc="left")
    axes.set_xlabel("ratio of row to column" if column.is_log else "row minus column")
    return figure


def _marks(column: Scores) -> NDArray[np.str_]:
    """The symbol of the verdict on each row against each column; none where one of them is better."""
    symbols = []
    for reference in range(len(column.values)):
        symbols.append([*map(_symbol, column.against(reference))])
    return np.array(symbols).T


def _symbol(verdict: str) -> str:
    return MARKS[verdict].symbol if verdict in MARKS else ""


def _numbers(values: Array, marks: NDArray[np.str_]) -> NDArray[np.str_]:
    """The text in each field of the matrix."""
    texts = []
    for value, mark in zip(values.flat, marks.flat, strict=True):
        texts.append(number(float(value), 2) + mark)
    return np.array(texts).reshape(values.shape)


def profiles(results: Results, width: float = COLUMN) -> Figure:
    """Share of runs whose primary score is within a factor of the baseline's, mean over data sets."""
    strata = ratio_strata(results)
    figure = Figure(figsize=(width, 2.0 + legend_height(list(strata), width)))
    axes = figure.subplots()
    values = np.concatenate([*itertools.chain(*strata.values())])
    finite = values[np.isfinite(values)]
    low, high = float(np.quantile(finite, 0.0)), float(np.quantile(finite, 0.98))
    thresholds = np.linspace(low - 0.05, high + 0.05, 200)
    shares = pd.DataFrame(index=pd.Index(np.exp(thresholds), name="factor"))
    for loss, group in strata.items():
        shares[loss] = performance_profile(group, thresholds)
    frame = shares.melt(var_name="loss", value_name="share", ignore_index=False).reset_index()
    seaborn.lineplot(
        frame,
        x="factor",
        y="share",
        estimator=None,
        dashes=dashes(list(strata)),
        drawstyle="steps-post",
        markersize=3.5,
        markeredgewidth=0,
        markevery=40,
        ax=axes,
        **semantics(list(strata)),
    )
    axes.set_xlim(*np.exp(thresholds[[0, -1]]))
    logarithmic(axes, "x")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(f"factor of {shown(results.baseline)}'s primary score (less is better)")
    axes.set_ylabel("share of runs at or below it")
    legend(figure, list(strata))
    return figure


def ratio_strata(results: Results) -> dict[str, list[Array]]:
    """Log ratios to the baseline by loss, an array of runs a data set; only data sets where all can be compared."""
    usable = []
    for dataset in results.each_dataset:
        metric = dataset.primary
        scores = dataset.scores(metric)
        base = scores[results.losses.index(results.baseline)]
        positive = comparable_scale(scores)[1]
        if positive and np.isfinite(base).any() and (~np.isnan(scores)).any(1).all():
            usable.append((scores, base, results.metrics[metric].direction))
    if not usable:
        return {}
    strata = {}
    for row, loss in enumerate(results.losses):
        strata[loss] = [log_ratios(scores[row], base, direction) for scores, base, direction in usable]
    return strata


ENDS = {"diverged": "x", "failed": "s", "missing": "o"}  # a run that is recorded as missing has not ended


def timeline(results: Results, width: float = PAGE) -> Figure:
    """How far every run came of what was planned, a line a run, and how it ended if it did not finish."""
    failed = results.failed_runs()
    losses = [loss for loss in results.losses if loss in set(failed.loss)]
    columns = panel_columns(len(results.datasets), width)
    rows = -(-len(results.datasets) // columns)
    band = max(0.3, 0.08 * len(results.seeds))
    figure = Figure(figsize=(width, 0.35 + rows * (0.35 + band * len(losses))))
    grid = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for axes, dataset in zip(grid, results.each_dataset, strict=False):
        for row, loss in enumerate(losses):
            _timeline_row(axes, dataset.cell_runs(loss), row, look(loss).colour)
        axes.set_title(shown(dataset.name), loc="left")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(counts)
        axes.grid(axis="y", visible=False)
    for axes in grid[len(results.datasets) :]:
        axes.set_axis_off()
    grid[0].set_yticks(range(len(losses)), [shown(loss) for loss in losses], fontsize="medium")
    grid[0].set_ylim(len(losses) - 0.5, -0.5)
    label_below(grid, columns, "generator steps")
    handles: list[Artist] = []
    for status in ENDS:
        if status in set(failed.status):
            name = "not ended" if status == "missing" else status
            handles.append(Line2D([], [], ls="", label=name, **_end(status)))
    keys(figure, handles)
    return figure


def _timeline_row(axes: Axes, runs: pd.DataFrame, row: int, colour: str) -> None:
    for position, run in enumerate(runs.sort_values("seed").itertuples()):
        y = row + (position - (len(runs) - 1) / 2) * 0.7 / len(runs)
        step, planned = _steps(run.step), _steps(run.steps)
        axes.plot([step, max(step, planned)], [y, y], color="#dddddd", lw=1)
        axes.plot([0, step], [y, y], color=colour, lw=1.4)
        if run.status != "done":
            axes.plot([step], [y], clip_on=False, **_end(run.status))


def _steps(value: Any) -> int:
    """A count of steps; 0 where none is recorded."""
    return 0 if pd.isna(value) else int(value)


def _end(status: str) -> dict[str, Any]:
    return {"marker": ENDS[status], "color": "#222222", "mfc": "white", "ms": 3.5, "mew": 0.9, "zorder": 3}
