"""A sweep's cells per hour: one process per core against a textbook loop, seed after seed."""

import itertools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median
from threading import Barrier

import torch

from benchmarks.speed.bench import ALL_CORES, Stretch, bench
from benchmarks.speed.textbook import own_source, textbook, textbook_nets
from benchmarks.speed.workloads import WORKLOADS
from gan_zoo.device import core_count
from gan_zoo.engine import ENGINES
from gan_zoo.numerics.environment import free_onednn
from gan_zoo.trainer import initial_state, train

TOYS = ("MLP 4x128, batch 128", "MLP 4x512, batch 256")
STEPS = 1000
"""Generator steps of a cell."""
ROUNDS = 3
SECONDS = 3.0
"""for one way to run the cells in one round"""
START_UP = 300.0
"""Seconds after which a worker that has not come is not waited for."""


@dataclass(frozen=True)
class Throughput:
    """Cells of 1000 steps per hour, training only: the median of interleaved rounds."""

    workload: str
    how: str
    cells_per_hour: float
    speedup: float
    """over the textbook loop"""


def sweep(workload: str) -> list[Throughput]:
    """One textbook loop with default threads, in fast numerics, against one single-threaded process per core, in
    reference numerics."""
    cores, context = core_count(), multiprocessing.get_context("spawn")
    rates: dict[str, list[float]] = {}
    with (
        bench("fast", ALL_CORES, convolves=False) as fast,
        context.Manager() as manager,
        ProcessPoolExecutor(cores, context) as workers,
    ):
        start = manager.Barrier(cores)
        for _ in range(ROUNDS):
            alone = fast.process.submit(_textbook_rate, workload).result()
            rates.setdefault("textbook loop with default threads, one cell after the other", []).append(alone)
            for engine in ("plain", "closed-form"):
                jobs = [workers.submit(worker_rate, workload, engine, seed, start) for seed in range(cores)]
                together = sum(job.result() for job in jobs)
                rates.setdefault(f"{engine}, one thread on each of {cores} cores", []).append(together)
    medians = {how: median(each) for how, each in rates.items()}
    textbooks = next(iter(medians.values()))
    return [Throughput(workload, how, each * 3600 / STEPS, each / textbooks) for how, each in medians.items()]


def _textbook_rate(workload: str) -> float:
    """Iterations per second of the textbook loop in this process."""
    run = WORKLOADS[workload].run(numerics="fast")
    loop = textbook(run, *textbook_nets(run), own_source(run))
    return rate(lambda: next(loop))


def worker_rate(workload: str, engine: str, seed: int, start: Barrier) -> float:
    """Iterations per second of this process, while as many others as `start` awaits train a seed of their own."""
    free_onednn()
    torch.set_num_threads(1)
    run = WORKLOADS[workload].run(seed)
    iterations = train(run, initial_state(run), ENGINES[engine])
    next(iterations)
    start.wait(START_UP)
    return rate(lambda: next(iterations))


def rate(iteration: Stretch) -> float:
    """Iterations per second by the wall clock."""
    iteration()
    started = time.perf_counter()
    for count in itertools.count(1):
        iteration()
        if (passed := time.perf_counter() - started) > SECONDS:
            return count / passed
    raise AssertionError
