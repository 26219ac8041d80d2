"""The optimisers' fused steps as separate operations."""

import math
from collections.abc import Sequence

from torch import Tensor

from gan_zoo.exact.elementwise import over, sqrt


def adam_(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    largest: Sequence[Tensor],
    steps: Sequence[Tensor],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
    eps: float,
    amsgrad: bool,
    maximize: bool,
    grad_scale: Tensor | None = None,
    found_inf: Tensor | None = None,
) -> None:
    """Adam (Kingma & Ba 2015, algorithm 1): m and v as there, w <- w - (lr / (1 - beta1^t)) m / (sqrt v^ + eps)."""
    if weight_decay or amsgrad or maximize or grad_scale is not None or found_inf is not None:
        raise NotImplementedError("with weight decay, amsgrad, maximize or a gradient scale")
    for w, g, m, v, step in zip(parameters, gradients, means, squares, steps, strict=True):
        t = int(step)
        m.add_((g - m).mul_(1 - beta1))
        v.mul_(beta2).add_((g * g).mul_(1 - beta2))
        root = over(sqrt(v), math.sqrt(1 - whole_power(beta2, t))).add_(eps)
        w.sub_((m / root).mul_(lr / (1 - whole_power(beta1, t))))


def whole_power(x: float, n: int) -> float:
    """x^n by squaring: the C library's pow is not the same everywhere."""
    result = 1.0
    while n:
        if n & 1:
            result *= x
        x, n = x * x, n >> 1
    return result


def count_(tensors: Sequence[Tensor], number: float) -> None:
    """Adds a number to each: the optimisers' steps."""
    for tensor in tensors:
        tensor.add_(number)
