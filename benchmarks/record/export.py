"""The export of a sweep, as five plain files: everything a report needs, and nothing else.

`export/meta.json` (what was asked, and the SHA-256 of that and of the others), `runs.csv` (one row a cell),
`metrics.csv` (tidy: run_key, step, name, value), `samples.npz` and `timings.csv` (what one iteration takes, a row for
each loss, data set and way it was measured; exports of before have none). Equal records give equal bytes: rows are
sorted, floats have nine significant digits (every float32 survives), zip members carry no time. `meta.json` is replaced
last, so that a write that was cut short is found by its hashes and never taken for a record.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gan_zoo.errors import UserError
from gan_zoo.files import make_folder, read_bytes, read_json, reason

RUN_COLUMNS = {
    "run_key": "str",
    "loss": "str",
    "dataset": "str",
    "architecture": "str",
    "seed": "Int64",
    "status": "str",
    "error": "str",
    "step": "Int64",
    "steps": "Int64",
    "n_critic": "Int64",
    "batch_size": "Int64",
    "optimizer": "str",
    "parameters_generator": "Int64",
    "parameters_critic": "Int64",
    "train_seconds": "float64",
    "images_seen": "Int64",
    "iterations_per_second": "float64",
    "timing_comparable": "boolean",
    "device": "str",
    "threads": "Int64",
    "engine": "str",
    "commit": "str",
    "dirty": "boolean",
    "mlflow_run_id": "str",
    "weights_hash": "str",
    "numerics": "str",
    "protocol": "str",
    "spec": "str",  # the canonical JSON of the cell's RunSpec, whose hash is the run key
}
LATER = ("numerics", "protocol", "spec")  # exports that were written before these were recorded leave them empty
METRIC_COLUMNS = {"run_key": "str", "step": "int64", "name": "str", "value": "float64"}
TIMING_COLUMNS = {
    "dataset": "str",
    "loss": "str",
    "device": "str",
    "host": "str",  # 8 hexadecimal digits of a hash of its name
    "engine_asked": "str",
    "engine": "str",  # the one that ran
    "threads": "Int64",
    "numerics": "str",
    "clock": "str",
    "rounds": "Int64",
    "iterations": "Int64",  # of each round
    "seconds_per_iteration": "float64",  # the median over rounds
    "seconds_q25": "float64",
    "seconds_q75": "float64",
    "cpu_seconds_per_iteration": "float64",
    "commit": "str",
}
TIMING_ORDER = ["dataset", "loss", "device", "host", "engine_asked", "threads", "numerics"]
LARGEST_META, LARGEST = 50_000_000, 4_000_000_000  # bytes
META_KEYS = ("suite", "losses", "datasets", "seeds", "primary", "metrics")


def _is_mapping(value: Any, kind: type | None = None) -> bool:
    return isinstance(value, dict) and all(kind is None or isinstance(each, kind) for each in value.values())


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)


META_FORMS: dict[str, Callable[[Any], bool]] = {
    "suite": lambda value: isinstance(value, str),
    "losses": lambda value: _is_list(value, str),
    "datasets": lambda value: _is_list(value, str),
    "seeds": lambda value: _is_list(value, int),
    "primary": lambda value: _is_mapping(value, str),
    "metrics": lambda value: _is_mapping(value, dict),
}
LATER_FORMS: dict[str, Callable[[Any], bool]] = {
    "description": lambda value: isinstance(value, str),
    "commands": lambda value: _is_list(value, str),
    "overrides": lambda value: _is_mapping(value, dict),
    "recipe": lambda value: _is_mapping(value, str),
    "report": _is_mapping,
    "formulas": lambda value: _is_mapping(value, dict),
    "environment": _is_mapping,
    "floor": lambda value: _is_mapping(value, dict),
    "budget": _is_mapping,
    "search": _is_mapping,
    "tuned": _is_mapping,
    "claims": lambda value: _is_mapping(value, list),
}
"""The forms of what `meta.json` holds; of those after the first six, older exports lack some."""

STATUSES = ("done", "diverged", "failed", "missing")
FILES = ("runs.csv", "metrics.csv", "samples.npz")
TIMINGS = "timings.csv"


def _no_timings() -> pd.DataFrame:
    """The timings of a sweep that has none."""
    return pd.DataFrame({name: pd.array([], dtype=kind) for name, kind in TIMING_COLUMNS.items()})


@dataclass
class Record:
    """One sweep: what was asked (`meta`), a row a cell (`runs`), every logged number (`metrics`), `samples`, and what
    iterations take (`timings`)."""

    meta: dict[str, Any]
    runs: pd.DataFrame
    metrics: pd.DataFrame
    samples: dict[str, np.ndarray]
    timings: pd.DataFrame = field(default_factory=_no_timings)

    def write(self, folder: Path) -> list[Path]:
        """Write the export into `folder`; its files. Whoever reads meanwhile sees the old record, or an error, never a
        mixture."""
        make_folder(folder)
        contents = {
            "runs.csv": _csv(self.runs, RUN_COLUMNS, ["dataset", "loss", "seed", "run_key"]),
            "metrics.csv": _csv(self.metrics, METRIC_COLUMNS, ["run_key", "name", "step"]),
            "samples.npz": _npz(self.samples),
            TIMINGS: _csv(self.timings, TIMING_COLUMNS, TIMING_ORDER),
        }
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        hashes["meta.json"] = _meta_hash(self.meta)
        contents["meta.json"] = _json({**self.meta, "sha256": hashes})
        for name, content in contents.items():
            _write_durably(folder / _partial(name), content)
        for name in contents:
            os.replace(folder / _partial(name), folder / name)
        return [folder / name for name in contents]

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """The record in `folder`. Raises: UserError where a file is missing, altered or half-written."""
        meta = _read_meta(folder)
        hashes = meta.pop("sha256")
        if hashes.get("meta.json", _meta_hash(meta)) != _meta_hash(meta):  # older exports have no hash of it
            raise UserError(f"{folder / 'meta.json'}: altered or damaged (its hash is another): {_REMEDY}")
        timed = TIMINGS in hashes or (folder / TIMINGS).is_file()
        content = {name: _read_verified(folder / name, hashes) for name in (*FILES, *([TIMINGS] if timed else []))}
        _check_meta(meta, folder / "meta.json")
        runs = _frame(content["runs.csv"], RUN_COLUMNS, folder / "runs.csv")
        metrics = _frame(content["metrics.csv"], METRIC_COLUMNS, folder / "metrics.csv")
        _check_runs(runs, meta, folder)
        timings = _frame(content[TIMINGS], TIMING_COLUMNS, folder / TIMINGS) if timed else _no_timings()
        return cls(meta, runs, metrics, _arrays(content["samples.npz"], folder / "samples.npz"), timings)


def _csv(frame: pd.DataFrame, columns: dict[str, str], order: list[str]) -> bytes:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"the record's frame lacks the columns {missing}")
    typed = pd.DataFrame({name: _typed(frame[name], kind) for name, kind in columns.items()})
    ordered = typed.sort_values(order, kind="stable")
    text = ordered.to_csv(index=False, lineterminator="\n", float_format="%.9g", na_rep="")
    return text.encode()


def _typed(column: pd.Series, kind: str) -> pd.Series:
    if kind == "str":
        once = lru_cache(None, typed=True)(_text)  # hundreds of thousands of rows have some dozens of texts
        return column.map(once).astype("str")
    return column.astype(kind)


def _text(value: Any) -> str:
    """A value as a text of one line; "" where there is none."""
    return "" if pd.isna(value) else " ".join(line.strip() for line in str(value).splitlines())


def _frame(content: bytes, columns: dict[str, str], path: Path) -> pd.DataFrame:
    numbers = {name: [""] for name, kind in columns.items() if kind != "str"}
    try:
        frame = pd.read_csv(
            io.BytesIO(content),
            usecols=lambda name: name in columns,
            dtype=columns,
            keep_default_na=False,
            na_values=numbers,
        )
        return frame.assign(**{name: "" for name in LATER if name in columns and name not in frame})[list(columns)]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: not an export of this version ({' '.join(str(error).split())}): {_REMEDY}") from error


def _npz(samples: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for key in sorted(samples):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(samples[key]), allow_pickle=False)
            information = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            information.compress_type = zipfile.ZIP_DEFLATED
            information.create_system = 3  # Unix, wherever it is written: else the bytes are the system's
            archive.writestr(information, member.getvalue())
    return buffer.getvalue()


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _meta_hash(meta: dict[str, Any]) -> str:
    return hashlib.sha256(_json(meta)).hexdigest()


def _partial(name: str) -> str:
    return f".{name}.partial"


def _write_durably(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


_REMEDY = "write it again with `gan-zoo report SUITE` where the runs were recorded, or restore it"


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    if not path.is_file():
        raise UserError(f"{path}: there is no export here: {_REMEDY}")
    try:
        meta = read_json(path, LARGEST_META)
    except UserError as error:
        raise UserError(f"{error}: the export is damaged: {_REMEDY}") from None
    lacking = [key for key in (*META_KEYS, "sha256") if not isinstance(meta, dict) or key not in meta]
    if not lacking and not isinstance(meta["sha256"], dict):
        lacking = ["sha256"]
    if lacking:
        raise UserError(f"{path}: lacks {', '.join(lacking)}: not an export of this version: {_REMEDY}")
    return meta


def _read_verified(path: Path, hashes: dict[str, str]) -> bytes:
    if not path.is_file():
        raise UserError(f"{path}: missing: the export is half-written: {_REMEDY}")
    content = read_bytes(path, LARGEST)
    if hashlib.sha256(content).hexdigest() != hashes.get(path.name):
        raise UserError(f"{path}: is not the file that meta.json describes (half-written or altered): {_REMEDY}")
    return content


def _check_meta(meta: dict[str, Any], path: Path) -> None:
    """Raises: UserError where what is asked of a report has another form than a sweep gives it."""
    forms = {**META_FORMS, **{key: form for key, form in LATER_FORMS.items() if key in meta}}
    for key, form in forms.items():
        if not form(meta[key]):
            raise UserError(f"{path}: {key} has another form than in an export of this version: {_REMEDY}")


def _arrays(content: bytes, path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            size = sum(member.file_size for member in members.infolist())
        if size > LARGEST:
            raise ValueError(f"unpacks to {size} bytes, more than the {LARGEST} that are read")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        strange = next((key for key, array in arrays.items() if not isinstance(array, np.ndarray)), None)
        if strange is not None:
            raise ValueError(f"{strange!r:.60} is no array")
        return arrays
    except Exception as failure:  # a strange archive makes zipfile, zlib and NumPy raise whatever they like
        raise UserError(f"{path}: not an export of this version ({reason(failure)}): {_REMEDY}") from None


def _check_runs(runs: pd.DataFrame, meta: dict[str, Any], folder: Path) -> None:
    path = folder / "runs.csv"
    for column, known in (("loss", meta["losses"]), ("dataset", meta["datasets"]), ("status", STATUSES)):
        strange = sorted(set(runs[column]) - set(known))
        if strange:
            raise UserError(f"{path}: {column} {strange[0]!r} is not one of meta.json's: {_REMEDY}")
    twice = runs[runs.duplicated(["loss", "dataset", "seed"])]
    if len(twice):
        cell = twice.iloc[0]
        cell_text = f"loss {cell.loss!r}, data set {cell.dataset!r}, seed {cell.seed}"
        raise UserError(f"{path}: two rows for {cell_text}: two sweeps are mixed: {_REMEDY}")
