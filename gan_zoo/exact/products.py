"""Everything bilinear: torch's own operation in float64, on operands on a grid on which all its sums are exact.

So matrix products and convolutions may be computed by any algorithm that only multiplies and adds (im2col and BLAS; no
FFT, no Winograd: torch has none for float64 but in cuDNN, which is left out).
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gan_zoo.exact.grid import Operands

aten = torch.ops.aten

Multiply = Callable[[Tensor, Tensor], Tensor]


class Products:
    """Products of float32 tensors, each element rounded once; `operands` keeps factors that are used several times."""

    def __init__(self, operands: Operands) -> None:
        self.operands = operands

    def table(self) -> dict[Any, Callable[..., Any]]:
        """The function of each operation."""
        return {
            aten.mm.default: partial(self.product, torch.mm),
            aten.bmm.default: partial(self.product, torch.bmm),
            aten.mv.default: partial(self.product, torch.mv),
            aten.dot.default: partial(self.product, torch.dot),
            aten.addmm.default: partial(self.plus_product, torch.mm),
            aten.addmm_.default: partial(self.add_product, torch.mm),
            aten.baddbmm.default: partial(self.plus_product, torch.bmm),
            aten.addmv.default: partial(self.plus_product, torch.mv),
            aten.convolution.default: self.convolution,
            aten.convolution_backward.default: self.convolution_backward,
        }

    def wide(self, multiply: Multiply, a: Tensor, b: Tensor) -> Tensor:
        """a b in float64."""
        _refuse_unless_single(a, b)
        k = a.shape[-1]
        return multiply(self.operands(a, k), self.operands(b, k))

    def product(self, multiply: Multiply, a: Tensor, b: Tensor) -> Tensor:
        """a b"""
        return self.wide(multiply, a, b).float()

    def plus_product(
        self, multiply: Multiply, bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """beta bias + alpha a b"""
        product = self.wide(multiply, a, b)
        if alpha != 1:
            product.mul_(alpha)
        return product.add_(bias if beta == 1 else bias.double().mul_(beta)).float()

    def add_product(
        self, multiply: Multiply, total: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """The same in place."""
        return total.copy_(self.plus_product(multiply, total, a, b, beta=beta, alpha=alpha))

    def convolution(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        transposed: bool,
        output_padding: Sequence[int],
        groups: int,
    ) -> Tensor:
        """The convolution, or the transposed one, of x (N, C, ...)."""
        _refuse_unless_single(x, weight)
        k = weight.numel() // weight.shape[1 if transposed else 0]
        how = stride, padding, dilation, transposed, output_padding, groups
        with _no_cudnn(x):
            result = aten.convolution(self.operands(x, k), self.operands(weight, k), None, *how)
        if bias is not None:
            result.add_(bias.reshape(-1, *[1] * (x.dim() - 2)))
        return result.float()

    def convolution_backward(
        self,
        gradient: Tensor,
        x: Tensor,
        weight: Tensor,
        bias_sizes: Sequence[int] | None,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        transposed: bool,
        output_padding: Sequence[int],
        groups: int,
        output_mask: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        """Gradients by input, weight and bias, as far as `output_mask` wants them."""
        _refuse_unless_single(gradient, x, weight)
        how = stride, padding, dilation, transposed, output_padding, groups
        back = weight.numel() // weight.shape[0 if transposed else 1]
        positions = min(math.prod(gradient.shape[2:]), math.prod(x.shape[2:])) * len(x)
        terms = [back, positions, gradient.numel() // gradient.shape[1]]
        results: list[Tensor | None] = []
        for i, wanted in enumerate(output_mask):
            if not wanted:
                results.append(None)
                continue
            only = [j == i for j in range(3)]
            if i == 2:
                results.append(self._bias_gradient(gradient))
                continue
            factors = [self.operands(factor, terms[i]) for factor in (gradient, x, weight)]
            with _no_cudnn(x):
                results.append(aten.convolution_backward(*factors, None, *how, only)[i].float())
        return tuple(results)

    def _bias_gradient(self, gradient: Tensor) -> Tensor:
        from gan_zoo.exact.sums import aten_sum

        return aten_sum(gradient, [axis for axis in range(gradient.dim()) if axis != 1])


def _refuse_unless_single(*tensors: Tensor) -> None:
    """Raises: NotImplementedError for tensors that are not float32: the grid would cut their digits."""
    for tensor in tensors:
        if tensor.dtype != torch.float32:
            raise NotImplementedError(f"of {tensor.dtype}")


def _no_cudnn(x: Tensor) -> AbstractContextManager[object]:
    """The context of a convolution: im2col and a matrix product, on a GPU too."""
    return torch.backends.cudnn.flags(enabled=False) if x.is_cuda else nullcontext()
