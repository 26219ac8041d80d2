"""Arithmetic whose bits depend on nothing: not on the CPU, its vector width, fused multiply-adds, BLAS or the number of
threads, nor on whether a CPU or a GPU computes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from gan_zoo.exact.mode import Exact
from gan_zoo.exact.sums import mean

__all__ = ["Exact", "arithmetic", "mean"]


@contextmanager
def arithmetic(numerics: str) -> Iterator[None]:
    """Within it, torch computes in exact arithmetic if `numerics` is "exact", else as ever."""
    if numerics != "exact" or any(isinstance(mode, Exact) for mode in _get_current_dispatch_mode_stack()):
        yield
        return
    with Exact():
        yield
