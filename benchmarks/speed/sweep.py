"""A sweep's cells per hour: one process per core against a textbook loop, seed after seed."""

import itertools
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.pool import Pool

import torch

from benchmarks.speed.measure import fresh_nets, stretch_of
from benchmarks.speed.textbook import textbook
from benchmarks.speed.workloads import WORKLOADS, Workload
from gan_zoo.device import core_count
from gan_zoo.engine import ENGINES
from gan_zoo.trainer import initial_state, train

STEPS = 1000
"""Generator steps of a cell, as in the suite quickstart."""

BLOCKS = 12
"""Timed stretches of 16 iterations."""


def sweep(workload: Workload = WORKLOADS["MLP 4x128, batch 128"]) -> dict[str, float]:
    """Cells per hour, training only, by how the cells are run."""
    torch.set_num_threads(core_count())
    run = workload.run()
    loop = textbook(run, *fresh_nets(run))
    alone = rate(lambda: list(itertools.islice(loop, 16)))
    cores = core_count()
    context = multiprocessing.get_context("spawn")
    found = {"textbook loop, default threads, one cell after the other": alone}
    with context.Pool(cores) as pool:
        for engine in ("plain", "closed-form"):
            found[f"{engine}, one thread on each of {cores} cores"] = together(pool, workload.name, engine, cores)
    return {how: iterations_per_second * 3600 / STEPS for how, iterations_per_second in found.items()}


def together(pool: Pool, name: str, engine: str, cores: int) -> float:
    """Iterations per second of all workers, each training a seed of its own at the same time."""
    return sum(pool.starmap(worker_rate, [(name, engine, seed) for seed in range(cores)], chunksize=1))


def worker_rate(name: str, engine: str, seed: int) -> float:
    """Iterations per second of this process."""
    torch.set_num_threads(1)
    run = WORKLOADS[name].run(seed)
    return rate(stretch_of(train(run, initial_state(run), ENGINES[engine]), 16))


def rate(stretch: Callable[[], object]) -> float:
    """Iterations per second by the wall clock, for a stretch of 16."""
    stretch()
    started = time.perf_counter()
    for _ in range(BLOCKS):
        stretch()
    return 16 * BLOCKS / (time.perf_counter() - started)
