"""Whether runs may share a cell or a table. They may not where they were asked for, or scored, in different ways."""

import json

import pandas as pd

from benchmarks.record.protocols import Protocol, differing, read_protocol
from benchmarks.report.specs import spec_fields
from gan_zoo.errors import UserError

RECIPE = ["architecture", "steps", "n_critic", "batch_size", "optimizer"]
"""Columns of the run table that say how a cell was to be trained."""


def check_recipes(runs: pd.DataFrame) -> None:
    """Raises: UserError where the runs of a loss on a data set differ in more than their seeds."""
    for (loss, dataset), cell in runs.groupby(["loss", "dataset"], sort=False):
        for name, values in _recipes(cell).items():
            if len(values) > 1:
                unlike = " and ".join(values[:2])
                where = f"export/runs.csv: loss {loss!r} on {dataset!r}: seeds differ in {name} ({unlike})"
                raise UserError(f"{where}: these do not share a cell: run one recipe, or report the sweeps separately")


def _recipes(cell: pd.DataFrame) -> dict[str, list[str]]:
    """The settings of the runs of a cell but their seed: the values of each column, and of each field of specs."""
    known = cell.spec[cell.spec != ""]
    specs = pd.DataFrame(list(map(spec_fields, known))).drop(columns="seed", errors="ignore")
    recipes = {}
    for columns in (cell[RECIPE], specs):
        for name, column in columns.items():
            recipes[str(name)] = list(map(str, column.dropna().unique()))
    return recipes


def _variants(runs: pd.DataFrame, column: str) -> dict[str, str]:
    """Each value that runs recorded in a column -> the first run that did, in words."""
    recorded = runs[runs[column] != ""].drop_duplicates(column)
    first = recorded.loss + " seed " + recorded.seed.astype(str)
    return dict(zip(recorded[column], first, strict=True))


def protocols(runs: pd.DataFrame, dataset: str, metric: str) -> list[tuple[Protocol, str]]:
    """The protocols that runs were scored by with a metric on a data set, each with the first run that was.

    Raises: UserError where a run's protocols are not JSON.
    """
    found: list[tuple[Protocol, str]] = []
    for text, run in _variants(runs, "protocol").items():
        try:
            known = json.loads(text)
        except ValueError:
            raise UserError(f"export/runs.csv: {run} on {dataset!r}: protocol: not JSON: {text[:60]}") from None
        protocol = read_protocol(known.get(metric, f"not scored by it, but by {', '.join(known)}"))
        if all(protocol != other for other, _ in found):
            found.append((protocol, run))
    return found


def check_numerics(runs: pd.DataFrame, dataset: str) -> None:
    """Raises: UserError where runs of a data set computed in different numerics."""
    found = [(read_protocol(numerics), run) for numerics, run in _variants(runs, "numerics").items()]
    _check_alike(dataset, "numerics", found)


def check_protocols(runs: pd.DataFrame, dataset: str, metric: str) -> None:
    """Raises: UserError where runs of a data set were scored by a metric in different ways."""
    _check_alike(dataset, metric, protocols(runs, dataset, metric))


def _check_alike(dataset: str, what: str, found: list[tuple[Protocol, str]]) -> None:
    if len(found) > 1:
        (one, first), (other, second) = found[:2]
        ours, theirs = differing(one, other)
        raise UserError(
            f"export/runs.csv: data set {dataset!r}, {what}: runs differ: {ours} ({first}) and {theirs} ({second}): "
            "such rows share no table: run them again alike, or report them separately (--rows, --metrics)"
        )
