"""Engines: every way of executing an iteration gives the plain one's numbers, and seed s is the same in any company."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_zoo.checkpoint import load_checkpoint, save_checkpoint
from gan_zoo.engine import Chosen, Draws, Engine, Iteration, Players, StackEngine, TrainState, choose
from gan_zoo.engine.closed_form import closed_form
from gan_zoo.engine.compiled import compiled
from gan_zoo.engine.graph import graph, stacked_graph
from gan_zoo.engine.plain import plain
from gan_zoo.engine.stacked import stacked
from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.trainer import Run, advance, advance_stack, initial_state, prepare, train, train_stack

ARCHITECTURES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "mlp": ((2,), {"name": "mlp", "width": 16, "depth": 3}),
    "dcgan": ((1, 28, 28), {"name": "dcgan", "dim": 4, "z_dim": 4}),
    "resnet": ((3, 32, 32), {"name": "resnet", "dim": 4, "z_dim": 4}),
}


PENALISED = {"adversarial": "non-saturating", "penalties": [{"gradient-norm": {}}]}
"""A loss with a gradient penalty in which every parameter has a gradient: a Wasserstein critic's output bias has none
but rounding errors, which Adam would blow up."""


@dataclass(frozen=True)
class Noise:
    """Data of any shape, uniform on [-1, 1]."""

    shape: tuple[int, ...]

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        return 2 * Rng(seed, "data", block).uniform(count, *self.shape) - 1


def make_spec(net: str, loss: Any = PENALISED, **changes: Any) -> RunSpec:
    optimizer = {"name": "adam", "lr": 2e-4, "betas": [0.5, 0.9]}
    training = {
        "steps": 50,
        "batch_size": 3,
        "n_critic": 2 if net == "mlp" else 1,
        "optimizer": optimizer,
        "precision": "float64",
    }
    return run_spec(
        {
            "loss": loss,
            "dataset": "8gaussians",
            "architecture": ARCHITECTURES[net][1],
            "train": training | changes,
            "evaluate": {"every": 20, "samples": 100},
        }
    )


def make_run(net: str, loss: Any = PENALISED, *, seed: int = 0, **changes: Any) -> Run:
    return prepare(replace(make_spec(net, loss, **changes), seed=seed), Noise(ARCHITECTURES[net][0]))


def finish(run: Run, engine: Engine = plain) -> TrainState:
    """The state at the end of `run`."""
    state = initial_state(run)
    advance(train(run, state, engine), run.spec.train.steps)
    return state


def assert_same(state: TrainState, expected: TrainState, tolerance: float) -> None:
    assert state.step == expected.step
    for own, other in ((state.generator, expected.generator), (state.critic, expected.critic)):
        for name, weight in own.items():
            torch.testing.assert_close(weight, other[name], rtol=0, atol=tolerance)


def moved(state: TrainState, run: Run) -> bool:
    """Whether training changed every weight matrix, so that equality of two runs says something."""
    start = initial_state(run)
    return all(not torch.equal(weight, start.critic[name]) for name, weight in state.critic.items() if weight.ndim > 1)


traced = functools.partial(compiled, backend="aot_eager")


@pytest.mark.parametrize(
    ("net", "engine"),
    [("mlp", compiled), ("mlp", graph), ("dcgan", traced), ("dcgan", graph), ("resnet", traced), ("resnet", graph)],
    ids=["mlp-compiled", "mlp-graph", "dcgan-traced", "dcgan-graph", "resnet-traced", "resnet-graph"],
)
def test_an_engine_equals_plain(net: str, engine: Engine) -> None:
    """After 50 iterations in float64, and after one step of float32."""
    run = make_run(net)
    expected = finish(run)
    assert moved(expected, run)
    assert_same(finish(run, engine), expected, 1e-10)
    if engine is not compiled:
        run = make_run(net, steps=1, n_critic=1, precision="float32")
        assert_same(finish(run, engine), finish(run), 1e-6)


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.critic_norm is None])
def test_the_closed_form_equals_plain(loss: str) -> None:
    for precision, steps, tolerance in (("float64", 50, 1e-10), ("float32", 1, 1e-6)):
        run = make_run("mlp", loss, precision=precision, steps=steps)
        assert_same(finish(run, closed_form), finish(run), tolerance)


def test_the_closed_form_refuses_other_critics() -> None:
    run = make_run("dcgan")
    with pytest.raises(UserError, match="engine closed-form: no closed form for layer"):
        finish(run, closed_form)


@pytest.mark.parametrize("net", ARCHITECTURES)
@pytest.mark.parametrize("engine", [stacked, stacked_graph])
def test_stacked_seeds_equal_the_runs_alone(engine: StackEngine, net: str) -> None:
    runs = [make_run(net, seed=seed) for seed in (0, 7)]
    states = [initial_state(run) for run in runs]
    rows = advance_stack(train_stack(runs, states, engine), runs[0].spec.train.steps)
    for run, state, terms in zip(runs, states, rows, strict=True):
        alone = initial_state(run)
        assert terms == pytest.approx(advance(train(run, alone), run.spec.train.steps), rel=1e-8)
        assert_same(state, alone, 1e-10)


def test_stacked_states_are_saved_and_resumed_as_runs_alone(tmp_path: Path) -> None:
    runs = [make_run("mlp", seed=seed) for seed in (0, 7)]
    straight = finish(runs[1])
    states = [initial_state(run) for run in runs]
    advance_stack(train_stack(runs, states), 21)
    save_checkpoint(tmp_path / "c.pt", states[1], "key", {})
    assert (tmp_path / "c.pt").stat().st_size < 40_000
    resumed = [initial_state(run) for run in reversed(runs)]
    for state in resumed:
        load_checkpoint(tmp_path / "c.pt", state, "key")
    advance_stack(train_stack(runs[::-1], resumed), 100)
    assert_same(resumed[0], straight, 1e-10)
    assert resumed[0].critic_optimizer.state_dict()["state"][0]["step"] == 2 * 50


def test_only_runs_that_differ_in_their_seed_are_stacked() -> None:
    runs = [make_run("mlp"), make_run("mlp", seed=1, batch_size=5)]
    with pytest.raises(ValueError, match="differ in their seed only"):
        next(train_stack(runs, [initial_state(run) for run in runs]))


@pytest.mark.parametrize("broken", ["when made", "at its first iteration", "half-way through it"])
def test_an_engine_that_cannot_run_gives_way_to_plain(broken: str) -> None:
    run = make_run("mlp", steps=20)

    def fail(players: Players, state: TrainState) -> Iteration:
        iteration = plain(players, state)

        def first(draws: Draws) -> dict[str, Tensor]:
            if broken == "half-way through it":
                iteration(draws)
            raise RuntimeError("no compiler\nhere")

        if broken == "when made":
            raise RuntimeError("no compiler\nhere")
        return first

    engine = Chosen("broken", fail)
    assert_same(finish(run, engine), finish(run), 0)
    assert (engine.name, engine.reason) == ("plain", "broken: RuntimeError: no compiler")


def test_engines_are_chosen_by_name() -> None:
    engine = choose("closed-form")
    finish(make_run("mlp", steps=2), engine)
    assert (engine.name, engine.reason) == ("closed-form", "")
    with pytest.raises(UserError, match="--engine fast: unknown engine"):
        choose("fast")


def test_a_graph_refuses_a_learning_rate_that_changes() -> None:
    with pytest.raises(UserError, match="engine graph: a captured learning rate cannot decay"):
        finish(make_run("mlp", lr_decay="linear"), graph)


@pytest.mark.parametrize("net", ["mlp", "dcgan"])
def test_bf16_rounds_the_nets_and_leaves_the_weights_in_float32(net: str) -> None:
    run = make_run(net, steps=1, n_critic=1, batch_size=32, precision="float32")
    half = replace(run, players=replace(run.players, numerics="bf16"))
    state, own = initial_state(run), initial_state(half)
    expected, terms = advance(train(run, state), 1), advance(train(half, own), 1)
    for name, value in terms.items():
        assert value != expected[name]
        assert value == pytest.approx(expected[name], rel=0.15, abs=0.01)
    assert {weight.dtype for weight in own.critic.values()} == {torch.float32}
