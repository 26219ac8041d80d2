"""Two records side by side: two commits, two machines, or somebody else's export; and two runs.

Cells are matched by (loss, data set, seed). Equal run keys say that the specs are equal; where they are not, what
differs is printed. Scores of metrics whose protocols differ are shown and never compared.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import (
    DASH,
    Block,
    Entry,
    Heading,
    Items,
    Table,
    Text,
    columns_of,
    entries_of,
    measured,
    number,
)
from benchmarks.markup.markdown import markdown
from benchmarks.markup.page import page
from benchmarks.record.export import Record
from benchmarks.record.protocols import differing
from benchmarks.report.captions import rule
from benchmarks.report.consistency import RECIPE
from benchmarks.report.contrasts import verdicts_in_words
from benchmarks.report.figures.style import colour
from benchmarks.report.names import display, named, write_pages
from benchmarks.report.results import Results
from benchmarks.report.specs import spec_fields, unlike_fields
from benchmarks.report.statistics import mean_and_half
from benchmarks.report.tables import sortable
from gan_zoo.errors import UserError

CIRCUMSTANCES = ["device", "threads", "engine", "numerics", "commit"]


def build_comparison(first: Path, second: Path, out: Path, choice: dict[str, Any] | None = None) -> list[Path]:
    """Write comparison.md and comparison.html of the exports `first` (A) and `second` (B) into `out`.

    `choice` narrows both sides by the keys of a suite's `report` (see Results).
    """
    a, b = Results(Record.read(first), choice), Results(Record.read(second), choice)
    shared = _in_both(a.datasets, b.datasets)
    if not shared or not set(a.losses) & set(b.losses):
        raise UserError(f"{second}: has no loss and data set in common with {first}: there is nothing to compare")
    if a.checkpoint != b.checkpoint:
        raise UserError(f"{second}: scores by checkpoint {b.checkpoint}, A by {a.checkpoint}: give one --checkpoint")
    blocks: list[Block] = [Text(f"A is {_named(a)}; B is {_named(b)}."), Heading("What differs")]
    blocks += [Items(_protocol(a, b, shared)), _environments(a, b), Heading("Scores")]
    verdicts: list[str] = []
    for dataset in shared:
        blocks.append(_scores(a, b, dataset))
        verdicts += _verdicts(a, b, dataset)
    if verdicts:
        blocks += [Heading("Verdicts"), Items(verdicts)]
    title = f"Two records compared: {a.meta['suite']} and {b.meta['suite']}"
    return write_pages(
        out, {"comparison.md": markdown(title, blocks), "comparison.html": page(title, blocks, out, colour)}
    )


def _in_both(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    return [name for name in ours if name in theirs]


def _named(results: Results) -> str:
    commits = sorted(set(filter(None, results.runs.commit.str[:12])))
    return f"suite {results.meta['suite']}, {len(results.runs)} runs, commit {', '.join(commits) or 'not recorded'}"


def _protocol(a: Results, b: Results, datasets: list[str]) -> list[str]:
    """Every difference that bears on the scores, in words; a line that says so where there is none."""
    texts = []
    for dataset in datasets:
        for loss in _in_both(a.losses, b.losses):
            ours, theirs = a.on(dataset).cell_runs(loss), b.on(dataset).cell_runs(loss)
            for text in _unlike(ours, theirs) if len(ours) and len(theirs) else []:
                texts.append(f"{display(loss)} on {display(dataset)}: {text}")
    for dataset in datasets:
        for metric in _in_both(a.on(dataset).metrics, b.on(dataset).metrics):
            if not alike(a, b, dataset, metric):
                ours, theirs = differing(a.on(dataset).protocol(metric), b.on(dataset).protocol(metric))
                texts.append(f"{metric} on {display(dataset)}: A {ours or 'as B'}; B {theirs or 'as A'}: not compared")
    for side, ours, theirs in (("A", a, b), ("B", b, a)):
        for what, mine, others in (
            ("losses", ours.losses, theirs.losses),
            ("data sets", ours.datasets, theirs.datasets),
            ("metrics", list(ours.meta["metrics"]), theirs.meta["metrics"]),
        ):
            alone = [name for name in mine if name not in others]
            if alone:
                texts.append(f"only {side} has the {what} {', '.join(alone)}")
    return texts or ["Nothing: the same losses, data sets, recipes, protocols, machine and commit."]


def _unlike(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[str]:
    """The differences between the runs of a loss on a data set, in words: recipe first, then circumstances.

    The runs of a cell differ in their seeds alone, so the first of each side represents all.
    """
    one = spec_fields(ours.spec.iloc[0]) | {"seed": ""}  # cells of a loss are to differ in it
    other = spec_fields(theirs.spec.iloc[0]) | {"seed": ""}
    known = len(one) > 1 and len(other) > 1
    columns = CIRCUMSTANCES if known else [*RECIPE, *CIRCUMSTANCES]
    unlike = unlike_fields(one, other, DASH) if known else {}
    for name in columns:
        both = _all_of(ours[name]), _all_of(theirs[name])
        if both[0] != both[1]:
            unlike[name] = both
    texts = [f"{name}: A {a}; B {b}" for name, (a, b) in unlike.items()]
    both_keys = ours.merge(theirs, on="seed")
    if (both_keys.run_key_x != both_keys.run_key_y).any() and not known:
        texts.append("run keys differ, so the specs do; an export without specs does not say in which fields")
    return texts


def _all_of(column: pd.Series) -> str:
    """Every value of a column, once."""
    return ", ".join(sorted(set(map(str, column))))


def _environments(a: Results, b: Results) -> Table:
    ours, theirs = a.environment, b.environment
    rows = []
    for key in {**ours, **theirs}:
        if ours.get(key) != theirs.get(key):
            rows.append(entries_of((key, str(ours.get(key, DASH)), str(theirs.get(key, DASH)))))
    caption = "Where the environments differ; what is not listed is equal."
    return Table("environments", caption, columns_of(("what", "A", "B")), rows)


def _scores(a: Results, b: Results, dataset: str) -> Table:
    """The primary metric of A on one data set: both sides' cells and their paired ratio, B to A."""
    metric = a.on(dataset).primary
    comparable = alike(a, b, dataset, metric)
    rows = []
    losses = _in_both(a.losses, b.losses)
    for loss in losses:
        scores = _matched(a, b, dataset, loss, metric)
        keys, other_keys = a.on(dataset).cell_runs(loss).run_key, b.on(dataset).cell_runs(loss).run_key
        same = Entry("equal" if set(keys) == set(other_keys) else "differ")
        rows.append([named(loss), *_score_cells(a, metric, scores, len(losses) if comparable else 0), same])
    caption = (
        f"{display(dataset)}: {a.metrics[metric].titled}, mean ± half-width of the 95 % t-interval over finished "
        f"seeds, {rule(a.on(dataset), a.checkpoint)}; and B to A with a simultaneous 95 % interval."
    )
    protocol = (
        "B to A: ratio of scores (difference, where one is not positive), paired by seed, with intervals that are "
        "simultaneous over the rows.",
        f"Verdicts: {verdicts_in_words(a)}",
        "Specs: equal where the run keys are.",
    )
    numeric = ("A", "B", "B to A", "95 % interval", "pairs")
    columns = columns_of(("Loss", *numeric[:-1], "verdict on B", "pairs", "specs"), numeric)
    return Table(f"versus-{a.datasets.index(dataset)}", caption, columns, rows, protocol=protocol)


def alike(a: Results, b: Results, dataset: str, metric: str) -> bool:
    """Whether both sides measured a metric in the same way."""
    if metric not in b.metrics:
        return False
    return (a.metrics[metric].direction, a.on(dataset).protocol(metric)) == (
        b.metrics[metric].direction,
        b.on(dataset).protocol(metric),
    )


def _matched(a: Results, b: Results, dataset: str, loss: str, metric: str) -> np.ndarray:
    """(2, seeds): both sides' scores by seed, over the seeds of either."""
    sides = []
    for side in (a, b):
        known = metric in side.metrics
        scores = side.on(dataset).scores(metric)[side.losses.index(loss)] if known else np.full(len(side.seeds), np.nan)
        sides.append(pd.Series(scores, index=side.seeds))
    return pd.concat(sides, axis=1).sort_index().to_numpy(dtype=float).T


def _score_cells(results: Results, metric: str, scores: np.ndarray, rows: int) -> list[Entry]:
    """Both sides' means, and B against A among so many `rows`, none where they were not measured alike."""
    cells = [*map(_mean_cell, scores)]
    if not rows:
        return [*cells, *[Entry("not comparable")], *[Entry(DASH)] * 3]
    sides = results.judged(metric, scores, comparisons=rows)
    against = sides.contrast(0, 1)
    effect, low, high = sides.shown(against)
    interval = f"{number(low)} to {number(high)}" if np.isfinite(low) else DASH
    compared = [Entry(number(effect), sortable(effect)), Entry(interval), Entry(sides.verdict(1, 0))]
    return [*cells, *compared, Entry(str(against.n), float(against.n))]


def _verdicts(a: Results, b: Results, dataset: str) -> list[str]:
    """A line a metric: how many verdicts on pairs of losses both records give, and which contradict each other."""
    losses = _in_both(a.losses, b.losses)
    texts = []
    for metric in _in_both(a.on(dataset).metrics, b.on(dataset).metrics):
        otherwise = "" if alike(a, b, dataset, metric) else " (measured otherwise by A and B)"
        pairs = _pairs_of_verdicts(a, b, dataset, metric)
        decided = decided_there = same = 0
        against = []
        for (x, y), (ours, theirs) in pairs.items():
            decided += ours != "undecided"
            decided_there += theirs != "undecided"
            same += ours == theirs != "undecided"
            if ours != theirs and "undecided" not in (ours, theirs):
                against.append(f"{display(x)} is {ours} to {display(y)} in A, {theirs} in B")
        texts.append(
            f"{display(dataset)}, {a.metrics[metric].label}{otherwise}: of {len(pairs)} pairs of losses A decides "
            f"{decided} and B {decided_there}, {same} alike; {len(against)} contradict each other"
            f"{': ' * bool(against)}{'; '.join(against)}."
        )
    return texts if len(losses) > 1 else []


def _pairs_of_verdicts(a: Results, b: Results, dataset: str, metric: str) -> dict[tuple[str, str], tuple[str, str]]:
    """(loss, other loss) -> the verdicts of two records on the one against the other, each pair once."""
    losses = _in_both(a.losses, b.losses)
    ours, theirs = a.on(dataset).summary(metric).column, b.on(dataset).summary(metric).column
    pairs = {}
    for x, y in combinations(losses, 2):
        here = ours.verdict(a.losses.index(x), a.losses.index(y))
        there = theirs.verdict(b.losses.index(x), b.losses.index(y))
        pairs[x, y] = here, there
    return pairs


def _mean_cell(scores: np.ndarray) -> Entry:
    mean, half = mean_and_half(scores)
    failed, attempted = np.isinf(scores).sum(), (~np.isnan(scores)).sum()
    note = f"({failed}/{attempted} failed)" if failed else ""
    return Entry(measured(mean, half), sortable(mean), note=note, half=sortable(half))


def diff_runs(first: Record, key: str, second: Record, other: str) -> str:
    """Markdown of what differs between two runs' specs, rows, environments and last scores. Keys may be shortened."""
    a, b = _run(first, key), _run(second, other)
    one, two = spec_fields(str(a.pop("spec"))), spec_fields(str(b.pop("spec")))
    known = bool(one and two)
    rows = []
    for name, (ours, theirs) in unlike_fields(one, two, DASH).items() if known else ():
        rows.append(entries_of((f"spec: {name}", ours, theirs)))
    here, there = {**a, **_prefixed(first.meta)}, {**b, **_prefixed(second.meta)}
    for name in {**here, **there}:
        ours, theirs = str(here.get(name, DASH)), str(there.get(name, DASH))
        # The recipe's columns say in short what the fields of the specs say above.
        if ours != theirs and not (known and name in RECIPE):
            rows.append(entries_of((name, ours, theirs)))
    columns = columns_of(("what", str(a["run_key"])[:12], str(b["run_key"])[:12]))
    return markdown("Two runs compared", [Table("diff", ALL_LISTED if known else NOT_ALL_LISTED, columns, rows)])


ALL_LISTED = "What differs, of the specs every field; what is not listed is equal."
NOT_ALL_LISTED = (
    "What differs of what is recorded. An export here was written before specs were kept: the weights of a loss and "
    "other settings may differ without standing here (equal run keys say that they do not)."
)


def _run(record: Record, key: str) -> dict[str, Any]:
    found = record.runs[record.runs.run_key.str.startswith(key)]
    if len(found) != 1:
        count = "no run has" if found.empty else f"{len(found)} runs have"
        raise UserError(f"run {key!r}: {count} this key in suite {record.meta['suite']}: see runs.csv for the keys")
    row: dict[str, Any] = found.iloc[0].astype(object).fillna(DASH).to_dict()
    logged = record.metrics[record.metrics.run_key == row["run_key"]].sort_values("step", kind="stable")
    last = logged[logged.name.isin(record.meta["metrics"])].groupby("name").value.last()
    for name, value in last.items():
        row[str(name)] = number(float(value), 6)
    return row


def _prefixed(meta: dict[str, Any]) -> dict[str, Any]:
    return {f"environment: {key}": value for key, value in meta.get("environment", {}).items()}
