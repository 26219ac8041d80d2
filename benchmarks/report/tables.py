"""The tables of a report, as cells: scores, comparisons, aggregates, times, and who took part."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.report.cells import DASH, Cell, Column, Table, amount, measured, number, p_value
from benchmarks.report.comparisons import ratio_strata
from benchmarks.report.figures import file_names
from benchmarks.report.results import Results, Summary
from benchmarks.stats import (
    Array,
    comparable_scale,
    compare,
    geometric_mean_ratio,
    iqm,
    least_reachable_p,
    middle,
    probability_of_improvement,
    stratified_bootstrap,
    target_of,
    time_to_target,
)

BOLD = (
    "Bold: the best loss (best median over all runs, a failed run counting as worst) and every loss that a paired "
    "t-test on {scale} over seeds, Holm-corrected within the column, cannot tell from it at the 5 % level and that has "
    "no more failed runs."
)


FAILED = "failed\u00a0/\u00a0n"
EITHER_SCALE = "log scores (scores, where one is not positive)"


def hardware(results: Results) -> str:
    """Where the runs ran, in a few words."""
    done = results.runs[results.runs.status == "done"]
    devices = sorted({f"{run.device}, {_threads(run.threads)}" for run in done.itertuples() if run.device})
    name = str(results.environment().get("device", ""))
    parts = [name] if name and not any(name in device for device in devices) else []
    return "; ".join([*parts, *devices]) or "hardware not recorded"


def _threads(threads: object) -> str:
    return "threads not recorded" if pd.isna(threads) else f"{threads} thread{'s' if threads != 1 else ''}"


def score_cell(summary: Summary, row: int) -> Cell:
    """Mean ± half-width of one loss; failures are noted where this metric alone has them."""
    mean, half = float(summary.mean[row]), float(summary.half[row])
    return Cell(measured(mean, half), mean if np.isfinite(mean) else None, summary.bold[row])


def failed_cell(summary: Summary, row: int) -> Cell:
    """Failed runs of the attempted ones, as k/n."""
    failed, attempted = int(summary.failed[row]), int(summary.attempted[row])
    return Cell(f"{failed}/{attempted}" if attempted else "no run", failed / attempted if attempted else None)


def scores_table(results: Results, dataset: str) -> Table:
    """Every metric of one data set, and what each loss cost."""
    metrics = results.metric_names(dataset)
    summaries = [results.summary(dataset, metric) for metric in metrics]
    costs = results.times(dataset)
    columns = [Column("Loss", False), *(Column(results.label(metric)) for metric in metrics)]
    columns += [Column(t) for t in (FAILED, "critic steps", "images seen", "train\u00a0s", "it/s")]
    rows = []
    for row, loss in enumerate(results.losses):
        scores = []
        for summary in summaries:
            cell, failed = score_cell(summary, row), failed_cell(summary, row)
            own = summary.failed[row] != summaries[0].failed[row]
            scores.append(Cell(cell.text, cell.value, cell.bold, f"({failed.text} failed)" if own else ""))
        cost = costs.loc[loss]
        rows.append([Cell(loss), *scores, failed_cell(summaries[0], row), *_cost_cells(cost)])
    return Table(f"scores-{file_names(results)[dataset]}", _scores_caption(results, dataset), columns, rows, paper=True)


def _cost_cells(cost: pd.Series) -> list[Cell]:
    return [
        Cell(number(cost.n_critic), _sortable(cost.n_critic)),
        Cell(amount(cost.images_seen), _sortable(cost.images_seen)),
        Cell(number(cost.train_seconds), _sortable(cost.train_seconds)),
        Cell(number(cost.iterations_per_second), _sortable(cost.iterations_per_second)),
    ]


def _sortable(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _scores_caption(results: Results, dataset: str) -> str:
    metrics = results.metric_names(dataset)
    scales = [comparable_scale(results.scores(dataset, metric))[1] for metric in metrics]
    scale = "log scores" if all(scales) else "scores" if not any(scales) else EITHER_SCALE
    steps = results.meta.get("steps", {}).get(dataset)
    protocols = "; ".join(f"{results.label(m)}: {results.protocol(m)}" for m in metrics if results.protocol(m))
    return " ".join(
        [
            f"{dataset}: mean ± half-width of the 95 % t-interval over the finished of {len(results.seeds)} training",
            f"seeds, last checkpoint{f' ({steps} generator steps)' if steps else ''}.",
            "Failed: diverged, broken off, or without a finite score; of n attempted.",
            BOLD.format(scale=scale)
            if len(results.seeds) > 1
            else "One seed: no interval and no test, so nothing is bold.",
            "Critic steps are per generator step; images are real images shown to the critic; seconds are of training",
            f"alone (comparable runs only). Hardware: {hardware(results)}.",
            f"{protocols}." if protocols else "",
        ]
    ).strip()


def primary_table(results: Results) -> Table:
    """The primary metric of every data set, side by side."""
    columns, bodies = [Column("Loss", False)], []
    for dataset in results.datasets:
        metric = results.meta["primary"][dataset]
        summary = results.summary(dataset, metric)
        columns += [Column(f"{dataset}: {results.label(metric)}"), Column(FAILED)]
        bodies.append([[score_cell(summary, row), failed_cell(summary, row)] for row in range(len(results.losses))])
    rows = [[Cell(loss), *(cell for body in bodies for cell in body[row])] for row, loss in enumerate(results.losses)]
    caption = (
        "Primary metric of each data set: mean ± half-width of the 95 % t-interval over the finished of "
        f"{len(results.seeds)} training seeds, last checkpoint. {BOLD.format(scale=EITHER_SCALE)} "
        f"Hardware: {hardware(results)}."
    )
    return Table("primary", caption, columns, rows, paper=True)


def baseline_table(results: Results, dataset: str) -> Table:
    """Each loss against the baseline on the primary metric: ratio or difference, interval, p."""
    metric = results.meta["primary"][dataset]
    scores, is_log = comparable_scale(results.scores(dataset, metric))
    reference = results.losses.index(results.baseline)
    tests = compare(scores, reference)
    undo = np.exp if is_log else float
    rows = []
    for row, (loss, test) in enumerate(zip(results.losses, tests, strict=True)):
        if row == reference:
            rows.append([Cell(loss), Cell("baseline"), Cell(DASH), Cell(DASH), Cell(str(test.n), float(test.n))])
            continue
        effect = float(undo(test.difference))
        low, high = float(undo(test.low)), float(undo(test.high))
        interval = f"{number(low)} to {number(high)}" if np.isfinite(test.low) else DASH
        cells = [Cell(number(effect), _sortable(effect)), Cell(interval, _sortable(low))]
        rows.append([Cell(loss), *cells, Cell(p_value(test.p), _sortable(test.p)), Cell(str(test.n), float(test.n))])
    what = "ratio" if is_log else "difference"
    pairs = max(test.n for test in tests)
    least = f"With {pairs} pairs no rank or sign-flip test could go below p = {least_reachable_p(pairs):.3g}."
    caption = (
        f"{dataset}: {results.label(metric)}, each loss against {results.baseline}: {what} of scores, paired by seed "
        f"over runs that both finished, with its 95 % interval and p (paired t on {'log ' if is_log else ''}scores, "
        f"Holm within the data set). {least}"
    )
    columns = [Column("Loss", False), Column(what), Column("95 % interval"), Column("p (Holm)"), Column("pairs")]
    return Table(f"baseline-{file_names(results)[dataset]}", caption, columns, rows)


def target_table(results: Results, dataset: str) -> Table | None:
    """Training time until the baseline's median last score is reached; None where the baseline sets no target."""
    metric = results.meta["primary"][dataset]
    direction = results.direction(metric)
    fixed = (results.choice.get("targets") or {}).get(dataset)
    baseline = results.scores(dataset, metric)[results.losses.index(results.baseline)]
    target = float(fixed) if fixed is not None else target_of(baseline)
    if target is None:
        return None
    rows = []
    for loss in results.losses:
        times, steps = _reached(results, dataset, loss, metric, target)
        hit = sum(np.isfinite(steps))
        share = Cell(f"{hit}/{len(steps)}", hit / len(steps)) if steps else Cell("no run")
        rows.append([Cell(loss), share, _time_cell(steps), _time_cell(times)])
    origin = "fixed in the suite" if fixed is not None else f"the median last score of {results.baseline} in this sweep"
    aim = f"{results.label(metric, arrow=False)} {'≤' if direction == 'min' else '≥'} {number(target, 4)}"
    caption = (
        f"{dataset}: time to {aim} ({origin}), medians over all runs; a run that never gets there counts as infinite "
        "(AlgoPerf's rules). The clock counts training only and is read at evaluations."
    )
    columns = [Column("Loss", False), Column("reached / n"), Column("median steps"), Column("median train s")]
    return Table(f"target-{file_names(results)[dataset]}", caption, columns, rows)


def _reached(results: Results, dataset: str, loss: str, metric: str, target: float) -> tuple[list[float], list[float]]:
    """Seconds (comparable runs only) and steps to the target, an entry an attempted run."""
    scores, clock = results.curve(dataset, loss, metric), results.curve(dataset, loss, "train_seconds")
    direction, times, steps = results.direction(metric), [], []
    for run in results.cell_runs(dataset, loss).itertuples():
        if run.status == "missing":
            continue
        values = scores[run.seed] if run.seed in scores.columns else pd.Series(dtype=float)
        steps.append(time_to_target(values.index, values, target, direction))
        if _true(run.timing_comparable):
            seconds = clock[run.seed].dropna() if run.seed in clock.columns else pd.Series(dtype=float)
            known = len(seconds) and np.isfinite(steps[-1])
            times.append(float(np.interp(steps[-1], seconds.index, seconds)) if known else np.inf)
    return times, steps


def _time_cell(values: list[float]) -> Cell:
    return Cell(number(middle(values)), middle(values)) if values else Cell(DASH)


def aggregate_table(results: Results) -> Table | None:
    """Across data sets: geometric-mean ratio, IQM and probability of improvement against the baseline."""
    strata = ratio_strata(results)
    if len(next(iter(strata.values()), [])) < 2 or results.baseline not in strata:
        return None
    base, rows = strata[results.baseline], []
    for loss, group in strata.items():
        cells = [_aggregate(geometric_mean_ratio, group), _aggregate(lambda runs: np.exp(iqm(runs)), group)]
        same = loss == results.baseline
        cells.append(Cell("baseline") if same else _aggregate(probability_of_improvement, group, base))
        rows.append([Cell(loss), *cells])
    caption = (
        f"Across {len(base)} data sets, primary metrics as ratios to {results.baseline}'s geometric mean, turned so "
        "that below 1 is better: geometric mean, interquartile mean, and the probability that a run beats one of the "
        "baseline's, with 95 % stratified-bootstrap intervals over seeds (which cover less than 95 % with few seeds). "
        "Failed runs are infinite."
    )
    titles = ("geometric-mean ratio ↓", "IQM ratio ↓", "P(improvement) ↑")
    return Table("aggregate", caption, [Column("Loss", False), *map(Column, titles)], rows, paper=True)


def _aggregate(statistic: Callable[..., Array], *groups: list[Array]) -> Cell:
    with np.errstate(invalid="ignore", over="ignore"):
        value = float(statistic(*groups))
    low, high = stratified_bootstrap(statistic, *groups)
    return Cell(f"{number(value)} [{number(low)}, {number(high)}]", value)


def recipe_table(results: Results) -> Table:
    """How each loss was trained on each data set."""
    titles = ("Loss", "data set", "net", "steps", "critic steps", "batch", "optimiser", "parameters G / C", "engine")
    rows = []
    for (dataset, loss), runs in results.runs.groupby(["dataset", "loss"], sort=False):
        run = runs.iloc[0]
        sizes = " / ".join(
            DASH if pd.isna(n) else amount(float(n)) for n in (run.parameters_generator, run.parameters_critic)
        )
        texts = [dataset, run.architecture, run.steps, run.n_critic, run.batch_size, run.optimizer, sizes]
        texts.append(", ".join(sorted({engine for engine in runs.engine if engine})))
        rows.append([Cell(loss), *(Cell(DASH if pd.isna(text) else str(text)) for text in texts)])
    order = {name: i for i, name in enumerate([*results.losses, *results.datasets])}
    rows.sort(key=lambda row: (order[row[1].text], order[row[0].text]))
    return Table("recipes", "How every cell was trained.", [Column(title, False) for title in titles], rows)


def run_table(results: Results) -> Table:
    """Every run: its key, how it ended, when and where."""
    titles = ("run key", "loss", "data set", "seed", "status", "step", "train s", "device", "commit", "MLflow run")
    rows = []
    for run in results.runs.itertuples():
        commit = f"{run.commit[:12]}{' + changes' if _true(run.dirty) else ''}"
        cells = [Cell(text) for text in (run.run_key, run.loss, run.dataset)]
        cells += [Cell(str(run.seed), float(run.seed)), Cell(run.status)]
        cells += [Cell(DASH) if pd.isna(run.step) else Cell(str(run.step), float(run.step))]
        cells += [Cell(number(run.train_seconds), _sortable(run.train_seconds)), Cell(run.device), Cell(commit)]
        rows.append([*cells, Cell(run.mlflow_run_id)])
    numeric = {"seed", "step", "train s"}
    return Table("runs", "Every run of the sweep.", [Column(t, t in numeric) for t in titles], rows)


def _true(value: object) -> bool:
    return not pd.isna(value) and bool(value)
