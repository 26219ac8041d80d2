"""Equal budgets: what a suite gives each run, and how the losses rank at equal steps, images and seconds.

The recorded curves say what each loss had reached when it had spent as much as the cheapest of them spends in all. A
score is that of the last evaluation within the budget: nothing is interpolated. A learning rate that decays over a
whole run has then not decayed to its end, which favours losses whose run is over: the caption says so.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import DASH, Column, Entry, Table, amount, listed, measured, number
from benchmarks.report.captions import means, paragraphs, planned_images
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.names import display, named
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array, mean_and_half, worst

WORDS = {
    "images": "real images seen by the critic",
    "generator_steps": "generator steps",
    "critic_steps": "critic steps",
    "seconds": "seconds of training by the timing pass",
}
Price = Callable[[DatasetResults, str], float | None]


def budget_words(results: Results) -> str:
    """The budget of the suite in a sentence; empty where it has none."""
    budget = results.meta.get("budget") or {}
    texts = [f"{amount(float(value))} {WORDS.get(kind, kind)}" for kind, value in budget.items()]
    return f"Budget: {listed(texts)} a run, steps rounded down." if texts else ""


def _steps_price(dataset: DatasetResults, loss: str) -> float | None:
    """The price of a generator step in generator steps."""
    return 1.0


def _images_price(dataset: DatasetResults, loss: str) -> float | None:
    """In real images that the critic sees."""
    for run in dataset.cell_runs(loss).itertuples():
        images = planned_images(run)
        if np.isfinite(images) and pd.notna(run.steps) and run.steps:
            return images / float(run.steps)
    return None


def _seconds_price(dataset: DatasetResults, loss: str) -> float | None:
    """In seconds, by the report's clock."""
    steps = dataset.cell_runs(loss).steps.dropna()
    if not len(steps):
        return None
    last = np.array([float(steps.iloc[0])])
    seconds = dataset.results.clock.at(dataset, loss, last)
    return None if seconds is None or not seconds[0] > 0 else float(seconds[0] / last[0])


PRICES: dict[str, Price] = {"generator steps": _steps_price, "images": _images_price, "seconds": _seconds_price}


@dataclass(frozen=True)
class Standing:
    """The losses at an equal budget: how much that is, and the scores (losses, seeds) and ranks there."""

    currency: str
    spent: float
    scores: Array
    ranks: list[int | None]

    def order(self, losses: list[str]) -> list[str]:
        """The losses that have a rank, the first first."""
        ranked = [(rank, loss) for rank, loss in zip(self.ranks, losses, strict=True) if rank is not None]
        return [loss for _, loss in sorted(ranked)]


def standing(dataset: DatasetResults, currency: str) -> Standing | None:
    """The losses when each has spent what the cheapest spends in all; None where prices or curves are not known."""
    prices = {loss: PRICES[currency](dataset, loss) for loss in dataset.losses}
    totals = []
    for loss, price in prices.items():
        steps = dataset.cell_runs(loss).steps.dropna()
        if price is None or not len(steps):
            return None
        totals.append(float(steps.iloc[0]) * price)
    spent = min(totals)
    rows = [scores_within(dataset, loss, spent / price) for loss, price in prices.items() if price is not None]
    scores = np.array(rows)
    return Standing(currency, spent, scores, ranks(dataset, scores))


def scores_within(dataset: DatasetResults, loss: str, steps: float) -> Array:
    """(seeds,): the primary score of each run at its last evaluation within so many steps; the worst where a run failed
    by then or has none yet, NaN where there was no run."""
    curve, found = dataset.curve(loss, dataset.primary), np.full(len(dataset.results.seeds), np.nan)
    bad = worst(dataset.results.metrics[dataset.primary].direction)
    for run in dataset.cell_runs(loss).itertuples():
        if run.status == "missing":
            continue
        column = curve[int(run.seed)] if int(run.seed) in curve.columns else None
        within = column[column.index <= steps * (1 + 1e-9)] if column is not None else None
        last = float(within.iloc[-1]) if within is not None and len(within) else float("nan")
        failed = run.status != "done" and (pd.isna(run.step) or float(run.step) < steps)
        found[dataset.results.seeds.index(int(run.seed))] = bad if failed or not np.isfinite(last) else last
    return found


def ranks(dataset: DatasetResults, scores: Array) -> list[int | None]:
    """The rank of each row by its mean over seeds, those with fewer failures first; None where all failed."""
    sign = 1.0 if dataset.results.metrics[dataset.primary].direction == "min" else -1.0
    keys = []
    for row in scores:
        known = row[~np.isnan(row)]
        finite = known[np.isfinite(known)]
        keys.append((len(known) - len(finite), sign * float(finite.mean())) if len(finite) else None)
    ordered = sorted(key for key in keys if key is not None)
    return [None if key is None else ordered.index(key) + 1 for key in keys]


def equal_budgets_table(dataset: DatasetResults) -> Table | None:
    """Scores and ranks at equal steps, images and seconds; None where there is nothing to compare."""
    found = [each for currency in PRICES if (each := standing(dataset, currency)) is not None]
    if len(dataset.losses) < 2 or not found or not any(np.isfinite(each.scores).any() for each in found):
        return None
    columns = [Column("Loss", False)]
    for each in found:
        columns += [Column(f"at {_shown_amount(each)}"), Column("place")]
    rows = []
    for row, loss in enumerate(dataset.losses):
        cells = [named(loss)]
        for each in found:
            mean, half = mean_and_half(each.scores[row])
            rank = each.ranks[row]
            cells.append(Entry(measured(mean, half), mean if np.isfinite(mean) else None))
            cells.append(Entry(DASH) if rank is None else Entry(str(rank), float(rank)))
        rows.append(cells)
    return Table(f"budgets-{dataset.slug}", _caption(dataset, found), columns, rows, protocol=_protocol(dataset, found))


def _shown_amount(each: Standing) -> str:
    """1500 generator steps, 480k images, 12.3 seconds."""
    value = number(each.spent) if each.currency == "seconds" else amount(each.spent)
    return f"{value} {each.currency}"


def _caption(dataset: DatasetResults, found: list[Standing]) -> str:
    label = dataset.results.metrics[dataset.primary].label
    return (
        f"{dataset.title}: {label} and place when each loss has spent as much as the cheapest spends in all. "
        f"{orders(dataset, found)}"
    )


def _protocol(dataset: DatasetResults, found: list[Standing]) -> tuple[str, ...]:
    results = dataset.results
    return paragraphs(
        [
            f"Scores: those of the last evaluation within the budget, {means(results)}; places by the mean, losses "
            "with failures after those with fewer.",
            budget_words(results),
            "Learning rates: those that decay do so over a whole run, so a run that is cut has not seen its end.",
            results.clock.caption if any(each.currency == "seconds" for each in found) else "",
        ]
    )


def orders(dataset: DatasetResults, found: list[Standing]) -> str:
    """Whether the order of the losses depends on the currency, and where."""
    by_order: dict[tuple[str, ...], list[str]] = {}
    for each in found:
        by_order.setdefault(tuple(each.order(dataset.losses)), []).append(f"equal {each.currency}")
    if len(by_order) == 1:
        return f"The order is the same at {listed(next(iter(by_order.values())))}."
    texts = [f"at {listed(where)} {', '.join(map(display, order))}" for order, where in by_order.items()]
    return f"The order differs: {'; '.join(texts)}."
