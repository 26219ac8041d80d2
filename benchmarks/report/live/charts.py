"""Charts: every seed's score and curve, by loss, for the script to draw, filter and name under the pointer."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import Live
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.axes import wants_log, within
from benchmarks.report.figures.curves import images_at, seconds_at, term_label, term_names
from benchmarks.report.statistics import Array

BUDGET = 20_000
"""Numbers that the curves of a chart hold at most: steps are left out until they fit."""
DIGITS = 5  # more than a screen shows, in a third of the bytes of all digits
PLACES = {"images seen": images_at, "training seconds": seconds_at}
"""Horizontal axes beside generator steps."""


def plain(value: float) -> float | None:
    """A number as JSON can hold it: five digits, and null for what is no number."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def numbers(values: Iterable[float]) -> list[float | None]:
    """Several such numbers."""
    return [plain(float(value)) for value in values]


def score_chart(dataset: DatasetResults) -> Live:
    """Curves of each metric against steps, images and seconds."""
    titles = {metric: dataset.results.metrics[metric].titled for metric in dataset.metrics}
    return {"kind": "curves", "dataset": dataset.name, "panels": _panels(dataset, titles, PLACES)}


def term_chart(dataset: DatasetResults) -> Live:
    """Curves of each logged term against steps."""
    titles = {name: term_label(name) for name in term_names(dataset)}
    return {"kind": "curves", "dataset": dataset.name, "panels": _panels(dataset, titles, {})}


def final_chart(dataset: DatasetResults) -> Live:
    """Rows of losses with a dot a seed, mean and interval, by the report's checkpoint rule."""
    panels = []
    for metric in dataset.metrics:
        summary, possible = dataset.summary(metric), dataset.results.metrics[metric].possible
        rows = []
        for row, loss in enumerate(dataset.losses):
            mean, half = float(summary.mean[row]), float(summary.half[row])
            ends = within(np.array([mean - half, mean + half]), possible)
            seeds = {"loss": loss, "seeds": dataset.results.seeds, "y": numbers(summary.scores[row])}
            rows.append({**seeds, "mean": plain(mean), "ends": numbers(ends)})
        means = summary.mean[np.isfinite(summary.mean)]
        panels.append({"title": dataset.results.metrics[metric].titled, "log": wants_log(means), "rows": rows})
    return {"kind": "dots", "dataset": dataset.name, "panels": panels}


def _panels(dataset: DatasetResults, titles: Mapping[str, str], places: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A panel for each quantity that was logged, with a curve a loss."""
    logged = {name: _frames(dataset, name) for name in titles}
    size = 0
    for frames in logged.values():
        size += sum(frame.size for frame in frames.values())
    stride = max(1, -(-size // BUDGET))
    panels = []
    for name, frames in logged.items():
        if frames:
            lines = [_line(dataset, loss, _thinned(frame, stride), places) for loss, frame in frames.items()]
            means = np.concatenate([frame.mean(axis=1).dropna().to_numpy(dtype=float) for frame in frames.values()])
            panels.append({"title": titles[name], "log": wants_log(means), "lines": lines})
    return panels


def _frames(dataset: DatasetResults, name: str) -> dict[str, pd.DataFrame]:
    """Loss -> a logged quantity, a row a step and a column a seed; losses without are left out."""
    found = {}
    for loss in dataset.losses:
        frame = dataset.curve(loss, name).replace([np.inf, -np.inf], np.nan).dropna(how="all")
        if not frame.empty:
            found[loss] = frame
    return found


def _thinned(frame: pd.DataFrame, stride: int) -> pd.DataFrame:
    """Every so many rows, and the last one."""
    kept = sorted({*range(0, len(frame), stride), len(frame) - 1})
    return frame.iloc[kept]


def _line(
    dataset: DatasetResults,
    loss: str,
    frame: pd.DataFrame,
    places: Mapping[str, Callable[[DatasetResults, str, Array], Array | None]],
) -> dict[str, Any]:
    steps = frame.index.to_numpy(dtype=float)
    at = {"generator steps": numbers(steps)}
    for title, place in places.items():
        values = place(dataset, loss, steps)
        if values is not None:
            at[title] = numbers(values)
    seeds = [int(seed) for seed in frame.columns]
    return {"loss": loss, "seeds": seeds, "at": at, "y": [numbers(frame[seed]) for seed in frame.columns]}
