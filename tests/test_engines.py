"""Engines: every way of executing an iteration gives the plain one's numbers, and seed s is the same in any company."""

import functools
import sys
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from gan_zoo.checkpoint import first_difference, load_checkpoint, save_checkpoint
from gan_zoo.engine import Chosen, Draws, Engine, Iteration, Players, StackEngine, TrainState, choose, stack_draws
from gan_zoo.engine.closed_form import closed_form
from gan_zoo.engine.compiled import compiled
from gan_zoo.engine.descent import descend, optimizer_numbers
from gan_zoo.engine.graph import graph, stacked_graph
from gan_zoo.engine.plain import Live, plain
from gan_zoo.engine.stacked import stacked
from gan_zoo.engine.state import new_optimizer
from gan_zoo.engine.weights import Weights
from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES
from gan_zoo.rng import Rng
from gan_zoo.spec import Adam, RMSprop, RunSpec, run_spec
from gan_zoo.trainer import Run, advance, advance_stack, block_draws, initial_state, prepare, train, train_stack

graph_module = sys.modules["gan_zoo.engine.graph"]  # the package has a function of this name

OPTIMIZERS = ("adam", "rmsprop")
"""Those that every engine knows."""

ARCHITECTURES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "mlp": ((2,), {"name": "mlp", "width": 16, "depth": 3}),
    "dcgan": ((1, 28, 28), {"name": "dcgan", "dim": 2, "z_dim": 2}),
    "resnet": ((3, 32, 32), {"name": "resnet", "dim": 2, "z_dim": 2}),
}

PENALISED = {"adversarial": "non-saturating", "penalties": [{"gradient-norm": {}}]}

TINY: dict[str, Any] = {"name": "mlp", "width": 8, "depth": 1}
"""As quick to compile as a net with a penalty can be."""

CASES = [
    ("mlp", PENALISED),
    ("mlp", "hinge"),
    ("mlp", "wgan-gp"),
    ("mlp", "wgan-clip"),
    ("mlp", "sngan"),
    ("mlp", "r3gan"),
    ("dcgan", PENALISED),
    ("dcgan", "sngan"),
    ("resnet", PENALISED),
    ("resnet", "wgan-clip"),
]
"""Nets and losses: with and without a penalty, of pairs, with clipped weights, with a spectral norm."""


ONE_STEP = {"steps": 1, "n_critic": 1, "precision": "float32"}

FLOAT32 = {"mlp": 1e-6, "dcgan": 1e-6, "resnet": 3e-6}
"""Relative difference of gradients in float32, whose rounding error of 6e-8 a ResNet's layers add up."""


def label(value: Any) -> str | None:
    """The name of a case's part in pytest's output."""
    return "penalised" if value is PENALISED else None


@dataclass(frozen=True)
class Noise:
    """Data of any shape, uniform on [-1, 1]."""

    shape: tuple[int, ...]

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        return 2 * Rng(seed, "data", block).uniform(count, *self.shape) - 1


def make_spec(net: str, loss: Any = PENALISED, architecture: dict[str, Any] | None = None, **changes: Any) -> RunSpec:
    """A short training in float64.

    Its learning rate is small: some parameters have no gradient but rounding errors (a Wasserstein critic's output
    bias, a bias before batch normalisation), and of those Adam, which divides by their size, makes steps of about
    1e-8 lr. At a rate of 2e-4 they add up to more than 1e-10, with nothing wrong.
    """
    optimizer = {"name": "adam", "lr": 2e-5, "betas": [0.5, 0.9]}
    training = {
        "steps": 50,
        "batch_size": 3,
        "n_critic": 2 if net == "mlp" else 1,
        "optimizer": optimizer,
        "precision": "float64",
    }
    spectral = {"critic_norm": "spectral"} if loss == "sngan" else {}
    return run_spec(
        {
            "loss": loss,
            "dataset": "8gaussians",
            "architecture": (architecture or ARCHITECTURES[net][1]) | spectral,
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


def finish_stack(runs: list[Run], engine: StackEngine = stacked) -> list[TrainState]:
    """The states at the end of `runs`, trained together."""
    states = [initial_state(run) for run in runs]
    advance_stack(train_stack(runs, states, engine), runs[0].spec.train.steps)
    return states


def assert_same(state: TrainState, expected: TrainState, tolerance: float) -> None:
    assert state.step == expected.step
    for own, other in ((state.generator, expected.generator), (state.critic, expected.critic)):
        for name, weight in own.items():
            torch.testing.assert_close(weight, other[name], rtol=0, atol=tolerance)


def assert_same_gradients(state: TrainState, expected: TrainState, tolerance: float) -> None:
    """Of the one step that led there, relative to their norm: half of them is Adam's first moment.

    The weights themselves would not do: where a gradient is nothing but rounding errors, Adam's step has its sign.
    """
    for own, other in zip(state.moments, expected.moments, strict=True):
        moment, known = own["exp_avg"], other["exp_avg"]
        assert (moment - known).norm() < tolerance * known.norm()


def moved(state: TrainState, run: Run) -> bool:
    """Whether training changed every weight matrix, so that equality of two runs says something."""
    start = initial_state(run)
    matrices = [(weight, start.critic[name]) for name, weight in state.critic.items() if weight.ndim > 1]
    return all(float((weight - before).abs().max()) > 1e-4 for weight, before in matrices)


traced = functools.partial(compiled, backend="aot_eager")


@pytest.mark.parametrize(("net", "loss"), CASES, ids=label)
def test_stacked_seeds_equal_the_runs_alone(net: str, loss: Any) -> None:
    runs = [make_run(net, loss, seed=seed) for seed in (0, 7)]
    for state, run in zip(finish_stack(runs), runs, strict=True):
        expected = finish(run)
        assert moved(expected, run)
        assert_same(state, expected, 1e-10)
    runs = [make_run(net, loss, seed=seed, **ONE_STEP) for seed in (0, 7)]
    for state, run in zip(finish_stack(runs), runs, strict=True):
        assert_same_gradients(state, finish(run), FLOAT32[net])


@pytest.mark.parametrize("net", ARCHITECTURES)
def test_a_seed_is_the_same_in_any_company(net: str) -> None:
    """In any place of a stack of any size; not to the last bit, for BLAS orders its sums by the size of the whole."""
    companies = [(7,), (7, 1), (3, 5, 7)]
    alone, first, last = (finish_stack([make_run(net, seed=seed, steps=20) for seed in seeds]) for seeds in companies)
    assert_same(first[0], alone[0], 1e-10)
    assert_same(last[2], alone[0], 1e-10)
    assert not torch.equal(first[1].critic.vector, first[0].critic.vector)


def test_terms_of_stacked_seeds_are_those_of_the_runs_alone() -> None:
    runs = [make_run("mlp", seed=seed, steps=5) for seed in (0, 7)]
    rows = advance_stack(train_stack(runs, [initial_state(run) for run in runs], stacked_graph), 5)
    for run, terms in zip(runs, rows, strict=True):
        assert terms == pytest.approx(advance(train(run, initial_state(run)), 5), rel=1e-8)


@pytest.mark.parametrize(
    ("net", "loss"),
    [("mlp", "wgan-clip"), ("dcgan", "sngan"), ("resnet", PENALISED)],
    ids=label,
)
def test_the_traced_steps_equal_plain(net: str, loss: Any) -> None:
    """The graph that is compiled, as torch traces it and before it generates code."""
    run = make_run(net, loss)
    assert_same(finish(run, traced), finish(run), 1e-10)
    run = make_run(net, loss, **ONE_STEP)
    assert_same_gradients(finish(run, traced), finish(run), FLOAT32[net])


@pytest.mark.parametrize(
    ("net", "architecture"),
    [
        pytest.param("mlp", TINY | {"depth": 2}, id="mlp"),
        pytest.param("dcgan", None, id="dcgan", marks=pytest.mark.long),
        pytest.param("resnet", None, id="resnet", marks=pytest.mark.long),
    ],
)
def test_the_compiled_engine_equals_plain(net: str, architecture: dict[str, Any] | None) -> None:
    """By generated code, whose compilation is most of the time that this file takes."""
    run = make_run(net, architecture=architecture)
    assert_same(finish(run, compiled), finish(run), 1e-10)


def test_a_compiled_step_in_float32_equals_plain() -> None:
    run = make_run("mlp", architecture=TINY, **ONE_STEP)
    assert_same_gradients(finish(run, compiled), finish(run), FLOAT32["mlp"])


@pytest.mark.long
def test_a_process_compiles_as_many_runs_as_a_sweep_has() -> None:
    """torch gives up on a function that it has compiled eight times."""
    for seed in range(10):
        run = make_run("mlp", "hinge", seed=seed, steps=1, architecture=TINY | {"width": 8 + seed})
        assert_same(finish(run, functools.partial(compiled, backend="eager")), finish(run), 1e-10)


@pytest.mark.parametrize("net", ARCHITECTURES)
def test_the_graph_engine_without_a_gpu_is_plain(net: str) -> None:
    run = make_run(net, steps=20)
    assert_same(finish(run, graph), finish(run), 0)


class Recording(TorchDispatchMode):
    """A CUDA graph as a CPU can have it: remembers operations with the memory they read and write, and repeats them.

    What Python did beside them is not repeated, as in a graph.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        known = tree_map_only(Tensor, Tensor.detach, (args, kwargs or {}, result))
        self.operations.append((func, *known))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, result in self.operations:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


@pytest.fixture
def cuda_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's calls for streams and graphs, without a GPU."""
    monkeypatch.setattr(torch.cuda, "Stream", MagicMock)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", MagicMock)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recording)
    monkeypatch.setattr(torch.cuda, "graph", lambda recording, stream: recording)
    monkeypatch.setattr(graph_module, "on_gpu", lambda state: True)


@pytest.mark.usefixtures("cuda_graphs")
@pytest.mark.parametrize(("net", "loss"), [("mlp", PENALISED), ("mlp", "wgan-clip"), ("dcgan", "sngan")], ids=label)
def test_a_replayed_recording_equals_plain(net: str, loss: Any) -> None:
    """All that changes from one iteration to the next is in the buffers and in the state, and nothing in Python."""
    run = make_run(net, loss, steps=20)
    assert_same(finish(run, graph), finish(run), 1e-10)
    runs = [make_run(net, loss, steps=5, seed=seed) for seed in (0, 7)]
    for state, alone in zip(finish_stack(runs, stacked_graph), runs, strict=True):
        assert_same(state, finish(alone), 1e-10)


@pytest.mark.usefixtures("cuda_graphs")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("lr_decay", ["none", "linear"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_replay_takes_every_loss_and_rate(loss: str, lr_decay: str, optimizer: str) -> None:
    kind = {"name": optimizer, "lr": 1e-3}
    run = make_run("mlp", loss, architecture=TINY, n_critic=1, lr_decay=lr_decay, optimizer=kind)
    expected = finish(run)
    assert_same(finish(run, graph), expected, 1e-10)
    assert (expected.critic.vector - initial_state(run).critic.vector).abs().max() > 1e-2


@pytest.mark.usefixtures("cuda_graphs")
def test_a_resumed_replay_goes_on_at_its_rate() -> None:
    """Of a rate that decays the graph keeps the time itself, from where the state stands when it is captured."""
    run = make_run("mlp", steps=20, lr_decay="linear")
    state, resumed = initial_state(run), initial_state(run)
    advance(train(run, state, graph), 7)
    resumed.load(state.to_dict())
    advance(train(run, resumed, graph), 13)
    assert_same(resumed, finish(run), 1e-10)
    runs = [make_run("mlp", steps=20, lr_decay="linear", seed=seed) for seed in (0, 7)]
    assert_same(finish_stack(runs, stacked_graph)[0], resumed, 1e-10)


@pytest.mark.usefixtures("cuda_graphs")
def test_a_replay_takes_rows_that_differ_in_numbers() -> None:
    runs = [
        make_run(
            *("mlp", {"name": "wgan-gp", "weight": weight}),
            seed=seed,
            steps=20,
            lr_decay="linear",
            optimizer={"name": "adam", "lr": lr, "betas": [beta, 0.9]},
        )
        for seed, weight, lr, beta in ((0, 10.0, 1e-3, 0.5), (7, 1.0, 3e-4, 0.0))
    ]
    for state, alone in zip(finish_stack(runs, stacked_graph), runs, strict=True):
        assert_same(state, finish(alone), 1e-10)


@pytest.mark.usefixtures("cuda_graphs")
def test_terms_of_a_replay_are_its_own() -> None:
    run = make_run("mlp", steps=4)
    own, expected = (list(train(run, initial_state(run), engine)) for engine in (graph, plain))
    assert len(own) == 4
    for terms, reference in zip(own, expected, strict=True):
        others = {name: float(value) for name, value in reference.items()}
        assert {name: float(value) for name, value in terms.items()} == pytest.approx(others, rel=1e-10)


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.critic_norm is None])
def test_the_closed_form_equals_plain(loss: str) -> None:
    run = make_run("mlp", loss)
    expected = finish(run)
    assert moved(expected, run)
    assert_same(finish(run, closed_form), expected, 1e-10)
    run = make_run("mlp", loss, **ONE_STEP)
    assert_same_gradients(finish(run, closed_form), finish(run), FLOAT32["mlp"])


def test_the_closed_form_equals_plain_on_images_and_leaky_relus() -> None:
    spec = make_spec("mlp", "wgan-gp", batch_size=5)
    net = replace(spec.architecture, critic_activation="leaky_relu")
    run = prepare(replace(spec, architecture=net), Noise((1, 4, 4)))
    assert_same(finish(run, closed_form), finish(run), 1e-10)


def test_the_closed_form_refuses_other_critics() -> None:
    run = make_run("dcgan")
    with pytest.raises(UserError, match="engine closed-form: no closed form for layer"):
        finish(run, closed_form)


def test_stacked_states_are_saved_and_resumed_as_runs_alone(tmp_path: Path) -> None:
    runs = [make_run("mlp", seed=seed) for seed in (0, 7)]
    straight = finish(runs[1])
    states = [initial_state(run) for run in runs]
    advance_stack(train_stack(runs, states), 21)
    save_checkpoint(tmp_path / "c.pt", states[1], "key", "r1", {})
    assert (tmp_path / "c.pt").stat().st_size < 40_000
    resumed = [initial_state(run) for run in reversed(runs)]
    for state in resumed:
        load_checkpoint(tmp_path / "c.pt", state, "key", "r1", 50)
    advance_stack(train_stack(runs[::-1], resumed), 100)
    assert_same(resumed[0], straight, 1e-10)
    assert resumed[0].critic_optimizer.state_dict()["state"][0]["step"] == 2 * 50


def test_only_runs_of_one_structure_are_stacked() -> None:
    runs = [make_run("mlp"), make_run("mlp", seed=1, batch_size=5)]
    with pytest.raises(ValueError, match="share their structure"):
        next(train_stack(runs, [initial_state(run) for run in runs]))


def unmade(players: Players, state: TrainState) -> Iteration:
    raise RuntimeError("no compiler\nhere")


@dataclass
class Unready:
    """An engine that fails at its first iteration, as one does whose steps cannot be compiled."""

    players: Players
    state: TrainState

    def __call__(self, draws: Draws) -> dict[str, Tensor]:
        raise AssertionError("it was not rehearsed")

    def rehearse(self, draws: Draws) -> None:
        raise RuntimeError("no compiler\nhere")


@pytest.mark.parametrize("broken", [unmade, Unready])
def test_plain_takes_the_place_of_an_engine_that_the_rule_chose_and_that_cannot_run(broken: Engine) -> None:
    run = make_run("mlp", steps=20)
    engine = Chosen("broken", broken, otherwise=plain)
    assert_same(finish(run, engine), finish(run), 0)
    assert (engine.name, engine.reason) == ("plain", "broken: RuntimeError: no compiler")


@pytest.mark.parametrize("broken", [unmade, Unready])
def test_an_engine_that_was_asked_for_and_cannot_run_is_an_error(broken: Engine) -> None:
    run = make_run("mlp", steps=20)
    state = initial_state(run)
    said = r"^engine broken: cannot run here \(RuntimeError: no compiler\); use plain or auto$"
    with pytest.raises(UserError, match=said):
        next(train(run, state, Chosen("broken", broken)))
    assert_same(state, initial_state(run), 0)


@pytest.mark.usefixtures("cuda_graphs")
@pytest.mark.parametrize("engine", [plain, closed_form, traced, graph, stacked, stacked_graph])
def test_a_rehearsal_leaves_the_state_as_it_is(engine: Any) -> None:
    run = make_run("mlp", steps=20, lr_decay="linear")
    state, draws = initial_state(run), block_draws(run, 0)[0]
    if engine in (stacked, stacked_graph):
        engine([run.players], [state]).rehearse(stack_draws([draws]))
    else:
        engine(run.players, state).rehearse(draws)
    assert first_difference(state.to_dict(), initial_state(run).to_dict(), "state") == ""
    assert_same(state, initial_state(run), 0)
    assert all(not moment.any() for moments in state.moments for moment in moments.values())


def test_engines_are_chosen_by_name() -> None:
    engine = choose("closed-form")
    finish(make_run("mlp", steps=2), engine)
    assert (engine.name, engine.reason) == ("closed-form", "")
    with pytest.raises(UserError, match="engine fast: unknown engine"):
        choose("fast")


@pytest.mark.parametrize("spec", [Adam(1e-3, (0.5, 0.9)), RMSprop(1e-3)])
def test_a_descent_is_a_step_of_torchs_optimiser(spec: Adam | RMSprop) -> None:
    weights, known = (Weights.copy_of({"w": torch.ones(100)}) for _ in range(2))
    own, expected = new_optimizer(weights, spec), new_optimizer(known, spec)
    for i in range(3):
        gradient = Rng(0, "gradient", i).normal(100)
        descend(weights, own, gradient, optimizer_numbers(spec))
        known.vector.grad = gradient
        expected.step()
        # To the last digit and no further: torch has RMSprop's roots of MKL, which rounds some otherwise on an AMD.
        torch.testing.assert_close(weights["w"], known["w"], rtol=0, atol=1.2e-7)
    assert own.state[weights.vector].keys() == expected.state[known.vector].keys()
    assert own.state[weights.vector]["step"] == 3


@pytest.mark.parametrize("spec", [Adam(1e-3, (0.5, 0.9)), RMSprop(1e-3)])
def test_a_descent_at_a_rate_that_is_a_tensor_is_one_by_floats(spec: Adam | RMSprop) -> None:
    numbers = optimizer_numbers(spec)
    own, known = (Weights.copy_of({"w": torch.ones(100, dtype=torch.float64)}) for _ in range(2))
    optimizers = new_optimizer(own, spec), new_optimizer(known, spec)
    for i in range(50):
        gradient, share = Rng(0, "gradient", i).normal(100).double(), 1 - i / 50
        rate = numbers["lr"] * torch.tensor(share, dtype=torch.float64)
        descend(own, optimizers[0], gradient, {**numbers, "lr": rate})
        descend(known, optimizers[1], gradient, {**numbers, "lr": numbers["lr"] * share})
    assert (known["w"] - 1).abs().max() > 1e-3
    torch.testing.assert_close(own["w"], known["w"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("net", ARCHITECTURES)
def test_bf16_rounds_the_nets_alone(net: str) -> None:
    """By 8 bits: 0.4 % an operation. Weights, moments, x^, its gradient as the norm sees it and terms are float32."""
    run = make_run(net, batch_size=32, **ONE_STEP)
    half = replace(run, players=replace(run.players, numerics="bf16"))
    state, own = initial_state(run), initial_state(half)
    (expected,), (terms,) = list(train(run, state)), list(train(half, own))
    for name, value in terms.items():
        assert value.dtype == torch.float32
        assert value != expected[name]
        assert float(value) == pytest.approx(float(expected[name]), rel=0.15, abs=0.01)
    for weights, moments, reference in zip(own.weights, own.moments, state.moments, strict=True):
        moment, known = moments["exp_avg"], reference["exp_avg"]
        assert moment.dtype == weights.vector.dtype == torch.float32
        assert 1e-4 < (moment - known).norm() / known.norm() < 0.2
    critic, x = Live.bind(half.players.critic, own.critic, "bf16"), Noise(ARCHITECTURES[net][0]).stream(0, 0, 4)
    score, gradient = critic(x), critic.input_gradient(x)
    assert score.dtype == gradient.dtype == torch.float32
    assert torch.equal(score, score.bfloat16().float())
