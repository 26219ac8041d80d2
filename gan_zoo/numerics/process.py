"""In what a running process computes: what it was told to, and whether that is portable."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from gan_zoo.numerics import Numerics, environment, products

MKL_BRANCH, MKL_COMPATIBLE = 1, 3  # of mkl_service.h: the branch that computes alike on all makers' processors
REMEDY = "import gan_zoo before numpy and torch, or ask for numerics fast"


def compute_in(numerics: Numerics, threads: int | None = None) -> None:
    """Have this process compute on a CPU as `numerics` say, whatever it did before; `threads`: on how many, else as
    before.

    Portable numerics use one thread but for large products: how other sums are cut for several changes their bits.
    """
    if numerics == "fast" or fault() is not None:
        products.remove()
        torch.set_num_threads(threads or torch.get_num_threads())
    elif threads is not None or not products.installed():
        torch.set_num_threads(1)
        products.install(threads or 1)


def portable(device: torch.device | str, numerics: Numerics) -> bool:
    """Whether what is computed on `device` in `numerics` has the same bits on other processors."""
    return numerics == "reference" and torch.device(device).type == "cpu" and fault() is None


def threads_matter(device: torch.device | str, numerics: Numerics) -> bool:
    """Whether what is computed on `device` in `numerics` depends on the number of threads, which cut sums."""
    return torch.device(device).type == "cpu" and numerics != "exact" and (numerics == "fast" or fault() is not None)


def arithmetic(device: torch.device | str) -> str:
    """By what numbers on `device` round in this process, in words: what is kept of them on disk is kept by it."""
    kind = torch.device(device).type
    how = "" if kind != "cpu" else ", portable" if products.installed() else f", {torch.get_num_threads()} threads"
    return f"{kind}, torch {torch.__version__}{how}"


def fault() -> str | None:
    """Why this process cannot compute portably, or None."""
    return environment.processor_fault() or _libraries_fault()


def check_convolutions() -> None:
    """Raises: RuntimeError in a process whose convolutions would not be portable though its products are."""
    if products.installed() and environment.ONEDNN not in os.environ:
        raise RuntimeError("oneDNN was let free in a process that was to convolve nothing, and now convolves")


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, or in a function that it decorates, torch computes on one thread: how sums are cut changes bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def _libraries_fault() -> str | None:
    """Says what the libraries of this process were not told before they were loaded."""
    if _mkl_branch() not in (None, MKL_COMPATIBLE):
        return f"MKL was used before it was told to be portable: {REMEDY}"
    if torch.backends.cpu.get_cpu_capability() != "AVX2":
        return f"torch was used before it was held to AVX2: {REMEDY}"
    if products.core() != "Haswell":
        return f"NumPy brings no OpenBLAS, or loaded it before it was held to AVX2: {REMEDY}"
    return None


def _mkl_branch() -> int | None:
    """The code branch of the MKL inside torch, or None where there is none."""
    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        return int(library.mkl_serv_cbwr_get(MKL_BRANCH))
    except (OSError, AttributeError):
        return None
