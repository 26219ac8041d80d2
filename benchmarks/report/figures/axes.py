"""Axes that read well whatever their data: ticks as plain numbers, scales that fit, one legend for a figure."""

import textwrap
from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from benchmarks.markup.blocks import amount
from benchmarks.report.figures.style import NARROW, columns_for, look
from benchmarks.report.names import shown
from benchmarks.report.statistics import Array
from benchmarks.report.verdicts import Limits

GREY = "#666666"
SQUEEZED = 0.2  # of an axis
TINY = 1e-3


def wants_log(values: Array) -> bool:
    """Whether a logarithmic axis shows these better: a linear one would squeeze half of them into its lowest fifth.

    So it is where the largest is over 30 times the least, too.
    """
    if not len(values) or values.min() <= 0:
        return False
    low, high = float(values.min()), float(values.max())
    squeezed = float(np.median(values)) - low < SQUEEZED * (high - low)
    return high > 30 * low or (squeezed and high > 4 * low)


def within(values: Array, possible: Limits) -> Array:
    """Ends of intervals, cut at the least and the largest value that there can be."""
    low, high = possible
    return np.clip(values, -np.inf if low is None else low, np.inf if high is None else high)


def scale(axes: Axes, curves: list[Array], possible: Limits = (None, None)) -> None:
    """A vertical axis for curves (2, n) of means and half-widths: logarithmic where that shows means better.

    Its limits are of the means and of a band of ordinary width, within the possible range: a few wide ones must not
    flatten every curve.
    """
    values, halves = np.concatenate([*curves, np.empty((2, 0))], axis=1)
    if not len(values):
        not_measured(axes)
        return
    low, high = values.min(), values.max()
    if wants_log(values):
        axes.set_ylim(low / 1.4, high * 1.4)
        logarithmic(axes, "y")
    elif low < 0 and max(high, -low) > 30 * np.median(np.abs(values)):
        symmetric(axes, low, high, max(float(np.median(np.abs(values))), 1e-12))
    else:
        reach = min(float(np.median(halves)), max(high - low, 0.3 * float(np.abs(values).max())))
        low, high = within(np.array([low - reach, high + reach]), possible)
        margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)
        if max(abs(low), abs(high)) < TINY:
            axes.yaxis.set_major_formatter(plain_number)  # matplotlib's own puts their power over the panel's name


def counts(value: float, _position: float) -> str:
    """A tick's label for a count: 20k, not 20000 or 2e4."""
    return amount(value)


def logarithmic(axes: Axes, which: Literal["x", "y"], decades: float = 3) -> None:
    """A logarithmic axis with plain numbers at its ticks: powers of ten where it spans more `decades`, else 1, 2, 5."""
    axes.set_xscale("log") if which == "x" else axes.set_yscale("log")
    axis, (low, high) = (axes.xaxis, axes.get_xlim()) if which == "x" else (axes.yaxis, axes.get_ylim())
    axis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 10**decades else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(plain_number)
    axis.set_minor_locator(NullLocator())


def symmetric(axes: Axes, low: float, high: float, linear: float) -> None:
    """A vertical axis, linear within ±`linear` and logarithmic beyond, with at most four decades named a side."""
    axes.set_yscale("symlog", linthresh=linear)
    ticks = [0.0]
    for sign, end in ((1, high), (-1, -low)):
        decades = np.arange(np.ceil(np.log10(linear)), np.floor(np.log10(max(end, linear))) + 1)
        step = max(1, -(-len(decades) // 4))
        named = decades[::-step]  # from the outermost on, which is to have a name
        ticks += list(sign * 10.0**named)
    axes.yaxis.set_major_locator(FixedLocator(sorted(ticks)))
    axes.yaxis.set_major_formatter(plain_number)
    axes.yaxis.set_minor_locator(NullLocator())


def plain_number(value: float, _position: float) -> str:
    """A tick's label without mathematics: 0.01, -100, 1e+06, 2.5e-06."""
    if value == 0 or TINY <= abs(value) < 1e5:
        return f"{value:.6g}"
    digits, _, power = f"{value:.2e}".partition("e")
    return f"{float(digits):g}e{power}"


def legend(figure: Figure, losses: list[str]) -> None:
    """One legend for the whole figure, below it, read line by line."""
    handles = []
    for loss in losses:
        style, label = look(loss), shown(loss)
        line = Line2D(
            [], [], color=style.colour, linestyle=style.dash, marker=style.marker, markersize=3.5, label=label
        )
        handles.append(line)
    columns = _legend_columns(losses, figure.get_figwidth())
    # matplotlib fills a legend column by column.
    by_column = []
    for column in range(columns):
        by_column += handles[column::columns]
    figure.legend(handles=by_column, loc="outside lower center", ncols=columns, columnspacing=1.2)


def legend_height(losses: list[str], width: float) -> float:
    """Inches that the legend of a figure of this width takes."""
    return 0.1 + 0.15 * -(-len(losses) // _legend_columns(losses, width))


def _legend_columns(losses: list[str], width: float) -> int:
    longest = max(map(len, map(shown, losses)))
    columns = max(1, min(len(losses), int(width / (0.06 * longest + 0.55))))
    return -(-len(losses) // -(-len(losses) // columns))


def keys(figure: Figure, handles: list[Artist], absent: list[str] | None = None) -> None:
    """A legend of a figure whose panels are losses, below it: what its lines are, and which losses have no panel."""
    columns = max(1, min(len(handles), int(figure.get_figwidth() / 1.3)))
    named = textwrap.fill(f"not measured: {', '.join(map(shown, absent))}", 100) if absent else None
    legend = figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, columnspacing=1.5, title=named, alignment="left"
    )
    legend.get_title().set_color(GREY)


def panel_columns(count: int, width: float) -> int:
    """Columns of a grid of `count` panels in a figure of this width."""
    return columns_for(count) if width >= NARROW else min(count, 2)


def loss_panels(
    losses: list[str], width: float, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for each loss, under its name."""
    columns = panel_columns(len(losses), width)
    rows = -(-len(losses) // columns)
    figure = Figure(figsize=(width, 0.45 + 1.4 * rows))
    grid = list(figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey).flat)
    panels = dict(zip(losses, grid, strict=False))
    for loss, axes in panels.items():
        axes.set_title(shown(loss, int(14 * width / columns)), loc="left")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return figure, panels


def label_below(grid: list[Axes], columns: int, text: str) -> None:
    """Tick labels under the lowest panel in use of each column of a grid, and the axis's name under the lowest row."""
    rows = {}
    for column in range(columns):
        for row, axes in enumerate(grid[column::columns]):
            if axes.axison:
                rows[column] = row
    for column, row in rows.items():
        axes = grid[row * columns + column]
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(text if row == max(rows.values()) else "")


def not_measured(axes: Axes) -> None:
    """Says of an empty panel why it is empty."""
    axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_axis_off()
