"""The speed benchmark: it finds its candidates, keeps medians, writes its files; the GPU part runs on any device."""

import csv
import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
import torch
from torch import nn

from benchmarks.speed import __main__ as program
from benchmarks.speed import bench as benches
from benchmarks.speed import gpu, measure, metrics, overheads, quickstart, sweep
from benchmarks.speed.bench import PINNED, bench, interleave
from benchmarks.speed.count import cost
from benchmarks.speed.figure import draw
from benchmarks.speed.findings import Findings, bars, missed
from benchmarks.speed.measure import Missing, Row
from benchmarks.speed.overheads import Clocks
from benchmarks.speed.profile import Profile, of_gain, of_row, split
from benchmarks.speed.quickstart import Gain
from benchmarks.speed.sweep import Throughput
from benchmarks.speed.table import write
from benchmarks.speed.textbook import Source, textbook, textbook_nets
from benchmarks.speed.workloads import WORKLOADS
from benchmarks.suites.suite import load_first_look, load_suite
from gan_zoo.datasets import load_dataset
from gan_zoo.numerics import process
from gan_zoo.numerics.process import portable
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import Run, block_draws, initial_state, prepare, train

ROOT = Path(__file__).resolve().parents[1]
ROWS = [
    Row("MLP 4x128", PINNED, "textbook", 50.0, 200.0, 1.0, 3),
    Row("MLP 4x128", PINNED, "plain", 75.0, 200.0, 1.5, 3),
]
FINDINGS = Findings(
    {"torch": "2"},
    ROWS,
    [Missing("MLP 4x128", PINNED, "compiled", "no compiler")],
    [Throughput("MLP 4x128", "one cell after the other", 100.0, 1.0)],
    [Gain("wgan-gp", "8gaussians", 1500, 10.0, 5.0, 4.0, "closed-form")],
    [Profile("MLP 4x128", "plain", 4.0, 5.0, 1.0, 3.5)],
    [Clocks("wgan-gp / 8gaussians / seed 0", 1500, 2500, 6, 4.0, 10.0, 3.0, 0.3)],
    0.4,
    ["quickstart: OSError: gone"],
)


def label(spec: RunSpec) -> str:
    return spec.label


def nets_weights(nets: Sequence[nn.Module]) -> list[torch.Tensor]:
    return [weight.detach() for net in nets for weight in net.parameters()]


def draws_of(run: Run) -> Source:
    """For the textbook loop, the very draws that an engine gets."""
    made = [draws for block in range(2) for draws in block_draws(run, block)]
    return Source(
        (real for draws in made for real in draws.real),
        (z for draws in made for z in (*draws.z_critic, draws.z_generator)),
        (eps for draws in made for noise in draws.noise for eps in noise),
    )


@pytest.mark.parametrize("spec", [cell for cell in load_suite("quickstart").cells if cell.seed == 0], ids=label)
def test_quickstart_trains_as_the_textbook_loop_does(spec: RunSpec) -> None:
    """An independent training with torch's own layers, losses and optimisers: equal weights on equal draws."""
    steps = 20
    spec = replace(spec, train=replace(spec.train, precision="float64"))
    run = prepare(spec, load_dataset(spec.dataset.name, root=Path()))
    state, nets = initial_state(run), textbook_nets(run)
    before = torch.cat([weight.flatten() for weight in nets_weights(nets)])
    list(itertools.islice(textbook(run, *nets, draws_of(run)), steps))
    list(itertools.islice(train(run, state), steps))
    ours, theirs = (
        torch.cat([weight.flatten() for weight in weights])
        for weights in ((*state.generator.values(), *state.critic.values()), nets_weights(nets))
    )
    assert (ours - theirs).abs().max() < 1e-10
    assert (theirs - before).abs().max() > 1e-3


def test_stretches_are_interleaved() -> None:
    times = {"a": iter([1.0, 1.0, 10.0]), "b": iter([4.0, 3.0, 3.0])}
    calls: list[str] = []

    def stretch(name: str) -> float:
        calls.append(name)
        return next(times[name])

    found = interleave({name: partial(stretch, name) for name in times}, 3)
    assert found == {"a": [1, 1, 10], "b": [4, 3, 3]}
    assert calls == ["a", "b"] * 3


def test_a_bench_computes_in_its_own_numerics_and_measures_what_it_holds() -> None:
    name = "MLP 4x128, batch 128"
    with bench("fast", PINNED, convolves=False) as fast, bench("reference", PINNED, convolves=False) as reference:
        assert fast.hold(measure.candidates, name, ["textbook"], "fast") == {"textbook": ""}
        assert reference.hold(measure.candidates, name, ["plain"], "reference") == {"plain": ""}
        assert min(fast.seconds("textbook"), reference.seconds("plain"), fast.matrix_rate()) > 0
        settled = [each.process.submit(portable, "cpu", "reference").result() for each in (fast, reference)]
        assert settled == [False, process.fault() is None]
    assert os.environ["GAN_ZOO_NUMERICS"] == "reference"


def test_every_candidate_of_a_workload_runs() -> None:
    name = "MLP 4x128, batch 128"
    names = measure.engines(WORKLOADS[name])
    assert names == ["textbook", "plain", "closed-form", "compiled", "stacked"]
    stretches = measure.candidates(name, names, "reference")
    assert list(stretches) == names
    for name in stretches.keys() - {"compiled"}:
        stretches[name]()


def test_a_candidate_that_fails_or_is_late_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no compiler\nat all")

    def hang() -> None:
        while True:
            pass

    monkeypatch.setattr(benches, "PREPARATION", 0.05)
    reasons = benches.prepare({"good": lambda: None, "bad": fail, "late": hang, "another": lambda: None})
    late = "not ready within 0.05 s"
    assert reasons == {"good": "", "bad": "RuntimeError: no compiler", "late": late, "another": ""}


def test_rounds_end_with_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "BUDGET", 0)
    assert interleave({"a": lambda: 0.5}, 3) == {"a": [0.5]}


def test_flops_counted_with_two_samples_are_those_of_the_batch() -> None:
    workload = WORKLOADS["MLP 4x128, batch 128"]
    run = workload.run()
    iterations = train(run, initial_state(run))
    assert measure.least_flops(workload) == cost(lambda: next(iterations)).flops


def test_the_table_says_what_was_measured(tmp_path: Path) -> None:
    write(tmp_path, FINDINGS)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| MLP 4x128 | plain | 75 | 0.38 | 1.50x | 3 |" in text
    assert "| MLP 4x128 | one cell after the other | 100 | 1.00x |" in text
    assert "- MLP 4x128, one thread, CPU time: compiled: no compiler" in text
    assert "- quickstart: OSError: gone" in text
    assert "auto 2.50x as fast" in text
    assert "| MLP 4x128 | plain | 10.00 | 4.00 (40%) | 5.00 (50%) | 1.00 (10%) | 3.50 |" in text
    assert "| quickstart, all of its training: times the textbook loop | auto | at least 1.8 | 2.5 | reached |" in text
    assert "| wgan-gp / 8gaussians / seed 0 | 2500 | 10.00 | 0.50 | 0.30 | 3.0% | 4.0 |" in text
    assert "On a GPU: not measured" in text
    rows = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))["rows"]
    assert rows[1]["fraction"] == pytest.approx(0.375)
    with (tmp_path / "speed.csv").open(encoding="utf-8") as file:
        assert [float(row["speedup"]) for row in csv.DictReader(file)] == [1.0, 1.5]
    assert "MLP 4x128 & plain & 75 & 0.38 & 1.50" in (tmp_path / "speed.tex").read_text(encoding="utf-8")


def test_bars_are_reached_or_missed_by_a_stated_share() -> None:
    found = {bar.what: bar for bar in bars(FINDINGS)}
    assert found["MLP 4x128: fraction of the limit"].off == pytest.approx(1 - 0.375 / 0.55)
    share = found["wgan-gp / 8gaussians / seed 0: tracking, checkpoints and pictures, share of training"]
    assert (share.reached, share.off) == (False, pytest.approx(0.5))
    assert found["wgan-gp / 8gaussians / seed 0: start-up to first steps, s"].reached
    assert found["gan-zoo --help, s"].reached


def test_what_misses_its_bar_is_profiled() -> None:
    assert missed(FINDINGS) == [ROWS[1]]
    slow = [Gain("hinge", "digits", 10, 1.7, 1.2, 1.0, "plain"), Gain("wgan-gp", "digits", 10, 1.2, 1.1, 1.0, "plain")]
    reached = replace(ROWS[1], iterations_per_second=150.0, speedup=3.0)
    assert missed(replace(FINDINGS, rows=[reached], gains=slow)) == [slow[1]]
    assert missed(Findings({})) == []


def test_a_profile_parts_the_time_of_a_stretch() -> None:
    a, b = torch.ones(2, 300, 300)

    def products() -> None:
        for _ in range(20):
            a @ b

    def others() -> None:
        for _ in range(200):
            a.exp()

    shares = []
    for stretch in (products, others):
        parts = split(stretch, 4)
        assert min(parts.values()) >= 0
        shares.append(parts["products"] / (parts["products"] + parts["others"]))
    assert shares[0] > 0.5
    assert shares[1] == 0


def test_a_row_and_a_cell_of_quickstart_are_profiled() -> None:
    row = Row("MLP 4x128, batch 128", PINNED, "plain", 75.0, 200.0, 1.5, 3)
    found = [of_row(row), of_gain(Gain("wgan-gp", "8gaussians", 1500, 10.0, 5.0, 4.0, "closed-form"))]
    assert [each.limit for each in found] == [5.0, None]
    assert found[1].what == "quickstart, wgan-gp on 8gaussians"
    assert all(min(each.products, each.others, each.outside) > 0 for each in found)


def test_what_is_measured_stays_when_a_part_fails_or_the_run_is_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part(findings: Findings, ending: BaseException | None) -> None:
        findings.rows += ROWS
        if ending:
            raise ending

    def parts(findings: Findings, options: object) -> dict[str, object]:
        endings = {"one": OSError("gone"), "two": None, "three": KeyboardInterrupt(), "four": None}
        return {name: partial(part, findings, ending) for name, ending in endings.items()}

    monkeypatch.setattr(program, "parts", parts)
    monkeypatch.setattr(sys, "argv", ["speed", "--results", str(tmp_path)])
    with pytest.raises(SystemExit, match="broken off"):
        program.main()
    content = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert content["failures"] == ["one: OSError: gone"]
    assert len(content["rows"]) == 2 * len(ROWS)
    assert (tmp_path / "speed.svg").exists()


def test_a_cell_s_clocks_are_read_from_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"train.steps": "20", "evaluate.every": "10", "evaluate.samples": "100"}
    monkeypatch.setattr(overheads, "load_first_look", lambda name, _, *cell: load_first_look(name, small, *cell))
    threads = torch.get_num_threads()
    clocks = overheads.run_one("8gaussians")
    torch.set_num_threads(threads)
    assert (clocks.cell, clocks.steps, clocks.samples) == ("wgan-gp / 8gaussians / seed 0", 20, 100)
    assert clocks.evaluations == 2
    assert min(clocks.start_up, clocks.train, clocks.evaluate, clocks.record) > 0
    assert clocks.evaluation == clocks.evaluate / 2


def test_quickstart_s_engines_are_timed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart, "ROUNDS", 1)
    (spec,) = load_first_look("quickstart", {}, ["wgan-gp"], ["digits"]).cells
    with bench("reference", PINNED, convolves=False) as one:
        found = quickstart.gain(spec, Path(), one, one)
    assert (found.loss, found.dataset, found.steps, found.engine) == ("wgan-gp", "digits", 2500, "closed-form")
    assert min(found.textbook, found.plain, found.auto) > 0


def test_a_worker_trains_once_all_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SECONDS", 0.01)
    monkeypatch.setattr(sweep, "free_onednn", lambda: None)  # for all tests that come after
    threads = torch.get_num_threads()
    assert sweep.worker_rate("MLP 4x128, batch 128", "plain", 0, Barrier(1)) > 0
    torch.set_num_threads(threads)


def test_the_metrics_table_sets_programs_against_ours(tmp_path: Path) -> None:
    scores = dict.fromkeys(metrics.THEIR_NAMES, 1.5)
    found = [
        metrics.Timing("gan-zoo", scores, 20.0, 10.0),
        metrics.Timing("torch-fidelity", scores, 50.0, 20.0),
        metrics.Timing("pytorch-fid", {"fid": 3.0}, 30.0, 40.0),
    ]
    for count in (1, 2, 3):
        metrics.write(tmp_path, {"images": 100, "command": "it", "reference": "digits"}, found[:count])
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert "| gan-zoo | IS, FID, KID, precision, recall | 20.0 | 10.0 | 10.0 | 1.00 | 1.00 |" in text
    assert "| torch-fidelity | IS, FID, KID, precision, recall | 50.0 | 20.0 | 5.0 | 2.50 | 2.00 |" in text
    assert "| pytorch-fid | FID | 30.0 | 40.0 | 2.5 | 1.50 | 4.00 |" in text
    assert "is 1.5 and 1.5" in text
    assert len(json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["timings"]) == 3


def test_the_figure_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw(tmp_path / name, ROWS, "a machine")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_gpu_s_table_measures_and_checks(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    gpu.command([str(tmp_path), "--pretend"])
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    content = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert [result["how"] for result in content["results"]] == [
        "plain",
        "CUDA graph",
        "2 seeds stacked in a CUDA graph",
    ]
    assert all(result["error"] == "" for result in content["results"])
    assert max(content["largest_difference_from_plain"].values()) < 1e-10
    assert "| MLP 4x128, batch 128 | plain |" in (tmp_path / "gpu.md").read_text(encoding="utf-8")


def test_the_gpu_s_bars_take_the_best_way_that_ran() -> None:
    workload = "ResNet 32x32 dim 128, batch 64"
    ratios = {
        gpu.Result(workload, "plain", 2.0, 0.1): 1.0,
        gpu.Result(workload, "plain, tf32", 4.0, 0.1): 2.0,
        gpu.Result(workload, "CUDA graph, bf16", 6.0, 0.1): 3.0,
        gpu.Result(workload, "CUDA graph, tf32", math.nan, math.nan, "out of memory"): math.nan,
        gpu.Result(workload, "4 CUDA graphs on 4 streams", 20.0, 0.1): 10.0,
    }
    (bar,) = gpu.bars(ratios)
    assert (bar.by, bar.found, bar.reached) == ("CUDA graph, bf16", 3.0, True)


def test_the_gpu_s_table_needs_torch_numpy_and_pydantic_alone(tmp_path: Path) -> None:
    """Hides there all else that this environment has."""
    absent = ("mlflow", "pandas", "scipy", "matplotlib", "seaborn", "jinja2", "ruamel", "torchvision", "torch_fidelity")
    for name in absent:
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name}')\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-c", "import benchmarks.speed.gpu"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
