"""The export: equal bytes for equal records, and never a half-written one taken for whole."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from damage import damaged

from benchmarks.record.export import RUN_COLUMNS, TIMING_COLUMNS, Record
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng


def small_record() -> Record:
    blank = dict.fromkeys(RUN_COLUMNS)
    runs = [
        {
            **blank,
            "run_key": "b1",
            "loss": "NA",
            "dataset": "d",
            "seed": 1,
            "status": "failed",
            "error": 'x,\n"y"\r\nz',
        },
        {**blank, "run_key": "a0", "loss": "null", "dataset": "d", "seed": 0, "status": "done", "dirty": True},
    ]
    metrics = pd.DataFrame(
        [("b1", 2, "emd", np.nan), ("a0", 2, "emd", 1 / 3), ("a0", 1, "emd", float(np.float32(0.1)))],
        columns=["run_key", "step", "name", "value"],
    )
    meta = {
        "suite": "tiny",
        "losses": ["null", "NA"],
        "datasets": ["d"],
        "seeds": [0, 1],
        "primary": {"d": "emd"},
        "metrics": {},
    }
    samples = {"a0/samples": np.arange(6, dtype=np.float32).reshape(3, 2), "data/d": np.zeros((1, 1, 2, 2), np.uint8)}
    measured = {**dict.fromkeys(TIMING_COLUMNS), "dataset": "d", "seconds_per_iteration": 1 / 3, "rounds": 20}
    timings = pd.DataFrame([{**measured, "loss": "null"}, {**measured, "loss": "NA"}])
    return Record(meta, pd.DataFrame(runs), metrics, samples, timings)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_read_back_is_what_was_written(tmp_path):
    small_record().write(tmp_path)
    record = Record.read(tmp_path)
    assert record.meta == small_record().meta
    assert list(record.runs.loss) == ["NA", "null"]
    assert record.runs.error[0] == 'x, "y" z'
    assert record.runs.seed.tolist() == [1, 0]
    assert record.runs.dirty.tolist() == [pd.NA, True]
    values = record.metrics.set_index(["run_key", "step"]).value
    assert np.isnan(values["b1", 2])
    assert np.float32(values["a0", 1]) == np.float32(0.1)
    assert list(record.timings.loss) == ["NA", "null"]
    assert record.timings.seconds_per_iteration.tolist() == pytest.approx([1 / 3] * 2, rel=1e-8)
    assert record.timings.rounds.tolist() == [20, 20]
    for key, array in small_record().samples.items():
        assert record.samples[key].dtype == array.dtype
        assert np.array_equal(record.samples[key], array)


def test_equal_records_give_equal_bytes_whatever_their_order(tmp_path):
    record = small_record()
    record.write(tmp_path / "one")
    record.runs, record.metrics = record.runs[::-1], record.metrics[::-1]
    record.timings = record.timings[::-1]
    record.samples = dict(reversed(record.samples.items()))
    record.write(tmp_path / "two")
    Record.read(tmp_path / "two").write(tmp_path / "three")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")
    assert sorted(contents(tmp_path / "one")) == ["meta.json", "metrics.csv", "runs.csv", "samples.npz", "timings.csv"]


@pytest.mark.parametrize("name", ["runs.csv", "metrics.csv", "samples.npz", "timings.csv", "meta.json"])
def test_a_damaged_or_missing_file_is_one_clear_line(tmp_path, name):
    small_record().write(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=name) as damaged:
        Record.read(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=name) as missing:
        Record.read(tmp_path)
    assert "\n" not in f"{damaged.value}{missing.value}"


@pytest.mark.parametrize("count", [25, pytest.param(400, marks=pytest.mark.faults)])
def test_no_mutated_export_is_taken_for_another_record(tmp_path, count):
    """Every file reads as it was written, or one line says which file is not."""
    small_record().write(tmp_path)
    original = contents(tmp_path)
    for kind, place, more in Rng(12, "mutated exports").integers(2**31, (count, 3)).tolist():
        name = sorted(original)[place % len(original)]
        (tmp_path / name).write_bytes(damaged(original[name], kind, place // 4, more))
        refusal = ""
        try:
            Record.read(tmp_path).write(tmp_path / "again")
        except UserError as error:
            refusal = str(error)
        assert name in refusal if refusal else contents(tmp_path / "again") == original
        assert "\n" not in refusal
        (tmp_path / name).write_bytes(original[name])


def test_a_write_cut_short_between_two_files_is_found(tmp_path):
    small_record().write(tmp_path)
    newer = small_record()
    newer.metrics.loc[0, "value"] = 7.0
    newer.write(tmp_path / "newer")
    (tmp_path / "newer" / "metrics.csv").replace(tmp_path / "metrics.csv")
    with pytest.raises(UserError, match="half-written"):
        Record.read(tmp_path)


def test_an_export_of_before_timings_has_none(tmp_path):
    small_record().write(tmp_path)
    (tmp_path / "timings.csv").unlink()
    meta = json.loads((tmp_path / "meta.json").read_text())
    del meta["sha256"]["timings.csv"]
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    record = Record.read(tmp_path)
    assert list(record.timings.columns) == list(TIMING_COLUMNS)
    assert len(record.timings) == 0
    assert list(record.runs.loss) == ["NA", "null"]


def test_an_older_export_leaves_empty_what_was_not_yet_recorded(tmp_path):
    small_record().write(tmp_path)
    runs = (tmp_path / "runs.csv").read_text().splitlines()
    assert runs[0].endswith(",weights_hash,numerics,protocol,spec")
    older = "\n".join(line.rsplit(",", 3)[0] for line in runs) + "\n"
    (tmp_path / "runs.csv").write_text(older)
    meta = json.loads((tmp_path / "meta.json").read_text())
    del meta["sha256"]["meta.json"]
    meta["sha256"]["runs.csv"] = hashlib.sha256(older.encode()).hexdigest()
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    record = Record.read(tmp_path)
    assert record.runs[["numerics", "protocol", "spec"]].to_numpy().tolist() == [[""] * 3] * 2
    assert list(record.runs.loss) == ["NA", "null"]


def test_foreign_meta_and_mixed_sweeps_are_refused(tmp_path):
    record = small_record()
    record.runs = pd.concat([record.runs, record.runs.assign(run_key="c")])
    record.write(tmp_path)
    with pytest.raises(UserError, match="two rows for loss 'NA'"):
        Record.read(tmp_path)
    record = small_record()
    record.meta["losses"] = ["null"]
    record.write(tmp_path)
    with pytest.raises(UserError, match="loss 'NA'"):
        Record.read(tmp_path)
    (tmp_path / "meta.json").write_text(json.dumps({"suite": "x"}))
    with pytest.raises(UserError, match="lacks losses"):
        Record.read(tmp_path)


def rewritten(folder, meta=None, **files):
    """Other content in an export whose hashes hold all the same, as anybody can write one."""
    content = json.loads((folder / "meta.json").read_text())
    hashes = content.pop("sha256")
    content |= meta or {}
    for name, data in files.items():
        name = name.replace("_", ".")
        (folder / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    hashes["meta.json"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "meta.json").write_text(json.dumps({**content, "sha256": hashes}))


def archive(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return buffer.getvalue()


HUGE = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10**15,), }".ljust(117) + b"\n"


@pytest.mark.parametrize(
    ("meta", "files", "refusal"),
    [
        ({"losses": "hinge"}, {}, "meta.json: losses has another form"),
        ({"primary": {"d": 1}}, {}, "meta.json: primary has another form"),
        ({"floor": [1]}, {}, "meta.json: floor has another form"),
        ({"seeds": [0.5]}, {}, "meta.json: seeds has another form"),
        ({"report": {"margin": float("nan")}}, {}, "meta.json: not JSON (NaN is no number here)"),
        ({}, {"samples_npz": b"PK"}, "samples.npz: not an export of this version"),
        ({}, {"samples_npz": archive("a.npy", b"no array")}, "samples.npz: not an export of this version"),
        ({}, {"samples_npz": archive("a.npy", HUGE)}, "samples.npz: not an export of this version"),
        ({}, {"metrics_csv": b"run_key,step,name,value\na0,x,emd,1\n"}, "metrics.csv: not an export of this version"),
        ({}, {"runs_csv": b"\xff\xfe"}, "runs.csv: not an export of this version"),
    ],
)
def test_a_strange_export_with_right_hashes_is_one_clear_line(tmp_path, meta, files, refusal):
    small_record().write(tmp_path)
    rewritten(tmp_path, meta, **files)
    with pytest.raises(UserError) as refused:
        Record.read(tmp_path)
    assert refusal in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_deeply_nested_or_huge_meta_json_is_one_clear_line(tmp_path, monkeypatch):
    small_record().write(tmp_path)
    (tmp_path / "meta.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match=r"meta\.json: not JSON \(maximum recursion"):
        Record.read(tmp_path)
    monkeypatch.setattr("benchmarks.record.export.LARGEST_META", 1000)
    with pytest.raises(UserError, match=r"meta\.json: larger than 1000 bytes"):
        Record.read(tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_one_clear_line(tmp_path, monkeypatch):
    small_record().write(tmp_path)
    rewritten(tmp_path, samples_npz=archive("a.npy", bytes(100_000)))
    monkeypatch.setattr("benchmarks.record.export.LARGEST", 50_000)
    with pytest.raises(UserError, match=r"samples\.npz.*unpacks to 100000 bytes, more than the 50000"):
        Record.read(tmp_path)
