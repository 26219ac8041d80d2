"""Sums and what is made of them, each rounded once: exact float64 sums on a grid (`gan_zoo.exact.grid`)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gan_zoo.exact.elementwise import over, sqrt
from gan_zoo.exact.grid import sum_bits, to_grid

Dims = int | Sequence[int] | None


def exact_sum(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The sum over `dim` (all axes if none) as float64, of float32 or float64 numbers."""
    dims = axes(x, dim)
    if x.numel() == 0 or not dims:
        return x.sum(dims, keepdim, dtype=torch.float64) if dims else x.double()
    terms = math.prod(x.shape[axis] for axis in dims)
    grid = to_grid(x, sum_bits(terms), x.abs().amax(dims, keepdim=True))
    return grid.sum(dims, keepdim)


def axes(x: Tensor, dim: Dims) -> list[int]:
    """`dim` as a list of axes of x, each at least 0."""
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(x.dim()))
    return [axis % max(x.dim(), 1) for axis in ([dim] if isinstance(dim, int) else dim)] if x.dim() else []


def aten_sum(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    """torch's sum"""
    if not x.is_floating_point():
        return torch.sum(x, axes(x, dim), keepdim, dtype=dtype)
    return exact_sum(x, dim, keepdim).to(dtype or x.dtype)


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    """mean"""
    return _mean64(x, dim, keepdim).to(dtype or x.dtype)


def _mean64(x: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    return over(exact_sum(x, dim, keepdim), math.prod(x.shape[axis] for axis in axes(x, dim)))


def var_mean(
    x: Tensor, dim: Dims = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """Variance and mean over `dim`; the deviations from the mean are squared in float64."""
    dims = axes(x, dim)
    centre = _mean64(x, dims, True)
    deviation = x.double().sub(centre)
    terms = math.prod(x.shape[axis] for axis in dims)
    square = exact_sum(deviation.mul_(deviation), dims, keepdim)
    variance = over(square, terms - (1 if correction is None else correction))
    return variance.to(x.dtype), (centre if keepdim else squeeze(centre, dims)).to(x.dtype)


def squeeze(x: Tensor, dims: Sequence[int]) -> Tensor:
    return x.squeeze(tuple(dims)) if dims else x


def variance(x: Tensor, dim: Dims = None, *, correction: float | None = None, keepdim: bool = False) -> Tensor:
    """var"""
    return var_mean(x, dim, correction=correction, keepdim=keepdim)[0]


def std(x: Tensor, dim: Dims = None, *, correction: float | None = None, keepdim: bool = False) -> Tensor:
    """std"""
    return sqrt(variance(x, dim, correction=correction, keepdim=keepdim))


def vector_norm(
    x: Tensor, order: Any = 2, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Tensor:
    """The Euclidean norm; the squares are exact."""
    if order != 2 or dtype not in (None, x.dtype):
        raise NotImplementedError(f"of order {order}")
    wide = x.double()
    return sqrt(exact_sum(wide * wide, dim, keepdim).to(x.dtype))
