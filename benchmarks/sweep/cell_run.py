"""One cell of a sweep while it runs: its state, its record, its checkpoint and its end.

Clocks: `train_seconds` counts training alone; evaluation and bookkeeping (tracking, checkpoints, pictures) have clocks
of their own. All three go on where they stood when a run is resumed. Seeds that are stacked share the seconds of their
training evenly; such a run is no fair measure of time (`timing_comparable`), nor is one that changed its engine.
"""

import os
import shutil
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks.record.patience import Away, Gone, first_line
from benchmarks.record.thumbnail import thumbnail
from benchmarks.record.vocabulary import critic_at, real_data, samples_at
from benchmarks.sweep.columns import circumstances, columns, flat, results
from benchmarks.sweep.context import Context, Sweep
from benchmarks.sweep.history import History
from benchmarks.sweep.identity import identity
from benchmarks.sweep.messages import Outcome, Scored, Tell, reason_of
from benchmarks.sweep.stops import Look, Stop, silence
from gan_zoo.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from gan_zoo.engine import TrainState
from gan_zoo.errors import UserError
from gan_zoo.evaluation import Evaluation, Picture
from gan_zoo.files import make_folder, read_array, shown, write_array
from gan_zoo.metrics import AnyEvaluator
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import Run, initial_state, prepare
from gan_zoo.weights_file import HASH, final_weights, weights_hash

if TYPE_CHECKING:
    from benchmarks.record.run_log import CellLog

SHOWN_OVER_STEPS = 500
"""Samples kept of each evaluation."""


@dataclass
class OpenCell:
    """A cell from its opening in the record to its `outcome`, which is None until it has one."""

    spec: RunSpec
    context: Context
    log: "CellLog"
    tell: Tell
    outcome: Outcome | None = None

    @classmethod
    def open(cls, spec: RunSpec, sweep: Sweep, data: Any, tell: Tell) -> "OpenCell":
        """The cell in the record, new or resumed; its `outcome` is that of an error that came after it was taken.

        Raises: Held where another process has it.
        """
        context = sweep.context
        log = sweep.store.open_cell(
            sweep.suite,
            sweep.parent_of(spec),
            key=spec.key,
            name=sweep.name_of(spec),
            params={**sweep.setting_of(spec), **flat(spec.to_dict())},
            tags={
                **columns(spec),
                **circumstances(spec, context),
                **sweep.setting_of(spec),
                "engine": context.engine,
            },
            # not the plan's: a worker may have begun after the code was edited, on another machine perhaps
            identity=identity(spec, data.fingerprint, context).tags,
            dataset={"name": data.name, "digest": data.fingerprint, "shape": data.shape},
            folder=context.runs / spec.key,
        )
        cell = cls(spec, context, log, tell)
        try:
            make_folder(cell.folder, own=True)
            log.dictionary(spec.to_dict(), "spec.json")
        except Away:
            log.interrupt()
            raise
        except Exception as error:
            cell.fail(error)
        return cell

    @property
    def folder(self) -> Path:
        """The folder of all that a resume needs."""
        return self.context.runs / self.spec.key

    def fail(self, error: Exception) -> Outcome:
        """Ends the cell by an error; it goes on from its checkpoint when it is run again."""
        reason = reason_of(error)
        self.outcome = Outcome("failed", reason)
        try:
            self.log.text("".join(traceback.format_exception(error)), "traceback.txt")
            self.log.finish("failed", error=reason)
        except Exception as second:  # the run is gone from the record: the sweep goes on all the same
            more = "" if isinstance(error, Gone) else f" (and the record refuses it: {first_line(second)})"
            self.outcome = Outcome("failed", reason + more)
            self.log.leave()
        return self.outcome


@dataclass
class CellRun:
    """An open cell in training: where it stands, how it is scored, how it has spent its time."""

    cell: OpenCell
    run: Run
    state: TrainState
    evaluation: Evaluation
    evaluator: AnyEvaluator
    history: History = field(default_factory=History)
    longest: float = 0.0
    """seconds of its longest evaluation in this process"""
    sent: float = field(default_factory=time.monotonic)
    """when a checkpoint went to the record, or this process began"""

    @classmethod
    def start(cls, cell: OpenCell, data: Any, evaluator: AnyEvaluator, validation: AnyEvaluator | None) -> "CellRun":
        """The cell at the state of its checkpoint, or at that before the first step."""
        cell.log.primary = next(iter(evaluator.metrics))
        run = prepare(cell.spec, data, cell.context.device, cell.context.numerics)
        own = cls(cell, run, initial_state(run), Evaluation(run, data, evaluator, validation), evaluator)
        try:
            own.resume()
        except CheckpointError as refusal:
            cell.tell(cell.spec, f"{cell.spec.label} starts anew: {refusal}")
            own.start_anew()
        return own

    def resume(self) -> None:
        """Takes the state of the checkpoint where there is one. Raises: CheckpointError where it is not this run's."""
        path = self.cell.folder / "checkpoint.pt"
        fetched = not os.path.lexists(path) and self.cell.log.fetch_checkpoint()
        if os.path.lexists(path):  # a link to nothing is damage as any other
            extra = load_checkpoint(
                path, self.state, self.cell.spec.key, self.cell.log.run_id, self.cell.spec.train.steps
            )
            self.history = History.from_dict(extra)
            if not self.cell.log.holds(self.state.step):
                raise CheckpointError(f"{shown(path)}: of step {self.state.step}, and the record is an older copy")
            self.cell.log.take_unsent(self.state.step)
            if fetched:
                text = f"goes on from step {self.state.step}, by the checkpoint in the record"
                self.cell.tell(self.cell.spec, f"{self.cell.spec.label} {text}")
        elif not self.cell.log.empty:  # killed after metrics were sent and before its first checkpoint, or elsewhere
            self.cell.tell(self.cell.spec, f"{self.cell.spec.label} starts anew: no checkpoint here or in the record")
            self.start_anew()

    def start_anew(self) -> None:
        """Forgets all that an earlier process left of this cell, here and in the record."""
        shutil.rmtree(self.cell.folder)
        self.cell.folder.mkdir()
        self.state, self.history = initial_state(self.run), History()
        if not self.cell.log.empty:
            self.cell.log.start_anew()
            self.cell.log.dictionary(self.cell.spec.to_dict(), "spec.json")

    def begin(self, look: Look) -> None:
        """Keeps a picture of the state before the first step."""
        look.values()
        if look.picture:
            self.show(0, look.picture)

    def arrive(self, stop: Stop) -> None:
        """Works out and records what there is to say of a stop, and ends what is to end there."""
        before = self.history.engines[-1:]
        stacked = stop.stacked if stop.engine.name.startswith("stacked") else 1
        self.history.trained(stop.seconds, stop.engine.name, stacked)
        if before and self.history.engines[-1:] != before:
            change = f"goes on by engine {stop.engine.name} after {before[0]}, which rounds in another order"
            self.cell.tell(self.cell.spec, f"{self.cell.spec.label}: {change}")
        values = dict(stop.terms)
        if stop.look is not None:
            values |= self.evaluate(stop.look)
            first = next(iter(self.evaluator.metrics))
            self.cell.tell(self.cell.spec, Scored(stop.step, first, values[first]))
        with self.history.on("record"):
            self.record(stop, values)
        how = {"engine_reason": stop.engine.reason} if stop.engine.reason else {}
        if stop.bad is not None:
            self.end("diverged", f"{stop.bad} is not finite at step {stop.step}", how)
        elif stop.step == self.cell.spec.train.steps:
            self.end("done", "", {"weights_hash": self.keep(values), **how})

    def evaluate(self, look: Look) -> Mapping[str, float]:
        """The values of an evaluation, the rest of which is worked out now."""
        self.cell.tell(self.cell.spec, silence(self.longest))
        started = time.monotonic()
        with self.history.on("evaluate"):
            values = look.values()
        self.history.seconds["evaluate"] += look.seconds
        self.longest = max(self.longest, look.seconds + time.monotonic() - started)
        return values

    def record(self, stop: Stop, values: Mapping[str, float]) -> None:
        """Records the values of a stop by the names that reports use, and where it has a look its picture."""
        seconds, look = self.history.seconds, stop.look
        clocks = {f"{what}_seconds": spent for what, spent in seconds.items() if look or what == "train"}
        rate = {"iterations_per_second": stop.step / seconds["train"]} if look else {}
        self.cell.log.metrics(stop.step, {**values, **rate, **clocks})
        if look and look.picture:
            self.show(stop.step, look.picture)

    def save(self) -> None:
        """Sends what is not sent and writes a checkpoint: a resumed run goes on from both."""
        with self.history.on("record"):
            self.cell.log.flush()
            path, extra = self.cell.folder / "checkpoint.pt", self.history.to_dict()
            try:
                save_checkpoint(path, self.state, self.cell.spec.key, self.cell.log.run_id, extra)
            except UserError as failure:  # a disk that is full may have room again at the next one
                self.cell.tell(
                    self.cell.spec, f"{self.cell.spec.label}: no checkpoint at step {self.state.step}: {failure}"
                )
            every = self.cell.context.send_every
            if every is not None and time.monotonic() >= self.sent + every:
                self.cell.log.send_checkpoint()
                self.sent = time.monotonic()

    def show(self, step: int, picture: Picture) -> None:
        """A sample image on the record's step slider, once though steps be repeated, and its samples beside the
        checkpoint for the report's, with the critic's scores where they can be drawn under them."""
        samples, path = picture.samples, self.cell.folder / f"{samples_at(step)}.npy"
        if not path.exists():
            self.cell.log.image("samples", thumbnail(samples, self.evaluation.square), step)
        self.cell.log.patiently(lambda: write_array(path, samples[:SHOWN_OVER_STEPS]))
        scores = picture.critic
        if scores is not None:
            self.cell.log.patiently(lambda: write_array(self.cell.folder / f"{critic_at(step)}.npy", scores))

    def keep(self, scores: dict[str, float]) -> str:
        """Records the final weights and what reports show of them; the hash of the weights."""
        from safetensors.torch import save_file

        evaluation, weights = self.evaluation, final_weights(self.run, self.state)
        path, known_by = self.cell.folder / "weights.safetensors", {HASH: weights_hash(weights)}
        self.cell.log.patiently(lambda: save_file(weights, path, known_by))
        self.cell.log.weights(path, self.state.step, scores)
        arrays: dict[str, Any] = {}
        for pattern in (samples_at("*"), critic_at("*")):
            for kept in self.cell.folder.glob(f"{pattern}.npy"):
                array = read_array(kept)
                if array is not None:
                    arrays[kept.stem] = array
        samples = evaluation.samples(self.state)
        self.cell.log.image("last", thumbnail(samples, evaluation.square), 0)
        arrays |= {"samples": samples, "weights": evaluation.weight_histogram(self.state)}
        if samples.ndim == 2:
            arrays["square"] = np.array(evaluation.square)
        if evaluation.on_plane:
            arrays["critic"] = evaluation.critic_contour(self.state)
        self.cell.log.samples({**arrays, real_data(self.cell.spec.dataset.name): evaluation.real_samples()})
        return known_by[HASH]

    def end(self, status: Literal["done", "diverged"], reason: str, more: dict[str, str]) -> None:
        """Records a result, with `more` tags beside the usual ones, and leaves nothing to resume."""
        history, alone = self.history, self.history.stacked == 1 and len(self.history.engines) == 1
        tags = {
            **results(self.cell.spec, self.cell.context, self.state, self.evaluator),
            "engine": ", ".join(history.engines),
            "stacked": history.stacked,
            "timing_comparable": self.cell.context.timing_comparable and alone,
            **more,
        }
        self.cell.log.finish(status, tags=tags, error=reason)
        self.cell.outcome = Outcome(status, reason)
        shutil.rmtree(self.cell.folder, ignore_errors=True)
