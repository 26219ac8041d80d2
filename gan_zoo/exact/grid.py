"""Sums that are exact, so that no order, vector width or fused instruction can change them.

A float64 sum is exact if all its terms are whole multiples of one unit u and no partial sum exceeds 2^53 u. So numbers
are first rounded to such a grid, by two additions of a large M (Dekker's trick):

    r = (x + M) - M,    M = 1.5 2^(53 - p) max|x|,    u = ulp(M),    |r| / u <= 2^p / 1.5 + 1/2

u is the same for every x of the tensor as long as x + M stays within the binade of M: max|x| is a float32, and no
float32 times 1.5 lies closer than 2^-25 to a power of two, so for p <= 27 it does. A sum of k products of two such
numbers is exact if k (2^p / 1.5 + 1/2)^2 <= 2^53: p = 23 bits for k <= 287, 21 for k <= 4607, 19 for k <= 73,000.
Only odd p are used, so that a tensor that is a factor of several products is mostly rounded once for all of them.
"""

import math
from functools import cache

import torch
from torch import Tensor

MANTISSA = 53  # bits of a float64
MOST_BITS = 23  # the most that is odd and no more than a float32 has
KEPT = 1 << 20
"""Operands of more elements are rounded again at each use, so that memory stays bounded."""

Key = tuple[int, torch.Size, tuple[int, ...], int]


@cache
def product_bits(k: int) -> int:
    """Bits p at which a sum of k products is exact: the most, of odd numbers up to 23."""
    bits = MOST_BITS
    while k * (2**bits + 1) ** 2 * 4 > 2**MANTISSA * 9:  # (2^p + 1) / 1.5 bounds the above, in whole numbers
        bits -= 2
    return bits


@cache
def sum_bits(n: int) -> int:
    """Bits at which a sum of n numbers is exact, with one to spare: any M, so near a power of two u may halve."""
    return min(MANTISSA - 3 - math.ceil(math.log2(max(n, 1))), 44)


def to_grid(x: Tensor, bits: int, largest: Tensor) -> Tensor:
    """x rounded to `bits` below `largest`, in float64; `largest` broadcasts against x."""
    magnitude = largest.double() * (1.5 * 2.0 ** (MANTISSA - bits))
    return (x + magnitude).sub_(magnitude) if x.dtype == torch.float64 else x.double().add_(magnitude).sub_(magnitude)


class Operands:
    """Factors of products, rounded to the grid of their largest element, and kept until their memory is written to."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Tensor, Tensor]] = {}
        self._storages: set[int] = set()

    def __call__(self, x: Tensor, k: int) -> Tensor:
        """x as a factor of sums of k products, in float64 and in x's shape."""
        flipped = x.dim() == 2 and x.stride(0) == 1 and x.stride(1) != 1
        if flipped:
            x = x.t()
        bits = product_bits(k)
        key = (x.data_ptr(), x.shape, x.stride(), bits)
        kept = self._kept.get(key)
        rounded = self._round(x, key) if kept is None else kept[0]
        return rounded.t() if flipped else rounded

    def _round(self, x: Tensor, key: Key) -> Tensor:
        rounded = to_grid(x, key[-1], x.abs().amax())
        if rounded.numel() <= KEPT:
            self._kept[key] = rounded, x  # x holds its memory: nothing else can come to lie there
            self._storages.add(x.untyped_storage().data_ptr())
        return rounded

    def written(self, x: Tensor) -> None:
        """Forgets all, if anything kept lies in the memory of x, which an operation has changed."""
        if self._kept and x.untyped_storage().data_ptr() in self._storages:
            self.clear()

    def clear(self) -> None:
        """Forgets all."""
        self._kept.clear()
        self._storages.clear()
