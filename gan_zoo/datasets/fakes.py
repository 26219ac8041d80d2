"""The distributions of fakes that a critic is trained against where it trains alone: `train: {fakes: NAME}`.

    pair      the distribution Q of a data set that is a pair of distributions (pairs.py)
    normal    N(0, I), of the shape of the data
    noisy     real samples plus N(0, I), as in Gulrajani et al. 2017, figure 1

They are drawn where latents are drawn for a generator, by the same keys.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.rng import Rng


@dataclass(frozen=True)
class Fakes:
    """A distribution of fakes beside a data set of points.

    `sample` is a function of (data, rng, n): `n` independent fakes (n, D). The data set must have what `needs` names;
    `log_density` is log q(x) in nats of fakes x (n, D), shape (n,), where that is known.
    """

    sample: Callable[[Any, Rng, int], Tensor]
    needs: str
    log_density: Callable[[Tensor], Tensor] | None = None


def _of_pair(data: Any, rng: Rng, n: int) -> Tensor:
    return data.fakes(rng, n)  # type: ignore[no-any-return]


def normal(data: Any, rng: Rng, n: int) -> Tensor:
    return rng.normal(n, *data.shape)


def noisy(data: Any, rng: Rng, n: int) -> Tensor:
    return data.sample(rng, n) + rng.normal(n, *data.shape)  # type: ignore[no-any-return]


def _normal_density(x: Tensor) -> Tensor:
    return -x.square().sum(1) / 2 - x.shape[1] * math.log(2 * math.pi) / 2


FAKES = {
    "pair": Fakes(_of_pair, "fakes"),
    "normal": Fakes(normal, "sample", _normal_density),
    "noisy": Fakes(noisy, "sample"),
}


def check_fakes(name: str | None, data: Any) -> None:
    """Raises: UserError where the data set cannot give this distribution of fakes."""
    if name is None or hasattr(data, FAKES[name].needs):
        return
    fitting = "a pair of distributions, as funnels-2-4 is" if name == "pair" else "points"
    raise UserError(f"train.fakes: {name}: data set '{data.name}' is not {fitting}: choose other fakes or other data")
