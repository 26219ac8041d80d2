"""Figures that papers argue with, drawn from runs, with intervals over seeds."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.record.vocabulary import EARTH_MOVER, GRADIENT_NORM, WASSERSTEIN_ESTIMATE, layer_depth
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.axes import legend, legend_height, logarithmic, loss_panels
from benchmarks.report.figures.critic import layer_names
from benchmarks.report.figures.samples import sample_panels
from benchmarks.report.figures.style import NARROW, look
from benchmarks.report.statistics import Array, t_interval

WAYS = 3
"""Trajectories in a panel: of more none can be followed."""


def layers(dataset: DatasetResults, width: float) -> Figure:
    """E ‖∂f/∂h‖ over the depth of the layer with output h, geometric means; a line ends where a norm reads 0."""
    figure = Figure(figsize=(min(width, NARROW), 2.6 + legend_height(dataset.losses, width)))
    axes = figure.subplots()
    names = [name for name in layer_names(dataset) if not name.endswith("_output")]
    for loss in dataset.losses:
        depths, rows = [], []
        for name in names:
            values = dataset.finished_curve(loss, name).iloc[-1].to_numpy(dtype=float)
            if (values > 0).all():
                depths.append(layer_depth(name))
                rows.append(np.log(values))
        _line(axes, loss, np.array(depths), np.array(rows))
    axes.set_xlabel("layer of the critic, from the input on")
    axes.set_ylabel("mean gradient norm")
    logarithmic(axes, "y")
    legend(figure, dataset.losses)
    return figure


def _line(axes: Axes, loss: str, x: Array, logs: Array) -> None:
    """Geometric means of logarithms (places, seeds) with their 95 % intervals."""
    mean, half = t_interval(logs)
    style = look(loss)
    axes.plot(x, np.exp(mean), color=style.colour, ls=style.dash, marker=style.marker, ms=3.5)
    axes.vlines(x, np.exp(mean - half), np.exp(mean + half), color=style.colour, lw=0.8)


def surfaces(dataset: DatasetResults, width: float) -> Figure:
    """Contours of the last critics between data and fakes, a panel a loss."""
    return sample_panels(dataset, None, width)


def trajectories(dataset: DatasetResults, width: float) -> Figure:
    """Panels of psi against theta: lines are the ways of the first WAYS seeds, from the circles on; all end at dots."""
    figure, panels = loss_panels(dataset.losses, width, sharex=True, sharey=True)
    for loss, axes in panels.items():
        names = EARTH_MOVER, GRADIENT_NORM, WASSERSTEIN_ESTIMATE
        distance, slope, estimate = (dataset.finished_curve(loss, name).to_numpy(dtype=float) for name in names)
        theta, psi = signed(distance, slope, -estimate)
        colour = look(loss).colour
        axes.plot(theta[:, :WAYS], psi[:, :WAYS], color=colour, lw=0.7)
        axes.plot(theta[0, :WAYS], psi[0, :WAYS], "o", color=colour, mfc="white", ms=4)
        axes.plot(theta[-1], psi[-1], ".", color="black", ms=4)
        axes.plot(0, 0, "+", color="#bd1f01", ms=7)
        axes.set_aspect("equal")
    figure.supxlabel("place θ of the fake; the data are at 0", fontsize="medium")
    figure.supylabel("slope ψ of the critic", fontsize="medium")
    return figure


def signed(distance: Array, slope: Array, score: Array) -> tuple[Array, Array]:
    """theta and psi, each (steps, starts), from |theta|, |psi| and the fake's score theta psi.

    Two states have these, one the mirror image of the other: the first state has theta >= 0, and any other is the one
    that lies nearer to the state before it.
    """
    theta, psi = distance.copy(), np.copysign(slope, score)
    for step in range(1, len(theta)):
        other = theta[step] * theta[step - 1] + psi[step] * psi[step - 1] < 0
        theta[step, other] *= -1
        psi[step, other] *= -1
    return theta, psi


def sensitivity(dataset: DatasetResults, width: float) -> Figure:
    """The earth mover's distance at the end over the weight of the penalty, geometric means; a line a penalty."""
    kinds: dict[str, dict[float, Array]] = {}
    for loss in dataset.losses:
        kind, _, weight = loss.removesuffix(")").partition("(weight=")
        kinds.setdefault(kind, {})[float(weight)] = dataset.finished_curve(loss, EARTH_MOVER).iloc[-1].to_numpy()
    figure = Figure(figsize=(min(width, NARROW), 2.4 + legend_height([*kinds], width)))
    axes = figure.subplots()
    _lines(axes, kinds)
    logarithmic(axes, "y")
    axes.set_xlabel("weight λ of the penalty")
    axes.set_ylabel("earth mover's distance")
    legend(figure, [*kinds])
    return figure


def _lines(axes: Axes, kinds: Mapping[str, Mapping[float, Array]]) -> None:
    """A line a kind, of its values by place on the horizontal axis, which is logarithmic."""
    for position, (kind, values) in enumerate(kinds.items()):
        nudge = 1.06**position  # so that intervals lie beside each other
        _line(axes, kind, np.array([*values]) * nudge, np.log(np.array([*values.values()], dtype=float)))
    logarithmic(axes, "x")


def distances_of_batches(dataset: DatasetResults, width: float) -> Figure:
    """W1 from a batch of real images over its size, geometric means; a panel a data set, a line what it is compared
    with."""
    each = {one.name: _by_size(one) for one in dataset.results.each_dataset}
    figure, panels = loss_panels([*each], width)
    kinds = list(dict.fromkeys(kind for known in each.values() for kind in known))
    figure.set_figheight(figure.get_figheight() + 0.5 + legend_height(kinds, width))
    for name, axes in panels.items():
        _lines(axes, each[name])
        axes.set_xlabel("images in a batch")
    figure.supylabel("W1 to a batch of real images", fontsize="medium")
    legend(figure, kinds)
    return figure


def _by_size(dataset: DatasetResults) -> dict[str, dict[float, Array]]:
    """What batches were compared with -> their size -> the distances of all repeats."""
    found: dict[str, dict[float, Array]] = {}
    for name in dataset.results.metrics:
        curve = dataset.finished_curve("", name)
        kind, _, size = name.removeprefix("w1_").rpartition("_")
        if not curve.empty:
            found.setdefault(kind.replace("_", " "), {})[float(size)] = curve.iloc[-1].to_numpy()
    return found
