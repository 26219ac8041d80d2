"""Where the time of an iteration goes, of what misses its bar: in products, in other operations, and around them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, record_function

from benchmarks.record.environment import data_folder
from benchmarks.speed import bench as benches
from benchmarks.speed import measure, quickstart
from benchmarks.speed.bench import PINNED, bench
from benchmarks.speed.measure import IN_FAST, Row
from benchmarks.speed.quickstart import Gain
from benchmarks.speed.workloads import WORKLOADS
from benchmarks.suites.suite import load_first_look
from gan_zoo.numerics import Numerics

PRODUCTS = ("mm", "addmm", "addmm_", "bmm", "baddbmm", "convolution", "mkldnn_convolution", "convolution_backward")
"""ATen's operations that do the arithmetic which the limit counts."""


@dataclass(frozen=True)
class Profile:
    """Milliseconds of an iteration under torch's profiler, on one pinned thread: inside products and convolutions,
    inside all other operations of torch, and outside of any: in Python, autograd, compiled code.

    `limit`: what the products would take at the rate of the machine's best, where that is known.
    """

    what: str
    engine: str
    products: float
    others: float
    outside: float
    limit: float | None = None

    @property
    def total(self) -> float:
        return self.products + self.others + self.outside


def of_row(row: Row) -> Profile:
    """The profile of what a row of the table measured."""
    numerics: Numerics = "fast" if row.engine in IN_FAST else "reference"
    workload = WORKLOADS[row.workload]
    with bench(numerics, PINNED, workload.convolves) as one:
        one.hold(measure.candidates, row.workload, [row.engine], numerics)
        found = one.process.submit(milliseconds, row.engine, workload.iterations).result()
    return Profile(row.workload, row.engine, **found, limit=1000 / row.limit)


def of_gain(gain: Gain) -> Profile:
    """The profile of a cell of quickstart by the engine of `auto`."""
    (spec,) = load_first_look("quickstart", {}, [gain.loss], [gain.dataset]).cells
    with bench("reference", PINNED, convolves=False) as one:
        one.hold(quickstart.candidates, spec.to_dict(), Path(data_folder()), ("auto",), "reference")
        found = one.process.submit(milliseconds, "auto", quickstart.ITERATIONS).result()
    return Profile(f"quickstart, {gain.loss} on {gain.dataset}", gain.engine, **found)


def milliseconds(name: str, iterations: int) -> dict[str, float]:
    """The parts of an iteration of the stretch of this name, which the process holds."""
    return split(benches.stretch(name), iterations)


def split(stretch: Callable[[], object], iterations: int) -> dict[str, float]:
    """Milliseconds of an iteration in products, in other operations and outside."""
    with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler, record_function("stretch"):
        stretch()
    found: Mapping[str, Any] = {event.key: event for event in profiler.key_averages()}
    whole = found["stretch"].cpu_time_total
    operations = {key: event.self_cpu_time_total for key, event in found.items() if key.startswith("aten::")}
    products = sum(operations.get(f"aten::{name}", 0.0) for name in PRODUCTS)
    others = sum(operations.values()) - products
    parts = {"products": products, "others": others, "outside": whole - products - others}
    return {part: microseconds / 1000 / iterations for part, microseconds in parts.items()}
