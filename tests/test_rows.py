"""Stacks of unlike rows: each row is its run alone, whatever numbers it has of its own; what counts as a number."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_zoo.engine import StackEngine, TrainState, structure
from gan_zoo.engine.descent import descend, optimizer_numbers
from gan_zoo.engine.rows import Rows, differing
from gan_zoo.engine.stacked import stacked
from gan_zoo.engine.state import new_optimizer
from gan_zoo.engine.weights import Weights
from gan_zoo.losses import LOSSES
from gan_zoo.losses.base import Loss, Terms
from gan_zoo.losses.numbers import loss_numbers, takes_tensors, with_numbers
from gan_zoo.losses.wasserstein import Wasserstein
from gan_zoo.rng import Rng
from gan_zoo.spec import Adam, DatasetSpec, EvaluateSpec, RMSprop, RunSpec, run_spec
from gan_zoo.trainer import advance, advance_stack, initial_state, prepare, train, train_stack

STEPS = 50


class Data:
    """Points, uniform on [-1, 1]."""

    shape = (2,)

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        return 2 * Rng(seed, "data", block).uniform(count, 2) - 1


def spec_of(loss: Any, seed: int = 0, **training: Any) -> RunSpec:
    return run_spec(
        {
            "loss": loss,
            "dataset": "8gaussians",
            "architecture": {"name": "mlp", "width": 8, "depth": 2},
            "train": {
                "steps": STEPS,
                "batch_size": 4,
                "n_critic": 2,
                "precision": "float64",
                "lr_decay": "linear",
                "optimizer": {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9]},
            }
            | training,
            "evaluate": {"every": 20, "samples": 100},
            "seed": seed,
        }
    )


def adam(lr: float, *betas: float) -> dict[str, Any]:
    return {"name": "adam", "lr": lr, "betas": list(betas)}


def rmsprop(lr: float, alpha: float) -> dict[str, Any]:
    return {"name": "rmsprop", "lr": lr, "alpha": alpha}


def finish(spec: RunSpec) -> TrainState:
    run = prepare(spec, Data())
    state = initial_state(run)
    advance(train(run, state), STEPS)
    return state


def finish_stack(specs: list[RunSpec], engine: StackEngine = stacked) -> list[TrainState]:
    runs = [prepare(spec, Data()) for spec in specs]
    states = [initial_state(run) for run in runs]
    advance_stack(train_stack(runs, states, engine), STEPS)
    return states


UNLIKE = {
    "a rate": [spec_of("wgan-gp", optimizer=adam(lr, 0.5, 0.9)) for lr in (1e-3, 3e-4)],
    "a constant rate": [spec_of("hinge", optimizer=rmsprop(lr, 0.99), lr_decay="none") for lr in (1e-3, 3e-4)],
    "betas": [spec_of("wgan-gp", optimizer=adam(1e-3, *betas)) for betas in ((0.0, 0.9), (0.5, 0.99))],
    "a beta": [spec_of("hinge", optimizer=adam(1e-3, beta, 0.9)) for beta in (0.0, 0.9)],
    "all of a penalty's, seed and optimiser": [
        spec_of({"name": "wgan-gp", "weight": 10.0, "target": 1.0}, 0, optimizer=adam(1e-3, 0.5, 0.9)),
        spec_of({"name": "wgan-gp", "weight": 0.5, "target": 1.0}, 3, optimizer=adam(4e-4, 0.0, 0.99)),
        spec_of({"name": "wgan-gp", "weight": 2.0, "target": 0.7}, 7, optimizer=adam(1e-3, 0.9, 0.9)),
    ],
    "clip, seed and optimiser": [
        spec_of({"name": "wgan-clip", "weight_clip": clip}, seed, optimizer=rmsprop(lr, alpha))
        for clip, seed, lr, alpha in ((0.01, 0, 1e-3, 0.99), (0.1, 4, 1e-4, 0.9))
    ],
    "gammas": [spec_of({"name": "r3gan", "gamma": gamma}) for gamma in (0.05, 1.0)],
    "labels": [spec_of({"name": "lsgan", "a": a, "b": b, "c": c}) for a, b, c in ((-1.0, 1.0, 0.5), (0.2, 0.9, 0.8))],
    "k": [spec_of({"name": "wgan-div", "k": k}) for k in (2.0, 0.3)],
    "lambda": [spec_of({"name": "dragan", "weight": weight}) for weight in (10.0, 1.0)],
}


@pytest.mark.parametrize("specs", UNLIKE.values(), ids=UNLIKE)
def test_each_row_equals_its_run_alone(specs: list[RunSpec]) -> None:
    alone = [finish(spec) for spec in specs]
    for state, expected in zip(finish_stack(specs), alone, strict=True):
        for own, known in zip(state.weights, expected.weights, strict=True):
            torch.testing.assert_close(own.vector, known.vector, rtol=0, atol=1e-10)
    same_seed = finish(replace(specs[-1], seed=specs[0].seed))
    assert (same_seed.critic.vector - alone[0].critic.vector).abs().max() > 1e-5


@pytest.mark.parametrize("name", ["all of a penalty's, seed and optimiser", "clip, seed and optimiser"])
def test_a_step_of_each_row_in_float32_is_that_of_its_run(name: str) -> None:
    """To the rounding of a few operations, of which half a ulp of a weight of size 1 is 6e-8."""
    single = [replace(spec, train=replace(spec.train, precision="float32")) for spec in UNLIKE[name]]
    runs = [prepare(spec, Data()) for spec in single]
    states, alone = [initial_state(run) for run in runs], [initial_state(run) for run in runs]
    next(train_stack(runs, states))
    for run, state, expected in zip(runs, states, alone, strict=True):
        next(train(run, expected))
        assert state.critic.vector.dtype == torch.float32
        torch.testing.assert_close(state.generator.vector, expected.generator.vector, rtol=0, atol=1e-6)
        torch.testing.assert_close(state.critic.vector, expected.critic.vector, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "rows",
    [
        (Adam(1e-3, (0.0, 0.9)), Adam(1e-2, (0.9, 0.999))),
        (Adam(1e-3, (0.5, 0.9)), Adam(1e-3, (0.5, 0.99))),
        (RMSprop(1e-3, 0.9), RMSprop(1e-2, 0.99)),
    ],
)
def test_a_descent_by_columns_is_that_of_torchs_optimisers(rows: tuple[Adam | RMSprop, ...]) -> None:
    start = {"w": torch.ones(100, dtype=torch.float64)}
    alone = [Weights.copy_of(start) for _ in rows]
    optimizers = [new_optimizer(weights, spec) for weights, spec in zip(alone, rows, strict=True)]
    whole = Weights.stacked(alone)
    together = new_optimizer(whole, rows[0])
    columns = differing([optimizer_numbers(spec) for spec in rows], torch.device("cpu"))
    numbers = optimizer_numbers(rows[0]) | {name: column[:, None] for name, column in columns.items()}
    for i in range(50):
        gradient = Rng(0, "gradient", i).normal(2, 100).double()
        descend(whole, together, gradient, numbers)
        for weights, optimizer, own in zip(alone, optimizers, gradient, strict=True):
            weights.vector.grad = own
            optimizer.step()
    torch.testing.assert_close(whole.vector, torch.stack([each.vector for each in alone]), rtol=0, atol=1e-12)


def test_numbers_that_are_equal_stay_floats() -> None:
    """So the bits of a stack of seeds are those that it had when only seeds could differ."""
    players = [prepare(spec_of("wgan-gp", seed), Data()).players for seed in (0, 1)]
    rows = Rows(players, torch.zeros(2, 3))
    settings = rows.settings(initial_state(prepare(spec_of("wgan-gp"), Data())), None)
    assert (rows.loss, settings.numbers, settings.clip) == ({}, {"lr": 1e-3, "beta1": 0.5, "beta2": 0.9}, None)


BASE = spec_of("wgan-gp")


@pytest.mark.parametrize(
    "other",
    [
        spec_of("wgan-gp", seed=5),
        spec_of("wgan-gp", optimizer=adam(1e-2, 0.0, 0.999)),
        spec_of({"name": "wgan-gp", "weight": 3.0, "target": 0.5}),
        spec_of({"adversarial": "wasserstein", "penalties": [{"gradient-norm": {"weight": 1.0}}], "name": "mine"}),
    ],
)
def test_cells_that_differ_in_numbers_share_a_structure(other: RunSpec) -> None:
    assert structure(other) == structure(BASE)


@pytest.mark.parametrize(
    "other",
    [
        spec_of("wgan-lp"),
        spec_of("hinge"),
        spec_of({"name": "wgan-gp", "power": 1.0}),
        spec_of({"name": "wgan-gp", "at": "real"}),
        spec_of("wgan-gp", n_critic=1),
        spec_of("wgan-gp", steps=STEPS + 1),
        spec_of("wgan-gp", batch_size=8),
        spec_of("wgan-gp", lr_decay="none"),
        spec_of("wgan-gp", precision="float32"),
        spec_of("wgan-gp", optimizer=rmsprop(1e-3, 0.9)),
        replace(BASE, dataset=DatasetSpec("swissroll")),
        replace(BASE, evaluate=EvaluateSpec(every=20, samples=200)),
        replace(BASE, architecture=replace(BASE.architecture, width=16)),
        replace(BASE, loss=replace(BASE.loss, weight_clip=0.1)),
    ],
)
def test_cells_that_differ_in_anything_else_do_not(other: RunSpec) -> None:
    assert structure(other) != structure(BASE)


def test_a_zero_and_an_exponent_are_structure() -> None:
    assert loss_numbers(LOSSES["wgan-gp"]) == {"1.weight": 10.0, "1.target": 1.0}
    assert loss_numbers(LOSSES["wgan-div"]) == {"1.k": 2.0}
    assert loss_numbers(LOSSES["lsgan"]) == {"0.b": 1.0, "0.c": 1.0}
    assert loss_numbers(LOSSES["r1-r2"]) == {"1.gamma": 10.0, "2.gamma": 10.0}


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_takes_tensors_for_its_numbers(loss: str) -> None:
    assert takes_tensors(LOSSES[loss])
    changed = with_numbers(LOSSES[loss], {place: 2 * value for place, value in loss_numbers(LOSSES[loss]).items()})
    assert (changed == LOSSES[loss]) == (not loss_numbers(LOSSES[loss]))


@dataclass(frozen=True)
class Tilted(Wasserstein):
    """A plugin's loss, whose code reads its number as Python does."""

    tilt: float = 4.0
    read: Callable[[Any], Any] = math.sqrt

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": -score_real.mean(), "fake": self.read(self.tilt) * score_fake.mean()}


def branch(tilt: Any) -> Any:
    return tilt if tilt > 3.5 else 1.0


@pytest.mark.parametrize("read", [math.sqrt, branch, float, lambda tilt: 1.0 if isinstance(tilt, Tensor) else tilt])
def test_a_loss_that_reads_its_numbers_is_stacked_by_equal_ones(read: Callable[[Any], Any]) -> None:
    losses = [Loss(Tilted(tilt, read)) for tilt in (4.0, 4.0, 2.0)]
    assert not takes_tensors(losses[0])
    first, second, other = (structure(replace(BASE, loss=loss)) for loss in losses)
    assert first == second != other
    assert takes_tensors(Loss(Tilted(4.0, torch.as_tensor)))


def test_the_rule_reads_no_name() -> None:
    assert structure(replace(BASE, loss_name="other")) == structure(BASE)
