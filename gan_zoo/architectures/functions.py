"""Activations, resampling and the spectral norm as pure functions, with no work that a double backward throws away.

The second derivative of a framework's `relu` or `avg_pool2d` is an explicit tensor of zeros that the backward of a
gradient penalty would carry through the whole net: here a ReLU is a product with a constant mask (in one pass over
memory: `threshold_backward(g, y, 0)` is g where y > 0, else 0) and a pool a mean of slices, with the same values and
derivatives.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Activation = Literal["relu", "leaky_relu", "softplus", "tanh", "elu", "gated"]


def relu(x: Tensor) -> Tensor:
    """max(0, x), with derivative 0 at 0."""
    return torch.ops.aten.threshold_backward(x, x.detach(), 0)  # type: ignore[no-any-return]


def leaky_relu(x: Tensor) -> Tensor:
    """max(0.2 x, x), with derivative 0.2 at 0 (slope of the DCGAN paper)."""
    return torch.ops.aten.leaky_relu_backward(x, x.detach(), 0.2, False)  # type: ignore[no-any-return]


def softplus(x: Tensor) -> Tensor:
    """softplus(2x + 2) / 2 - 1, as in table 1 of Gulrajani et al. 2017."""
    return F.softplus(2 * x + 2) / 2 - 1


def gated(x: Tensor) -> Tensor:
    """sigma(a) tanh(b) of the two halves a, b of axis 1 (van den Oord et al. 2016, eq. 2)."""
    a, b = x.chunk(2, dim=1)
    return a.sigmoid() * b.tanh()


def mean_pool(x: Tensor) -> Tensor:
    """Mean over 2x2 windows: (N, C, 2H, 2W) -> (N, C, H, W)."""
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def upsample(x: Tensor) -> Tensor:
    """Every pixel repeated in a 2x2 window: (N, C, H, W) -> (N, C, 2H, 2W)."""
    height, width = x.shape[-2:]
    windows = x[..., :, None, :, None].expand(*x.shape[:-1], 2, width, 2)
    return windows.reshape(*x.shape[:-2], 2 * height, 2 * width)


def windowed(weight: Tensor) -> Tensor:
    """A filter summed over the four places of a 2x2 window: (..., k, k) -> (..., k + 1, k + 1).

    A convolution and the sum over 2x2 windows are one convolution of stride 2 with this filter, at (k + 1)^2 / 4 k^2 of
    the arithmetic: 4/9 for k = 3.
    """
    rows = F.pad(weight, (0, 0, 0, 1)) + F.pad(weight, (0, 0, 1, 0))
    return F.pad(rows, (0, 1)) + F.pad(rows, (1, 0))


class Nonlinearity(NamedTuple):
    """A function of a layer's outputs and how many of them it takes for one of its own."""

    function: Callable[[Tensor], Tensor]
    inputs: int = 1


ACTIVATIONS: Mapping[str, Nonlinearity] = {
    "relu": Nonlinearity(relu),
    "leaky_relu": Nonlinearity(leaky_relu),
    "softplus": Nonlinearity(softplus),
    "tanh": Nonlinearity(torch.tanh),
    "elu": Nonlinearity(F.elu),
    "gated": Nonlinearity(gated, inputs=2),
}


def spectral_norm(weight: Tensor, start: Tensor, iterations: int = 10) -> Tensor:
    """Largest singular value of `weight` as a matrix (outputs, rest), by power iteration from `start` (outputs,).

    sigma = u^T W v with u, v constants of the derivative (Miyato et al. 2018, algorithm 1). They carry u from one step
    to the next and iterate once; a pure function of the parameters has nothing to carry it in, so it iterates
    `iterations` times from the same start every time. Either estimate is at most sigma: this one 1 to 5 % below it
    on freshly drawn weights, whose largest singular values lie close together.
    """
    matrix = weight.flatten(1)
    constant, u = matrix.detach(), start
    for _ in range(iterations):
        v = u @ constant  # of norm sigma at most: to normalise it as well would change u by rounding alone
        u = constant @ v
        u = u / torch.linalg.vector_norm(u)
    return u @ matrix @ F.normalize(v, dim=0)
