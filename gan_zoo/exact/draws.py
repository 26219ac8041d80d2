"""Normal draws: torch's own of a CPU generator, with a logarithm, sine and cosine that round alike everywhere.

torch makes them from uniform draws u, v by the transform of Box and Muller, sqrt(-2 log(1 - u)) cos and sin(2 pi v):
16 or more in blocks of 16 of float32 uniforms, u the first eight and v the second, a last incomplete block drawn anew
from its end; fewer one pair after the other of float64 uniforms. Repeated here draw by draw, so the numbers are those
of other numerics up to their rounding.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gan_zoo.exact.elementwise import log64, quarter_turns, sqrt

BLOCK = 16  # numbers that torch's own CPU generator turns into normal ones at once; fewer it draws one by one


def randn(
    size: Sequence[int],
    *,
    generator: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
    layout: Any = None,
    device: torch.device | str | None = None,
    pin_memory: bool | None = None,
) -> Tensor:
    """Independent N(0, 1) draws."""
    if torch.device(device or "cpu").type != "cpu" or dtype not in (None, torch.float32):
        raise NotImplementedError(f"of {dtype} on {device}")
    n = math.prod(size)
    return (many(n, generator) if n >= BLOCK else few(n, generator)).reshape(list(size))


def normal_(x: Tensor, mean: float = 0, std: float = 1, *, generator: torch.Generator | None = None) -> Tensor:
    """x filled with draws of N(mean, std^2)."""
    draws = randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return x.copy_(draws.mul_(std).add_(mean))


def many(n: int, generator: torch.Generator | None) -> Tensor:
    """At least 16 draws."""
    uniform = torch.rand(n, generator=generator)
    whole = n - n % BLOCK
    result = uniform.clone()
    result[:whole] = _box_muller(uniform[:whole].view(-1, 2, BLOCK // 2))
    if whole < n:
        result[n - BLOCK :] = _box_muller(torch.rand(BLOCK, generator=generator).view(1, 2, BLOCK // 2))
    return result


def _box_muller(uniform: Tensor) -> Tensor:
    """Pairs (B, 2, n) of float32 uniforms -> as many normal draws (B 2 n,)."""
    radius, (sine, cosine) = _polar(1 - uniform[:, 0], uniform[:, 1].double())
    return torch.stack([radius * cosine, radius * sine], 1).float().flatten()


def few(n: int, generator: torch.Generator | None) -> Tensor:
    """Fewer than 16 draws."""
    pairs = torch.rand((n + 1) // 2, 2, generator=generator, dtype=torch.float64)
    radius, (sine, cosine) = _polar(1 - pairs[:, 1], pairs[:, 0])
    return torch.stack([radius * cosine, radius * sine], 1).float().flatten()[:n]


def _polar(u: Tensor, v: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """sqrt(-2 log u), and sine and cosine of 2 pi v, in float64."""
    quarters = v * 4
    k = quarters.round()
    radius = sqrt(log64(u.double()).mul_(-2).float()).double()
    return radius, quarter_turns(k, (quarters - k).mul_(math.pi / 2))


DRAWS: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.randn.default: randn,
    torch.ops.aten.randn.generator: randn,
    torch.ops.aten.normal_.default: normal_,
}
"""The function of each operation."""
