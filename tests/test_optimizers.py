"""Optimisers that only their own code knows: torch's others by name, and one from a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gan_zoo import plugins
from gan_zoo.checkpoint import load_checkpoint, save_checkpoint
from gan_zoo.engine import ENGINES, check_players, company, name_of_chosen, plain, structure
from gan_zoo.engine.descent import descend, optimizer_numbers
from gan_zoo.engine.other import check_optimizer
from gan_zoo.engine.state import new_optimizer
from gan_zoo.engine.weights import Weights
from gan_zoo.errors import UserError
from gan_zoo.numerics.process import fault
from gan_zoo.optimizers import EVERYWHERE, OPTIMIZERS, OWN, SGD
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.trainer import Run, advance, initial_state, prepare, train

LION = Path(__file__).resolve().parents[1] / "docs" / "examples" / "lion.py"
SETTINGS: dict[str, dict[str, Any]] = {
    "adamw": {"lr": 1e-2, "betas": [0.5, 0.9], "weight_decay": 0.1, "amsgrad": True},
    "sgd": {"lr": 1e-2, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    "nadam": {"lr": 1e-2, "weight_decay": 0.1, "decoupled_weight_decay": True},
    "radam": {"lr": 1e-2, "betas": [0.5, 0.9]},
    "adamax": {"lr": 1e-2, "weight_decay": 0.1},
    "adagrad": {"lr": 1e-2, "lr_decay": 0.1, "initial_accumulator_value": 0.1},
    "adadelta": {"rho": 0.8, "weight_decay": 0.1},
}


@pytest.fixture(autouse=True)
def lion() -> None:
    with plugins.scope():
        plugins.load(plugins.read_plugin(LION))
        yield


def spec(name: str = "adamw", *, steps: int = 6, seed: int = 0, **changes: Any) -> RunSpec:
    settings = {"name": name, **SETTINGS.get(name, {"lr": 1e-2})}
    train = {"steps": steps, "batch_size": 4, "n_critic": 2, "optimizer": settings, **changes}
    architecture, evaluate = {"name": "mlp", "width": 4, "depth": 1}, {"every": 2, "samples": 10}
    content = {"loss": "wgan-gp", "dataset": "8gaussians", "architecture": architecture, "seed": seed}
    return run_spec({**content, "train": train, "evaluate": evaluate})


def run_of(name: str, **changes: Any) -> Run:
    from gan_zoo.datasets import load_dataset

    return prepare(spec(name, **changes), load_dataset("8gaussians", root=Path()))


def descended(settings: Any, numerics: Any, steps: int = 9) -> torch.Tensor:
    """A vector after some steps along random gradients."""
    weights = Weights.copy_of({"w": Rng(0, "weights").normal(1003)})
    optimizer, numbers = new_optimizer(weights, settings), optimizer_numbers(settings)
    for i in range(steps):
        descend(weights, optimizer, Rng(0, "gradient", i).normal(1003), numbers, numerics)
    return weights.vector.clone()


def test_the_settings_of_all_are_tried_here() -> None:
    assert SETTINGS.keys() == {name for name, kind in OWN.items() if kind not in EVERYWHERE}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_step_is_torchs_own(name: str) -> None:
    """In fast numerics to the last bit, in portable ones but for how a root is rounded."""
    settings = spec(name).train.optimizer
    theirs = Rng(0, "weights").normal(1003).requires_grad_()
    words = {key: tuple(value) if isinstance(value, list) else value for key, value in SETTINGS[name].items()}
    optimizer = type(settings).kind([theirs], foreach=False, **words)
    for i in range(9):
        theirs.grad = Rng(0, "gradient", i).normal(1003)
        optimizer.step()
    assert torch.equal(descended(settings, "fast"), theirs.detach())
    torch.testing.assert_close(descended(settings, "reference"), theirs.detach(), rtol=1e-5, atol=1e-6)


class Recorded(TorchDispatchMode):
    """Notes the operations that reach the library."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.skipif(fault() is not None, reason="nothing is portable here")
@pytest.mark.parametrize("name", ["adamw", "nadam", "adadelta"])
def test_portable_steps_take_no_root_of_the_library(name: str) -> None:
    settings = spec(name).train.optimizer
    with Recorded() as portable:
        descended(settings, "reference", 1)
    with Recorded() as fast:
        descended(settings, "fast", 1)
    assert {"sqrt", "sqrt_"} & fast.names
    assert {"sqrt", "sqrt_"} & portable.names == set()


def test_the_first_step_of_lion_has_one_length() -> None:
    settings = spec("lion").train.optimizer
    before = Rng(0, "weights").normal(1003)
    expected = before - 1e-2 * Rng(0, "gradient", 0).normal(1003).sign()
    torch.testing.assert_close(descended(settings, "reference", 1), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", ["sgd", "nadam", "adagrad", "lion"])
def test_a_checkpoint_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    run = run_of(name, lr_decay="none" if name == "adagrad" else "linear")
    whole, first, resumed = (initial_state(run) for _ in range(3))
    advance(train(run, whole), 6)
    advance(train(run, first), 2)
    save_checkpoint(tmp_path / "c.pt", first, "k", "r", {})
    load_checkpoint(tmp_path / "c.pt", resumed, "k", "r", 6)
    advance(train(run, resumed), 4)
    assert torch.equal(resumed.generator.vector, whole.generator.vector)
    assert torch.equal(resumed.critic.vector, whole.critic.vector)
    assert not torch.equal(whole.critic.vector, initial_state(run).critic.vector)


def test_a_rate_that_decays_is_that_of_each_step() -> None:
    """Plain descent from step to step by hand: the last of two steps has half the rate."""
    run = run_of("sgd", steps=2, n_critic=1, lr_decay="linear", optimizer={"name": "sgd", "lr": 0.1})
    full = run_of("sgd", steps=2, n_critic=1, optimizer={"name": "sgd", "lr": 0.1})
    states = [initial_state(run), initial_state(full)]
    iterations = [train(each, state) for each, state in zip((run, full), states, strict=True)]
    for each in iterations:
        next(each)
    before = states[0].critic.vector.clone()
    assert torch.equal(before, states[1].critic.vector)
    for each in iterations:
        next(each)
    half, whole = (state.critic.vector - before for state in states)
    torch.testing.assert_close(2 * half, whole, rtol=1e-4, atol=1e-6)


def test_engines_that_read_numbers_on_the_device_refuse_it_by_name() -> None:
    run = run_of("adamw")
    for engine in ("graph", "stacked"):
        with pytest.raises(UserError, match=f"engine {engine}: only with adam and rmsprop, not with 'AdamW"):
            check_players(engine, run.players)
    assert name_of_chosen("auto", run.players, "cuda") == "plain"
    assert name_of_chosen("auto", run_of("adam").players, "cuda") == "stacked-graph"
    check_players("closed-form", run.players)
    states = initial_state(run), initial_state(run)
    for state, engine in zip(states, (plain, ENGINES["closed-form"]), strict=True):
        advance(train(run, state, engine), 6)
    torch.testing.assert_close(states[0].critic.vector, states[1].critic.vector, rtol=1e-3, atol=1e-5)


def test_cells_of_one_train_alone_and_are_timed_together() -> None:
    assert structure(spec("adam")) == structure(spec("adam", seed=1)) == structure(spec("adam"))
    assert company(spec("adam")) == company(spec("adam", seed=1))
    assert structure(spec("sgd")) == structure(spec("sgd", seed=1))
    assert company(spec("sgd")) != company(spec("sgd", seed=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "adamw", "lr": 1e-3, "momentum": 0.9}, "train.optimizer.momentum: unknown key"),
        ({"name": "adamww", "lr": 1e-3}, "unknown optimizer 'adamww' (did you mean 'adamw'?)"),
        ({"name": "sgd", "lr": 1e-3, "nesterov": True}, "Nesterov momentum requires a momentum"),
        ({"name": "sgd", "lr": 1e-3, "dampening": 0.1}, "dampening does nothing without momentum"),
        ({"name": "nadam"}, "train.optimizer.lr: missing key"),
        ({"name": "radam", "lr": 1e-3, "betas": [0.5, 1.0]}, "train.optimizer.betas.1: expected less than 1"),
    ],
)
def test_what_cannot_be_is_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        spec(optimizer=settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Rooted(torch.optim.Optimizer):
    """Divides by a norm, whose sum is cut by the number of threads."""

    def step(self) -> None:
        (vector,) = self.param_groups[0]["params"]
        vector.sub_(vector.grad / vector.grad.norm())


class Moving(torch.optim.Optimizer):
    def step(self) -> None:
        (vector,) = self.param_groups[0]["params"]
        vector.data = vector - vector.grad


@dataclass(frozen=True)
class Mine:
    kind: type

    def optimizer(self, weights: torch.Tensor) -> Any:
        return self.kind([weights], {})


@pytest.mark.parametrize(
    ("settings", "numerics", "message"),
    [
        (
            Mine(Rooted),
            "reference",
            "linalg_vector_norm.default, which the optimizer does, is not known to have the same",
        ),
        (Mine(Moving), "fast", "has to change the vector that it is given in its place"),
        (Mine(lambda *_: 7), "fast", "gave no torch.optim.Optimizer"),
        (Mine(lambda *_: 1 / 0), "fast", "cannot take a step (ZeroDivisionError"),
        (SGD(0.1), "exact", "numerics exact: only of adam and rmsprop, not of 'SGD 0.1'"),
    ],
)
def test_code_that_does_what_it_may_not_is_refused_before_anything_runs(
    settings: Any, numerics: Any, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_optimizer(settings, numerics, "cpu")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_norm_is_fine_where_no_bits_are_promised() -> None:
    check_optimizer(Mine(Rooted), "fast", "cpu")


@pytest.mark.parametrize("entry", [7, Mine(Rooted), dataclass(type("Unfrozen", (), {}))], ids=repr)
def test_an_entry_that_is_no_class_of_settings_is_refused(entry: Any, tmp_path: Path) -> None:
    module = type(plugins)("mine")
    module.OPTIMIZERS = {"mine": entry}
    with pytest.raises(UserError, match="'mine': expected a class that is a frozen dataclass of settings"):
        OPTIMIZERS.add(module, "mine.py")


def test_a_rate_that_is_not_there_cannot_decay() -> None:
    module = type(plugins)("rateless")
    module.OPTIMIZERS = {"rateless": dataclass(frozen=True)(type("Rateless", (), {"optimizer": Mine.optimizer}))}
    OPTIMIZERS.add(module, "rateless.py")
    try:
        with pytest.raises(UserError, match=r"train\.lr_decay: the optimizer has no learning rate"):
            spec(optimizer={"name": "rateless"}, lr_decay="linear")
    finally:
        OPTIMIZERS.forget("rateless")


def test_a_cell_knows_the_file_of_its_optimiser() -> None:
    assert plugins.sources(spec("lion")) == {("lion.py", LION.read_text())}
    assert plugins.sources(spec("adamw")) == set()
    assert str(spec("lion").train.optimizer) == "Lion 0.01"
    assert str(spec("sgd").train.optimizer) == "SGD 0.01, momentum 0.9, weight_decay 0.1, nesterov True"
