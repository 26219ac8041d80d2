"""Every score of a report as CSV."""

from benchmarks.markup.spreadsheet import exact, text
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.health import unhealthy_losses
from benchmarks.report.results import Results
from benchmarks.report.statistics import t_interval

HEADS = "dataset,metric,direction,checkpoint,loss,mean,half_width_95,n,n_failed,verdict,unhealthy"
COSTS = ["n_critic", "images_seen", "train_seconds", "iterations_per_second"]


def scores_csv(results: Results) -> str:
    """Every score cell of the report as a row."""
    rows: list[list[object]] = [[*HEADS.split(","), *COSTS]]
    for dataset in results.each_dataset:
        costs, faults = dataset.times(), unhealthy_losses(dataset)
        for metric in dataset.metrics:
            summary = dataset.summary(metric)
            for row, loss in enumerate(results.losses):
                cost = costs.loc[loss, COSTS]
                counts = [int(summary.attempted[row]), int(summary.failed[row])]
                marks = [summary.verdicts[row], int(loss in faults)]
                numbers = [exact(x) for x in (summary.mean[row], summary.half[row])]
                identity = [dataset.name, metric, summary.direction, str(results.checkpoint), loss]
                rows.append([*identity, *numbers, *counts, *marks, *map(exact, cost)])
            rows += _floor(dataset, metric)
    return text(rows)


def _floor(dataset: DatasetResults, metric: str) -> list[list[object]]:
    """The row of real data in place of generated samples, `n` the number of draws; none where there is no floor."""
    floor = dataset.floor(metric)
    if floor is None:
        return []
    numbers = [exact(float(x)) for x in t_interval(floor[0])]
    name, direction = dataset.floor_name(metric), dataset.results.metrics[metric].direction
    identity = [dataset.name, metric, direction, str(dataset.results.checkpoint), name]
    return [[*identity, *numbers, len(floor[0]), 0, "floor", 0, *[""] * len(COSTS)]]
