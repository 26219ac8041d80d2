"""Measures this machine's CPU and writes table and figure."""

import argparse
import multiprocessing
import sys
from pathlib import Path

from benchmarks.environment import environment
from benchmarks.speed.figure import draw
from benchmarks.speed.measure import ALL_CORES, PINNED, Row, measure
from benchmarks.speed.sweep import sweep
from benchmarks.speed.table import write
from benchmarks.speed.workloads import WORKLOADS
from gan_zoo.device import core_count, device_name


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results/speed"), metavar="DIR")
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    parser.add_argument("--no-compile", action="store_true", help="leave the compiled engine out")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in (name for name in WORKLOADS if options.only in name):
        for mode in (PINNED, ALL_CORES):
            print(f"{name}: {mode}", file=sys.stderr, flush=True)
            rows += in_fresh_process(name, mode, not options.no_compile)
    throughput = {} if options.only else sweep()
    known = environment(device_name("cpu"))
    machine = {
        "hardware": f"{known['hardware']}, {core_count()} cores",
        **{key: str(known[key]) for key in ("python", "torch", "commit")},
    }
    write(options.results, rows, throughput, machine)
    draw(options.results / "speed.svg", [row for row in rows if row.mode == PINNED])
    print(options.results / "README.md")


def in_fresh_process(name: str, mode: str, compiled: bool) -> list[Row]:
    """`measure` where nothing else has run: threads and affinity are a process's own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (name, mode, compiled))


if __name__ == "__main__":
    main()
