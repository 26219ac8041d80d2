"""A GPU: what CUDA graphs, stacked seeds and lower precisions bring over the plain engine, and if the numbers agree.

`python -m benchmarks.speed.gpu DIR` writes DIR/gpu.json and DIR/gpu.md anew after each workload, so that what is
measured stays when it is broken off. Each candidate is timed for some seconds, which should take two minutes in all.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.markup.markdown import table
from benchmarks.speed.bars import Bar, bar_table
from benchmarks.speed.measure import least_flops
from benchmarks.speed.workloads import WORKLOADS, Workload
from gan_zoo.device import choose_devices, configure_process, device_name, tf32
from gan_zoo.engine import ENGINES, STACK_ENGINES, Engine, Numerics, StackEngine
from gan_zoo.errors import ends_program
from gan_zoo.rng import Rng
from gan_zoo.spec import Adam
from gan_zoo.trainer import Run, initial_state, prepare, train, train_stack


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    seconds: float
    """for one candidate, after its warm-up"""
    stacks: Mapping[str, tuple[int, ...]]
    """seeds of each stack, by part of a workload's name"""
    only: str = ""
    """the workloads whose name contains this"""
    matrix: int = 8192
    """a side of the product whose rate is the card's"""
    checked_steps: int = 50


CARD = Extent(2.0, {"MLP 4x128": (4, 16, 64), "MLP 4x512": (4, 16), "MLP 784": (4, 16), "dim 16": (4, 16)})
PRETENDED = Extent(0.01, {"MLP 4x128": (2,)}, only="MLP 4x128", matrix=256, checked_steps=3)
"""On a CPU, to go through all of it: its numbers measure nothing."""

LOWER = ("plain, tf32", "plain, bf16", "CUDA graph, tf32", "CUDA graph, bf16")
BARS = (
    ("MLP 4x128", ("CUDA graph",), 4),
    ("MLP 4x512", ("CUDA graph",), 4),
    ("MLP 4x128", ("16 seeds stacked in a CUDA graph",), 8),
    ("MLP 4x128", ("64 seeds stacked in a CUDA graph",), 30),
    ("dim 16", ("16 seeds stacked in a CUDA graph",), 3),
    ("ResNet", LOWER, 2.5),
)
"""Part of a workload's name, ways to run it, and how many times the plain float32 engine the best of them should be."""


class Result(NamedTuple):
    """Iterations per second of all seeds together, and that as a share of the card's matrix rate in that precision."""

    workload: str
    how: str
    iterations_per_second: float
    share: float
    error: str = ""


def main(folder: Path, device: str = "cuda", extent: Extent = CARD) -> None:
    """Measures `device` and writes both files."""
    configure_process(device, threads=1)
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"device": device_name(device), "torch": torch.__version__}
    rates = {how: matrix_rate(device, how, extent.matrix) for how in ("float32", "tf32", "bf16")}
    differences = {
        engine: _largest_difference(engine, device, extent.checked_steps)
        for engine in ("graph", "stacked", "stacked-graph")
    }
    results: list[Result] = []
    for workload in [each for name, each in WORKLOADS.items() if extent.only in name]:
        flops = least_flops(workload)
        for how, start, seeds in candidates(workload, device, extent.stacks):
            result = timed(workload, how, start, seeds, flops, rates, extent.seconds)
            print(*result, file=sys.stderr, flush=True)
            results.append(result)
        write(folder, machine, rates, differences, results)


def write(
    folder: Path,
    machine: dict[str, str],
    rates: dict[str, float],
    differences: dict[str, float],
    results: Sequence[Result],
) -> None:
    """Both files, of what is measured so far."""
    content = {
        "machine": machine,
        "matrix_tflops": rates,
        "largest_difference_from_plain": differences,
        "results": [result._asdict() for result in results],
    }
    (folder / "gpu.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "gpu.md").write_text(markdown(machine, rates, differences, results), encoding="utf-8")


def candidates(
    workload: Workload, device: str, stacks: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, Callable[[], Iterator[object]], int]]:
    """(how, start, seeds): `start()` gives the iterations of a candidate."""

    def single(engine: Engine, numerics: Numerics = "reference") -> Callable[[], Iterator[object]]:
        def start() -> Iterator[object]:
            run = workload.run(device=device, numerics=numerics)
            return train(run, initial_state(run), engine)

        return start

    def several(engine: StackEngine, seeds: int) -> Callable[[], Iterator[object]]:
        def start() -> Iterator[object]:
            runs = [workload.run(seed, device) for seed in range(seeds)]
            return train_stack(runs, [initial_state(run) for run in runs], engine)

        return start

    def streams(seeds: int) -> Callable[[], Iterator[object]]:
        def start() -> Iterator[object]:
            return _on_streams([_single_seed(workload, seed, device) for seed in range(seeds)], device)

        return start

    yield "plain", single(ENGINES["plain"]), 1
    yield "CUDA graph", single(ENGINES["graph"]), 1
    for seeds in next((sizes for name, sizes in stacks.items() if name in workload.name), ()):
        yield f"{seeds} seeds stacked in a CUDA graph", several(STACK_ENGINES["stacked-graph"], seeds), seeds
    if len(workload.shape) == 3:
        yield "4 CUDA graphs on 4 streams", streams(4), 4
        for numerics in ("tf32", "bf16"):
            yield f"plain, {numerics}", single(ENGINES["plain"], numerics), 1
            yield f"CUDA graph, {numerics}", single(ENGINES["graph"], numerics), 1


def _single_seed(workload: Workload, seed: int, device: str) -> Iterator[object]:
    run = workload.run(seed, device)
    return train(run, initial_state(run), ENGINES["graph"])


def _on_streams(runs: Sequence[Iterator[object]], device: str) -> Iterator[object]:
    """One iteration of every run at a time, each on a stream of its own."""
    places = [torch.cuda.Stream() for _ in runs] if device.startswith("cuda") else []
    synchronize()  # the runs' first states were made on another stream
    while True:
        for run, stream in itertools.zip_longest(runs, places):
            with torch.cuda.stream(stream):
                next(run)
        yield None


def timed(
    workload: Workload,
    how: str,
    start: Callable[[], Iterator[object]],
    seeds: int,
    flops: int,
    rates: Mapping[str, float],
    seconds: float,
) -> Result:
    """The candidate's rate; one that fails is a result as well."""
    try:
        iterations = start()
        for _ in range(3):
            next(iterations)
        synchronize()
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            next(iterations)
            count += 1
            if count % 16 == 0:
                synchronize()
        synchronize()
        speed = seeds * count / (time.perf_counter() - started)
    except Exception as error:  # the others are still worth measuring
        return Result(workload.name, how, float("nan"), float("nan"), f"{type(error).__name__}: {error}".split("\n")[0])
    rate = rates[next((precision for precision in rates if precision in how), "float32")]
    return Result(workload.name, how, speed, speed * flops / (rate * 1e12))


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def matrix_rate(device: str, how: str, size: int) -> float:
    """TFLOP/s of a product of square matrices, `size` a side."""
    a = Rng(0, "matrix", device=device).normal(size, size).to(torch.bfloat16 if how == "bf16" else torch.float32)
    with tf32() if how == "tf32" else nullcontext():
        a @ a
        synchronize()
        started = time.perf_counter()
        for _ in range(10):
            a @ a
        synchronize()
    return 10 * 2 * size**3 / (time.perf_counter() - started) / 1e12


def _checked_run(seed: int, device: str, steps: int) -> Run:
    """A short training in float64 whose learning rate falls, from a number that depends on the seed."""
    run = WORKLOADS["MLP 4x128, batch 128"].run(seed, device, precision="float64")
    optimizer = Adam(1e-4 / (seed + 1), (0.5, 0.9))
    training = replace(run.spec.train, steps=steps, lr_decay="linear", optimizer=optimizer)
    return prepare(replace(run.spec, train=training), run.data, device)


def _largest_difference(engine: str, device: str, steps: int) -> float:
    """Of any weight from the plain engine's after `steps` iterations in float64: rounding, if the engine is right."""
    runs = [_checked_run(seed, device, steps) for seed in range(2)]
    alone, own = [*map(initial_state, runs)], [*map(initial_state, runs)]
    for run, state in zip(runs, alone, strict=True):
        list(itertools.islice(train(run, state), steps))
    if engine in STACK_ENGINES:
        list(itertools.islice(train_stack(runs, own, STACK_ENGINES[engine]), steps))
    else:
        for run, state in zip(runs, own, strict=True):
            list(itertools.islice(train(run, state, ENGINES[engine]), steps))
    differences: list[Tensor] = []
    for state, expected in zip(own, alone, strict=True):
        for weights, known in zip(state.weights, expected.weights, strict=True):
            differences.append((weights.vector - known.vector).abs().max())
    return float(torch.stack(differences).max())


def markdown(
    machine: dict[str, str], rates: dict[str, float], differences: dict[str, float], results: Sequence[Result]
) -> str:
    """The table with what it was measured on."""
    lines = ["# Speed of training on a GPU\n", "; ".join(f"{key}: {value}" for key, value in machine.items()) + ".\n"]
    lines.append("Matrix products: " + ", ".join(f"{how} {rate:.1f} TFLOP/s" for how, rate in rates.items()) + ".\n")
    lines.append(
        "Largest difference from plain after 50 iterations in float64: "
        + ", ".join(f"{engine} {value:.1e}" for engine, value in differences.items())
        + ".\n"
    )
    plain = {result.workload: result.iterations_per_second for result in results if result.how == "plain"}
    ratios = {result: result.iterations_per_second / plain[result.workload] for result in results}
    lines.append(bar_table(bars(ratios)))
    heads = ("workload", "how", "iterations/s, all seeds", "against plain", "of the matrix rate in its precision")
    rows = [
        (
            result.workload,
            f"{result.how}{' (' + result.error + ')' if result.error else ''}",
            f"{result.iterations_per_second:.1f}",
            f"{ratio:.2f}x",
            f"{result.share:.3f}",
        )
        for result, ratio in ratios.items()
    ]
    return "\n".join([*lines, table(heads, rows, numeric=(2, 3, 4)), ""])


def bars(ratios: Mapping[Result, float]) -> Iterator[Bar]:
    """The bars of what ran; `ratios` to the plain engine."""
    for part, ways, wanted in BARS:
        own = [result for result in ratios if part in result.workload and result.how in ways and not result.error]
        if own:
            best = max(own, key=lambda result: ratios[result])
            yield Bar(f"{best.workload}: times plain", wanted, ratios[best], best.how)


def command(words: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.gpu", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--pretend", action="store_true", help="go through it on a CPU, with tiny sizes")
    options = parser.parse_args(words)
    if options.pretend:
        main(options.folder, "cpu", PRETENDED)
        return
    choose_devices("cuda", 1)
    main(options.folder)


if __name__ == "__main__":
    with ends_program("benchmarks.speed.gpu"):
        command(sys.argv[1:])
