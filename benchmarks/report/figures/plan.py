"""The figures of a report: which there are, what each shows in words, and who draws it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.markup.blocks import Figure, Slider
from benchmarks.record.vocabulary import final_samples
from benchmarks.report.captions import EQUIVALENT, UNDECIDED, rule
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.comparisons import (
    final_column,
    final_scores,
    pairwise_matrix,
    profiles,
    ratio_strata,
    timeline,
)
from benchmarks.report.figures.curves import banded, score_column, score_curves, term_curves, term_names
from benchmarks.report.figures.diagnostics import DIAGNOSTICS
from benchmarks.report.figures.samples import Shown, common_seed, sample_panels, sample_steps, shown_runs
from benchmarks.report.figures.style import COLUMN, FORMS, NARROW, PAGE, Paper, drawing, save
from benchmarks.report.live.charts import final_chart, score_chart, term_chart
from benchmarks.report.live.samples import sample_player
from benchmarks.report.names import display, shown
from benchmarks.report.results import Results

WITHOUT_VECTORS = (".pdf", ".png")
"""The forms of figures of samples: in an SVG thousands of points take several times what they take in a PDF."""


@dataclass(frozen=True)
class Drawing:
    """One figure: its block in the document, the data set it belongs to (None: all), and how to draw it.

    Both draw at a width in inches, `column` what a paper has room for in one column. A slider has a drawing for each of
    its frames, as PNG only.
    """

    block: Figure | Slider
    dataset: str | None
    draw: Callable[..., Any]
    column: Callable[[float], Any] | None = None
    endings: tuple[str, ...] = FORMS

    def save(self, folder: Path, width: float | None = None, forms: tuple[str, ...] = FORMS) -> list[Path]:
        """Draw it into `folder`; the files written: NAME with each ending among `forms`, and NAME-column.pdf where no
        `width` is given."""
        files: list[Path] = []
        if isinstance(self.block, Slider):
            for step, name in self.block.frames:
                files += save(self.draw(step, width or PAGE), folder, name, (".png",))
            return files
        endings = tuple(ending for ending in self.endings if ending in forms)
        files += save(self.fitting(width or PAGE), folder, self.block.name, endings)
        if self.column and width is None and ".pdf" in forms:
            files += save(self.column(COLUMN), folder, f"{self.block.name}-column", (".pdf",))
        return files

    def fitting(self, width: float) -> Any:
        """What there is room for at this width."""
        return self.column(width) if self.column and width < NARROW else self.draw(width)


def drawings(results: Results) -> Iterator[Drawing]:
    """Every figure that this record has data for, in the report's order."""
    for dataset in results.each_dataset:
        yield from _of_dataset(dataset)
    if len(results.losses) > 1 and ratio_strata(results) and _any_score(results):
        baseline = display(results.baseline)
        text = (
            f"Performance profile: the share of runs whose primary score is within a factor of {baseline}'s "
            "geometric mean, averaged over data sets; failed runs never are (Agarwal et al. 2021). Left is better."
        )
        yield Drawing(Figure("profiles", text, "Step curves, one a loss."), None, partial(profiles, results))
    failed = results.failed_runs()
    if len(failed[failed.status != "missing"]):
        text = (
            "How far each run of the losses with failures came: a line a run, pale up to the planned steps; a "
            "cross where it diverged, a square where it failed, a circle where it has not ended."
        )
        yield Drawing(
            Figure("failures", text, "Lines of runs against generator steps."), None, partial(timeline, results)
        )


def _of_dataset(dataset: DatasetResults) -> Iterator[Drawing]:
    if _scored(dataset):
        yield from _of_scores(dataset)
    yield from _of_samples(dataset)
    name = shown(dataset.name, 40)
    if term_names(dataset):
        text = f"{name}: what training logged: terms of both losses, estimates, penalties, gradient norms. "
        alt = "Curves of each logged term over generator steps, one a loss."
        block = Figure(f"terms-{dataset.slug}", text + _interval(dataset.results), alt, live=term_chart(dataset))
        yield Drawing(block, dataset.name, partial(term_curves, dataset))
    for diagnostic in DIAGNOSTICS:
        if diagnostic.has_data(dataset):
            block = Figure(f"{diagnostic.name}-{dataset.slug}", f"{name}: {diagnostic.caption}", diagnostic.alt)
            yield Drawing(block, dataset.name, partial(diagnostic.draw, dataset))


def _scored(dataset: DatasetResults) -> bool:
    """Whether any run was scored by any metric."""
    pairs = product(dataset.losses, dataset.metrics)
    return any(not dataset.curve(loss, metric).empty for loss, metric in pairs)


def _of_scores(dataset: DatasetResults) -> Iterator[Drawing]:
    name = shown(dataset.name, 40)
    metrics = ", ".join(dataset.results.metrics[metric].titled for metric in dataset.metrics)
    at = rule(dataset, dataset.results.checkpoint)
    text = (
        f"{name}: {metrics}, {at}. Points are seeds, bars mean and "
        "95 % t-interval within the range that a score can have. Failed runs are counted."
    )
    alt = f"Dot plot of {metrics} by loss; the numbers are in the table of {name}."
    block = Figure(f"final-{dataset.slug}", text, alt, live=final_chart(dataset))
    column = partial(final_column, dataset)
    yield Drawing(block, dataset.name, partial(final_scores, dataset), column)
    text = (
        f"{name}: scores against generator steps, real images seen by the critic, and training seconds. "
        f"{dataset.results.clock.caption} {_interval(dataset.results)} "
        "A curve of a loss with failures is of those still running."
    )
    alt = f"Curves of {metrics}, one a loss, over training."
    block = Figure(f"scores-{dataset.slug}", text, alt, live=score_chart(dataset))
    yield Drawing(block, dataset.name, partial(score_curves, dataset), partial(score_column, dataset))
    primary = dataset.primary
    if len(dataset.losses) > 1 and np.isfinite(dataset.scores(primary)).sum(1).max() > 1:
        titled = dataset.results.metrics[primary].titled
        text = (
            f"{name}: every pair of losses on {titled} ({at}): geometric-mean ratio over "
            f"seeds that both finished (difference, where a score is not positive), row against column. "
            f"{EQUIVALENT.symbol} equivalent, {UNDECIDED.symbol} undecided, bold: better or worse by more than "
            f"{100 * dataset.results.margin:g} %, as in the table against the baseline. Orange is worse, purple better."
        )
        block = Figure(f"pairs-{dataset.slug}", text, "Matrix of pairwise ratios between losses.")
        yield Drawing(block, dataset.name, partial(pairwise_matrix, dataset))


def _interval(results: Results) -> str:
    what = "Mean and 95 % t-interval" if banded(results) else "Mean"
    return f"{what} over at most {len(results.seeds)} seeds that have a finite value there."


def _of_samples(dataset: DatasetResults) -> Iterator[Drawing]:
    runs = shown_runs(dataset)
    if runs:
        block = _samples_block(dataset, runs)
        draw = partial(sample_panels, dataset, None)
        yield Drawing(block, dataset.name, draw, draw, WITHOUT_VECTORS)
    steps = sample_steps(dataset)
    if len(steps) > 1:
        frames = [(str(step), f"samples-{dataset.slug}-{step}") for step in steps]
        text = f"{shown(dataset.name, 40)}: the same runs' samples at each generator step, or the latest before it."
        slider = Slider(f"slider-{dataset.slug}", text, frames, sample_player(dataset))
        yield Drawing(slider, dataset.name, lambda step, width: sample_panels(dataset, int(step), width))


def _samples_block(dataset: DatasetResults, runs: dict[str, Shown]) -> Figure:
    name = shown(dataset.name, 40)
    first = dataset.results.record.samples[final_samples(next(iter(runs.values())).key)]
    seed = common_seed(runs)
    rule = f"Last checkpoint of seed {seed}, the first that most losses have: not chosen by its result."
    if first.ndim == 2:
        what = (
            "Generated points (colour) under data (small, black), with twelve bands of the critic's scores between its "
            "least and its largest in the panel (grey, darker is more real)."
        )
    else:
        what = "Generated images, unselected, beside the data's."
    alt = f"{what} One panel each: {', '.join(map(shown, runs))}."
    # Where there is a player, the page draws these panels from its frames.
    live = {"kind": "panels", "of": f"slider-{dataset.slug}"} if len(sample_steps(dataset)) > 1 else None
    return Figure(f"samples-{dataset.slug}", f"{name}: {what} {rule}", alt, live=live)


def _any_score(results: Results) -> bool:
    return any(np.isfinite(dataset.scores(dataset.primary)).any() for dataset in results.each_dataset)


def draw_all(
    plan: list[Drawing], folder: Path, paper: Paper | None = None, forms: tuple[str, ...] = FORMS
) -> list[Path]:
    """Draw every figure into `folder` in these `forms`, as a report has them, or for a paper; the files written."""
    with drawing(*([paper.points] if paper else [])):
        written: list[Path] = []
        for item in plan:
            written += item.save(folder, paper.width if paper else None, forms)
        return written
