"""Scores and tables as CSV: plain numbers in full, for those who calculate on."""

import csv
import io
from collections.abc import Iterable

from benchmarks.report.cells import Cell, Table
from benchmarks.report.results import Results

HEADS = "dataset,metric,direction,checkpoint,loss,mean,half_width_95,n,n_failed,bold,n_critic,images_seen,train_seconds"


def scores_csv(results: Results) -> str:
    """Every score cell of the report as a row."""
    rows: list[list[object]] = [[*HEADS.split(","), "iterations_per_second"]]
    for dataset in results.datasets:
        costs = results.times(dataset)
        for metric in results.metric_names(dataset):
            summary = results.summary(dataset, metric)
            for row, loss in enumerate(results.losses):
                cost = costs.loc[loss, ["n_critic", "images_seen", "train_seconds", "iterations_per_second"]]
                counts = [int(summary.attempted[row]), int(summary.failed[row]), int(summary.bold[row])]
                numbers = [_exact(x) for x in (summary.mean[row], summary.half[row])]
                identity = [dataset, metric, summary.direction, str(results.checkpoint), loss]
                rows.append([*identity, *numbers, *counts, *map(_exact, cost)])
    return _text(rows)


def table_csv(table: Table) -> str:
    """One table from its cells: numbers in full; half-widths and bold in columns of their own where there are any."""
    heads, columns = [], []
    for position, column in enumerate(table.columns):
        cells = [row[position] for row in table.rows]
        heads.append(column.title)
        columns.append([_value(cell, column.numeric) for cell in cells])
        if any(cell.half is not None for cell in cells):
            heads.append(f"{column.title}, half-width 95 %")
            columns.append(["" if cell.half is None else _exact(cell.half) for cell in cells])
        if any(cell.bold for cell in cells):
            heads.append(f"{column.title}, bold")
            columns.append([str(int(cell.bold)) for cell in cells])
    return _text([heads, *zip(*columns, strict=True)])


def _value(cell: Cell, numeric: bool) -> str:
    return _exact(cell.value) if numeric and isinstance(cell.value, float) else cell.text


def _exact(value: float) -> str:
    return "" if value != value else f"{value:.9g}"


def _text(rows: Iterable[Iterable[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
