"""The picture of a loss: what it does to both players of a game on a line, as SVG."""

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.report.figures.style import PETROFF10, as_svg, drawing
from gan_zoo.losses import Loss
from gan_zoo.rng import Rng

GREY = "#777777"
"""Of all but the curve: it stands out from a white page and from a dark one, which shows through."""
COLOURS = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), GREY)
SETTINGS = {**COLOURS, "axes.facecolor": "none", "figure.facecolor": "none", "axes.grid": False, "svg.fonttype": "none"}
Span = tuple[float, float]


def picture(loss: Loss) -> str:
    """Two panels: the generator's pull on a fake, the critic's pull on its slope."""
    with drawing(**SETTINGS):
        figure = Figure(figsize=(6.0, 2.1))
        left, right = figure.subplots(1, 2)
        left.set(title="generator's pull", xlabel="fake at x")
        curve(left, lambda x: generator_pull(loss, x), (-1, 4), (-1, 4))
        right.set(title="critic's pull", xlabel="slope s")
        curve(right, lambda s: critic_pull(loss, s), (0, 3), (-4, 4))
        return as_svg(figure)


def curve(axes: Axes, pull: Callable[[float], float], xs: Span, ys: Span) -> None:
    """A pull at 121 points of a range; beyond `ys` it is cut off."""
    points = torch.linspace(*xs, 121, dtype=torch.float64).tolist()
    pulls = [round(pull(x), 6) for x in points]  # the last bits differ between machines
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
    axes.plot(points, pulls, color=PETROFF10[0], linewidth=1.6)
    axes.set(xlim=xs, ylim=ys)


def generator_pull(loss: Loss, x: float) -> float:
    """Towards the real sample at 0, on a fake at x, by the critic f(x) = -x."""
    real, fake = torch.zeros(1, 1, dtype=torch.float64), torch.full((1, 1), x, dtype=torch.float64)
    return derivative(lambda fake: loss.generator_terms(lambda x: -x[:, 0], real, fake), fake)


def critic_pull(loss: Loss, slope: float) -> float:
    """Towards a steeper slope of f(x) = -s x, between a real sample at 0 and a fake one at 1."""
    real, fake = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    noise = loss.noise(Rng(0, "picture"), real)
    s = torch.tensor(slope, dtype=torch.float64)
    return -derivative(lambda s: loss.critic_terms(lambda x: -s * x[:, 0], real, fake, noise), s)


def derivative(terms: Callable[[Tensor], dict[str, Tensor]], at: Tensor) -> float:
    return float(torch.func.grad(lambda t: torch.stack(list(terms(t).values())).sum())(at))
