"""Iterations per second, interleaved: round after round each candidate runs one short stretch, and medians are kept.

On a shared machine two clocks are honest: the CPU time of one thread pinned to one core, and the wall clock of a run
that may use all cores. Each mode of each workload is measured in a process of its own.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from benchmarks.speed.count import cost
from benchmarks.speed.textbook import textbook
from benchmarks.speed.workloads import WORKLOADS, Workload
from gan_zoo.device import core_count
from gan_zoo.engine import ENGINES, TrainState
from gan_zoo.engine.plain import Live
from gan_zoo.rng import Rng
from gan_zoo.trainer import Run, advance, initial_state, train, train_stack

MATRIX = 1024
PRODUCTS = 30
BUDGET = 40.0
PINNED, ALL_CORES = "one thread, CPU time", "all cores, wall clock"


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

    @property
    def fraction(self) -> float:
        return self.iterations_per_second / self.limit


def measure(name: str, mode: str, compiled: bool) -> list[Row]:
    """All rows of one workload in one mode; changes the process's threads and affinity."""
    workload = WORKLOADS[name]
    torch.set_num_threads(1 if mode == PINNED else core_count())
    stretches = candidates(workload, compiled)
    for stretch in stretches.values():
        if workload.rounds > 1:
            stretch()  # compiles and warms up
    clock = time.perf_counter
    if mode == PINNED:
        clock = time.process_time
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    product = best_product(clock)
    seconds = interleave(stretches, workload.rounds, clock)
    product = min(product, best_product(clock))
    flops = least_flops(workload)
    limit = 2 * MATRIX**3 / product / flops
    rates = {engine: workload.iterations * seeds(workload, engine) / value for engine, value in seconds.items()}
    return [Row(name, mode, engine, rate, limit, rate / rates["textbook"]) for engine, rate in rates.items()]


def candidates(workload: Workload, compiled: bool) -> dict[str, Callable[[], object]]:
    """The textbook loop and the engines, each as a stretch of `workload.iterations` iterations."""
    run, n = workload.run(), workload.iterations
    loop = textbook(run, *fresh_nets(run))
    found: dict[str, Callable[[], object]] = {"textbook": lambda: list(itertools.islice(loop, n))}
    for engine in workload.engines:
        if engine != "compiled" or compiled:
            found[engine] = stretch_of(train(run, initial_state(run), ENGINES[engine]), n)
    if workload.stack:
        runs = [workload.run(seed) for seed in range(workload.stack)]
        stack = train_stack(runs, [initial_state(each) for each in runs])
        found["stacked"] = lambda: list(itertools.islice(stack, n))
    return found


def stretch_of(iterations: Iterator[dict[str, torch.Tensor]], n: int) -> Callable[[], object]:
    return lambda: advance(iterations, n)


def fresh_nets(run: Run) -> tuple[nn.Module, nn.Module]:
    """Generator and critic with the initial weights of `run`."""
    state: TrainState = initial_state(run)
    return Live.bind(run.players.generator, state.generator).net, Live.bind(run.players.critic, state.critic).net


def seeds(workload: Workload, engine: str) -> int:
    return workload.stack if engine == "stacked" else 1


def best_product(clock: Callable[[], float]) -> float:
    """Seconds of one float32 product of square matrices, the best of many: what the limit is measured by."""
    a, b = Rng(0, "matrix").normal(2, MATRIX, MATRIX)
    seconds = []
    for _ in range(PRODUCTS):
        started = clock()
        torch.mm(a, b)
        seconds.append(clock() - started)
    return min(seconds)


def interleave(
    stretches: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Median seconds of each stretch over `rounds` rounds, or fewer where they take more than `BUDGET` seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in stretches}
    end = time.perf_counter() + BUDGET
    for _ in range(rounds):
        if time.perf_counter() > end:
            break
        for name, stretch in stretches.items():
            started = clock()
            stretch()
            seconds[name].append(clock() - started)
    return {name: median(values) for name, values in seconds.items()}


def least_flops(workload: Workload) -> int:
    """FLOPs of the matrix products and convolutions of one iteration, as the plain engine does them: no dead pass."""
    run = workload.run()
    iterations = train(run, initial_state(run))
    return cost(lambda: next(iterations)).flops
