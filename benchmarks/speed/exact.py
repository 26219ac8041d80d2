"""The cost of exact numerics: CPU time of an iteration against reference numerics, `python -m benchmarks.speed.exact`.

One thread; stretches of the two alternate in one process, and the shortest of each counts. The points and digits nets
are quickstart's.
"""

import time
from collections.abc import Iterator

from benchmarks.speed.workloads import WORKLOADS, Workload
from gan_zoo.architectures.mlp import Mlp
from gan_zoo.device import configure_process
from gan_zoo.engine import plain
from gan_zoo.numerics import Numerics
from gan_zoo.trainer import initial_state, train

ROUNDS = 6
COMPARED: tuple[Numerics, ...] = ("reference", "exact")
CASES = (
    Workload("points, MLP 3x64, batch 64", Mlp(z_dim=2, width=64, depth=3), (2,), 64, 8, ROUNDS),
    Workload("digits, MLP 3x128, batch 64", Mlp(z_dim=16, width=128, depth=3), (1, 8, 8), 64, 6, ROUNDS),
    WORKLOADS["DCGAN 28x28 dim 16, batch 50"],
)


def milliseconds(workload: Workload) -> dict[Numerics, float]:
    """The shortest CPU time of an iteration of WGAN-GP by the plain engine, by numerics."""
    steps = {}
    for numerics in COMPARED:
        run = workload.run(numerics=numerics)
        steps[numerics] = train(run, initial_state(run), plain)
        next(steps[numerics])
    # In turn, so that a machine that slows down slows all of them; the least is what no other work disturbed.
    fastest = dict.fromkeys(COMPARED, float("inf"))
    for _ in range(ROUNDS):
        for numerics, iterations in steps.items():
            fastest[numerics] = min(fastest[numerics], stretch(iterations, workload.iterations))
    return fastest


def stretch(steps: Iterator[object], n: int) -> float:
    """CPU milliseconds of one of the next `n` iterations."""
    started = time.process_time()
    for _ in range(n):
        next(steps)
    return (time.process_time() - started) / n * 1e3


if __name__ == "__main__":
    configure_process("cpu", 1)
    for case in CASES:
        found = milliseconds(case)
        print(f"{case.name}: {found['reference']:.1f} ms, exact {found['exact'] / found['reference']:.2f} times")
