"""Cells in the record: where each stands, and which of its runs is meant."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.record.batches import Values
from benchmarks.record.lease import Holder, Leases
from benchmarks.record.table import run_row

if TYPE_CHECKING:
    from mlflow.entities import Run

ENDED = ("done", "diverged", "failed")
SETTLED = ("done", "diverged")  # a divergence is a result
IDENTITY = ("science", "data", "numerics", "code")  # tags of a cell: what its numbers come from, beside its spec

Status = Literal["done", "diverged", "failed", "interrupted", "running"]


@dataclass(frozen=True)
class RecordedCell:
    """Where a cell stands: `step` generator steps recorded, `seconds` of training, `error` in one line; what its
    numbers come from (`identity`, by the names IDENTITY), the `protocol` it is scored by, JSON by metric, of one that
    is running who has it (`holder`), and the engines that trained it (`engine`). Older records do not say all of it."""

    key: str
    run_id: str
    status: Status
    step: int
    seconds: float
    error: str
    identity: Mapping[str, str]
    protocol: str
    holder: Holder | None = None
    engine: str = ""


def has_identity(tags: Mapping[str, str], identity: Mapping[str, str]) -> bool:
    return all(tags.get(name) == value for name, value in identity.items())


def latest_run(runs: list["Run"], key: str, identity: Mapping[str, str]) -> "Run | None":
    """Of `runs`, oldest first, the last of the cell `key` of this identity; of any where none is known."""
    own = [run for run in runs if run.data.tags["run_key"] == key and has_identity(run.data.tags, identity)]
    return own[-1] if own else None


def name_of_lease(key: str, identity: Mapping[str, str]) -> str:
    """By what the ledger of a suite knows the cell `key` of this identity."""
    digest = hashlib.blake2b("\n".join(identity.values()).encode(), digest_size=4).hexdigest()
    return f"{key}.{digest}"


def recorded_cell(run: "Run", leases: Leases) -> RecordedCell:
    """The cell whose run `run` is; one without a result is running where somebody has its lease."""
    tags, key, status = run.data.tags, run.data.tags["run_key"], run.data.tags.get("status")
    identity = {name: tags[name] for name in IDENTITY if name in tags}
    holder = None
    if status not in ENDED:
        holder = leases.holder(name_of_lease(key, identity))
        status = "running" if holder else "interrupted"
    step, seconds = int(tags.get("step", 0)), run.data.metrics.get("train_seconds", 0.0)
    said = tags.get("error", ""), identity, tags.get("protocol", "")
    return RecordedCell(key, run.info.run_id, status, step, seconds, *said, holder, tags.get("engine", ""))


def row_of(key: str, described: Values, run: "Run | None") -> dict[str, Any]:
    """The row of the run table for the cell `key`, whose run has ended; `missing` where there is none."""
    if run is None:
        return run_row(key, "missing", described, {})
    logged = {**run.data.metrics, **run.data.params, **run.data.tags, "mlflow_run_id": run.info.run_id}
    return run_row(key, run.data.tags["status"], described, logged)
