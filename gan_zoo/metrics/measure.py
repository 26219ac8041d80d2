"""A metric as it is registered: a function of points, or of the features of images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from gan_zoo.metrics.data import PointData
from gan_zoo.metrics.metric import Direction

Scores = Callable[..., dict[str, float]]
"""A function of generated `Features` (gan_zoo/metrics/features.py), and, where `fewest_real` is above 0, of the real
ones they are compared with, a `Reference` (gan_zoo/metrics/reference.py). Its values are by name of measure."""


@dataclass(frozen=True)
class PointMeasure:
    """`direction` is "min" or "max", what is better; `label` its name in reports.

    `value` is a function of generated points (n, 2), their distribution, and real points to compare with.

    `protocol` says how it is computed; "{pairs}" in it becomes the number of real points. `highest` is the largest
    value where the distribution has K modes, None where nothing bounds it. A `default` is scored where a suite names no
    metrics.
    """

    direction: Direction
    label: str
    protocol: str
    value: Callable[[Tensor, PointData, Tensor], float]
    lowest: float | None = 0.0
    highest: Callable[[int], float | None] = lambda modes: None
    needs_modes: bool = False
    needs_density: bool = False
    default: bool = False


@dataclass(frozen=True)
class ImageMeasure:
    """`direction` and `label` as of points; a suite asks for it as NAME_EXTRACTOR: fid_digits, fid_inception.

    `scores` computes this measure, and those that share its work, from generated features and perhaps a reference.

    `protocol` says how; "{subsets}", "{subset}" and "{manifold}" in it become what the kernel distance draws and the
    number of real neighbours. `fewest` is the least number of samples it can be had from, `fewest_real` that of real
    images to compare with, 0 where it compares with none; `highest` depends on the number of classes. A `default` is
    scored where a suite names no metrics.
    """

    direction: Direction
    label: str
    protocol: str
    scores: Scores
    lowest: float | None = 0.0
    highest: Callable[[int], float | None] = lambda classes: None
    fewest: int = 2
    fewest_real: int = 2
    default: bool = False

    @property
    def compares(self) -> bool:
        """Whether it compares with real images."""
        return self.fewest_real > 0


@dataclass(frozen=True)
class CriticMeasure:
    """Of a critic that trains alone; `direction` and `label` as of points.

    `value` is a function of the critic and of what is known between the distributions, a `Truth`
    (gan_zoo/metrics/critics.py); `needs` says what must be: W1 of the two distributions, their densities, or nothing.
    "{n}" in `protocol` becomes the number of samples, "{pairs}" that of points that are transported exactly.
    """

    direction: Direction
    label: str
    protocol: str
    value: Callable[[Any, Any], float]
    needs: Literal["distance", "densities", ""] = ""
    lowest: float | None = 0.0
    highest: float | None = None
    default: bool = False


def share(count: int) -> float:
    """The highest value of a share of something, whatever the number of modes or classes."""
    return 1.0
