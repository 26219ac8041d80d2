"""What a sweep has MLflow's pages show: the saved views of the experiment, and which runs these are about."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from benchmarks.record.views import CURRENT, TAG, View, saved

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def save_views(client: "MlflowClient", experiment: str, views: Iterable[View]) -> None:
    """Keeps the views of the latest sweep in place of those of another; those that people saved stay."""
    wanted = {view.id: view for view in views}
    there = {view.id: view for view in saved(client.get_experiment(experiment).tags)}
    now = time.time_ns() // 1_000_000
    for view in wanted.values():
        if there.get(view.id) != view:
            client.set_experiment_tag(experiment, f"{TAG}{view.id}", view.tag(now))
    for gone in there.keys() - wanted.keys():
        client.delete_experiment_tag(experiment, f"{TAG}{gone}")


def tell_current(client: "MlflowClient", runs: Iterable["Run"], current: Iterable["Run | None"]) -> None:
    """Says of each of `runs` whether it is among the `current` ones, which views show alone."""
    known = {run.info.run_id for run in current if run is not None}
    for run in runs:
        said = "true" if run.info.run_id in known else "false"
        if run.data.tags.get(CURRENT) != said:
            client.set_tag(run.info.run_id, CURRENT, said)


def is_current(run: "Run") -> bool:
    """Whether views show a run."""
    return run.data.tags.get(CURRENT) == "true"
