"""The training work of the suite quickstart, loss by loss: the textbook loop against our engines, on its own settings.

On equal draws all of them end with equal weights (`tests/test_speed.py`, `tests/test_engines.py`).
"""

import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from benchmarks.record.environment import data_folder
from benchmarks.speed.measure import interleave, stretch_of
from benchmarks.speed.textbook import own_source, textbook, textbook_nets
from benchmarks.suites.suite import load_suite
from gan_zoo.datasets import load_dataset
from gan_zoo.engine import choose_for_one, plain
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import initial_state, prepare, train

ITERATIONS, ROUNDS = 16, 5


@dataclass(frozen=True)
class Gain:
    """CPU milliseconds of an iteration on one pinned thread: medians of interleaved rounds."""

    loss: str
    dataset: str
    steps: int
    textbook: float
    plain: float
    auto: float
    engine: str
    """that `auto` chose"""


def gains() -> list[Gain]:
    """Every loss on every data set of quickstart; changes the process's threads and affinity."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    suite = load_suite("quickstart")
    return [gain(spec, data_folder()) for spec in suite.cells if spec.seed == suite.seeds[0]]


def gain(spec: RunSpec, root: Path) -> Gain:
    run = prepare(spec, load_dataset(spec.dataset.name, root=root))
    loop = textbook(run, *textbook_nets(run), own_source(run))
    auto = choose_for_one("auto", run.players, run.device)
    stretches = {
        "textbook": lambda: list(itertools.islice(loop, ITERATIONS)),
        "plain": stretch_of(train(run, initial_state(run), plain), ITERATIONS),
        "auto": stretch_of(train(run, initial_state(run), auto), ITERATIONS),
    }
    for stretch in stretches.values():
        stretch()
    seconds = interleave(stretches, ROUNDS, time.process_time)
    cost = {name: 1000 * median(each) / ITERATIONS for name, each in seconds.items()}
    return Gain(spec.loss_name, spec.dataset.name, spec.train.steps, **cost, engine=auto.name)
