"""Iterations per second, interleaved: round after round each candidate runs one short stretch, and medians are kept.

On a shared machine two clocks are honest: the CPU time of one thread pinned to one core, and the wall clock of a run
that may use all cores. Each mode of each workload is measured in a process of its own.
"""

import itertools
import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from types import FrameType

import torch

from benchmarks.speed.count import cost
from benchmarks.speed.textbook import own_source, textbook, textbook_nets
from benchmarks.speed.workloads import WORKLOADS, Workload
from gan_zoo.device import core_count
from gan_zoo.engine import ENGINES
from gan_zoo.numerics.environment import free_onednn
from gan_zoo.rng import Rng
from gan_zoo.trainer import advance, initial_state, train, train_stack

SIDES = (512, 1024, 2048)
"""Of the square matrices whose products the limit is measured by."""
PRODUCTS = 10
BUDGET = 60.0
"""Seconds for all rounds of one workload in one mode; the first round is finished whatever it takes."""
PREPARATION = 120.0
"""Seconds for a candidate's first stretch, compilation included."""
PINNED, ALL_CORES = "one thread, CPU time", "all cores, wall clock"

Stretch = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One line of the table. Rates are medians; those of stacked seeds count every seed's iterations."""

    workload: str
    mode: str
    engine: str
    iterations_per_second: float
    limit: float
    """the iterations per second that the least FLOPs would take at the rate of the best matrix product"""
    speedup: float
    """over the textbook loop"""
    rounds: int

    @property
    def fraction(self) -> float:
        return self.iterations_per_second / self.limit


@dataclass(frozen=True)
class Missing:
    """A candidate that was not measured, and why."""

    workload: str
    mode: str
    engine: str
    reason: str


def measure(name: str, mode: str, left_out: Sequence[str]) -> tuple[list[Row], list[Missing]]:
    """The rows of one workload in one mode, without `left_out`; changes the process's threads and affinity."""
    workload = WORKLOADS[name]
    if not workload.convolves:
        free_onednn()
    torch.set_num_threads(1 if mode == PINNED else core_count())
    stretches = {engine: each for engine, each in candidates(workload).items() if engine not in left_out}
    reasons = prepare(stretches)
    clock = time.perf_counter
    if mode == PINNED:
        clock = time.process_time
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rate = matrix_rate(clock)
    seconds = interleave(
        {engine: each for engine, each in stretches.items() if engine not in reasons}, workload.rounds, clock
    )
    limit = max(rate, matrix_rate(clock)) / least_flops(workload)
    rates = {engine: workload.iterations * seeds(workload, engine) / median(each) for engine, each in seconds.items()}
    rows = [
        Row(name, mode, engine, rate, limit, rate / rates.get("textbook", math.nan), len(seconds[engine]))
        for engine, rate in rates.items()
    ]
    return rows, [Missing(name, mode, engine, reason) for engine, reason in reasons.items()]


def candidates(workload: Workload) -> dict[str, Stretch]:
    """The textbook loop and the engines, each as a stretch of `workload.iterations` iterations."""
    run, n = workload.run(), workload.iterations
    loop = textbook(run, *textbook_nets(run), own_source(run))
    found: dict[str, Stretch] = {"textbook": lambda: list(itertools.islice(loop, n))}
    for engine in workload.engines:
        found[engine] = stretch_of(train(run, initial_state(run), ENGINES[engine]), n)
    if workload.stack:
        runs = [workload.run(seed) for seed in range(workload.stack)]
        stack = train_stack(runs, [initial_state(each) for each in runs])
        found["stacked"] = lambda: list(itertools.islice(stack, n))
    return found


def stretch_of(iterations: Iterator[dict[str, torch.Tensor]], n: int) -> Stretch:
    return lambda: advance(iterations, n)


def seeds(workload: Workload, engine: str) -> int:
    return workload.stack if engine == "stacked" else 1


def prepare(stretches: Mapping[str, Stretch]) -> dict[str, str]:
    """Runs each stretch once, so that what is timed is compiled and warm; the reasons of those that cannot be."""
    reasons = {}
    for engine, stretch in stretches.items():
        started = time.monotonic()
        try:
            with time_limit(PREPARATION):
                stretch()
        except Exception as error:  # the others are still worth measuring
            late = time.monotonic() - started > PREPARATION  # the compiler has an error of its own for this
            reason = f"not ready within {PREPARATION:g} s" if late else f"{type(error).__name__}: {error}"
            reasons[engine] = reason.split("\n")[0]
    return reasons


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """TimeoutError in what is inside where it takes longer, on systems that have such an alarm."""

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
    """FLOP/s of the best of many float32 products of square matrices of several sizes."""
    rates = []
    for side in SIDES:
        a, b = Rng(0, "matrix").normal(2, side, side)
        for _ in range(PRODUCTS):
            started = clock()
            torch.mm(a, b)
            rates.append(2 * side**3 / (clock() - started))
    return max(rates)


def interleave(stretches: Mapping[str, Stretch], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of each stretch in each of `rounds` rounds, or of fewer where they take more than `BUDGET` seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in stretches}
    end = time.perf_counter() + BUDGET
    for _ in range(rounds):
        for name, stretch in stretches.items():
            started = clock()
            stretch()
            seconds[name].append(clock() - started)
        if time.perf_counter() > end:
            break
    return seconds


def least_flops(workload: Workload) -> int:
    """FLOPs of the matrix products and convolutions of one iteration by the plain engine, which does no dead pass.

    Counted with two samples, for every product's FLOPs are proportional to the batch.
    """
    run = replace(workload, batch=2).run()
    iterations = train(run, initial_state(run))
    return cost(lambda: next(iterations)).flops * workload.batch // 2
