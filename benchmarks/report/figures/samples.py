"""Generated samples, losses side by side: points over data with the critic's contours, images as grids."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.markup.blocks import shortened
from benchmarks.report.figures.style import PAGE, columns_for, look
from benchmarks.report.results import Results

EXTENT = 3.0  # critic scores lie on a grid over [-3, 3]^2, row = y ascending
SHOWN = 6  # images a side in a grid


def shown_runs(results: Results, dataset: str) -> dict[str, tuple[str, int]]:
    """Run key and seed to show of each loss: the first seed that most losses have samples of, else its own first."""
    available: dict[str, dict[int, str]] = {loss: {} for loss in results.losses}
    for run in results.runs[results.runs.dataset == dataset].sort_values("seed").itertuples():
        if f"{run.run_key}/samples" in results.record.samples:
            available[run.loss][int(run.seed)] = run.run_key
    seeds = sorted({seed for keys in available.values() for seed in keys})
    common = max(seeds, key=lambda seed: sum(seed in keys for keys in available.values()), default=None)
    chosen = {loss: common if common in keys else min(keys) for loss, keys in available.items() if keys}
    return {loss: (available[loss][seed], seed) for loss, seed in chosen.items() if seed is not None}


def sample_steps(results: Results, dataset: str) -> list[int]:
    """Generator steps at which the shown runs left samples (`<run_key>/samples@<step>`), eight at most."""
    keys = {f"{key}/samples" for key, _ in shown_runs(results, dataset).values()}
    places = [name.rpartition("@") for name in results.record.samples]
    steps = sorted({int(step) for start, _, step in places if start in keys and step.isdigit()})
    return [steps[i] for i in sorted({round(x) for x in np.linspace(0, len(steps) - 1, min(8, len(steps)))})]


def sample_panels(results: Results, dataset: str, step: int | None = None, width: float = PAGE) -> Figure:
    """A panel a loss, and the data first where it is images; at the last checkpoint, or at `step`.

    A run that was not evaluated at `step`, having fewer steps than others perhaps, shows its latest samples before it.
    """
    runs = shown_runs(results, dataset)
    real = results.record.samples.get(f"data/{dataset}")
    kept = {loss: _samples_at(results, key, step) for loss, (key, _) in runs.items()}
    shown = {loss: name for loss, name in kept.items() if name in results.record.samples}
    first = next((results.record.samples[name] for name in shown.values()), real)
    is_points = first is not None and first.ndim == 2
    panels: list[str | None] = list(results.losses)
    if not is_points and real is not None:
        panels.insert(0, None)
    columns = columns_for(len(panels)) if width == PAGE else min(len(panels), 3)
    rows = -(-len(panels) // columns)
    side = width / columns
    figure = Figure(figsize=(width, rows * (side + 0.12)))
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, loss in zip(figure.axes, panels, strict=False):
        if loss is None and real is not None:
            _images(axes, real)
            axes.set_title("data", loc="left")
        if loss is not None:
            _panel(axes, results, shown.get(loss), real, loss, 1 if width == PAGE else 2)
            remark = _earlier(shown.get(loss, ""), step)
            axes.set_title(shortened(_title(results, loss, runs, remark), int(14 * side)), loc="left")
    return figure


def _samples_at(results: Results, key: str, step: int | None) -> str:
    """The name of a run's last samples, or of its latest up to `step`."""
    places = [name.rpartition("@") for name in results.record.samples] if step is not None else []
    steps = [int(at) for start, _, at in places if start == f"{key}/samples" and at.isdigit()]
    earlier = [at for at in steps if step is not None and at <= step]
    return f"{key}/samples@{max(earlier)}" if earlier else f"{key}/samples" if step is None else ""


def _earlier(name: str, step: int | None) -> list[str]:
    """The step of samples that are older than `step`, in words."""
    at = name.rpartition("@")[2]
    return [f"step {at}"] if step is not None and at.isdigit() and int(at) < step else []


def _title(results: Results, loss: str, runs: dict[str, tuple[str, int]], remark: list[str]) -> str:
    if loss not in runs:
        return loss
    key, seed = runs[loss]
    status = results.runs.set_index("run_key").status[key]
    other = seed != min(seed for _, seed in runs.values())
    remarks = [f"seed {seed}"] * other + [str(status)] * (status != "done") + remark
    return f"{loss} ({', '.join(remarks)})" if remarks else loss


def _panel(axes: Axes, results: Results, name: str | None, real: NDArray | None, loss: str, coarseness: int) -> None:
    if name is None:
        axes.text(0.5, 0.5, "no samples", transform=axes.transAxes, ha="center", va="center", color="#666666")
        return
    samples = results.record.samples[name]
    if samples.ndim == 2:
        critic = results.record.samples.get(name.replace("/samples", "/critic"))
        _points(axes, samples, real, critic, loss, coarseness)
    else:
        _images(axes, samples)


def _points(
    axes: Axes, samples: NDArray, real: NDArray | None, critic: NDArray | None, loss: str, coarseness: int
) -> None:
    """Data, samples and contours; with coarseness 2, half as many points, smaller, and half as many contour cells."""
    if critic is not None and np.isfinite(critic).all() and np.ptp(critic) > 0:
        every = 2 * coarseness
        side = np.linspace(-EXTENT, EXTENT, critic.shape[0])[::every]
        critic = critic[::every, ::every]
        shades = np.linspace(1.0, 0.8, 12)
        axes.contourf(side, side, critic, levels=11, colors=[str(shade) for shade in shades], antialiased=False)
        axes.contour(side, side, critic, levels=11, colors="#a0a0a0", linewidths=0.4, linestyles="solid")
    if real is not None:
        axes.plot(*real[: 800 // coarseness].T, ".", ms=3.4 / coarseness, color="black", mew=0, zorder=2)
    axes.plot(
        *samples[: 800 // coarseness].T, ".", ms=2.7 - 0.5 * coarseness, color=look(loss).colour, mew=0, zorder=2.5
    )
    axes.set(xlim=(-EXTENT, EXTENT), ylim=(-EXTENT, EXTENT), aspect="equal")
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)


def _images(axes: Axes, images: NDArray) -> None:
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
