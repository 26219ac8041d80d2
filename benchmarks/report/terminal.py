"""The scores of a report for a terminal."""

from pathlib import Path

from benchmarks.markup.blocks import Table
from benchmarks.markup.plain import plain
from benchmarks.record.export import Record
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.results import Results
from benchmarks.report.tables import FAILED, scores_table

LEGEND = "* best   ≈ equivalent   ? undecided   † unhealthy critic   no mark: worse"
ONE_SEED = "one seed: no interval and no verdict   † unhealthy critic"


def scores_text(export: Path) -> str:
    """A small table a data set: every metric, its direction, mean ± half-width of the 95 % interval, failures; the
    marks are those of the report."""
    return "\n\n".join(_scores(Results(Record.read(export))))


def look_text(export: Path) -> str:
    """The scores of a first look, and how long its runs trained."""
    results = Results(Record.read(export))
    return "\n\n".join([*_scores(results), f"trained for {results.runs.train_seconds.sum():.0f} s"])


def _scores(results: Results) -> list[str]:
    """A table for each data set, then the legend."""
    tables = [f"{dataset.name}\n{plain(narrow(dataset))}" for dataset in results.each_dataset]
    return [*tables, *_legend(results)]


def _legend(results: Results) -> list[str]:
    """What the marks mean, where there is anything to compare; of one seed no verdict can be had."""
    if len(results.losses) < 2:
        return []
    return [LEGEND if len(results.seeds) > 1 else ONE_SEED]


def narrow(dataset: DatasetResults) -> Table:
    """The table of scores without what the losses cost and what others published."""
    table = scores_table(dataset)
    last = [column.title for column in table.columns].index(FAILED)
    rows = [row[: last + 1] for row in table.rows]
    return Table(table.name, "", table.columns[: last + 1], rows)
