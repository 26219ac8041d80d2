"""Measures this machine, its GPU too where there is one, and writes tables and figure after every part."""

import argparse
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import TypeVar

import torch

from benchmarks.record.environment import environment
from benchmarks.speed import gpu, overheads, profile, quickstart
from benchmarks.speed.bench import ALL_CORES, PINNED
from benchmarks.speed.figure import draw
from benchmarks.speed.findings import Findings, missed
from benchmarks.speed.measure import Row, measure
from benchmarks.speed.sweep import TOYS, sweep
from benchmarks.speed.table import write
from benchmarks.speed.workloads import WORKLOADS
from gan_zoo.device import core_count, device_name
from gan_zoo.errors import ends_program

Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results/speed"), metavar="DIR")
    parser.add_argument("--only", default="", metavar="TEXT", help="parts whose name contains this")
    parser.add_argument("--no-compile", action="store_true", help="leave the compiled engine out")
    options = parser.parse_args()
    known = environment(device_name("cpu"))
    machine = {"hardware": f"{known['hardware']}, {core_count()} cores"}
    findings = Findings(machine | {key: str(known[key]) for key in ("python", "torch", "commit", "dirty")})
    chosen = {name: part for name, part in parts(findings, options).items() if options.only in name}
    for name, part in chosen.items():
        print(name, file=sys.stderr, flush=True)
        try:
            part()
        except KeyboardInterrupt:
            sys.exit(f"broken off; what was measured stands in {options.results}")
        except Exception as error:  # the other parts are still worth measuring
            findings.failures.append(f"{name}: {type(error).__name__}: {error}".split("\n")[0])
        write(options.results, findings)
        draw(options.results / "speed.svg", [row for row in findings.rows if row.mode == PINNED], findings.machine_text)
    print(options.results / "README.md")


def parts(findings: Findings, options: argparse.Namespace) -> dict[str, Callable[[], None]]:
    """The measurements by name; each part adds to `findings`."""
    left_out = ["compiled"] if options.no_compile else []
    found: dict[str, Callable[[], None]] = {}
    for name, mode in product(WORKLOADS, (PINNED, ALL_CORES)):
        found[f"training, {name}, {mode}"] = partial(training, findings, name, mode, left_out)
    found |= {f"sweep, {name}": partial(throughput, findings, name) for name in TOYS}
    found["quickstart"] = partial(suite, findings)
    found["profiles of what misses its bar"] = partial(profiles, findings)
    found |= {f"overheads, {dataset}": partial(clocks, findings, dataset) for dataset in ("8gaussians", "digits")}
    found["overheads, gan-zoo --help"] = partial(command_line, findings)
    if torch.cuda.is_available():
        found["GPU"] = partial(gpu.main, options.results)
    return found


def training(findings: Findings, name: str, mode: str, left_out: list[str]) -> None:
    """An engine that could not run on this workload before is not tried again."""
    failed = [each.engine for each in findings.missing if each.workload == name]
    rows, missing = measure(name, mode, [*left_out, *failed])
    findings.rows += rows
    findings.missing += missing


def throughput(findings: Findings, workload: str) -> None:
    findings.throughput += sweep(workload)


def suite(findings: Findings) -> None:
    findings.gains += quickstart.gains()


def profiles(findings: Findings) -> None:
    for each in missed(findings):
        findings.profiles.append(profile.of_row(each) if isinstance(each, Row) else profile.of_gain(each))


def clocks(findings: Findings, dataset: str) -> None:
    findings.clocks.append(in_fresh_process(overheads.run_one, dataset))


def command_line(findings: Findings) -> None:
    findings.help_seconds = overheads.help_seconds()


def in_fresh_process(function: Callable[..., Result], *arguments: object) -> Result:
    """The result of a call where nothing else has run: threads and affinity are a process's own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as worker:
        return worker.submit(function, *arguments).result()


if __name__ == "__main__":
    with ends_program("speed"):
        main()
