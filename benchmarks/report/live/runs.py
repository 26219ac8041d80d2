"""Panels of runs: what each was asked for, what it scored, what it generated, and why it ended."""

from typing import Any

import pandas as pd

from benchmarks.markup.blocks import Live
from benchmarks.record.vocabulary import final_samples
from benchmarks.report.figures.samples import square_of
from benchmarks.report.figures.style import look
from benchmarks.report.live.charts import plain
from benchmarks.report.live.samples import points_of, sheet
from benchmarks.report.names import display
from benchmarks.report.results import Results
from benchmarks.report.specs import spec_fields
from benchmarks.report.statistics import Array

SIDE = 4  # images a side
LARGEST = 1_500_000
"""Bytes that the samples of all runs take at most in a page; the runs of later seeds are without, and say so."""


def record_of(results: Results) -> Live:
    """The losses, data sets and runs, as the script knows them."""
    losses, datasets = {}, {}
    for loss in results.losses:
        losses[loss] = {"name": display(loss), "colour": look(loss).colour, "dash": _dash(loss)}
    for dataset in results.each_dataset:
        datasets[dataset.name] = {"name": display(dataset.name), "curves": f"scores-{dataset.slug}"}
    return {"losses": losses, "datasets": datasets, "runs": _runs(results)}


def _dash(loss: str) -> str:
    """A loss's dashes, in the spelling of SVG."""
    dash = look(loss).dash
    return "" if isinstance(dash, str) else " ".join(f"{2 * length:g}" for length in dash[1])


def _runs(results: Results) -> dict[str, Any]:
    """Run key -> what its panel says."""
    runs, room = {}, LARGEST
    samples = results.record.samples
    scores, squares = {}, {}
    for dataset in results.each_dataset:
        squares[dataset.name] = square_of(dataset)
        for metric in dataset.metrics:
            scores[dataset.name, metric] = dataset.scores(metric)
    for run in results.runs.sort_values("seed", kind="stable").itertuples():
        panel: dict[str, Any] = {
            "loss": run.loss,
            "dataset": run.dataset,
            "seed": int(run.seed),
            "status": run.status,
            "error": run.error,
            "step": None if pd.isna(run.step) else int(run.step),
            "scores": _scores(results, run, scores),
            "spec": spec_fields(run.spec),
            "facts": _facts(run),
        }
        drawn = samples.get(final_samples(run.run_key))
        if drawn is not None:
            picture = (
                {"points": points_of(drawn, squares[run.dataset])} if drawn.ndim == 2 else {"png": sheet(drawn, SIDE)}
            )
            room -= len(next(iter(picture.values())))
            panel |= picture if room > 0 else {"without": "the page has no room for this run's samples"}
        runs[run.run_key] = panel
    return runs


def _scores(results: Results, run: Any, scores: dict[tuple[str, str], Array]) -> dict[str, float | None]:
    """Metric's label -> the run's score by the report's checkpoint rule, none where it has none."""
    row, column = results.losses.index(run.loss), results.seeds.index(int(run.seed))
    metrics = results.on(run.dataset).metrics
    return {results.metrics[name].titled: plain(float(scores[run.dataset, name][row, column])) for name in metrics}


def _facts(run: Any) -> dict[str, str]:
    """Where and how it ran."""
    facts = {"device": run.device, "numerics": run.numerics, "engine": run.engine, "commit": run.commit[:12]}
    facts |= {"hash of the weights": run.weights_hash, "MLflow run": run.mlflow_run_id}
    return {name: str(value) for name, value in facts.items() if value}
