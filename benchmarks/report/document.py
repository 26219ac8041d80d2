"""The report as a list of blocks: what won and how sure that is first, how to rebuild it last."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmarks.markup.blocks import (
    Block,
    Entry,
    Figure,
    Fold,
    Heading,
    Items,
    Slider,
    Table,
    Text,
    columns_of,
    entries_of,
    listed,
    measured,
    number,
)
from benchmarks.record.protocols import protocol_text
from benchmarks.report.budgets import budget_words, equal_budgets_table
from benchmarks.report.captions import budget_sentence, health_sentence, rule, sentences, tuning_sentence
from benchmarks.report.contrasts import (
    aggregate_table,
    baseline_table,
    published_table,
    target_table,
)
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.plan import Drawing
from benchmarks.report.names import display, named, shown
from benchmarks.report.provenance import provenance
from benchmarks.report.results import Results
from benchmarks.report.seconds import timing_tables
from benchmarks.report.spreads import spread_table
from benchmarks.report.summary import Summary
from benchmarks.report.tables import primary_table, recipe_table, scores_table


def document(results: Results, plan: list[Drawing], against: Sequence[Block] = ()) -> list[Block]:
    """Every block of the report, in order; `against` holds it against what is published."""
    blocks: list[Block] = [Items(_cautions(results), alert=True)] if _cautions(results) else []
    if results.meta.get("description"):
        blocks.insert(0, Text(str(results.meta["description"])))
    blocks += [Heading("Summary"), Items(_summary_lines(results))]
    blocks += [primary_table(results)] if len(results.datasets) > 1 else []
    blocks += against
    for dataset in results.each_dataset:
        blocks += _dataset_blocks(dataset, plan)
    blocks += _overall(results, plan)
    blocks += _losses(results)
    blocks += failures(results, plan)
    return blocks + provenance(results, blocks)


def _summary_lines(results: Results) -> list[str]:
    """The summary: a line a data set, unhealthy critics, budgets."""
    verdicts = map(verdict, results.each_dataset)
    health = filter(None, map(health_sentence, results.each_dataset))
    return [*verdicts, *health, sentences([budget_words(results), budget_sentence(results), tuning_sentence(results)])]


def verdict(dataset: DatasetResults) -> str:
    """The loss with the best mean on a data set, and what is certain of the others against it."""
    metric = dataset.primary
    summary = dataset.summary(metric)
    name, best = dataset.results.metrics[metric].label, summary.best
    if best is None:
        return f"{dataset.title}: no loss can be called best by {name}: most runs failed or are missing."
    score = measured(float(summary.mean[best]), float(summary.half[best]))
    n, failed = summary.attempted[best], summary.failed[best]
    text = (
        f"{dataset.title}: {shown(dataset.losses[best], 48)} has the best {name}: {score} "
        f"({rule(dataset, dataset.results.checkpoint)}; {failed} of {n} runs failed)."
    )
    if n - failed < 2:
        return f"{text} With fewer than two finished runs there is no interval: how sure this is cannot be said."
    margin = f"{100 * dataset.results.margin:g} %"
    if alike := _named(dataset.results, summary, "equivalent"):
        text += f" Equivalent to it within {margin}: {alike}."
    if open_ := _named(dataset.results, summary, "undecided"):
        text += f" Undecided with these seeds: {open_}."
    return text + _worse(dataset.results, summary)


def _named(results: Results, summary: Summary, verdict: str) -> str:
    """The losses of a verdict against the best, listed."""
    names = []
    for loss, each in zip(results.losses, summary.verdicts, strict=True):
        if each == verdict:
            names.append(shown(loss, 48))
    return listed(names)


def _worse(results: Results, summary: Summary) -> str:
    """The losses that are worse than the best by more than the margin, and by how much the nearest of them is."""
    count = summary.verdicts.count("worse")
    if not count or summary.best is None:
        return ""
    text = f" Worse by more than {100 * results.margin:g} %: {_named(results, summary, 'worse')}"
    column, sign = summary.column, 1.0 if summary.direction == "min" else -1.0
    against = {}
    for row, verdict in enumerate(summary.verdicts):
        contrast = column.contrast(summary.best, row)
        if verdict == "worse" and contrast.n > 1:
            against[row] = contrast
    if not against:
        return f"{text}, of which every run failed."
    nearest = min(against, key=lambda row: sign * float(against[row].difference))
    effect, low, high = map(number, column.shown(against[nearest]))
    subject = "its score" if count == 1 else f"the score of the nearest, {shown(results.losses[nearest], 48)},"
    relation = f"{effect} times the best" if column.is_log else f"{effect} away from the best"
    return f"{text}; {subject} is {relation} (simultaneous 95 % interval {low} to {high})."


def _cautions(results: Results) -> list[str]:
    """Warnings: what a reader must know before believing a number."""
    runs, texts = results.runs, []
    absent = results.absent()
    if absent:
        cells = []
        for dataset, loss, seed in absent[:6]:
            cells.append(f"{shown(loss)} on {shown(dataset)} seed {seed}")
        more = f" and {len(absent) - 6} more" if len(absent) > 6 else ""
        texts.append(f"{len(absent)} planned runs are missing and not in any number here: {', '.join(cells)}{more}.")
    if len(results.seeds) == 1:
        texts.append("One seed only: no interval and no test can be given, and differences may be chance.")
    if (runs.status != "missing").any() and not (runs.status == "done").any():
        texts.append("Every run failed: there are no scores.")
    commits = sorted(set(filter(None, runs.commit)))
    if len(commits) > 1:
        texts.append(f"Runs come from {len(commits)} commits: {', '.join(commit[:12] for commit in commits)}.")
    if runs.dirty.fillna(False).any():
        texts.append("Some runs were made with uncommitted changes: the commit alone does not reproduce them.")
    for column in ("device", "engine"):
        kinds = sorted(set(filter(None, runs[column])))
        if len(kinds) > 1:
            texts.append(f"Runs differ in {column}: {'; '.join(kinds)}.")
    done = runs[runs.status == "done"]
    if len(done) and (done.protocol == "").any():
        count = int((done.protocol == "").sum())
        texts.append(f"{count} runs do not say by which protocol they were scored: the sweep's is taken for theirs.")
    return [*texts, *results.clock.cautions]


def _dataset_blocks(dataset: DatasetResults, plan: list[Drawing]) -> list[Block]:
    """Scores, samples, curves, comparisons, and folded what is seen of the critics."""
    drawn = {}
    for item in plan:
        if item.dataset == dataset.name:
            drawn[item.block.name.removesuffix(f"-{dataset.slug}")] = item.block
    blocks: list[Block] = [Heading(dataset.title), scores_table(dataset), *_taken(drawn, "final")]
    for title, names in (("Samples", ("samples", "slider")), ("Over training", ("scores",))):
        found = _taken(drawn, *names)
        blocks += [Heading(title, 3), *found] if found else []
    comparisons: list[Block] = _taken(drawn, "pairs")
    if len(dataset.losses) > 1:
        comparisons.append(baseline_table(dataset))
    optional = target_table(dataset), equal_budgets_table(dataset), spread_table(dataset), published_table(dataset)
    comparisons += filter(None, optional)
    blocks += [Heading("Comparisons", 3), *comparisons] if comparisons else []
    return [*blocks, Fold("Diagnostics", list(drawn.values()))] if drawn else blocks


def _taken(drawn: dict[str, Figure | Slider], *names: str) -> list[Block]:
    """The figures of these kinds, which are then no longer among those `drawn`."""
    return [drawn.pop(name) for name in names if name in drawn]


def _overall(results: Results, plan: list[Drawing]) -> list[Block]:
    table = aggregate_table(results)
    blocks: list[Block] = [table] if table else []
    blocks += _figures(plan, of=None)
    return [Heading("Across data sets"), *blocks] if blocks else []


def _figures(plan: list[Drawing], of: str | None, failures: bool = False) -> list[Block]:
    """The figures of a data set, or those across data sets: the one of failures, or all but it."""
    blocks: list[Block] = []
    for item in plan:
        if item.dataset == of and (item.block.name == "failures") == failures:
            blocks.append(item.block)
    return blocks


def _formulas_caption(results: Results) -> str:
    """The caption of the table of formulas: those that ran, or, in old exports, one a loss."""
    if "formulas" in results.meta:
        return "What each loss minimised, with the weights that it ran with, and where it is from."
    return (
        "What each loss minimises, and where it is from. This export is older than formulas by data set: where the "
        "overrides below change a loss, its weights on that data set are those of the override, not these."
    )


def _losses(results: Results) -> list[Block]:
    """How each loss and metric is defined, and what each was trained with."""
    blocks: list[Block] = [Heading("Losses and recipes"), _formula_table(results)]
    recipe = results.meta.get("recipe")
    if recipe:
        blocks.append(Text(f"Recipe {recipe['name']} ({recipe['source']}). {recipe['note']}"))
    overrides = results.meta.get("overrides")
    if overrides:
        blocks.append(Text("Overrides of the common recipe:"))
        blocks.append(Items([f"{cells}: {_flat(change)}" for cells, change in overrides.items()]))
    else:
        blocks.append(Text("Every loss has the same recipe: there are no overrides."))
    metrics = []
    for dataset in results.each_dataset:
        for metric in dataset.metrics:
            metrics.append(_metric(dataset, metric))
    return [*blocks, recipe_table(results), *timing_tables(results), Heading("Metrics", 3), Items(metrics)]


def _formula_table(results: Results) -> Table:
    titles = ("Loss", "name in commands", "data set", "critic minimises", "generator minimises", "paper")
    columns = columns_of(titles)
    rows = []
    for loss in results.losses:
        for datasets, formula in results.formulas(loss):
            where = ", ".join(map(display, datasets)) or "all"
            texts = (loss, where, formula["critic"], formula["generator"], formula["paper"])
            rows.append([named(loss), *entries_of(texts)])
    return Table("losses", _formulas_caption(results), columns, rows)


def _metric(dataset: DatasetResults, metric: str) -> str:
    results = dataset.results
    better = "lower is better" if results.metrics[metric].direction == "min" else "higher is better"
    protocol = protocol_text(dataset.protocol(metric))
    how = f": {protocol}" if protocol else ""
    name = dataset.title if dataset.title == dataset.name else f"{dataset.title} ({dataset.name})"
    return f"{name}: {results.metrics[metric].label} ({metric}), {better}{how}."


def _flat(value: Any, prefix: str = "") -> str:
    if not isinstance(value, dict):
        return f"{prefix} = {value if isinstance(value, str) else json.dumps(value)}"
    parts = []
    for key, inner in value.items():
        parts.append(_flat(inner, f"{prefix}.{key}" if prefix else str(key)))
    return ", ".join(parts)


def failures(results: Results, plan: list[Drawing]) -> list[Block]:
    """Which runs failed, and why."""
    failed = results.failed_runs()
    if not len(failed):
        return [Heading("Failures"), Text("No run diverged or failed.")]
    titles = ("Loss", "data set", "seed", "status", "step", "reason")
    rows = []
    for run in failed.itertuples():
        step = "" if pd.isna(run.step) else str(run.step)
        reason = run.error or "no reason recorded"
        cells = [
            named(run.dataset),
            Entry(str(run.seed), float(run.seed)),
            Entry(run.status),
            Entry(step),
            Entry(reason[:300]),
        ]
        rows.append([named(run.loss), *cells])
    columns = columns_of(titles, numeric=("seed", "step"))
    blocks: list[Block] = [Heading("Failures"), Table("failures", "Every run that did not finish.", columns, rows)]
    return blocks + _figures(plan, of=None, failures=True)
