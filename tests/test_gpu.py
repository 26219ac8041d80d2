"""What only a card can show: `pytest -m gpu` runs it where there is one, and skips it elsewhere.

With GAN_ZOO_PRETEND_GPU=1 the same code runs on a CPU, where a graph is the plain iteration: it tries the tests out.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_engines import (
    ARCHITECTURES,
    OPTIMIZERS,
    Noise,
    assert_same,
    assert_same_gradients,
    finish,
    finish_stack,
    make_spec,
)
from test_evaluation import assert_seen_alike
from test_exact import fingerprints, threads
from tiny import result, tiny_suite

from benchmarks.record.store import Store
from benchmarks.suites.suite import load_suite
from benchmarks.sweep.context import Context
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import run_suite
from gan_zoo.checkpoint import load_checkpoint, save_checkpoint
from gan_zoo.datasets import load_dataset
from gan_zoo.device import configure_process, ran_out_of_memory, undeterministic
from gan_zoo.engine import ENGINES, STACK_ENGINES, CannotRun, TrainState, choose_for_one, choose_for_stack
from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES
from gan_zoo.memory import footprint, free_what_is_unused
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import Run, advance, advance_stack, initial_state, prepare, train, train_stack

PRETENDED = os.environ.get("GAN_ZOO_PRETEND_GPU") == "1"
DEVICE = "cpu" if PRETENDED else "cuda"
SEEDS = (0, 7)
LARGE = {"name": "resnet", "dim": 64, "z_dim": 2}

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not (PRETENDED or torch.cuda.is_available()), reason="needs a GPU"),
]


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    """The settings of a sweep's process, undone afterwards."""
    configure_process("cpu" if PRETENDED else "cuda:0", threads=1)
    yield
    torch.use_deterministic_algorithms(False)


def make_run(net: str, loss: Any = "wgan-gp", *, seed: int = 0, numerics: Any = "reference", **changes: Any) -> Run:
    spec = replace(make_spec(net, loss, **{"steps": 5, **changes}), seed=seed)
    return prepare(spec, Noise(ARCHITECTURES[net][0]), DEVICE, numerics)


def weights(states: list[TrainState]) -> torch.Tensor:
    return torch.cat([each.vector.cpu() for state in states for each in state.weights])


@pytest.mark.parametrize("net", ARCHITECTURES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_engine_equals_plain(net: str, loss: str) -> None:
    runs = [make_run(net, loss, seed=seed, lr_decay="linear") for seed in SEEDS]
    expected = [finish(run) for run in runs]
    assert (weights(expected[:1]) - weights([initial_state(runs[0])])).abs().max() > 1e-6
    assert_same(finish(runs[0], ENGINES["graph"]), expected[0], 1e-10)
    for engine in STACK_ENGINES.values():
        for state, alone in zip(finish_stack(runs, engine), expected, strict=True):
            assert_same(state, alone, 1e-10)
    try:
        own = finish(runs[0], ENGINES["closed-form"])
    except UserError:
        assert net != "mlp" or LOSSES[loss].critic_norm
    else:
        assert_same(own, expected[0], 1e-10)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_graph_takes_every_optimiser_and_rows_of_unlike_numbers(optimizer: str) -> None:
    kinds = [{"name": optimizer, "lr": lr} for lr in (1e-3, 3e-4)]
    runs = [make_run("mlp", optimizer=kind, lr_decay="linear", steps=20) for kind in kinds]
    states = finish_stack(runs, STACK_ENGINES["stacked-graph"])
    for run, state in zip(runs, states, strict=True):
        expected = finish(run)
        assert_same(finish(run, ENGINES["graph"]), expected, 1e-10)
        assert_same(state, expected, 1e-10)


@pytest.mark.skipif(PRETENDED, reason="compiles for a GPU")
def test_the_compiled_engine_equals_plain() -> None:
    run = make_run("mlp", architecture={"name": "mlp", "width": 8, "depth": 1})
    assert_same(finish(run, ENGINES["compiled"]), finish(run), 1e-10)


@pytest.mark.skipif(PRETENDED, reason="a GPU's precisions")
@pytest.mark.parametrize("numerics", ["tf32", "bf16"])
@pytest.mark.parametrize("net", ["dcgan", "resnet"])
def test_a_graph_has_the_step_of_plain_in_lower_precisions(net: str, numerics: str) -> None:
    run = make_run(net, numerics=numerics, steps=1, n_critic=1, precision="float32")
    assert_same_gradients(finish(run, ENGINES["graph"]), finish(run), 1e-3)


@pytest.mark.parametrize("loss", ["wgan-gp", "sngan"])
@pytest.mark.parametrize("net", ARCHITECTURES)
def test_the_same_training_has_the_same_bits_twice(net: str, loss: str) -> None:
    runs = [make_run(net, loss, seed=seed, precision="float32", lr_decay="linear", steps=12) for seed in SEEDS]
    for engine in ("plain", "graph"):
        assert torch.equal(*(weights([finish(runs[0], ENGINES[engine])]) for _ in range(2)))
    for stack_engine in STACK_ENGINES.values():
        assert torch.equal(*(weights(finish_stack(runs, stack_engine)) for _ in range(2)))


@pytest.mark.parametrize("net", ARCHITECTURES)
def test_a_graph_gone_on_with_from_a_checkpoint_has_the_same_bits(net: str, tmp_path: Path) -> None:
    run = make_run(net, precision="float32", lr_decay="linear", steps=12)
    state, resumed = initial_state(run), initial_state(run)
    advance(train(run, state, ENGINES["graph"]), 7)
    save_checkpoint(tmp_path / "c.pt", state, "key", "r1", {})
    load_checkpoint(tmp_path / "c.pt", resumed, "key", "r1", 12)
    advance(train(run, resumed, ENGINES["graph"]), 5)
    assert torch.equal(weights([resumed]), weights([finish(run, ENGINES["graph"])]))


def test_a_stack_gone_on_with_from_checkpoints_has_the_same_bits(tmp_path: Path) -> None:
    engine = STACK_ENGINES["stacked-graph"]
    runs = [make_run("mlp", seed=seed, precision="float32", lr_decay="linear", steps=12) for seed in SEEDS]
    states, resumed = ([initial_state(run) for run in runs] for _ in range(2))
    advance_stack(train_stack(runs, states, engine), 7)
    for i, state in enumerate(states):
        save_checkpoint(tmp_path / f"{i}.pt", state, "key", "r1", {})
        load_checkpoint(tmp_path / f"{i}.pt", resumed[i], "key", "r1", 12)
    advance_stack(train_stack(runs, resumed, engine), 5)
    assert torch.equal(weights(resumed), weights(finish_stack(runs, engine)))


def sweep(folder: Path, workers: int, stop_at: int | None = None, engine: str = "auto") -> dict[str, Any]:
    """What a sweep of the tiny suite leaves in its record, one broken off at a step included."""
    folder.mkdir(exist_ok=True)
    suite, store = tiny_suite(folder, steps=40, every=10), Store(folder / "results")
    options = Options(store.results, folder / "data", "cpu" if PRETENDED else "cuda:0", workers, engine=engine)
    plan = make_plan(suite, options, store, print)
    if stop_at is not None:
        with pytest.raises(KeyboardInterrupt):
            run_suite(plan, store, Stopping(stop_at))
        plan = plan.refreshed(store)
    assert run_suite(plan, store, Listener()).unfinished == []
    return result(store)


class Stopping(Listener):
    """Interrupts a sweep at a step."""

    def __init__(self, stop_at: int) -> None:
        self.stop_at = stop_at

    def step(self, spec: RunSpec, step: int) -> None:
        if step == self.stop_at:
            raise KeyboardInterrupt


def test_two_processes_on_one_card_and_a_sweep_broken_off_give_the_same_bits(tmp_path: Path) -> None:
    undisturbed = sweep(tmp_path / "one", 0)
    assert sweep(tmp_path / "two", 2) == undisturbed
    assert sweep(tmp_path / "killed", 0, stop_at=20) == undisturbed


@pytest.mark.parametrize("engine", ["auto", "stacked"])
def test_evaluations_beside_training_leave_what_evaluations_at_once_do(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for beside in (True, False):
        monkeypatch.setattr(Context, "overlaps", beside)
        found.append(sweep(tmp_path / str(beside), 0, engine=engine))
    assert found[0] == found[1]


@pytest.mark.parametrize("loss", ["hinge", "wgan-clip", "wgan-gp", "sngan"])
@pytest.mark.parametrize("net", ARCHITECTURES)
def test_evaluations_of_several_rows_in_one_pass_equal_those_one_by_one(net: str, loss: str) -> None:
    assert_seen_alike([make_run(net, loss, seed=seed) for seed in SEEDS], 1e-8)


@pytest.mark.skipif(PRETENDED, reason="the kernels of a card")
def test_torch_names_a_kernel_without_a_deterministic_form_as_we_read_it() -> None:
    x = torch.ones(1, 1, 4, 4, device=DEVICE, requires_grad=True)
    with pytest.raises(RuntimeError) as caught:
        torch.nn.functional.adaptive_avg_pool2d(x, 3).sum().backward()
    assert undeterministic(caught.value) == "adaptive_avg_pool2d_backward_cuda"


@pytest.mark.parametrize(
    "spec", [cell for cell in load_suite("quickstart").cells if cell.seed == 0], ids=lambda spec: spec.label
)
def test_a_cell_of_quickstart_trains_by_a_graph_as_plain_does(spec: RunSpec) -> None:
    spec = replace(spec, train=replace(spec.train, precision="float64", steps=10))
    data = load_dataset(spec.dataset.name, root=Path("unused")).to(DEVICE)
    run = prepare(spec, data, DEVICE)
    engine = choose_for_one("auto", run.players, run.device)
    assert_same(finish(run, engine), finish(run), 1e-8)
    assert engine.reason == ""
    assert PRETENDED or engine.name == "graph"


@pytest.mark.skipif(PRETENDED, reason="the memory of a card")
def test_a_stack_that_a_card_cannot_hold_is_an_error_of_memory_and_leaves_the_states(tmp_path: Path) -> None:
    runs = [make_run("resnet", seed=seed, architecture=LARGE, batch_size=64, precision="float32") for seed in range(4)]
    one = footprint(runs[0])
    assert one > 10**8
    states = [initial_state(run) for run in runs]
    total = torch.cuda.get_device_properties(0).total_memory
    free_what_is_unused()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2 * one) / total)
    try:
        with pytest.raises(CannotRun) as caught:
            advance_stack(train_stack(runs, states, choose_for_stack(runs[0].device)), 1)
        assert ran_out_of_memory(caught.value)
        assert torch.equal(weights(states), weights([initial_state(run) for run in runs]))
        del caught
        free_what_is_unused()
        torch.cuda.set_per_process_memory_fraction(1.0)
        advance_stack(train_stack(runs[:2], states[:2], choose_for_stack(runs[0].device)), 1)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_exact_numerics_have_the_bits_of_a_cpu() -> None:
    with threads(1):
        on_cpu = fingerprints("cpu")
    assert fingerprints(DEVICE) == on_cpu
