"""Whether two runs of one cell agree: bit for bit, within what seeds explain, or not.

Training is chaotic: where rounding differs, the same spec and seed end elsewhere, and two runs of a cell are two draws
from what the seeds of its loss and data set show. So where bits differ, two scores x and y of a cell agree where

    |log x - log y| <= t_{n-1, (1 + level)/2} s sqrt(2)

with s the standard deviation of the log scores of the n other seeds of the same loss and data set in the claimed record
(Student's prediction interval for a difference; scores themselves where one is not positive). Where those do not vary
at all, s is what is pooled over the losses of the data set; where that is 0 too, nothing can be said and nothing is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from benchmarks.markup.blocks import number
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array, comparable_scale, pooled_deviation

Kind = Literal["equal bits", "within noise", "contradicts"]

ROUNDING = 1e-3
"""Relative difference of scores of equal weights that the rounding of an evaluation on another machine may make."""
CLOCKS = ("train_seconds", "evaluate_seconds", "record_seconds", "iterations_per_second")


class CellName(NamedTuple):
    """A cell of a comparison."""

    dataset: str
    loss: str
    seed: int

    def __str__(self) -> str:
        return f"{self.loss} / {self.dataset} / seed {self.seed}"


@dataclass(frozen=True)
class Agreement:
    """How two runs of a cell compare, and why it is called so."""

    kind: Kind
    reason: str = ""


def judge(claimed: Results, found: Results, cell: CellName, metrics: Sequence[str], level: float) -> Agreement:
    """The run of a cell in `found` against that in `claimed`; scores by `metrics`, each at confidence `level`."""
    ours, theirs = run_at(found, cell), run_at(claimed, cell)
    numbers = _logged(claimed, theirs.run_key), _logged(found, ours.run_key)
    if theirs.status != ours.status:
        return _ended_otherwise(claimed, cell, theirs, ours)
    if theirs.weights_hash and theirs.weights_hash == ours.weights_hash:
        return _equal_weights(claimed, numbers)
    if numbers[0].equals(numbers[1]) and len(numbers[0]):
        if theirs.weights_hash and ours.weights_hash:
            why = f"every number is equal, but not the weights' hash ({theirs.weights_hash}, {ours.weights_hash} here)"
            return Agreement("contradicts", why)
        return Agreement("equal bits", "every logged number is equal")
    if ours.status != "done":
        return Agreement("within noise", f"{ours.status} in both")
    return noise(claimed, found, cell, metrics, level)


def run_at(results: Results, cell: CellName) -> Any:
    """The row of a cell in the run table."""
    runs = results.on(cell.dataset).cell_runs(cell.loss)
    return next(runs[runs.seed == cell.seed].itertuples())


def _logged(results: Results, run_key: str) -> pd.Series:
    """All that a run logged but its clocks, by name and step, to the nine digits of an export."""
    metrics = results.record.metrics
    rows = metrics[(metrics.run_key == run_key) & ~metrics.name.isin(CLOCKS)]
    return rows.set_index(["name", "step"]).value.sort_index().map(lambda value: float(f"{value:.9g}"))


def _ended_otherwise(claimed: Results, cell: CellName, theirs: Any, ours: Any) -> Agreement:
    """A run that diverged in one record alone: chance, where another seed of its cell ended so too."""
    runs = claimed.on(cell.dataset).cell_runs(cell.loss)
    like = runs[(runs.seed != cell.seed) & (runs.status == ours.status)]
    text = f"{theirs.status} there, {ours.status} here"
    if len(like):
        return Agreement("within noise", f"{text}, as seed {like.seed.iloc[0]} there")
    return Agreement("contradicts", f"{text}, and no other seed ended so")


def _equal_weights(claimed: Results, numbers: tuple[pd.Series, pd.Series]) -> Agreement:
    """Equal weights give equal scores, but for rounding, at the end and before."""
    scores = [values[values.index.get_level_values("name").isin(claimed.meta["metrics"])] for values in numbers]
    a, b = scores[0].align(scores[1])
    off = ~np.isclose(a, b, rtol=ROUNDING, atol=0, equal_nan=True)
    if off.any():
        name, step = a.index[off][0]
        text = f"{name} at step {step} is {number(a[off].iloc[0], 6)} there, {number(b[off].iloc[0], 6)} here"
        return Agreement("contradicts", f"the weights are equal, but {text}")
    return Agreement("equal bits", "weights and scores are equal")


def noise(claimed: Results, found: Results, cell: CellName, metrics: Sequence[str], level: float) -> Agreement:
    """Scores of different bits, metric by metric."""
    notes, contradicted = [], False
    for metric in metrics:
        there, here = _score_at(claimed, cell, metric), _score_at(found, cell, metric)
        column = claimed.on(cell.dataset).scores(metric)
        limit, is_log = allowed(column, here, claimed.losses.index(cell.loss), claimed.seeds.index(cell.seed), level)
        distance = abs(np.log(there) - np.log(here)) if is_log else abs(there - here)
        off = bool(distance > limit)
        contradicted |= off
        notes.append(f"{metric} {number(there, 4)} there, {number(here, 4)} here{_how_far(distance, limit, is_log)}")
    return Agreement("contradicts" if contradicted else "within noise", "; ".join(notes) or "no score can be compared")


def _how_far(distance: float, limit: float, is_log: bool) -> str:
    if distance == 0 or not np.isfinite(limit):
        return "" if distance == 0 else " (how far seeds differ is not known)"
    bound = f"{number(float(np.exp(limit)), 3)} times" if is_log else number(limit, 3)
    return f", {'more than' if distance > limit else 'within'} {bound}"


def _score_at(results: Results, cell: CellName, metric: str) -> float:
    """The score of a run by the checkpoint rule."""
    row, column = results.losses.index(cell.loss), results.seeds.index(cell.seed)
    return float(results.on(cell.dataset).scores(metric)[row, column])


def allowed(column: Array, here: float, row: int, seed: int, level: float) -> tuple[float, bool]:
    """How far two scores of a cell may differ by chance, and whether on the log scale; inf where nobody can say.

    column: (losses, seeds), the claimed scores of a data set, of which those of the cell's other seeds count.
    """
    is_log = comparable_scale([*column.ravel(), here])[1]
    values = comparable_scale(column)[0] if is_log else column
    others = np.delete(values[row], seed)
    others = others[np.isfinite(others)]
    if len(others) < 2:
        return float("inf"), is_log
    spread = float(others.std(ddof=1))
    if spread <= 1e-12 * float(np.abs(others).max()):
        spread = pooled_deviation(values)
    if not spread > 0:
        return float("inf"), is_log
    return float(scipy_stats.t.ppf(0.5 + level / 2, len(others) - 1) * spread * np.sqrt(2)), is_log
