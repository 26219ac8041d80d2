"""Who runs what, where: stacks for workers, workers for devices, and a worker's death. No process is started."""

import multiprocessing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.suites.suite import load_suite
from benchmarks.sweep.messages import Outcome, Quiet
from benchmarks.sweep.plan import Options
from benchmarks.sweep.workers import MOST_ROWS, Worker, receive, stacks

SUITE = """\
name: small
losses: [wgan-gp]
datasets: [8gaussians]
seeds: 3
architecture: {name: mlp, width: 8, depth: 2}
train: {steps: 24, batch_size: 8, n_critic: 1, optimizer: {name: adam, lr: 1e-3}}
evaluate: {every: 8, samples: 50}
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SUITE)
    return str(tmp_path / "small.yaml")


def test_a_worker_that_dies_takes_its_whole_stack_with_it(path: str) -> None:
    cells = load_suite(path).cells[1:]
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    process: Any = SimpleNamespace(join=lambda: None, exitcode=9)
    worker = Worker(process, ours, "cpu", {spec.key: spec for spec in cells})
    died = Outcome("failed", "the worker process died (exit code 9)")
    assert receive(worker) == [(spec, died) for spec in cells]


def test_a_worker_may_be_silent_for_five_minutes_or_twenty_times_its_longest_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("benchmarks.sweep.workers.time.monotonic", lambda: now[0])
    ours, theirs = multiprocessing.Pipe()
    worker = Worker(SimpleNamespace(), ours, "cpu", {})  # type: ignore[arg-type]
    worker.give([])
    assert theirs.recv() == []
    allowed = []
    for seconds in (1000, 10, 30, 5):  # the first word comes after a start, which is no pace
        now[0] += seconds
        worker.hear("")
        allowed.append(worker.quiet)
    assert allowed == [300, 300, 600, 600]
    worker.hear(Quiet(5000))
    assert worker.quiet == 5000
    now[0] += 100
    assert worker.silent_for == 100


@pytest.mark.parametrize(
    ("seeds", "datasets", "workers", "sizes"),
    [(5, 1, 1, [5]), (5, 1, 2, [3, 2]), (5, 2, 2, [5, 5]), (3, 2, 3, [2, 1, 2, 1]), (1, 1, 4, [1])],
)
def test_seeds_are_stacked_by_cell_and_split_for_idle_workers(
    path: str, seeds: int, datasets: int, workers: int, sizes: list[int]
) -> None:
    named = "[8gaussians]" if datasets == 1 else "[8gaussians, swissroll]"
    cells = load_suite(path, {"seeds": str(seeds), "datasets": named}).cells
    found = stacks(cells, workers)
    assert [len(stack) for stack in found] == sizes
    assert sorted(spec.key for stack in found for spec in stack) == sorted(spec.key for spec in cells)
    assert all(len({(spec.loss_name, spec.dataset) for spec in stack}) == 1 for stack in found)


def test_settings_of_a_search_are_stacked_and_other_losses_are_not(path: str) -> None:
    text = Path(path).read_text()
    variants = ", ".join(f"{{name: wgan-gp, weight: {weight}}}" for weight in (1, 10))
    Path(path).write_text(text.replace("[wgan-gp]", f"[{variants}, hinge]"))
    cells = load_suite(path, {"seeds": "2"}).cells
    rates = [replace(spec.train.optimizer, lr=rate) for spec, rate in zip(cells, (1e-3, 1e-4) * 3, strict=True)]
    cells = [replace(spec, train=replace(spec.train, optimizer=each)) for spec, each in zip(cells, rates, strict=True)]
    assert [len(stack) for stack in stacks(cells, 1)] == [4, 2]
    assert {spec.loss_name for spec in stacks(cells, 1)[1]} == {"hinge"}


def test_a_stack_has_no_more_rows_than_fit(path: str) -> None:
    cells = load_suite(path, {"seeds": "150"}).cells
    assert [len(stack) for stack in stacks(cells, 1)] == [MOST_ROWS, MOST_ROWS, 150 - 2 * MOST_ROWS]


@pytest.mark.parametrize(
    ("device", "workers", "devices", "comparable"),
    [
        ("auto", None, ["cuda:0", "cuda:1"] * 2, False),
        ("cuda:1", None, ["cuda:1"] * 4, False),
        ("cuda:1", 1, ["cuda:1"], True),
        ("cuda", 4, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"], False),
        ("cuda:0", 2, ["cuda:0", "cuda:0"], False),
        ("cpu", 3, ["cpu"] * 3, True),
        ("cuda", 0, [], True),
        ("cpu", 5, ["cpu"] * 5, False),
    ],
)
def test_several_workers_a_gpu_and_no_clock_of_those_that_share_one(
    device: str, workers: int | None, devices: list[str], comparable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("benchmarks.sweep.plan.core_count", lambda: 4)
    options = Options(Path("results"), Path("data"), device, workers)
    context = options.context("small")
    assert context.devices == tuple(devices)
    assert context.timing_comparable == comparable
    assert context.sharers == max(map((devices or ["cuda:0"]).count, devices or ["cuda:0"]))
