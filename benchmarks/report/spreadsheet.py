"""Every score of a report as CSV."""

from benchmarks.markup.spreadsheet import exact, text
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
                numbers = [exact(x) for x in (summary.mean[row], summary.half[row])]
                identity = [dataset, metric, summary.direction, str(results.checkpoint), loss]
                rows.append([*identity, *numbers, *counts, *map(exact, cost)])
    return text(rows)
