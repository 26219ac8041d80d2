"""Figures of the critic, a panel a loss: gradient norms, layers, weights, overfitting, estimate of the distance.

The quantities, their names in the record and their sources are those of `gan_zoo/diagnostics.py`; lines are means over
seeds that have a finite value there. Losses differ by orders of magnitude, so each has its own panel.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from benchmarks.record.vocabulary import (
    CRITIC_LOSS_HELD_OUT,
    CRITIC_LOSS_TRAIN,
    EARTH_MOVER,
    LAYER_GRADIENT_NORM,
    WASSERSTEIN_ESTIMATE,
    WEIGHTS_AT_BOUND,
    gradient_norms,
    layer_depth,
    weight_histogram,
)
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.axes import (
    counts,
    keys,
    label_below,
    logarithmic,
    loss_panels,
    not_measured,
    panel_columns,
    plain_number,
    scale,
    within,
)
from benchmarks.report.figures.style import NARROW, PAGE, look
from benchmarks.report.names import shown
from benchmarks.report.statistics import Array, t_interval
from benchmarks.report.verdicts import Limits

BLACK = "#222222"
PROBED = {"real": "-", "between": "--", "fake": ":"}


def norms(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """A row a loss: quantiles of ‖∇f‖ on real points, between and on fakes, and the share of points above 1; in a
    column those between alone, and the share."""
    probed = [*PROBED] if width >= NARROW else ["between"]
    losses, absent = _with(dataset, *(gradient_norms(points, "q50") for points in PROBED))
    height = 0.85 if len(losses) < 9 else 0.58
    figure = Figure(figsize=(width, 0.75 + height * len(losses)))
    grid = figure.subplots(len(losses), len(probed) + 1, squeeze=False, sharex="all" if _one_length(dataset) else "row")
    for row, loss in zip(grid, losses, strict=True):
        bands = []
        for axes, points in zip(row, probed, strict=False):
            bands.append(_band(axes, dataset, loss, points))
        _around_one(list(row[:-1]), np.concatenate(bands))
        _shares(row[-1], dataset, loss)
        for axes in row:
            axes.xaxis.set_major_formatter(counts)
        row[0].text(-0.4, 0.5, shown(loss, 18), transform=row[0].transAxes, ha="right", va="center")
    for axes, title in zip(grid[0], (*probed, "share above 1"), strict=True):
        axes.set_title(title)
    label_below(list(grid.flat), len(probed) + 1, "generator steps")
    handles: list[Artist] = [Line2D([], [], color=BLACK, label="median"), Patch(color="#bbbbbb", label="5 % to 95 %")]
    for points, dash in PROBED.items():
        handles.append(Line2D([], [], color=BLACK, ls=dash, label=f"share: {points}"))
    keys(figure, handles, absent)
    return figure


def _band(axes: Axes, dataset: DatasetResults, loss: str, points: str) -> Array:
    """Median and band of one panel; the quantiles drawn, as one array."""
    curves = []
    for name in ("q05", "q50", "q95"):
        frame = _values(dataset, loss, gradient_norms(points, name))
        if frame.empty:
            not_measured(axes)
            return np.empty(0)
        mean, _ = t_interval(frame.to_numpy(dtype=float))
        curves.append(pd.Series(mean, frame.index))
    low, median, high = map(pd.Series.to_numpy, curves)
    colour, steps = look(loss).colour, curves[1].index.to_numpy(dtype=float)
    axes.fill_between(steps, low, high, color=colour, alpha=0.3, linewidth=0.8)
    axes.plot(steps, median, color=colour, marker="o", ms=1.8)
    return np.concatenate([low, median, high])


def _shares(axes: Axes, dataset: DatasetResults, loss: str) -> None:
    colour = look(loss).colour
    drawn = 0
    for points, dash in PROBED.items():
        drawn += _line(axes, _values(dataset, loss, gradient_norms(points, "above_1")), colour, dash, (0, 1)).size
    axes.set(ylim=(-0.06, 1.06), yticks=[0, 0.5, 1])
    if not drawn:
        not_measured(axes)


def _around_one(panels: list[Axes], values: Array) -> None:
    """One logarithmic scale for the panels of a row, which has 0.5, 1 and 2 in it and all positive values."""
    positive = np.append(values[values > 0], [0.7, 1.4])
    for axes in panels:
        if not axes.lines:
            continue
        axes.set_ylim(positive.min() / 1.5, positive.max() * 1.5)
        logarithmic(axes, "y", decades=1.5)
        axes.axhline(1, color=BLACK, lw=0.7, ls=(0, (3, 2)))
        axes.tick_params(labelleft=axes is panels[0])


def layers(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """Panels of E ‖∂f/∂h‖ against the layer with output h, from the input on, at the first and last evaluation."""
    names = layer_names(dataset)
    losses, absent = _with(dataset, *names)
    figure, panels = loss_panels(losses, width, sharex=True, sharey=True)
    drawn = []
    for loss, axes in panels.items():
        frames = {}
        for name in names:
            frame = _values(dataset, loss, name)
            if not frame.empty:
                frames[layer_depth(name)] = frame
        depths = np.array([*frames])
        for position, dash, face in ((0, "--", "white"), (-1, "-", look(loss).colour)):
            rows = []
            for frame in frames.values():
                rows.append(t_interval(frame.iloc[position].to_numpy(dtype=float)))
            mean, half = np.array(rows, dtype=float).T
            line = axes.plot(depths, mean, color=look(loss).colour, ls=dash, marker="o", ms=3, mfc=face)[0]
            axes.vlines(depths, np.maximum(mean - half, 0), mean + half, color=line.get_color(), lw=0.8)
            drawn.append(mean[mean > 0])
    values = np.concatenate([*drawn, np.ones(1)])
    for axes in panels.values():
        axes.set_ylim(values.min() / 2, values.max() * 2)
        logarithmic(axes, "y", decades=2)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    figure.supylabel("mean gradient norm", fontsize="medium")
    _below(panels, width, "layer")
    first = Line2D([], [], color=BLACK, ls="--", marker="o", ms=3, mfc="white", label="first evaluation")
    keys(figure, [first, Line2D([], [], color=BLACK, marker="o", ms=3, label="last evaluation")], absent)
    return figure


def layer_names(dataset: DatasetResults) -> list[str]:
    """Names of the norms by layer that were logged on a data set, from the input on."""
    known = []
    for name in sorted(map(str, dataset.results.record.metrics.name.unique())):
        if name.startswith(LAYER_GRADIENT_NORM) and logged(dataset, name):
            known.append(name)
    return known


def weights(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """Panels of the last critics' weights: the share of them in each bin, a line a seed."""
    histograms, absent = {}, []
    for loss in dataset.losses:
        found = list(weight_shares(dataset, loss))
        if found:
            histograms[loss] = found
        else:
            absent.append(loss)
    figure, panels = loss_panels(list(histograms), width)
    for loss, axes in panels.items():
        found = histograms[loss]
        for centres, shares in found:
            edges = np.linspace(*_outer_edges(centres), len(centres) + 1)
            axes.stairs(shares, edges, color=look(loss).colour, lw=0.8, alpha=0.85)
        least = min(float(shares[shares > 0].min()) for _, shares in found)
        axes.set_ylim(least / 2, 1.5)
        logarithmic(axes, "y", decades=1.5)
        axes.xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
        axes.xaxis.set_major_formatter(plain_number)
        bound = _values(dataset, loss, WEIGHTS_AT_BOUND)
        if not bound.empty:
            share, c = bound.iloc[-1].mean(), max(_outer_edges(centres)[1] for centres, _ in found)
            text = f"{100 * share:.0f} % exactly at ±{c:.3g}"
            axes.text(0.5, 0.93, text, transform=axes.transAxes, ha="center", va="top")
    _below(panels, width, "weight")
    figure.supylabel("share of weights in a bin", fontsize="medium")
    if absent:
        keys(figure, [], absent)
    return figure


def weight_shares(dataset: DatasetResults, loss: str) -> Iterator[tuple[Array, Array]]:
    for key in dataset.cell_runs(loss).sort_values("seed").run_key:
        histogram = dataset.results.record.samples.get(weight_histogram(key))
        if histogram is not None and histogram[1].sum() > 0:
            centres, number = histogram.astype(float)
            yield centres, number / number.sum()


def _outer_edges(centres: Array) -> tuple[float, float]:
    half = (centres[-1] - centres[0]) / (len(centres) - 1) / 2
    return float(centres[0] - half), float(centres[-1] + half)


def overfitting(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """Panels of the critic's objective on samples that it was trained on and on held-out ones."""
    names = {CRITIC_LOSS_TRAIN: "on training data", CRITIC_LOSS_HELD_OUT: "on held-out data"}
    return _two_lines(dataset, names, width)


def transport(dataset: DatasetResults, width: float = PAGE) -> Figure:
    """Panels of the critic's Wasserstein estimate and the exact earth mover's distance."""
    names = {WASSERSTEIN_ESTIMATE: "critic's estimate (colour of the loss)", EARTH_MOVER: "exact distance"}
    return _two_lines(dataset, names, width)


def _two_lines(dataset: DatasetResults, names: dict[str, str], width: float) -> Figure:
    """The first quantity in the loss's colour, the second in black and dashed, on one scale."""
    losses, absent = _with(dataset, *names)
    figure, panels = loss_panels(losses, width, sharex=_one_length(dataset))
    for loss, axes in panels.items():
        axes.xaxis.set_major_formatter(counts)
        lines = []
        for name, colour, dash in zip(names, (look(loss).colour, BLACK), ("-", "--"), strict=True):
            known = dataset.results.metrics.get(name)
            possible = known.possible if known else (None, None)
            lines.append(_line(axes, _values(dataset, loss, name), colour, dash, possible))
        scale(axes, lines)
    _below(panels, width, "generator steps")
    handles: list[Artist] = []
    for label, colour, dash in zip(names.values(), ("#888888", BLACK), ("-", "--"), strict=True):
        handles.append(Line2D([], [], color=colour, ls=dash, label=label))
    keys(figure, handles, absent)
    return figure


def _with(dataset: DatasetResults, *names: str) -> tuple[list[str], list[str]]:
    """The losses that have any of these quantities, and those that have none."""
    known: list[str] = []
    absent: list[str] = []
    for loss in dataset.losses:
        if any(_has_values(dataset, loss, name) for name in names):
            known.append(loss)
        else:
            absent.append(loss)
    return known, absent


def _below(panels: dict[str, Axes], width: float, text: str) -> None:
    label_below(list(panels.values()), panel_columns(len(panels), width), text)


def _line(axes: Axes, frame: pd.DataFrame, colour: str, dash: str, possible: Limits) -> Array:
    """Mean and t-interval over seeds, drawn within the possible range; both (2, n)."""
    if frame.empty:
        return np.empty((2, 0))
    mean, half = t_interval(frame.to_numpy(dtype=float))
    steps, half = frame.index.to_numpy(dtype=float), np.nan_to_num(half)
    axes.plot(steps, mean, color=colour, ls=dash, marker="o", ms=1.8)
    low, high = within(mean - half, possible), within(mean + half, possible)
    axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
    return np.stack([mean, half])


def _values(dataset: DatasetResults, loss: str, name: str) -> pd.DataFrame:
    """A logged quantity, a row a step and a column a seed, at steps where some seed has a finite value."""
    return dataset.curve(loss, name).replace([np.inf, -np.inf], np.nan).dropna(how="all")


def _has_values(dataset: DatasetResults, loss: str, name: str) -> bool:
    return not _values(dataset, loss, name).empty


def logged(dataset: DatasetResults, name: str) -> bool:
    """Whether any loss has a finite value of this quantity."""
    return any(_has_values(dataset, loss, name) for loss in dataset.losses)


def _one_length(dataset: DatasetResults) -> bool:
    """Whether all losses were to be trained for as many generator steps, so that they can share an axis of steps."""
    return bool(dataset.runs.steps.nunique() <= 1)
