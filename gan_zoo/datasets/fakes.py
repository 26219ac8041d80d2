"""The laws of fakes that a critic is trained against where it trains alone: `train: {fakes: NAME}`.

pair     the law Q of a data set that is a pair of laws (pairs.py)
normal   N(0, I), of the shape of the data
noisy    real samples plus N(0, I), as in Gulrajani et al. 2017, figure 1
"""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.rng import Rng

Law = Callable[[Any, Rng, int], Tensor]
"""(data, rng, n) -> n independent fakes (n, *shape)"""


def of_pair(data: Any, rng: Rng, n: int) -> Tensor:
    return data.fakes(rng, n)  # type: ignore[no-any-return]


def normal(data: Any, rng: Rng, n: int) -> Tensor:
    return rng.normal(n, *data.shape)


def noisy(data: Any, rng: Rng, n: int) -> Tensor:
    return data.sample(rng, n) + rng.normal(n, *data.shape)  # type: ignore[no-any-return]


FAKES: dict[str, Law] = {"pair": of_pair, "normal": normal, "noisy": noisy}
NEEDS = {"pair": "fakes", "normal": "shape", "noisy": "sample"}
"""What the data set must have for each."""


def check_fakes(law: str | None, data: Any) -> None:
    """Raises: UserError where the data set cannot give this law of fakes."""
    if law is not None and not hasattr(data, NEEDS[law]):
        fitting = "a pair of laws, as funnels-2-4" if law == "pair" else "points"
        raise UserError(f"train.fakes: {law}: data set '{data.name}' is not {fitting}: choose another law or data set")


def log_density(law: str, x: Tensor) -> Tensor | None:
    """log q(x) in nats of fakes x (n, D) where it is known, (n,)."""
    if law != "normal":
        return None
    return -x.square().sum(1) / 2 - x.shape[1] * math.log(2 * math.pi) / 2
