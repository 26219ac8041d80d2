"""Generated samples, losses side by side: points over data with the critic's contours, images as grids."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from benchmarks.markup.blocks import shortened
from benchmarks.record.vocabulary import (
    critic_scores,
    final_samples,
    of_run,
    real_data,
    sample_step,
    samples_at,
    square_shown,
)
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.axes import GREY, keys
from benchmarks.report.figures.style import NARROW, PAGE, columns_for, look
from benchmarks.report.names import display
from benchmarks.report.results import Results

SHADES = [str(round(float(shade), 4)) for shade in np.linspace(1.0, 0.78, 12)]
"""Of the critic's scores, from the least real on: each band between two contours has its own."""
SHOWN = 6  # images a side in a grid


class Square(NamedTuple):
    """A square of the plane: the coordinates of its middle, and half of a side."""

    x: float
    y: float
    half: float


USUAL = Square(0.0, 0.0, 3.0)
"""That of records that name none: [-3, 3]^2."""


class Shown(NamedTuple):
    """The run whose samples are shown of a loss."""

    key: str
    seed: int


def shown_runs(dataset: DatasetResults) -> dict[str, Shown]:
    """The run to show of each loss: of the first seed that most losses have samples of, else of its own first."""
    with_samples = dataset.runs.run_key.map(final_samples).isin(dataset.results.record.samples)
    available = dataset.runs[with_samples].sort_values("seed")
    losses_by_seed = available.groupby("seed").loss.nunique()
    shown = {}
    for loss in dataset.losses:
        runs = available[available.loss == loss]
        if len(runs):
            common = runs[runs.seed == losses_by_seed.idxmax()]
            run = common.iloc[0] if len(common) else runs.iloc[0]
            shown[loss] = Shown(run.run_key, int(run.seed))
    return shown


def common_seed(runs: Mapping[str, Shown]) -> int:
    """The seed of most of the shown runs, the least of several: losses without samples of it show another."""
    seeds = pd.Series([run.seed for run in runs.values()])
    return int(seeds.mode()[0])


def square_of(dataset: DatasetResults) -> Square:
    """The square of the plane that pictures of a data set's points show: that of the first run that is shown."""
    keys = [run.key for run in shown_runs(dataset).values()]
    return _square_of_run(dataset.results, keys[0]) if keys else USUAL


def _square_of_run(results: Results, run_key: str) -> Square:
    return Square(*map(float, results.record.samples.get(square_shown(run_key), USUAL)))


def field_of(results: Results, run_key: str, name: str, square: Square) -> NDArray | None:
    """A run's critic's scores of this name on a grid over `square`, row = y ascending; None where the record has none,
    or of another square, as it may of a run of before, or where nothing can be drawn of them."""
    critic = results.record.samples.get(name)
    if critic is None or not _is_drawable(critic):
        return None
    return critic if _square_of_run(results, run_key) == square else None


def _is_drawable(critic: NDArray) -> bool:
    return bool(np.isfinite(critic).all() and np.ptp(critic) > 0)


def sample_steps(dataset: DatasetResults) -> list[int]:
    """Generator steps at which the shown runs left samples, eight at most, evenly chosen."""
    found: set[int] = set()
    for run in shown_runs(dataset).values():
        found.update(kept_steps(dataset, run.key))
    steps = np.array(sorted(found), dtype=int)
    positions = np.linspace(0, len(steps) - 1, min(8, len(steps)))
    chosen = np.unique(np.rint(positions).astype(int))
    return list(map(int, steps[chosen]))


def kept_steps(dataset: DatasetResults, run_key: str) -> list[int]:
    """Generator steps before the end at which a run left samples."""
    steps = []
    for name in dataset.results.record.samples:
        step = sample_step(name, run_key)
        if step is not None:
            steps.append(step)
    return sorted(steps)


def sample_panels(dataset: DatasetResults, step: int | None = None, width: float = PAGE) -> Figure:
    """A panel a loss, and the data first where it is images; at the last checkpoint, or at `step`.

    A run that was not evaluated at `step`, having fewer steps than others perhaps, shows its latest samples before it.
    """
    arrays = dataset.results.record.samples
    real = arrays.get(real_data(dataset.name))
    runs = shown_runs(dataset)
    shown = _names_of_samples(dataset, runs, step)
    first = arrays[next(iter(shown.values()))] if shown else real
    is_points = first is not None and first.ndim == 2
    panels: list[str | None] = list(runs)
    if not is_points and real is not None:
        panels.insert(0, None)
    columns = columns_for(len(panels)) if width >= NARROW else min(len(panels), 3)
    rows = -(-len(panels) // columns)
    side = width / columns
    figure = Figure(figsize=(width, rows * (side + 0.12) + (0.3 if is_points else 0)))
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, loss in zip(figure.axes, panels, strict=False):
        if loss is not None:
            _panel(axes, dataset, runs.get(loss), shown.get(loss), real, loss, 1 if width >= NARROW else 2)
            older = _older_step(dataset, loss, runs, step) if loss in shown else []
            axes.set_title(shortened(_title(dataset, loss, runs, older), int(14 * side)), loc="left")
        elif real is not None:
            draw_images(axes, real)
            axes.set_title("data", loc="left")
    absent = [loss for loss in dataset.losses if loss not in runs]
    if is_points or absent:
        has_critic = any(critic_scores(name) in arrays for name in shown.values())
        keys(figure, _point_keys(has_critic) if is_points else [], absent)
    return figure


def _point_keys(has_critic: bool) -> list[Artist]:
    """The legend of points, and of contours where there are any."""
    handles: list[Artist] = []
    for label, colour in (("data", "black"), ("generated (colour of the loss)", GREY)):
        handles.append(Line2D([], [], ls="", marker=".", color=colour, label=label))
    if not has_critic:
        return handles
    for label, shade in (("critic: least real", SHADES[0]), ("critic: most real", SHADES[-1])):
        handles.append(Patch(facecolor=shade, edgecolor="#a0a0a0", lw=0.4, label=label))
    return handles


def _names_of_samples(dataset: DatasetResults, runs: Mapping[str, Shown], step: int | None) -> dict[str, str]:
    """Loss -> the name of the samples to show of its run; losses without are left out."""
    names = {}
    for loss, run in runs.items():
        name = _samples_at(dataset, run.key, step)
        if name in dataset.results.record.samples:
            names[loss] = name
    return names


def _samples_at(dataset: DatasetResults, run_key: str, step: int | None) -> str:
    """The name of a run's last samples, or of its latest up to `step`; empty where it has none so early."""
    if step is None:
        return final_samples(run_key)
    latest = _latest_step(dataset, run_key, step)
    return "" if latest is None else of_run(run_key, samples_at(latest))


def _latest_step(dataset: DatasetResults, run_key: str, step: int) -> int | None:
    """The last step up to `step` at which a run left samples."""
    earlier = [at for at in kept_steps(dataset, run_key) if at <= step]
    return max(earlier, default=None)


def _older_step(dataset: DatasetResults, loss: str, runs: Mapping[str, Shown], step: int | None) -> list[str]:
    """The step of shown samples that are older than `step`, in words."""
    if step is None:
        return []
    latest = _latest_step(dataset, runs[loss].key, step)
    return [] if latest is None or latest == step else [f"step {latest}"]


def _title(dataset: DatasetResults, loss: str, runs: Mapping[str, Shown], remarks: list[str]) -> str:
    """The loss, and what sets its samples apart from those beside them."""
    if loss not in runs:
        return display(loss)
    key, seed = runs[loss]
    notes = []
    if seed != common_seed(runs):
        notes.append(f"seed {seed}")
    status = str(dataset.runs.set_index("run_key").status[key])
    if status != "done":
        notes.append(status)
    notes += remarks
    return f"{display(loss)} ({', '.join(notes)})" if notes else display(loss)


def _panel(
    axes: Axes,
    dataset: DatasetResults,
    run: Shown | None,
    name: str | None,
    real: NDArray | None,
    loss: str,
    coarseness: int,
) -> None:
    if run is None or name is None:
        axes.text(0.5, 0.5, "no samples", transform=axes.transAxes, ha="center", va="center", color="#666666")
        return
    samples = dataset.results.record.samples[name]
    if samples.ndim == 2:
        square = square_of(dataset)
        critic = field_of(dataset.results, run.key, critic_scores(name), square)
        draw_points(axes, samples, real, critic, loss, square, coarseness)
    else:
        draw_images(axes, samples)


def draw_points(
    axes: Axes,
    samples: NDArray,
    real: NDArray | None,
    critic: NDArray | None,
    loss: str,
    square: Square,
    coarseness: int = 1,
) -> None:
    """Contours on `square`, samples, and data over them as smaller dots, so that neither hides the other.

    With coarseness 2, half as many points, smaller, and half as many contour cells.
    """
    if critic is not None and _is_drawable(critic):
        _contours(axes, critic, square, max(1, critic.shape[0] // 64 * coarseness))
    count = 800 // coarseness
    size = 3.2 - 0.8 * (coarseness - 1)
    axes.plot(*samples[:count].T, ".", ms=size, color=look(loss).colour, mew=0, zorder=2)
    if real is not None:
        axes.plot(*real[: count // 2].T, ".", ms=size / 2.2, color="black", mew=0, zorder=2.5)
    x, y, half = square
    axes.set(xlim=(x - half, x + half), ylim=(y - half, y + half), aspect="equal")
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)


def _contours(axes: Axes, critic: NDArray, square: Square, every: int) -> None:
    """A shade for each band of scores between the least and the largest on the grid, and a line between two bands."""
    count = critic.shape[0]
    at = np.unique([*range(0, count, every), count - 1])  # the last, too: else a strip at the edge is bare
    across, up = (np.linspace(middle - square.half, middle + square.half, count)[at] for middle in square[:2])
    scores = critic[np.ix_(at, at)].astype(float)
    levels = np.linspace(scores.min(), scores.max(), len(SHADES) + 1)
    axes.contourf(across, up, scores, levels=levels, colors=SHADES, antialiased=False)
    axes.contour(across, up, scores, levels=levels[1:-1], colors="#a0a0a0", linewidths=0.4, linestyles="solid")


def draw_images(axes: Axes, images: NDArray) -> None:
    axes.imshow(mosaic(images, SHOWN), vmin=0, vmax=255)


def mosaic(images: NDArray, side: int) -> NDArray:
    """(side^2, C, H, W) uint8 as one picture (side H + gaps, side W + gaps[, 3]), white between the images."""
    count, channels, height, width = images.shape
    gap = max(1, height // 16)
    sheet = np.full((side * (height + gap) - gap, side * (width + gap) - gap, channels), 255, np.uint8)
    for position in range(min(count, side * side)):
        top, left = position // side * (height + gap), position % side * (width + gap)
        sheet[top : top + height, left : left + width] = images[position].transpose(1, 2, 0)
    return sheet[..., 0] if channels == 1 else sheet
