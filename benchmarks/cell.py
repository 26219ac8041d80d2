"""One cell of a sweep from its spec to its recorded end: train, evaluate, record, checkpoint, resume.

Clocks: `train_seconds` counts training alone; evaluation and bookkeeping (tracking, checkpoints, pictures) have clocks
of their own. All three go on where they stood when a run is resumed.
"""

import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks.environment import environment
from benchmarks.thumbnail import thumbnail
from gan_zoo.checkpoint import load_checkpoint, save_checkpoint
from gan_zoo.datasets import load_dataset
from gan_zoo.device import device_name, peak_memory
from gan_zoo.engine import Chosen, TrainState, choose
from gan_zoo.evaluation import Evaluation, final_weights, weights_hash
from gan_zoo.metrics import Evaluator, default_metrics
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import Run, advance, initial_state, prepare, train

if TYPE_CHECKING:
    from benchmarks.tracking import CellLog, Store

CHECKPOINT_SECONDS = 60.0
SHOWN_OVER_STEPS = 500
"""Samples kept of each evaluation."""
PLAYERS = ("critic/", "generator/")
"""Of what is measured, all that must be finite in a run that has not diverged; a score may be impossible to have."""
LOGGED_POINTS = 100
"""Points of a training curve: terms are logged as means over windows of a hundredth of the run."""


def extractor_cache(data: Path) -> Path:
    """Where classifiers, Inception's weights and reference statistics are kept, by the folder of the data sets."""
    return data / "extractors"


@dataclass(frozen=True)
class Place:
    """Where a process finds and leaves things, and how it computes."""

    runs: Path
    data: Path
    device: str = "cpu"
    threads: int = 1
    timing_comparable: bool = True
    engine: str = "plain"

    @property
    def cache(self) -> Path:
        """Classifiers and reference statistics."""
        return extractor_cache(self.data)


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: done, diverged (a result as well) or failed, with the reason of the latter two."""

    status: Literal["done", "diverged", "failed"]
    reason: str = ""


@dataclass
class Clocks:
    """Seconds spent so far, by what they were spent on."""

    seconds: dict[str, float] = field(default_factory=lambda: {"train": 0.0, "evaluate": 0.0, "record": 0.0})

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - started


def load_data(spec: RunSpec, place: Place) -> Any:
    """The data set of `spec` on the device of `place`. Errors: UserError that says what to put where."""
    folder = Path(spec.dataset.folder) if spec.dataset.folder else None
    dataset = load_dataset(spec.dataset.name, root=place.data, folder=folder, image_size=spec.dataset.image_size)
    return dataset.to(place.device)


def load_evaluator(spec: RunSpec, data: Any, place: Place, apart: bool = False) -> Evaluator:
    """The metrics that `spec` asks for, with their references; trains the data set's classifier where it is missing.

    `apart`: the primary one alone, against data that the scores are not measured by.
    """
    names = list(spec.evaluate.metrics) or default_metrics(data)
    return Evaluator(data, names[: 1 if apart else None], spec.evaluate.samples, place.cache, place.device, apart=apart)


def run_cell(
    spec: RunSpec, place: Place, store: "Store", suite: str, sweep: str, progress: Callable[[int], None]
) -> Outcome:
    """Runs or resumes one cell and records its end, whatever it is. `progress` hears each step that was reached."""
    folder = place.runs / spec.key
    folder.mkdir(parents=True, exist_ok=True)
    data = load_data(spec, place)
    log = store.open_cell(
        suite,
        sweep,
        key=spec.key,
        name=spec.label,
        params=flat(spec.to_dict()),
        tags={**columns(spec), **circumstances(place)},
        dataset={"name": data.name, "digest": data.digest, "shape": data.shape},
    )
    log.dictionary(spec.to_dict(), "spec.json")
    try:
        outcome, tags = drive(spec, place, data, folder, log, progress)
    except (KeyboardInterrupt, BrokenPipeError):  # broken off here, or the sweep that listens is gone
        log.interrupt()
        raise
    except Exception as error:  # whatever it is, the sweep goes on and the run ends in a recorded state
        log.text(traceback.format_exc(), "traceback.txt")
        outcome, tags = Outcome("failed", " ".join(f"{type(error).__name__}: {error}".split())), {}
    log.finish(outcome.status, tags=tags, error=outcome.reason)
    if outcome.status != "failed":  # what failed goes on from its checkpoint when it is run again
        shutil.rmtree(folder)
    return outcome


def drive(
    spec: RunSpec, place: Place, data: Any, folder: Path, log: "CellLog", progress: Callable[[int], None]
) -> tuple[Outcome, dict[str, str]]:
    """Trains from the checkpoint, or from the start, to the end or to divergence; the outcome and tags with results."""
    run = prepare(spec, data, place.device)
    apart = load_evaluator(spec, data, place, apart=True) if spec.evaluate.repeats > 1 else None
    evaluation = Evaluation(run, data, load_evaluator(spec, data, place), apart)
    state, clocks, path = initial_state(run), Clocks(), folder / "checkpoint.pt"
    if path.exists():
        clocks.seconds.update(load_checkpoint(path, state, spec.key))
    if state.step == 0:
        show(log, folder, evaluation, state)
    values: dict[str, float] = {}
    engine = choose(place.engine)
    iterations, saved_at = train(run, state, engine), time.monotonic()
    while state.step < spec.train.steps:
        with clocks.on("train"):
            values = advance(iterations, next_stop(spec, state.step) - state.step)
        due = state.step % spec.evaluate.every == 0 or state.step == spec.train.steps
        if due:
            with clocks.on("evaluate"):
                values |= evaluation(state)
        bad = [name for name, value in values.items() if name.startswith(PLAYERS) and not isfinite(value)]
        with clocks.on("record"):
            record(log, spec, state, clocks, values)
            if due:
                show(log, folder, evaluation, state)
            if due or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                log.flush()
                save_checkpoint(path, state, spec.key, clocks.seconds)
                saved_at = time.monotonic()
        progress(state.step)
        if bad:
            reason = f"{bad[0]} is not finite at step {state.step}"
            return Outcome("diverged", reason), results(run, state, place, engine)
    tags = {"weights_hash": keep(log, folder, evaluation, state, values)}
    return Outcome("done"), results(run, state, place, engine) | tags


def next_stop(spec: RunSpec, step: int) -> int:
    """The next step at which training is interrupted: to log, to evaluate or to end."""
    window = max(1, spec.train.steps // LOGGED_POINTS)
    return min((step // every + 1) * every for every in (window, spec.evaluate.every, spec.train.steps))


def record(log: "CellLog", spec: RunSpec, state: TrainState, clocks: Clocks, values: dict[str, float]) -> None:
    """Everything that is known at this step, under the names that reports use."""
    rate = state.step / clocks.seconds["train"]
    log.metrics(
        state.step,
        {
            **values,
            "iterations_per_second": rate,
            **{f"{what}_seconds": seconds for what, seconds in clocks.seconds.items()},
        },
    )


def show(log: "CellLog", folder: Path, evaluation: Evaluation, state: TrainState) -> None:
    """A sample image on the record's step slider, and its samples beside the checkpoint for the report's."""
    samples = evaluation.samples(state)
    log.image("samples", thumbnail(samples), state.step)
    np.save(folder / f"samples@{state.step}.npy", samples[:SHOWN_OVER_STEPS])


def keep(log: "CellLog", folder: Path, evaluation: Evaluation, state: TrainState, scores: dict[str, float]) -> str:
    """Records the final weights and what reports show of them; the hash of the weights."""
    from safetensors.torch import save_file

    weights = final_weights(evaluation.run, state)
    save_file(weights, folder / "weights.safetensors")
    log.weights(folder / "weights.safetensors", state.step, scores)
    arrays = {path.stem: np.load(path) for path in folder.glob("samples@*.npy")}
    arrays |= {"samples": evaluation.samples(state), "weights": evaluation.weight_histogram(state)}
    if evaluation.data.kind == "points":
        arrays["critic"] = evaluation.critic_contour(state)
    log.samples({**arrays, f"data/{evaluation.run.spec.dataset.name}": evaluation.real_samples()})
    return weights_hash(weights)


def columns(spec: RunSpec) -> dict[str, Any]:
    """What the run table says of a cell by its spec alone."""
    return {
        "loss": spec.loss_name,
        "dataset": spec.dataset.name,
        "architecture": text(spec.to_dict()["architecture"]),
        "seed": spec.seed,
        "steps": spec.train.steps,
        "n_critic": spec.train.n_critic,
        "batch_size": spec.train.batch_size,
        "optimizer": str(spec.train.optimizer),
    }


def circumstances(place: Place) -> dict[str, Any]:
    """What the run table says of where and how a cell ran."""
    return {
        **environment(device_name(place.device)),
        "device": device_name(place.device),
        "threads": place.threads,
        "engine": place.engine,
        "timing_comparable": place.timing_comparable,
    }


def results(run: Run, state: TrainState, place: Place, engine: Chosen) -> dict[str, Any]:
    """What the run table says of a cell that ended, beside its metrics."""
    sizes = {
        f"parameters_{net}": sum(weight.numel() for weight in getattr(state, net).values())
        for net in ("generator", "critic")
    }
    memory = peak_memory(place.device)
    return {
        **sizes,
        "images_seen": state.step * run.spec.train.n_critic * run.spec.train.batch_size,
        **({} if memory is None else {"peak_memory_mb": round(memory)}),
        "engine": engine.name,
        **({"engine_reason": engine.reason} if engine.reason else {}),
    }


def text(mapping: dict[str, Any]) -> str:
    """A named mapping in one short line: mlp z_dim=2 width=128."""
    return " ".join(
        [
            mapping["name"],
            *(f"{key}={value}" for key, value in mapping.items() if key != "name" and value not in (None, "none")),
        ]
    )


def flat(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    result: dict[str, Any] = {}
    for key, value in mapping.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return result


def trial_seconds(spec: RunSpec, place: Place, iterations: int = 3) -> float:
    """A forecast of the seconds that the training of `spec` takes, from a few iterations after a first one."""
    run = prepare(spec, load_data(spec, place), place.device)
    steps = train(run, initial_state(run), choose(place.engine))
    advance(steps, 1)
    started = time.perf_counter()
    advance(steps, iterations)
    return (time.perf_counter() - started) / iterations * spec.train.steps
