"""A sweep over Ray nodes of this machine against the same sweep by as many of its own processes, in turn.

    python -m benchmarks.speed.cluster --nodes 3 --cells 60 --rounds 3

Both write to a record in a file. Their seconds are those of the whole sweep, with the start of its workers; Ray itself
runs before. Needs `gan-zoo[ray]`.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.markup.markdown import table
from benchmarks.record.environment import data_folder, environment
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep.cluster import connected
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import Train, run_suite
from benchmarks.sweep.workers import run_cells
from gan_zoo.device import core_count, device_name
from gan_zoo.errors import UserError, ends_program

BAR = 1.15


@contextmanager
def ray_cluster(nodes: int) -> Iterator[Any]:
    """A Ray head, where nothing runs, and nodes of one processor each."""
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, **small)
        yield cluster
    finally:
        cluster.shutdown()


def sweep_seconds(suite: Suite, folder: Path, workers: int, train: Train) -> float:
    """The seconds of a sweep whose results go to `folder`. Raises: UserError where a cell has no result."""
    store = Store(folder)
    started = time.perf_counter()
    options, listener = Options(folder, data_folder(), "cpu", workers=workers), Listener()
    plan = run_suite(make_plan(suite, options, store, listener.say), store, listener, train=train)
    seconds = time.perf_counter() - started
    if plan.unfinished:
        first = plan.unfinished[0]
        why = f"{first.label} is {plan.status(first)} {plan.why(first)}".rstrip()
        raise UserError(f"{suite.name}: {len(plan.unfinished)} of {len(suite.cells)} cells have no result: {why}")
    return seconds


def measured(suite: Suite, nodes: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round, by who trained."""
    found: dict[str, list[float]] = {"processes": [], "Ray nodes": []}
    with tempfile.TemporaryDirectory() as scratch, ray_cluster(nodes) as cluster:
        folders = (Path(scratch) / str(number) for number in count())
        for _ in range(rounds):
            found["processes"].append(sweep_seconds(suite, next(folders), nodes, run_cells))
            with connected(cluster.address, None, 1) as crew:  # new workers, which know no other record
                found["Ray nodes"].append(sweep_seconds(suite, next(folders), nodes, crew.run_cells))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.cluster", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=3, help="and processes beside them (default: %(default)s)")
    parser.add_argument("--cells", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=500, help="of the generator, each cell (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    options = parser.parse_args()
    numbers = {"seeds": f"{options.cells}", "train.steps": f"{options.steps}"}
    suite = load_suite("quickstart", {"losses": "[wgan-gp]", "datasets": "[8gaussians]", **numbers})
    seconds = measured(suite, options.nodes, options.rounds)
    rows = [[name, f"{median(each):.1f}", ", ".join(f"{one:.1f}" for one in each)] for name, each in seconds.items()]
    print(f"{len(suite.cells)} cells by {options.nodes} on {environment(device_name('cpu'))['hardware']},", end=" ")
    print(f"{core_count()} cores\n\n{table(['', 'median, s', 'rounds, s'], rows, numeric=(1,))}")
    ratios = [there / here for here, there in zip(*seconds.values(), strict=True)]
    print(f"Ray nodes take {median(ratios):.3f} times as long as processes (bar: {BAR})")


if __name__ == "__main__":
    with ends_program("speed.cluster"):
        main()
