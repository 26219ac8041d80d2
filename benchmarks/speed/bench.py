"""Processes that hold what is to be measured, and run a stretch of one of them when told.

How a process computes is settled before torch is imported: the textbook loop, which people run in the arithmetic that
torch comes with, and our engines in portable numerics cannot share one. Only one of them is at work at a time.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

import torch

from gan_zoo.device import configure_process, core_count
from gan_zoo.numerics import Numerics
from gan_zoo.numerics.environment import CHOICE, free_onednn
from gan_zoo.rng import Rng

PINNED, ALL_CORES = "one thread, CPU time", "all cores, wall clock"
"""On a shared machine two clocks are honest: the CPU time of one thread pinned to one core, and the wall clock of a run
that may use all cores."""
PREPARATION = 120.0
"""Seconds for a candidate's first stretch, compilation included."""
BUDGET = 60.0
"""Seconds for all rounds; the first round is finished whatever it takes."""
SIDES = (512, 1024, 2048)
"""Of the square matrices whose products the limit is measured by."""
PRODUCTS = 10

Stretch = Callable[[], object]
Result = TypeVar("Result")

_stretches: dict[str, Stretch] = {}
"""The stretches of this process; module-level because a process serves one bench and its calls share nothing else."""


@dataclass(frozen=True)
class Bench:
    """One such process."""

    process: ProcessPoolExecutor
    mode: str

    def hold(self, make: Callable[..., Mapping[str, Stretch]], *arguments: object) -> dict[str, str]:
        """Has the process make candidates and run each once; by name why one cannot be measured, "" where it can."""
        return self.process.submit(hold, make, arguments).result()

    def seconds(self, name: str) -> float:
        """The seconds of one stretch of this candidate."""
        return self.process.submit(seconds, name, self.mode).result()

    def matrix_rate(self) -> float:
        """FLOP/s of the best of many float32 products of square matrices of several sizes."""
        return self.process.submit(matrix_rate, clock_of(self.mode)).result()


@contextmanager
def bench(numerics: Numerics, mode: str, convolves: bool) -> Iterator[Bench]:
    """A process that computes in `numerics`; in PINNED mode all of them sit on the same core."""
    before = os.environ[CHOICE]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        os.environ[CHOICE] = numerics
        try:
            process.submit(start, numerics, mode, convolves).result()
        finally:
            os.environ[CHOICE] = before
        yield Bench(process, mode)


def start(numerics: Numerics, mode: str, convolves: bool) -> None:
    """Settles how a fresh process computes."""
    if numerics == "reference" and not convolves:
        free_onednn()
    configure_process("cpu", 1 if mode == PINNED else core_count(), numerics)
    if mode == PINNED and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def hold(make: Callable[..., Mapping[str, Stretch]], arguments: tuple[object, ...]) -> dict[str, str]:
    """See `Bench.hold`."""
    made = make(*arguments)
    _stretches.update(made)
    return prepare(made)


def seconds(name: str, mode: str) -> float:
    """See `Bench.seconds`."""
    clock = clock_of(mode)
    started = clock()
    _stretches[name]()
    return clock() - started


def stretch(name: str) -> Stretch:
    """The stretch of this name, which the process holds."""
    return _stretches[name]


def clock_of(mode: str) -> Callable[[], float]:
    return time.process_time if mode == PINNED else time.perf_counter


def prepare(stretches: Mapping[str, Stretch]) -> dict[str, str]:
    """Runs each stretch once, so that what is timed is compiled and warm; by name the reason of one that cannot be."""
    reasons = dict.fromkeys(stretches, "")
    for name, stretch in stretches.items():
        started = time.monotonic()
        try:
            with _time_limit(PREPARATION):
                stretch()
        except Exception as error:  # the others are still worth measuring
            late = time.monotonic() - started > PREPARATION  # the compiler has an error of its own for this
            reason = f"not ready within {PREPARATION:g} s" if late else f"{type(error).__name__}: {error}"
            reasons[name] = reason.split("\n")[0]
    return reasons


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raises: TimeoutError in what is inside where it takes longer, on systems that have such an alarm."""

    def overdue(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def matrix_rate(clock: Callable[[], float]) -> float:
    """See `Bench.matrix_rate`."""
    rates = []
    for side in SIDES:
        a, b = Rng(0, "matrix").normal(2, side, side)
        for _ in range(PRODUCTS):
            started = clock()
            torch.mm(a, b)
            rates.append(2 * side**3 / (clock() - started))
    return max(rates)


def interleave(candidates: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each candidate's stretch in each of `rounds` rounds, or of fewer where they take more than
    `BUDGET` seconds: round after round each runs one, so that a busy minute of the machine meets all."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    end = time.perf_counter() + BUDGET
    for _ in range(rounds):
        for name, stretch in candidates.items():
            found[name].append(stretch())
        if time.perf_counter() > end:
            break
    return found
