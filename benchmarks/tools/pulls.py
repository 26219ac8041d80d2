"""The picture of a loss: what it does to both players of a game on a line, drawn as SVG."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gan_zoo.losses import Loss
from gan_zoo.rng import Rng

WIDTH, HEIGHT, MARGIN, GAP = 260, 150, 34, 40
Point = tuple[float, float]


def picture(loss: Loss) -> str:
    """Two panels: the generator's pull on a fake, the critic's pull on its slope."""
    fakes, slopes = torch.linspace(-1, 4, 101).double(), torch.linspace(0, 3, 121).double()
    left = [(x, generator_pull(loss, x)) for x in fakes.tolist()]
    right = [(s, critic_pull(loss, s)) for s in slopes.tolist()]
    width, height = 2 * WIDTH + GAP + 2 * MARGIN, HEIGHT + 2 * MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11" fill="#777">',
        *panel(left, MARGIN, (-1, 4), (-1, 4), "fake at x", "generator's pull"),
        *panel(right, MARGIN + WIDTH + GAP, (0, 3), (-4, 4), "slope s", "critic's pull"),
        "</svg>",
        "",
    ])


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


def panel(points: Sequence[Point], left: int, xs: Point, ys: Point, x_label: str, title: str) -> list[str]:
    """Axes with whole numbers and the curve, cut off at the frame."""

    def place(x: float, y: float) -> Point:
        y = round(min(max(y, ys[0]), ys[1]), 6)  # the last bits differ between machines
        return left + WIDTH * (x - xs[0]) / (xs[1] - xs[0]), MARGIN + HEIGHT * (ys[1] - y) / (ys[1] - ys[0])

    curve = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in points)
    zero, bottom, middle = place(0, 0)[1], MARGIN + HEIGHT, left + WIDTH / 2
    return [
        f'<rect x="{left}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
        f'<line x1="{left}" x2="{left + WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="#999" stroke-dasharray="3"/>',
        *(text(place(x, 0)[0], bottom + 14, str(x)) for x in range(int(xs[0]), int(xs[1]) + 1)),
        *(text(left - 10, place(0, y)[1] + 4, str(y)) for y in range(int(ys[0]), int(ys[1]) + 1, 2)),
        text(middle, bottom + 28, x_label),
        text(middle, MARGIN - 8, title),
        f'<polyline points="{curve}" fill="none" stroke="#3f90da" stroke-width="2"/>',
    ]


def text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{words}</text>'
