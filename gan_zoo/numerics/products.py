"""Matrix products in float32 whose bits are the same on every processor with AVX2.

`install` puts them in the place of ATen's on the CPU, below autograd, so derivatives of every order, torch's and ours,
go the same way. Three libraries share them by size, because each costs too much somewhere: MKL held to what every
processor can do is up to five times slower; a call of OpenBLAS from here takes some 3 microseconds more than one of
MKL; a call of oneDNN takes 20, and is worth it in large products. All are held to AVX2 (`environment`), but for oneDNN
in a process that convolves nothing: its products here have the same bits by any instructions.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

OPENBLAS_FROM, ONEDNN_FROM = 16_384, 1_500_000
"""Multiply-adds from which on OpenBLAS, and then oneDNN, make a product."""
ONEDNN_BLOCK = 512
"""Terms that oneDNN adds in one order whatever the processor; longer sums it cuts by the processor's kind."""
THIN = 8
"""Fewer rows or columns are never worth oneDNN's call."""
ROW_MAJOR, AS_IS, TRANSPOSED = 101, 111, 112  # of cblas.h
CPU = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)

Kernel = Callable[..., Tensor]


@cache
def _openblas() -> ctypes.PyDLL | None:
    """The OpenBLAS that NumPy's wheel brings along, or None where NumPy has another one."""
    found = sorted((Path(np.__file__).parents[1] / "numpy.libs").glob("libscipy_openblas64_*.so"))
    if not found:
        return None
    library = ctypes.PyDLL(str(found[0]))
    library.scipy_openblas_get_corename64_.restype = ctypes.c_char_p
    library.scipy_openblas_set_num_threads64_(1)
    long, real, pointer = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p
    shape = [ctypes.c_int, ctypes.c_int, ctypes.c_int, long, long, long]
    library.scipy_cblas_sgemm64_.argtypes = [*shape, real, pointer, long, pointer, long, real, pointer, long]
    library.scipy_cblas_sgemm64_.restype = None
    return library


def core() -> str:
    """The processor whose kernels OpenBLAS runs, or "" without it."""
    library = _openblas()
    return library.scipy_openblas_get_corename64_().decode() if library else ""


def _by_openblas(library: ctypes.PyDLL) -> Kernel:
    """a (m, k), b (k, n) -> a b, by OpenBLAS on one thread."""
    sgemm = library.scipy_cblas_sgemm64_

    def product(a: Tensor, b: Tensor) -> Tensor:
        (m, k), n = a.shape, b.shape[1]
        a, a_order, a_step = _laid_out(a)
        b, b_order, b_step = _laid_out(b)
        c = a.new_empty(m, n)
        operands = a.data_ptr(), a_step, b.data_ptr(), b_step
        sgemm(ROW_MAJOR, a_order, b_order, m, n, k, 1.0, *operands, 0.0, c.data_ptr(), n)
        return c

    return product


def _laid_out(a: Tensor) -> tuple[Tensor, int, int]:
    """A matrix as BLAS takes it: with its order and the step from row to row, or from column to column."""
    (rows, columns), (down, right) = a.shape, a.stride()
    if right == 1 and down >= columns:
        return a, AS_IS, down
    if down == 1 and right >= rows:
        return a, TRANSPOSED, right
    return a.contiguous(), AS_IS, columns


def _by_onednn(threads: int = 1) -> Kernel:
    """a (m, k), b (k, n) -> a b, by oneDNN, which computes x w' and is slow where x is transposed.

    Its bits are the same on any number of threads, which are used within it alone.
    """
    linear = torch.library.get_kernel("mkldnn::_linear_pointwise", "CPU").call_boxed

    def block(a: Tensor, b: Tensor) -> Tensor:
        if a.stride(1) != 1 and b.stride(1) != 1:
            return linear(CPU, b.t(), dense(a), None, "none", [], "").t()  # type: ignore[no-any-return]
        return linear(CPU, a, dense(b.t()), None, "none", [], "")  # type: ignore[no-any-return]

    def product(a: Tensor, b: Tensor) -> Tensor:
        if threads == 1:
            return blocks(a, b)
        torch.set_num_threads(threads)
        try:
            return blocks(a, b)
        finally:
            torch.set_num_threads(1)

    def blocks(a: Tensor, b: Tensor) -> Tensor:
        if a.shape[1] <= ONEDNN_BLOCK:
            return block(a, b)
        first, *others = zip(a.split(ONEDNN_BLOCK, 1), b.split(ONEDNN_BLOCK), strict=True)
        total = block(*first)
        for parts in others:
            total.add_(block(*parts))
        return total

    return product


def dense(w: Tensor) -> Tensor:
    """A matrix without gaps in memory: oneDNN takes a thousand times as long for a w with gaps."""
    return w if w.is_contiguous() or w.t().is_contiguous() else w.contiguous()


def _portable_products(threads: int) -> dict[str, Kernel]:
    """Kernels of ATen's `mm` and `addmm` on a CPU; all but float32 is left to the kernels that were there."""
    library = _openblas()
    mkl_mm = torch.library.get_kernel("aten::mm", "CPU").call_boxed
    mkl_addmm = torch.library.get_kernel("aten::addmm", "CPU").call_boxed
    onednn = _by_onednn(threads)
    blas = _by_openblas(library) if library else onednn
    float32 = torch.float32

    def mm(a: Tensor, b: Tensor) -> Tensor:
        (m, k), n = a.shape, b.shape[1]
        work = m * k * n
        if work < OPENBLAS_FROM or m == 1 or n == 1 or a.dtype is not float32:
            return mkl_mm(CPU, a, b)  # type: ignore[no-any-return]
        return blas(a, b) if work < ONEDNN_FROM or m < THIN or n < THIN else onednn(a, b)

    def addmm(c: Tensor, a: Tensor, b: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
        if a.dtype is not float32 or beta != 1 or alpha != 1:
            return mkl_addmm(CPU, c, a, b, beta=beta, alpha=alpha)  # type: ignore[no-any-return]
        return mm(a, b).add_(c)

    return {"mm": mm, "addmm": addmm}


_installed: list[torch.library.Library] = []
"""Holds the kernels in place; a module-level one because ATen's table of kernels is one for the process."""


def install(threads: int) -> None:
    """Put the portable products, on as many threads, in ATen's table for the CPU."""
    remove()
    library = torch.library.Library("aten", "IMPL")
    for name, kernel in _portable_products(threads).items():
        library.impl(name, kernel, "CPU")
    _installed.append(library)


def installed() -> bool:
    return bool(_installed)


def remove() -> None:
    """Leave ATen's own products in its table."""
    while _installed:
        _installed.pop()._destroy()
