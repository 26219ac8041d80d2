"""Published verdicts against a record of one's own: upheld, undecided on a side, or contradicted."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from benchmarks.markup.blocks import Table, columns_of, entries_of, listed
from benchmarks.report.agreement import CellName
from benchmarks.report.names import display, named
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array


@dataclass(frozen=True)
class Upheld:
    """A published verdict on a loss against the best one there, and what the runs here say of the same two."""

    dataset: str
    loss: str
    best: str
    there: str
    here: str

    @property
    def outcome(self) -> str:
        if self.there == self.here:
            return "upheld"
        if self.there == "undecided":
            return "decided here alone"
        return "undecided here" if self.here == "undecided" else "contradicted"


def upheld(compared: Collection[CellName], published: Results, mine: Results) -> list[Upheld]:
    """The verdicts on primary metrics that the published report prints, of losses of which every cell is `compared`."""
    found = []
    for there in published.each_dataset:
        dataset, metric = there.name, there.primary
        summary = there.summary(metric)
        if summary.best is None or metric not in mine.metrics:
            continue
        best = published.losses[summary.best]
        if not _all_seeds(compared, published, dataset, best):
            continue
        ours = published.judged(metric, _own_scores(published, mine, dataset, metric)).against(summary.best)
        for loss, verdict, own in zip(published.losses, summary.verdicts, ours, strict=True):
            if loss != best and verdict and _all_seeds(compared, published, dataset, loss):
                found.append(Upheld(dataset, loss, best, verdict, own))
    return found


def _all_seeds(compared: Collection[CellName], published: Results, dataset: str, loss: str) -> bool:
    """Whether the cells of a loss on a data set are compared, every seed of them."""
    return all(CellName(dataset, loss, seed) in compared for seed in published.seeds)


def _own_scores(published: Results, mine: Results, dataset: str, metric: str) -> Array:
    """(losses, seeds) in the order of the published record; NaN where there is no run here."""
    scores = mine.on(dataset).scores(metric)
    ordered = np.full((len(published.losses), len(published.seeds)), np.nan)
    for row, loss in enumerate(published.losses):
        for column, seed in enumerate(published.seeds):
            if loss in mine.losses and seed in mine.seeds:
                ordered[row, column] = scores[mine.losses.index(loss), mine.seeds.index(seed)]
    return ordered


def verdict_sentences(verdicts: list[Upheld]) -> list[str]:
    """Data set by data set, what became of the published verdicts that decide something."""
    by_dataset: dict[str, list[Upheld]] = {}
    for verdict in verdicts:
        decided = by_dataset.setdefault(verdict.dataset, [])
        if verdict.there != "undecided":
            decided.append(verdict)
    texts = []
    for dataset, decided in by_dataset.items():
        count: Counter[str] = Counter()
        off = []
        for each in decided:
            count[each.outcome] += 1
            if each.outcome == "contradicted":
                pair = f"{display(each.loss)} against {display(each.best)}"
                off.append(f"{pair} is {each.there} there and {each.here} here")
        texts.append(
            f"{display(dataset)}: of {len(decided)} published verdicts that decide something {count['upheld']} are "
            f"upheld, {count['undecided here']} undecided here and {count['contradicted']} contradicted"
            f"{': ' if off else ''}{listed(off)}."
        )
    return texts


def verdict_table(verdicts: list[Upheld]) -> Table:
    """Each published verdict and what became of it."""
    rows = []
    for each in verdicts:
        names = map(named, (each.loss, each.dataset, each.best))
        rows.append([*names, *entries_of((each.there, each.here, each.outcome))])
    titles = ("Loss", "data set", "against", "published", "here", "outcome")
    caption = (
        "Published verdicts on the primary metric of each data set, on losses of which every cell is compared, beside "
        "those of the runs here by the same rule."
    )
    return Table("against-verdicts", caption, columns_of(titles), rows)
