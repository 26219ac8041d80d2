"""The report of a search as a list of blocks: which loss with how many trials first, how it was searched last."""

from typing import Any

from benchmarks.markup.blocks import Block, Heading, Items, Text
from benchmarks.report.document import failures
from benchmarks.report.figures.plan import Drawing
from benchmarks.report.names import display
from benchmarks.report.provenance import provenance
from benchmarks.report.results import Results
from benchmarks.report.search import DatasetSearch
from benchmarks.report.search_tables import (
    answers,
    budget_text,
    chosen_table,
    curve_table,
    sensitivity_table,
    space_table,
)

NOT_FAIR = (
    "an adaptive search, for the best setting of each loss rather than a fair one: settings follow from the scores "
    "before them, so nothing here says what k trials are worth, and the losses' care was not equal"
)


def search_document(results: Results, plan: list[Drawing]) -> list[Block]:
    """Every block of the report of a search, in order."""
    searches = [DatasetSearch(dataset) for dataset in results.each_dataset]
    blocks: list[Block] = [Items(cautions, alert=True)] if (cautions := _cautions(searches)) else []
    blocks += [Text(str(results.meta.get("description", ""))), Heading("Summary")]
    lines = [f"{search.dataset.title}: {' '.join(answers(search))}" for search in searches if answers(search)]
    blocks.append(Items([*lines, budget_text(results)]))
    for search in searches:
        blocks += [Heading(search.dataset.title)]
        blocks += [] if search.adaptive else [curve_table(search)]
        drawn: list[Any] = [item.block for item in plan if item.dataset == search.dataset.name]
        blocks += [*drawn[:1], sensitivity_table(search), *drawn[1:], chosen_table(search)]
    blocks += [Heading("Search space"), space_table(results)]
    blocks += failures(results, plan)
    return blocks + provenance(results, blocks)


def _cautions(searches: list[DatasetSearch]) -> list[str]:
    """Cautions before a number is believed: trials that have not ended."""
    texts = []
    for search in searches:
        if search.adaptive:
            texts.append(f"{search.dataset.title}: {NOT_FAIR} ({search.adaptive})")
        missing = {each.loss: each.missing for each in search.losses if each.missing}
        if missing:
            counts = ", ".join(f"{display(loss)} {count}" for loss, count in missing.items())
            texts.append(f"{search.dataset.title}: trials that have not ended, and are in no number here: {counts}.")
    return texts
