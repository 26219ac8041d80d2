"""The log of a cell: all that it writes to the record while it runs."""

import json
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from benchmarks.record import checkpoints
from benchmarks.record.batches import BATCH, Values, log_dataset, log_in_batches, texts
from benchmarks.record.lease import Kept
from benchmarks.record.notes import NOTE, cell_note
from benchmarks.record.patience import Away, Gone, Patience, at_most_once, impatient
from benchmarks.record.shown import PICTURES, shown, told
from benchmarks.record.vocabulary import CLOCKS, is_score
from gan_zoo.errors import UserError
from gan_zoo.files import read_array, read_text, write_array

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

UNSENT = "unsent.json"  # in a run's folder: metrics that wait for a record that is away
LARGEST_UNSENT = 2**30  # bytes
NOWHERE = -1  # the step of a run that has no metrics yet


@dataclass(frozen=True)
class Opening:
    """The description of a cell that the record gets when it begins."""

    experiment: str
    name: str
    params: Values
    tags: Values
    dataset: Values

    def new_run(self, client: "MlflowClient") -> str:
        """The id of a new run that says all this and nothing else."""
        run = client.create_run(self.experiment, run_name=self.name, tags=texts(self.tags))
        log_dataset(client, run.info.run_id, self.dataset)
        log_in_batches(client, run.info.run_id, params=texts(self.params))
        return str(run.info.run_id)

    def go_on(self, client: "MlflowClient", run: "Run") -> str:
        """The id of `run`, an earlier one of this cell, which says all this from now on, wherever it was cut short."""
        client.update_run(run.info.run_id, status="RUNNING", name=self.name)
        if not run.inputs.dataset_inputs:  # killed between the making of the run and the naming of its data
            log_dataset(client, run.info.run_id, self.dataset)
        known = run.data.params
        more = {name: value for name, value in self.params.items() if name not in known}
        log_in_batches(client, run.info.run_id, params=texts(more), tags=texts(self.tags))
        return str(run.info.run_id)


@dataclass(frozen=True)
class Unsent:
    """Metrics that wait for a record that is away, (name, step) -> (value, milliseconds), and tags: of steps from one
    `after` which all is in the record, up to `step`."""

    metrics: dict[tuple[str, int], tuple[float, int]]
    tags: dict[str, str]
    after: int
    step: int

    @classmethod
    def of(cls, content: Any) -> Self:
        """From its JSON. Raises: ValueError, KeyError or TypeError for anything else."""
        metrics = {(str(name), int(step)): (float(value), int(now)) for name, step, value, now in content["metrics"]}
        tags = {str(name): str(value) for name, value in dict(content["tags"]).items()}
        return cls(metrics, tags, int(content.get("after", NOWHERE)), int(tags.get("step", NOWHERE)))


class CellLog:
    """The log of one cell. Metrics are buffered until `flush`, so call it outside the timed region.

    `run_id`: its run in the record; `empty`: nothing was recorded there by an earlier process; `primary`: the score
    that MLflow is to show first, which whoever trains the cell says before it is scored.
    """

    def __init__(
        self, client: "MlflowClient", opening: Opening, lease: Kept, folder: Path, earlier: "Run | None" = None
    ) -> None:
        self._client, self._opening, self._lease, self._folder = client, opening, lease, folder
        self._patience: Patience = client._patience  # type: ignore[attr-defined]
        self._files: Patience = client._files  # type: ignore[attr-defined]
        self.empty = earlier is None or not (earlier.data.metrics or earlier.data.tags.get("step"))
        self.run_id = opening.new_run(client) if earlier is None else opening.go_on(client, earlier)
        self._buffer: dict[tuple[str, int], tuple[float, int]] = {}
        self._tags: dict[str, str] = {}
        self._sent: str = earlier.data.tags.get(checkpoints.TAG, "") if earlier else ""
        self._scores = _scores({told(name): value for name, value in earlier.data.metrics.items()} if earlier else {})
        self.primary = ""
        self._reached = int(earlier.data.tags.get("step", NOWHERE)) if earlier else NOWHERE

    def start_anew(self) -> None:
        """Take a new run in the record; the one of before, and all that it says, is deleted."""
        self._client.delete_run(self.run_id)
        self.run_id, self.empty, self._sent = self._opening.new_run(self._client), True, ""
        self._scores = {}
        self._reached = NOWHERE

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Note `values` at a generator step. MLflow has no infinity: it becomes NaN, and the tag `infinite` tells."""
        now = time.time_ns() // 1_000_000
        for name, value in values.items():
            value = float(value)
            if math.isinf(value):
                self._tags.setdefault("infinite", f"{name} = {value} at step {step}")
                value = math.nan
            self._buffer[name, step] = value, now
        self._scores |= _scores(values)
        self._tags["step"] = str(step)
        if len(self._buffer) >= BATCH["metrics"]:
            self.flush()

    def flush(self) -> None:
        """Send what is buffered, or keep it in the run's folder while the record is away.

        Raises: Held where another process has taken the cell.
        """
        self._lease.check()
        try:
            with impatient(self._patience):
                self._send()
        except Away:
            with suppress(OSError):  # where it cannot be written either, it stays in memory
                self._keep_unsent()

    def _send(self) -> None:
        self._refuse_older_copy()
        rows = {(shown(name, self.primary), step): row for (name, step), row in self._buffer.items()}
        log_in_batches(self._client, self.run_id, metrics=rows, tags=self._tags)
        self._reached = int(self._tags.get("step", self._reached))
        self._buffer, self._tags = {}, {}
        for path in sorted(self._folder.glob("unsent-*@*.npy")):
            key, step = path.stem.removeprefix("unsent-").rsplit("@", 1)
            pixels = read_array(path)
            if pixels is not None:
                self._client.log_image(self.run_id, pixels, key=PICTURES[key], step=int(step))
            path.unlink()
        with suppress(OSError):  # where it was never there, or cannot go: it is sent twice rather than not at all
            (self._folder / UNSENT).unlink()

    def _refuse_older_copy(self) -> None:
        """Raises: Gone where the record has no longer what was sent to it, and so would have a gap."""
        if self._reached == NOWHERE:
            return
        step = int(self._client.get_run(self.run_id).data.tags.get("step", NOWHERE))
        if step < self._reached:
            lost = f"this run ends there at step {max(0, step)}, not {self._reached}"
            raise Gone(f"{self._patience.place}: an older copy is in its place ({lost}): give the same command again")

    def _keep_unsent(self) -> None:
        rows = [[name, step, value, now] for (name, step), (value, now) in self._buffer.items()]
        about = {"record": self.run_id, "after": self._reached}
        content = json.dumps({**about, "tags": self._tags, "metrics": rows})
        partial = self._folder / f"{UNSENT}.partial"
        partial.write_text(content, encoding="utf-8")
        os.replace(partial, self._folder / UNSENT)

    def holds(self, step: int) -> bool:
        """Whether the metrics of all steps up to `step` are in the record, or wait in the run's folder to follow on
        those that are: an older copy of a record has lost some."""
        waiting = self._unsent()
        if waiting is None or waiting.after > self._reached:
            return step <= self._reached
        return step <= max(self._reached, waiting.step)

    def take_unsent(self, until: int) -> None:
        """Send with the next metrics what an earlier process could not, up to step `until`, from where it goes on."""
        waiting = self._unsent()
        if waiting is not None:
            self._tags = waiting.tags
            self._buffer = {(name, step): known for (name, step), known in waiting.metrics.items() if step <= until}

    def _unsent(self) -> "Unsent | None":
        """What waits in the run's folder; None where nothing does, or it is of another run or damaged."""
        try:
            content = json.loads(read_text(self._folder / UNSENT, LARGEST_UNSENT))
            return Unsent.of(content) if content["record"] == self.run_id else None
        except (UserError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def send_checkpoint(self) -> None:
        """Keep the run's folder in the record; where that is away it is left out, for the next one takes its place."""
        with at_most_once(self._patience):
            self._sent = checkpoints.send(self._client, self.run_id, self._folder, self._sent)

    def fetch_checkpoint(self) -> bool:
        """Put what was last kept of the run's folder back into it; False where nothing was, or it is not whole."""
        return bool(self._sent) and checkpoints.fetch(self._client, self.run_id, self._folder, self._sent)

    def patiently(self, action: Callable[[], None]) -> None:
        """Do what writes files, as soon as storage lets it. Raises: Away where that takes too long."""
        self._files(action)

    def image(self, key: str, pixels: np.ndarray, step: int) -> None:
        """An image (H, W, C) uint8 on the step slider of the UI; `key`: one of PICTURES."""
        try:
            with impatient(self._patience):
                self._client.log_image(self.run_id, pixels, key=PICTURES[key], step=step)
        except Away:
            with suppress(OSError):
                write_array(self._folder / f"unsent-{key}@{step}.npy", pixels)

    def artifact(self, path: Path, folder: str = "") -> None:
        """Keep a copy of a file."""
        self._client.log_artifact(self.run_id, str(path), folder or None)

    def dictionary(self, content: dict[str, Any], name: str) -> None:
        """Keep a dictionary as the JSON file `name`."""
        self._client.log_dict(self.run_id, content, name)

    def text(self, content: str, name: str) -> None:
        """Keep a text as the file `name`."""
        self._client.log_text(self.run_id, content, name)

    def samples(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the arrays that a report shows: `samples`, `critic`, and `data/<data set>` for real samples."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "samples.npz"
            named: Any = arrays  # an array may have any name
            np.savez_compressed(path, **named)
            self.artifact(path)

    def weights(self, path: Path, step: int, scores: Mapping[str, float]) -> None:
        """Keep the weights as an artifact and name them as a logged model, which the UI ranks by its `scores`.

        What players log is no score.
        """
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric

        self.artifact(path, "weights")
        run = self._client.get_run(self.run_id)
        data = run.inputs.dataset_inputs[0].dataset
        tags = {"path": f"weights/{path.name}", "run_key": run.data.tags["run_key"]}
        params = {name: run.data.tags[name] for name in ("loss", "dataset", "seed")}
        name = re.sub(r"[^\w-]+", "-", run.info.run_name)
        experiment = self._opening.experiment
        model = self._client.create_logged_model(experiment, name, self.run_id, tags, params, "generator")
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(self.run_id, [LoggedModelOutput(model.model_id, step)])
        now = time.time_ns() // 1_000_000
        rows = [
            Metric(shown(score, self.primary), value, now, step, model.model_id, data.name, data.digest, self.run_id)
            for score, value in scores.items()
            if is_score(score) and math.isfinite(value)
        ]
        self._client.log_batch(self.run_id, metrics=rows)

    def interrupt(self) -> None:
        """Leave the run to be resumed; what was not flushed is not recorded."""
        with at_most_once(self._patience):
            self._client.set_tag(self.run_id, "status", "interrupted")
            self._client.set_terminated(self.run_id, "KILLED")
            self._lease.give_up()

    def leave(self) -> None:
        """Give up the cell whose run could not be ended, as far as the record is there to hear of it."""
        with at_most_once(self._patience), suppress(Exception):
            self._client.set_terminated(self.run_id, "FAILED")
        with at_most_once(self._patience), suppress(Exception):
            self._lease.give_up()

    def finish(
        self, status: Literal["done", "diverged", "failed"], tags: Values | None = None, error: str = ""
    ) -> None:
        """Send all that is left, then close the run; its status is the last word."""
        note = cell_note(self._opening.experiment, self._opening.tags, status, self.primary, self._scores)
        self._tags |= texts({**(tags or {}), "error": " ".join(error.split()), NOTE: note})
        self._lease.check()
        self._send()
        self._client.set_terminated(self.run_id, "FINISHED" if status == "done" else "FAILED")
        # The tag last: whoever reads it finds all that belongs to a result.
        self._client.set_tag(self.run_id, "status", status)
        if self._sent and status != "failed":
            checkpoints.forget(self._client, self.run_id)
        self._lease.give_up()


def _scores(values: Mapping[str, float]) -> dict[str, float]:
    """Those of `values` that are scores."""
    return {name: value for name, value in values.items() if is_score(name) and name not in CLOCKS}


def check_names(metrics: Iterable[str]) -> None:
    """Refuses scores that the record cannot hold.

    Raises: UserError where MLflow would refuse one, or take it for a player's term, for its data set's name.
    """
    for name in metrics:
        if not re.fullmatch(r"[\w.\- :]+", name):
            allowed = "letters, digits, spaces and _ - . : alone"
            raise UserError(f"metric {name!r}: the record takes {allowed}: give the data set another name")
