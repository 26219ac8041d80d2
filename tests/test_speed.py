"""The speed benchmark: it finds its candidates, keeps medians, writes its files; the GPU part runs on any device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.speed import gpu, measure
from benchmarks.speed.measure import PINNED, Row, interleave
from benchmarks.speed.table import write
from benchmarks.speed.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
ROWS = [Row("MLP", PINNED, "textbook", 50.0, 200.0, 1.0), Row("MLP", PINNED, "plain", 75.0, 200.0, 1.5)]


def test_medians_of_interleaved_stretches() -> None:
    calls: list[str] = []
    ticks = iter([0, 1, 1, 5, 5, 6, 6, 9, 9, 19, 19, 22])
    stretches = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    assert interleave(stretches, 3, lambda: next(ticks)) == {"a": 1, "b": 3}
    assert calls == ["a", "b"] * 3


def test_every_candidate_of_a_workload_runs() -> None:
    stretches = measure.candidates(WORKLOADS["MLP 4x128, batch 128"], compiled=False)
    assert stretches.keys() == {"textbook", "plain", "closed-form", "stacked"}
    for stretch in stretches.values():
        stretch()


def test_the_table_says_what_was_measured(tmp_path: Path) -> None:
    write(tmp_path, ROWS, {"one cell after the other": 100.0}, {"torch": "2"})
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| MLP | plain | 75 | 0.38 | 1.50x |" in text
    assert "| one cell after the other | 100 |" in text
    rows = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))["rows"]
    assert rows[1]["fraction"] == pytest.approx(0.375)


def test_the_figure_is_the_same_every_time(tmp_path: Path) -> None:
    from benchmarks.speed.figure import draw

    for name in ("a.svg", "b.svg"):
        draw(tmp_path / name, ROWS)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_gpu_s_script_measures_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = "MLP 4x128, batch 128"
    threads = torch.get_num_threads()
    monkeypatch.setattr(gpu, "SECONDS", 0.01)
    monkeypatch.setattr(gpu, "CHECKED_STEPS", 3)
    monkeypatch.setattr(gpu, "STACKS", {toy: (2,)})
    monkeypatch.setattr(gpu, "WORKLOADS", {toy: WORKLOADS[toy]})
    gpu.main(tmp_path, "cpu")
    torch.set_num_threads(threads)
    content = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert [result["how"] for result in content["results"]] == [
        "plain",
        "CUDA graph",
        "2 seeds stacked in a CUDA graph",
    ]
    assert all(result["error"] == "" for result in content["results"])
    assert max(content["largest_difference_from_plain"].values()) < 1e-10
    assert "| MLP 4x128, batch 128 | plain |" in (tmp_path / "gpu.md").read_text(encoding="utf-8")


def test_the_gpu_s_script_needs_no_pydantic() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "benchmarks/speed/standins"), str(ROOT)])}
    code = "import benchmarks.speed.gpu, pydantic, sys; print(pydantic.__file__); sys.exit('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "standins" in done.stdout
