"""Tables that set losses against each other: against a baseline and a target, over all data sets, beside papers."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import DASH, Column, Entry, Table, columns_of, entries_of, number
from benchmarks.report.captions import checkpoints, rule
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.comparisons import ratio_strata
from benchmarks.report.names import display, named
from benchmarks.report.published import facts_of
from benchmarks.report.results import Results
from benchmarks.report.statistics import (
    Array,
    geometric_mean_ratio,
    iqm,
    median,
    probability_of_improvement,
    stratified_bootstrap,
    target_of,
    time_to_target,
)
from benchmarks.report.tables import sortable


def baseline_table(dataset: DatasetResults) -> Table:
    """Each loss against the baseline on the primary metric: ratio or difference, simultaneous interval, verdict."""
    results, metric = dataset.results, dataset.primary
    summary = dataset.summary(metric)
    column, reference = summary.column, dataset.losses.index(dataset.results.baseline)
    rows = []
    for row, (loss, verdict) in enumerate(zip(dataset.losses, column.against(reference), strict=True)):
        against = column.contrast(reference, row)
        n = Entry(str(against.n), float(against.n))
        if row == reference:
            rows.append([named(loss), Entry("baseline"), Entry(DASH), Entry(DASH), n])
            continue
        effect, low, high = column.shown(against)
        interval = f"{number(low)} to {number(high)}" if np.isfinite(low) else DASH
        rows.append([named(loss), _number_entry(effect), Entry(interval, sortable(low)), Entry(verdict), n])
    what = "ratio" if column.is_log else "difference"
    caption = (
        f"{dataset.title}: {results.metrics[metric].titled} ({rule(dataset, results.checkpoint)}), each loss against "
        f"{display(results.baseline)}: {what} of scores with a simultaneous 95 % interval, and the verdict on it."
    )
    protocol = (
        "Intervals: paired by seed over runs that both finished, simultaneous over all pairs of losses.",
        f"Verdicts: {verdicts_in_words(results)}",
    )
    columns = [Column("Loss", False), Column(what), Column("95 % interval"), Column("verdict", False), Column("pairs")]
    return Table(f"baseline-{dataset.slug}", caption, columns, rows, protocol=protocol)


def verdicts_in_words(results: Results) -> str:
    """The meaning of better, worse, equivalent and undecided."""
    margin = f"{100 * results.margin:g} %"
    return (
        f"Better or worse: the interval is beyond {margin}; equivalent: it is within; undecided: neither, which is "
        "no tie. A loss that failed more often is never better or equivalent."
    )


def _number_entry(value: float) -> Entry:
    return Entry(number(value), sortable(value))


def target_table(dataset: DatasetResults) -> Table | None:
    """Training time until the baseline's median score is reached; None where the baseline sets no target."""
    metric = dataset.primary
    direction = dataset.results.metrics[metric].direction
    fixed = (dataset.results.choice.get("targets") or {}).get(dataset.name)
    baseline = dataset.scores(metric)[dataset.losses.index(dataset.results.baseline)]
    target = float(fixed) if fixed is not None else target_of(baseline)
    if target is None:
        return None
    rows = []
    for loss in dataset.losses:
        times, steps = _reached(dataset, loss, metric, target)
        hit = sum(np.isfinite(steps))
        share = Entry(f"{hit}/{len(steps)}", hit / len(steps)) if steps else Entry("no run")
        rows.append([named(loss), share, _time_cell(steps), _time_cell(times)])
    median_of = f"the median score of {display(dataset.results.baseline)} in this sweep"
    origin = "fixed in the suite" if fixed is not None else median_of
    aim = f"{dataset.results.metrics[metric].label} {'≤' if direction == 'min' else '≥'} {number(target, 4)}"
    caption = (
        f"{dataset.title}: time to {aim} ({origin}), medians over all runs; a run that never gets there counts as "
        "infinite."
    )
    protocol = ("Times: by AlgoPerf's rules, scores read at evaluations.", dataset.results.clock.caption)
    columns = [Column("Loss", False), Column("reached / n"), Column("median steps"), Column("median train s")]
    return Table(f"target-{dataset.slug}", caption, columns, rows, protocol=protocol)


def _reached(dataset: DatasetResults, loss: str, metric: str, target: float) -> tuple[list[float], list[float]]:
    """Seconds (of runs with a comparable clock) and steps to the target, an entry an attempted run."""
    scores, direction = dataset.curve(loss, metric), dataset.results.metrics[metric].direction
    times, steps = [], []
    for run in dataset.cell_runs(loss).itertuples():
        if run.status == "missing":
            continue
        values = scores[run.seed] if run.seed in scores.columns else pd.Series(dtype=float)
        steps.append(time_to_target(values.index, values, target, direction))
        seconds = dataset.results.clock.of_run(dataset, run, steps[-1])
        times += [] if seconds is None else [seconds]
    return times, steps


def _time_cell(values: list[float]) -> Entry:
    return Entry(number(median(values)), median(values)) if values else Entry(DASH)


def aggregate_table(results: Results) -> Table | None:
    """Across data sets: geometric-mean ratio, IQM and probability of improvement against the baseline."""
    strata = ratio_strata(results)
    if len(next(iter(strata.values()), [])) < 2 or results.baseline not in strata:
        return None
    base, rows = strata[results.baseline], []
    for loss, group in strata.items():
        cells = [_aggregate(geometric_mean_ratio, group), _aggregate(lambda runs: np.exp(iqm(runs)), group)]
        same = loss == results.baseline
        cells.append(Entry("baseline") if same else _aggregate(probability_of_improvement, group, base))
        rows.append([named(loss), *cells])
    caption = (
        f"Across {len(base)} data sets, primary metrics ({checkpoints(results.each_dataset)}) against "
        f"{display(results.baseline)}: geometric mean and interquartile mean (IQM) of ratios, where below 1 is better, "
        "and the probability that a run beats one of the baseline's."
    )
    protocol = (
        "Ratios: to the baseline's geometric mean on a data set, turned so that below 1 is better; a failed run's is "
        "infinite.",
        "Intervals: 95 %, by stratified bootstrap over seeds, which covers less than 95 % with few seeds.",
    )
    titles = ("geometric-mean ratio ↓", "IQM ratio ↓", "P(improvement) ↑")
    return Table("aggregate", caption, [Column("Loss", False), *map(Column, titles)], rows, True, protocol)


def _aggregate(statistic: Callable[..., Array], *groups: list[Array]) -> Entry:
    with np.errstate(invalid="ignore", over="ignore"):
        value = float(statistic(*groups))
    low, high = stratified_bootstrap(statistic, *groups)
    return Entry(f"{number(value)} [{number(low)}, {number(high)}]", value)


def published_table(dataset: DatasetResults) -> Table | None:
    """Every number that the published columns quote, with its source; None where nothing is quoted."""
    kinds = dict.fromkeys(metric.split("_")[0] for metric in dataset.metrics)
    rows = []
    for kind in kinds:
        for fact in facts_of(dataset.name, kind, dataset.losses):
            printed = Entry(fact.value, fact.number)
            names = entries_of((fact.called, fact.metric.upper()))
            rows.append([named(fact.loss), *names, printed, Entry(fact.setting), Entry(fact.source)])
    if not rows:
        return None
    caption = (
        f"{dataset.title}: numbers that others printed, quoted from their sources. Nets, budgets, extractors and "
        "sample counts are theirs: these rows are not comparable with our tables, nor with each other."
    )
    published = Column("published", quoted=True)
    columns = [*columns_of(("Loss", "called there", "metric")), published, *columns_of(("setting", "source"))]
    return Table(f"published-{dataset.slug}", caption, columns, rows, paper=True)
