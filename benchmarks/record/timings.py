"""Timings: what one iteration of a cell takes, measured alone on a device, apart from the sweep.

A cell's configuration is its spec without seed and evaluation. Each measurement of one is a run of the record with
`kind = timing`: the seconds of each round as the metrics `round/...`, their median and quartiles, and in tags where and
how it was measured. Its tag `status` is written last: a run without it was broken off and is no timing.
"""

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.record.batches import log_in_batches, texts
from benchmarks.record.export import TIMING_COLUMNS
from benchmarks.record.table import table_of, typed_row

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ASIDE = ("seed", "evaluate")
"""Fields of a spec that change nothing of what an iteration takes."""
CIRCUMSTANCES = ("device", "host", "engine_asked", "threads", "numerics")


@dataclass(frozen=True)
class Circumstances:
    """Where and how iterations are timed: seconds of other circumstances are other seconds. `engine_asked` may be
    `auto`."""

    device: str
    host: str
    engine_asked: str
    threads: int
    numerics: str

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(str(getattr(self, name)) for name in CIRCUMSTANCES)


@dataclass(frozen=True)
class Timing:
    """The seconds of an iteration in each round, each round being so many `iterations`; `cpu`: the CPU time, where
    that is measured. `engine`: the one that ran. `spec`: canonical JSON of one cell of the configuration."""

    loss: str
    dataset: str
    spec: str
    where: Circumstances
    engine: str
    clock: str
    iterations: int
    seconds: Sequence[float]
    cpu: Sequence[float] = ()

    @property
    def summary(self) -> dict[str, float]:
        """Median and quartiles over rounds."""
        values = list(self.seconds)
        q25, q50, q75 = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        found = {"seconds_per_iteration": q50, "seconds_q25": q25, "seconds_q75": q75}
        return found | ({"cpu_seconds_per_iteration": median(self.cpu)} if self.cpu else {})

    @property
    def tags(self) -> dict[str, Any]:
        about = {"kind": "timing", "configuration": configuration(self.spec), "loss": self.loss}
        about |= {"dataset": self.dataset, "engine": self.engine, "clock": self.clock}
        counts = {"rounds": len(self.seconds), "iterations": self.iterations}
        return {**about, **dict(zip(CIRCUMSTANCES, self.where.texts, strict=True)), **counts}


def configuration(spec: str) -> str:
    """16 hexadecimal digits of what an iteration depends on: a cell's canonical spec without seed and evaluation."""
    content = {name: value for name, value in json.loads(spec).items() if name not in ASIDE}
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def configurations(cells: Iterable[Mapping[str, Any]]) -> set[str]:
    """Those of described cells, where their specs are known."""
    return {configuration(described["spec"]) for described in cells if described.get("spec")}


def log_timing(client: "MlflowClient", experiment: str, timing: Timing, tags: Mapping[str, Any]) -> None:
    """A run of its own for one measurement; `tags` say who measured, by which code and for which sweep."""
    run = client.create_run(
        experiment, run_name=f"timing {timing.loss} / {timing.dataset}", tags=texts({**tags, **timing.tags})
    )
    now = time.time_ns() // 1_000_000
    rows = {(name, 0): (value, now) for name, value in timing.summary.items()}
    for name, values in (("round/seconds", timing.seconds), ("round/cpu_seconds", timing.cpu)):
        rows |= {(name, number): (value, now) for number, value in enumerate(values, 1)}
    log_in_batches(client, run.info.run_id, metrics=rows)
    client.set_terminated(run.info.run_id, "FINISHED")
    client.set_tag(run.info.run_id, "status", "done")


def standing(runs: Sequence["Run"]) -> dict[tuple[str, ...], "Run"]:
    """Configuration and circumstances -> the latest of `runs`, oldest first, that measured it to the end."""
    latest = {}
    for run in runs:
        tags = run.data.tags
        if tags.get("status") == "done":
            latest[tuple(tags.get(key, "") for key in ("configuration", *CIRCUMSTANCES))] = run
    return latest


def timing_table(runs: Sequence["Run"], configurations: Collection[str]) -> pd.DataFrame:
    """The columns TIMING_COLUMNS of what stands of these configurations. A host is told from others by a hash of its
    name: exports are for everybody."""
    rows = []
    for (known, *_), run in standing(runs).items():
        if known in configurations:
            tags = dict(run.data.tags)
            tags["host"] = hashlib.blake2b(tags["host"].encode(), digest_size=4).hexdigest()
            rows.append(typed_row({**run.data.metrics, **tags}, TIMING_COLUMNS))
    return table_of(rows, TIMING_COLUMNS)
