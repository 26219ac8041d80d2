"""What settles a claim for which nothing is trained: distances between batches of images, measured again and again.

    measure:
      batches: {digits: [64, 256], mnist: [64, 256, 512, 1024]}    (sizes of batches by data set)
      repeats: 10                                                  (other batches each)

Criteria are about what `gan_zoo.metrics.batches` measures at one of the sizes, as {metric: w1_centres_64, dataset:
digits}, and seeds are repeats. The record is the export alone, written again after each repeat.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from benchmarks.record.environment import commit, environment
from benchmarks.record.export import METRIC_COLUMNS, RUN_COLUMNS, Record
from benchmarks.record.places import refuse_unwritable
from benchmarks.sweep.plan import Options
from benchmarks.sweep.progress import say
from gan_zoo.datasets import DATASETS, Images, Points, load_dataset
from gan_zoo.device import device_name
from gan_zoo.errors import UserError, suggestion
from gan_zoo.metrics.batches import PROTOCOL, distances, labels
from gan_zoo.rng import Rng
from gan_zoo.validation import refusal, strict

Sizes = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


@strict
@dataclass(frozen=True)
class Measure:
    """The keys of `measure`."""

    batches: Annotated[dict[str, Sizes], Field(min_length=1)]
    repeats: int

    def __post_init__(self) -> None:
        for name in self.batches:
            if name not in DATASETS:
                raise refusal(f"unknown data set '{name}' ({suggestion(name, DATASETS)})", "batches", name)
            if isinstance(DATASETS[name], Points):
                raise refusal("has points, not images", "batches", name)


@dataclass(frozen=True)
class Cell:
    """One repeat of a measurement on a data set."""

    dataset: str
    sizes: tuple[int, ...]
    repeat: int

    @property
    def canonical(self) -> str:
        """All that the cell is, as JSON."""
        content = {"measure": "batches", "dataset": self.dataset, "sizes": self.sizes, "seed": self.repeat}
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @property
    def key(self) -> str:
        """16 hexadecimal digits of what the cell is."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Measurement:
    """What is measured for the claim of this name; what it shares with a suite has the names that a suite gives it."""

    name: str
    content: Measure
    losses = ("",)

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(self.content.batches)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The repeats."""
        return tuple(range(self.content.repeats))

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        pairs = product(self.content.batches.items(), self.seeds)
        return tuple(Cell(dataset, sizes, repeat) for (dataset, sizes), repeat in pairs)

    def metrics(self, dataset: str) -> dict[str, str]:
        """The names of what is measured on a data set, and what reports call it."""
        return {name: label for size in self.content.batches[dataset] for name, label in labels(size).items()}


def measure(measurement: Measurement, how: Options, notes: Mapping[str, Any]) -> None:
    """Measures what is not done and exports it; `notes` become part of the export's description."""
    folder = refuse_unwritable(how.results / measurement.name / "export", "choose another --results")
    runs, metrics = standing(measurement, folder)
    meta = {**_describe(measurement), **notes}
    for cell in measurement.cells:
        if cell.key not in set(runs.run_key):
            run, values = _measured(cell, how)
            runs = pd.concat([runs, run], ignore_index=True)
            metrics = pd.concat([metrics, values], ignore_index=True)
            Record(meta, runs, metrics, {}).write(folder)
            say(f"done      {cell.dataset} / repeat {cell.repeat}  ({time.strftime('%H:%M:%S')})")
    Record(meta, runs, metrics, {}).write(folder)


def standing(measurement: Measurement, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of runs and of metrics that an export in `folder` has of the cells; none where there is no export."""
    if not (folder / "meta.json").is_file():
        return pd.DataFrame(columns=[*RUN_COLUMNS]), pd.DataFrame(columns=[*METRIC_COLUMNS])
    record, keys = Record.read(folder), {cell.key for cell in measurement.cells}
    return record.runs[record.runs.run_key.isin(keys)], record.metrics[record.metrics.run_key.isin(keys)]


def rehearsed(measurement: Measurement, results: Path) -> str:
    """How much is to be measured, and how much stands."""
    done = len(standing(measurement, results / measurement.name / "export")[0])
    planned = len(measurement.cells)
    return f"{measurement.name}: {planned - done} of {planned} measurements to make, {done} done"


def _measured(cell: Cell, how: Options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a cell. Raises: UserError where the data set is not there, or has too few images."""
    images = _load(cell.dataset, how.data)
    begun = time.perf_counter()
    values: dict[str, float] = {}
    for size in cell.sizes:
        values |= distances(images, size, Rng(cell.repeat, "batches", cell.dataset, size))
    seconds = time.perf_counter() - begun
    protocol = {"measure": PROTOCOL, "distribution": f"{images.name} {images.fingerprint[:12]}"}
    run = {
        "run_key": cell.key,
        "dataset": cell.dataset,
        "seed": cell.repeat,
        "status": "done",
        "train_seconds": seconds,
        "device": device_name("cpu"),
        "protocol": json.dumps(dict.fromkeys(values, protocol)),
        "spec": cell.canonical,
        **commit(),
    }
    metrics = [(cell.key, 0, name, value) for name, value in values.items()]
    return pd.DataFrame([run], columns=[*RUN_COLUMNS]), pd.DataFrame(metrics, columns=[*METRIC_COLUMNS])


@lru_cache(maxsize=1)
def _load(dataset: str, root: Path) -> Images:
    """The data set, read once for all repeats. Raises: UserError where it is not of images."""
    loaded = load_dataset(dataset, root=root)
    if not isinstance(loaded, Images):  # a pair that is made of images
        raise UserError(f"measure.batches.{dataset}: has points, not images")
    return loaded


def _describe(measurement: Measurement) -> dict[str, Any]:
    """The description of a measurement in its export, in the form of a sweep's."""
    known = {name: label for dataset in measurement.datasets for name, label in measurement.metrics(dataset).items()}
    return {
        "suite": measurement.name,
        "commands": [f"gan-zoo claims run {measurement.name}"],
        "losses": list(measurement.losses),
        "datasets": list(measurement.datasets),
        "seeds": list(measurement.seeds),
        "environment": environment(device_name("cpu")),
        "metrics": {name: {"direction": "min", "label": label} for name, label in known.items()},
        "primary": {dataset: next(iter(measurement.metrics(dataset))) for dataset in measurement.datasets},
    }
