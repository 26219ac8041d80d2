"""Iterations per second of every engine against the textbook loop: medians of interleaved rounds.

The textbook loop and the compiled engine compute in fast numerics, as people run them; the other engines in reference
numerics, which are the default.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import torch

from benchmarks.speed.bench import Stretch, bench, interleave
from benchmarks.speed.count import cost
from benchmarks.speed.textbook import own_source, textbook, textbook_nets
from benchmarks.speed.workloads import WORKLOADS, Workload
from gan_zoo.engine import ENGINES
from gan_zoo.numerics import Numerics
from gan_zoo.trainer import advance, initial_state, train, train_stack

IN_FAST = ("textbook", "compiled")
"""Candidates of which nobody expects portable bits."""


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
    """The rows of one workload in one mode, without `left_out`."""
    workload = WORKLOADS[name]
    names = [engine for engine in engines(workload) if engine not in left_out]
    portable = [engine for engine in names if engine not in IN_FAST]
    others = [engine for engine in names if engine in IN_FAST]
    with bench("fast", mode, workload.convolves) as fast, bench("reference", mode, workload.convolves) as reference:
        reasons = fast.hold(candidates, name, others, "fast") | reference.hold(candidates, name, portable, "reference")
        rate = fast.matrix_rate()
        runners = {
            engine: partial((fast if engine in IN_FAST else reference).seconds, engine)
            for engine in names
            if not reasons[engine]
        }
        seconds = interleave(runners, workload.rounds)
        limit = max(rate, fast.matrix_rate()) / least_flops(workload)
    rates = {engine: workload.iterations * seeds(workload, engine) / median(each) for engine, each in seconds.items()}
    rows = [
        Row(name, mode, engine, rate, limit, rate / rates.get("textbook", math.nan), len(seconds[engine]))
        for engine, rate in rates.items()
    ]
    return rows, [Missing(name, mode, engine, reason) for engine, reason in reasons.items() if reason]


def engines(workload: Workload) -> list[str]:
    """The names of all candidates of a workload."""
    return ["textbook", *workload.engines, *(["stacked"] if workload.stack else [])]


def candidates(name: str, chosen: Sequence[str], numerics: Numerics) -> dict[str, Stretch]:
    """Candidates of a workload, each as a stretch of its `iterations` iterations."""
    workload = WORKLOADS[name]
    run, n = workload.run(numerics=numerics), workload.iterations
    found: dict[str, Stretch] = {}
    for engine in chosen:
        if engine == "textbook":
            loop = textbook(run, *textbook_nets(run), own_source(run))
            found[engine] = partial(take, loop, n)
        elif engine == "stacked":
            runs = [workload.run(seed, numerics=numerics) for seed in range(workload.stack)]
            found[engine] = partial(take, train_stack(runs, [initial_state(each) for each in runs]), n)
        else:
            found[engine] = stretch_of(train(run, initial_state(run), ENGINES[engine]), n)
    return found


def take(iterations: Iterator[object], n: int) -> None:
    """The next `n` of them."""
    for _ in itertools.islice(iterations, n):
        pass


def stretch_of(iterations: Iterator[dict[str, torch.Tensor]], n: int) -> Stretch:
    return lambda: advance(iterations, n)


def seeds(workload: Workload, engine: str) -> int:
    return workload.stack if engine == "stacked" else 1


def least_flops(workload: Workload) -> int:
    """FLOPs of the matrix products and convolutions of one iteration by the plain engine, which does no dead pass.

    Counted with two samples, for every product's FLOPs are proportional to the batch.
    """
    run = replace(workload, batch=2).run()
    iterations = train(run, initial_state(run))
    return cost(lambda: next(iterations)).flops * workload.batch // 2
