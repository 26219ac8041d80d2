"""The picture of one run that is at hand: its samples over the data with the critic's scores, or a grid of images."""

from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.report.figures import samples as panels
from benchmarks.report.figures.style import COLUMN, drawing


def single_figure(
    loss: str, samples: NDArray, real: NDArray, critic: NDArray | None, square: tuple[float, float, float], title: str
) -> Figure:
    """Points (N, 2) over `real` ones, with the `critic`'s scores on a grid over a `square` of the plane, or images
    (N, C, H, W) uint8 beside real ones."""
    with drawing():
        if samples.ndim == 2:
            figure = Figure(figsize=(COLUMN, COLUMN))
            axes = figure.subplots()
            panels.draw_points(axes, samples, real, critic, loss, panels.Square(*square))
            axes.set_title(title, loc="left")
            return figure
        figure = Figure(figsize=(2 * COLUMN, COLUMN))
        for axes, images, name in zip(figure.subplots(1, 2), (real, samples), ("data", title), strict=True):
            panels.draw_images(axes, images)
            axes.set_axis_off()
            axes.set_title(name, loc="left")
        return figure
