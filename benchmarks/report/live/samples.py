"""The player of samples: each loss's samples at each evaluation; of points, as bytes, with the critic's field."""

import base64
import io
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.markup.blocks import Live
from benchmarks.record.vocabulary import critic_scores, final_samples, of_run, real_data, samples_at
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.samples import Square, field_of, kept_steps, mosaic, shown_runs, square_of
from benchmarks.report.live.charts import plain

POINTS = 500  # of a frame
FIELD = 33  # points a side of the critic's field
SIDE = 5  # images a side of a frame
FRAMES = 24  # of a loss
LARGEST = 1_500_000
"""Bytes that the frames of a data set take at most in a page: later ones are left out first, of all losses alike."""


def sample_player(dataset: DatasetResults) -> Live | None:
    """The frames of the runs whose samples the figures show; None where the record has none over training."""
    runs, square = shown_runs(dataset), square_of(dataset)
    kept = {loss: kept_steps(dataset, run.key) for loss, run in runs.items()}
    steps = _chosen(sorted(set().union(*kept.values())))
    if len(steps) < 2:
        return None
    losses = {}
    for loss, run in runs.items():
        own = [step for step in kept[loss] if step in steps]
        frames = [_frame(dataset, run.key, step, square) for step in own]
        losses[loss] = {"seed": run.seed, "run": run.key, "frames": frames}
    _fit(losses)
    arrays = dataset.results.record.samples
    first = next(arrays[of_run(runs[loss].key, samples_at(own[0]))] for loss, own in kept.items() if own)
    what = {"kind": "points", "square": square} if first.ndim == 2 else {"kind": "images", "size": _size(first)}
    real = _picture(arrays.get(real_data(dataset.name)), square)
    return {**what, "dataset": dataset.name, "steps": steps, "losses": losses, "real": real}


def _chosen(steps: list[int]) -> list[int]:
    """At most FRAMES of these steps, evenly, the first and the last among them."""
    positions = np.linspace(0, len(steps) - 1, min(FRAMES, len(steps)))
    return [steps[at] for at in np.unique(np.rint(positions).astype(int))]


def _fit(losses: dict[str, Any]) -> None:
    """Leaves out every other frame, but never a run's last one, until all fit."""

    def size() -> int:
        frames = chain.from_iterable(loss["frames"] for loss in losses.values())
        return sum(len(str(frame)) for frame in frames)

    while size() > LARGEST and any(len(loss["frames"]) > 2 for loss in losses.values()):
        for loss in losses.values():
            loss["frames"] = loss["frames"][::-1][::2][::-1]


def _frame(dataset: DatasetResults, key: str, step: int, square: Square) -> dict[str, Any]:
    """The samples of a run at a step, and on points the critic's field under it where the record has it."""
    arrays = dataset.results.record.samples
    name = of_run(key, samples_at(step))
    frame: dict[str, Any] = {"step": step, **_picture(arrays[name], square)}
    scores = critic_scores(name)
    ended = dataset.runs.set_index("run_key").step[key]
    if scores not in arrays and step == ended:
        scores = critic_scores(final_samples(key))
    critic = field_of(dataset.results, key, scores, square)
    return frame if critic is None else frame | _field(critic)


def _picture(samples: NDArray | None, square: Square) -> dict[str, Any]:
    """Points as pairs of bytes over the square that figures show, or images as one PNG."""
    if samples is None:
        return {}
    if samples.ndim > 2:
        return {"png": sheet(samples, SIDE)}
    return {"points": points_of(samples, square)}


def points_of(samples: NDArray, square: Square) -> str:
    """Points in a square of the plane, each as two bytes, in base64."""
    shown = samples[:POINTS] - np.array(square[:2], samples.dtype)
    inside = shown[(np.abs(shown) <= square.half).all(1)]
    return _text(np.round(255 * (inside + square.half) / (2 * square.half)).astype(np.uint8))


def sheet(images: NDArray, side: int) -> str:
    """Images as one PNG, in base64."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(mosaic(images, side)).save(buffer, format="png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def _size(images: NDArray) -> list[int]:
    """Width and height of such a PNG."""
    height, width = mosaic(images, SIDE).shape[:2]
    return [int(width), int(height)]


def _field(critic: NDArray) -> dict[str, Any]:
    """The critic's scores as bytes between the least and the largest of them."""
    at = np.linspace(0, len(critic) - 1, min(FIELD, len(critic))).round().astype(int)
    scores = critic[np.ix_(at, at)].astype(float)
    low, high = float(scores.min()), float(scores.max())
    levels = np.round(255 * (scores - low) / (high - low)).astype(np.uint8)
    return {"field": _text(levels), "least": plain(low), "most": plain(high)}


def _text(values: NDArray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
