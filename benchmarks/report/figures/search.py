"""Figures of a search: the expected best of k trials, and each loss's scores against each number."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.markup.blocks import Figure as Block
from benchmarks.report.figures.axes import legend, legend_height, logarithmic, wants_log
from benchmarks.report.figures.plan import Drawing
from benchmarks.report.figures.style import NARROW, PAGE, look
from benchmarks.report.names import shown
from benchmarks.report.results import Results
from benchmarks.report.search import DatasetSearch, LossTrials
from benchmarks.report.statistics import Array

SPREAD = 30.0
"""Times the best score, beyond which a trial is drawn at the edge."""
FEW = 5
"""Values of a number that are all named at its axis, where trials share them."""
LEAST_POINTS = 6.0
"""Of text in one column."""
ROOM = 8
"""Letters of it below a panel there."""
COMPLEMENTED = ("beta1", "beta2", "alpha")
"""Decay rates, drawn as what is missing to 1."""


def search_drawings(results: Results) -> Iterator[Drawing]:
    """The figures of a search, data set by data set."""
    for dataset in results.each_dataset:
        search = DatasetSearch(dataset)
        if not any(each.count > each.failed for each in search.losses):
            continue
        label = search.about.titled
        block = Block(
            f"search-{dataset.slug}", _curves_caption(search), "Curves, one a loss, over the number of trials."
        )
        yield Drawing(block, dataset.name, partial(curves, search), partial(curves, search))
        text = (
            f"{dataset.title}: {label} of every trial against each number that was searched; a row a loss. Crosses at "
            "the edge failed or lie beyond it. A number that matters has a slope, one that does not has none."
        )
        block = Block(f"marginals-{dataset.slug}", text, "Panels of dots, a row a loss and a column a number.")
        yield Drawing(block, dataset.name, partial(marginals, search), partial(marginals, search))


def _curves_caption(search: DatasetSearch) -> str:
    """What the curves are."""
    name, label = search.dataset.title, search.about.titled
    if search.adaptive:
        return f"{name}: {label} of the best by validation among the first k trials of an adaptive search."
    return (
        f"{name}: expected {label} of the setting that validation chooses among k trials, with the 95 % interval over "
        "resampled trials."
    )


def curves(search: DatasetSearch, width: float = PAGE) -> Figure:
    """The expected best of k trials for each loss, with intervals; the best so far of an adaptive search."""
    losses = [each.loss for each in search.losses]
    figure = Figure(figsize=(width, 2.6 + legend_height(losses, width)))
    axes = figure.subplots()
    ks = search.drawn()
    means = []
    for each in search.losses:
        style = look(each.loss)
        known, mean, ends = path(each, ks) if search.adaptive else _expectations(each, ks)
        mean, ends = search.sign * mean, search.sign * ends
        axes.plot(known, mean, color=style.colour, linestyle=style.dash, marker=style.marker, markersize=3, lw=1.2)
        axes.fill_between(known, ends.min(1), _finite(ends.max(1), mean), color=style.colour, alpha=0.12, lw=0)
        means += list(mean)
    axes.set_xlabel("trials")
    axes.set_ylabel(f"{'best' if search.adaptive else 'expected'} {search.about.titled}")
    if len(ks) > 1:
        logarithmic(axes, "x")
    _vertical(axes, np.array(means))
    legend(figure, losses)
    return figure


def _expectations(each: LossTrials, ks: list[int]) -> tuple[list[int], Array, Array]:
    """The numbers of trials among `ks` that have an expectation, these, signed, and the ends of their intervals."""
    known = [k for k in ks if np.isfinite(each.expected(k))]
    return (
        known,
        np.array([each.expected(k) for k in known]),
        np.array([each.interval(k) for k in known]).reshape(-1, 2),
    )


def path(each: LossTrials, ks: list[int]) -> tuple[list[int], Array, Array]:
    """The numbers of trials among `ks` by which one is finished, and the best of each, signed, with no interval."""
    best = each.so_far()
    known = [k for k in ks if k <= len(best) and np.isfinite(best[k - 1])]
    found = np.array([best[k - 1] for k in known])
    return known, found, np.stack([found, found], 1)


def _finite(ends: Array, mean: Array) -> Array:
    """Ends of intervals; where one is infinite, far away."""
    return np.where(np.isfinite(ends), ends, 100 * np.abs(mean) + 100)


def _vertical(axes: Axes, means: Array) -> None:
    """A vertical axis that shows the means, logarithmic where that shows them better."""
    if not len(means):
        return
    low, high = float(means.min()), float(means.max())
    if wants_log(means):
        axes.set_ylim(low / 1.2, high * 1.2)
        logarithmic(axes, "y")
    else:
        margin = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)


def marginals(search: DatasetSearch, width: float = PAGE) -> Figure:
    """Every trial's score against each number: a row a loss; a column for each number of all, then the loss's own."""
    searched = [each.searched() for each in search.losses]
    shared = set.intersection(*map(set, searched))
    common = [number for number in searched[0] if number in shared]
    own = []
    for numbers in searched:
        own.append([number for number in numbers if number not in shared])
    columns = len(common) + max(map(len, own))
    narrow = width < NARROW
    figure = Figure(figsize=(width, 0.5 + (0.9 if narrow else 1.3) * len(search.losses)))
    grid = figure.subplots(len(search.losses), columns, squeeze=False, sharey=True)
    limits = _limits(search)
    for row, each, others in zip(grid, search.losses, own, strict=True):
        for axes, number in zip(row, [*common, *others], strict=False):
            _panel(axes, search, each, number, limits)
            axes.tick_params(labelbottom=number not in common or each is search.losses[-1])
        for axes, number in zip(row[len(common) :], others, strict=False):
            axes.set_title(_named(number), loc="right" if narrow else "left", fontsize="small")
        for axes in row[len(common) + len(others) :]:
            axes.set_axis_off()
        row[0].set_ylabel(shown(each.loss, 16), fontsize="small")
    for axes, number in zip(grid[-1], common, strict=False):
        axes.set_xlabel(_named(number), fontsize="small" if narrow else None)
    if narrow:
        _squeeze(figure)
    return figure


def _squeeze(figure: Figure) -> None:
    """Panels as wide as one column allows: no more labels than each has room for, and none that reaches beyond it."""
    figure.set_layout_engine("constrained", w_pad=0.015, h_pad=0.01, wspace=0, hspace=0)
    for axes in figure.axes:
        axes.tick_params(labelsize=LEAST_POINTS)
        low, high = axes.get_xlim()
        inside = [place for place in axes.get_xticks() if low <= place <= high]
        if len("".join(axes.xaxis.get_major_formatter().format_ticks(inside))) > ROOM:
            inside = [inside[0], inside[-1]]
        axes.set_xticks(inside)
        for tick, place in zip(axes.xaxis.get_major_ticks(), inside, strict=True):
            share, _ = (axes.transScale + axes.transLimits).transform((place, axes.get_ylim()[0]))
            tick.label1.set_horizontalalignment("left" if share < 0.2 else "right" if share > 0.8 else "center")


def _named(number: str) -> str:
    return f"1 \u2212 {number}" if number in COMPLEMENTED else number


def _limits(search: DatasetSearch) -> tuple[float, float]:
    """The vertical range of all panels: from the best score to SPREAD times it, or to the worst."""
    scores = np.concatenate([each.scores[np.isfinite(each.scores)] for each in search.losses])
    low, high = float(scores.min()), float(scores.max())
    return (low, min(high, SPREAD * low)) if low > 0 else (low, high)


def _panel(axes: Axes, search: DatasetSearch, each: LossTrials, number: str, limits: tuple[float, float]) -> None:
    values, style = each.values(number), look(each.loss)
    if number in COMPLEMENTED:
        values = 1 - values
    low, high = limits
    inside = np.isfinite(each.scores) & (each.scores <= high)
    axes.plot(values[inside], search.sign * each.scores[inside], ".", color=style.colour, ms=3.5, alpha=0.8, mew=0)
    outside = values[~inside]
    if len(outside):  # without a dot it would be laid out as if it reached to the corner of the figure
        edge = np.full(len(outside), search.sign * high)
        axes.plot(outside, edge, "x", color=style.colour, ms=3, mew=0.7, clip_on=False)
    positive = values[np.isfinite(values) & (values > 0)]
    different = sorted(set(positive))
    if len(different) <= FEW and len(different) < len(positive):
        axes.set_xticks(different)
    elif wants_log(positive):
        axes.set_xlim(positive.min() / 1.3, positive.max() * 1.3)
        logarithmic(axes, "x", decades=1)
    shown = search.sign * np.array([low, high])
    if low > 0 and search.sign > 0 and high > 4 * low:
        axes.set_ylim(low / 1.2, high * 1.05)
        logarithmic(axes, "y", decades=2)
    elif high > low:
        margin = 0.05 * (high - low)
        axes.set_ylim(shown.min() - margin, shown.max() + margin)
