"""From the tags, parameters and metrics of runs to the frames of a record. Knows no MLflow."""

import io
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record.export import METRIC_COLUMNS, RUN_COLUMNS
from benchmarks.record.shown import told
from benchmarks.record.vocabulary import of_run

HISTORY = ["run_id", "name", "step", "timestamp", "value"]
HISTORY_QUERY = """
    SELECT run_uuid, key, step, timestamp, CASE WHEN is_nan THEN NULL ELSE value END
    FROM metrics WHERE run_uuid IN (SELECT run_uuid FROM runs WHERE experiment_id = {})"""
"""The metrics of an experiment, from MLflow's tables in sqlite or PostgreSQL."""


def run_row(key: str, status: str, described: Mapping[str, Any], logged: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the run table.

    A column is what was `logged` under its name (tag, parameter or latest value of a metric), else what the sweep's
    plan said of the cell (`described`), else empty.
    """
    return typed_row({**described, **logged, "run_key": key, "status": status}, RUN_COLUMNS)


def typed_row(values: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The values of `columns`, each of its type; empty where there is none."""
    return {name: _parsed(values.get(name), kind) for name, kind in columns.items()}


def _parsed(value: Any, kind: str) -> Any:
    if value is None or value == "":
        return "" if kind == "str" else None
    return _PARSERS[kind](value)


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "float64": float,
    "Int64": lambda value: int(value) if re.fullmatch(r"-?\d+", str(value)) else int(float(value)),
    "boolean": lambda value: str(value).lower() == "true",
}


def table_of(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows as a frame, column by column: pandas would make numbers of a column with a gap floats first, inexactly."""
    rows = list(rows)
    arrays = {}
    for name, kind in columns.items():
        arrays[name] = pd.array([row[name] for row in rows], dtype=kind)
    return pd.DataFrame(arrays)


def latest_metrics(histories: pd.DataFrame, keys: Mapping[str, str]) -> pd.DataFrame:
    """One row for each (run key, name, step), the latest written; a resumed run repeats steps.

    histories: the columns HISTORY, with names as MLflow has them. keys: run id -> run key; other runs are left out.
    """
    names = {name: told(name) for name in histories["name"].unique()}
    rows = histories.assign(run_key=histories["run_id"].map(keys), name=histories["name"].map(names))
    rows = rows.dropna(subset="run_key")
    rows = rows.sort_values("timestamp", kind="stable").drop_duplicates(["run_key", "name", "step"], keep="last")
    rows = rows.sort_values(["run_key", "name", "step"], ignore_index=True)
    return rows[list(METRIC_COLUMNS)].astype(METRIC_COLUMNS)


def sqlite_histories(database: Path, experiment: str) -> pd.DataFrame:
    """The metrics of an experiment straight from MLflow's tables.

    Its client asks run by run and key by key, which takes fifteen times as long.
    """
    query = HISTORY_QUERY.format(int(experiment))
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=60)) as connection:
        return pd.DataFrame(connection.execute(query).fetchall(), columns=HISTORY)


def named_samples(key: str, archive: bytes | None) -> dict[str, np.ndarray]:
    """The arrays of a cell's samples.npz under the names of a record: real data is shared, the rest is the cell's."""
    if archive is None:
        return {}
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        return {of_run(key, name): arrays[name] for name in arrays.files}
