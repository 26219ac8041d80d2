"""Cells in the record: where each stands, and which of its runs is meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.record.owner import owner_is_dead
from benchmarks.record.run_log import Values
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
    numbers come from (`identity`, by the names IDENTITY), the `protocol` it is scored by, JSON by metric, and who is or
    was at it, in words (`owner`), and the engines that trained it (`engine`). Older records do not say all of it."""

    key: str
    run_id: str
    status: Status
    step: int
    seconds: float
    error: str
    identity: Mapping[str, str]
    protocol: str
    owner: str
    engine: str = ""


def has_identity(tags: Mapping[str, str], identity: Mapping[str, str]) -> bool:
    return all(tags.get(name) == value for name, value in identity.items())


def latest_run(runs: list["Run"], key: str, identity: Mapping[str, str]) -> "Run | None":
    """Of `runs`, oldest first, the last of the cell `key` of this identity; of any where none is known."""
    own = [run for run in runs if run.data.tags["run_key"] == key and has_identity(run.data.tags, identity)]
    return own[-1] if own else None


def recorded_cell(run: "Run") -> RecordedCell:
    tags, metrics = run.data.tags, run.data.metrics
    status = tags.get("status")
    if status not in ENDED:
        status = "running" if run.info.status == "RUNNING" and not owner_is_dead(tags) else "interrupted"
    seconds = metrics.get("train_seconds", 0.0)
    step, error = int(tags.get("step", 0)), tags.get("error", "")
    identity = {name: tags[name] for name in IDENTITY if name in tags}
    owner = f"{tags.get('host', 'another machine')} (process {tags.get('pid', 'unknown')})"
    how = identity, tags.get("protocol", ""), owner, tags.get("engine", "")
    return RecordedCell(tags["run_key"], run.info.run_id, status, step, seconds, error, *how)


def row_of(key: str, described: Values, run: "Run | None") -> dict[str, Any]:
    if run is None:
        return run_row(key, "missing", described, {})
    logged = {**run.data.metrics, **run.data.params, **run.data.tags, "mlflow_run_id": run.info.run_id}
    return run_row(key, recorded_cell(run).status, described, logged)
