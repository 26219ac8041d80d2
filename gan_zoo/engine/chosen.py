"""Which engine runs: the one asked for, or `auto` by rule; where it cannot, `plain`.

The rule of `auto` reads spec and device alone, never a clock, so that the same run always gets the same engine:

    on a GPU      graph: at toy sizes nearly all time is spent in launching, which one graph does once
                  plain, where the learning rate decays: a graph holds the one it was captured with
    on a CPU      compiled, in fast numerics, for perceptrons from COMPILED_FROM updates on; convolutions gain nothing
                  by it
                  closed-form, where the critic is a perceptron of ReLUs
                  plain, for all else

In exact numerics it is closed-form or plain on either, so that the device makes no difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from gan_zoo.architectures.layers import Linear, Weighted
from gan_zoo.engine.closed_form import closed_form, read_layers
from gan_zoo.engine.compiled import compiled
from gan_zoo.engine.graph import graph, stacked_graph
from gan_zoo.engine.plain import plain
from gan_zoo.engine.stacked import StackEngine, stacked
from gan_zoo.engine.state import Draws, Engine, Iteration, Players, TrainState, split, vector_of
from gan_zoo.errors import UserError
from gan_zoo.losses.base import Terms
from gan_zoo.numerics import Numerics

ENGINES: dict[str, Engine] = {"plain": plain, "closed-form": closed_form, "compiled": compiled, "graph": graph}

STACK_ENGINES: dict[str, StackEngine] = {"stacked": stacked, "stacked-graph": stacked_graph}
"""Several seeds of one cell at once."""

ENGINE_NAMES = (*ENGINES, "stacked", "auto")
"""What can be asked for."""

COMPILED_FROM = 60_000
"""Updates of both players in a run. Compiling takes 5 to 60 s and saves 0.3 to 1 ms of each where perceptrons have 64
to 128 units, on one CPU core."""

EXACT_ENGINES = ("plain", "closed-form", "auto")
"""Those that can be asked for in exact numerics: of the others nobody sees the single operations."""

Subject = TypeVar("Subject", TrainState, Sequence[TrainState])


@dataclass
class Chosen(Generic[Subject]):
    """The engine that runs, of a single state or of a stack. After the first iteration `name` is the one that does and
    `reason`, where that is not the one asked for, the error that made it so."""

    name: str
    engine: Callable[[Players, Subject], Iteration]
    reason: str = ""

    def __call__(self, players: Players, subject: Subject) -> Iteration:
        before = [state.to_dict() for state in states_of(subject)]
        try:
            iteration = self.engine(players, subject)
        except Exception as error:
            return self._give_way(error, players, subject, before)
        tried = False

        def first(draws: Draws) -> Terms:
            nonlocal iteration, tried
            if tried:
                return iteration(draws)
            tried = True
            try:
                return iteration(draws)
            except Exception as error:
                iteration = self._give_way(error, players, subject, before)
                return iteration(draws)

        return first

    def _give_way(
        self, error: Exception, players: Players, subject: Subject, before: Sequence[dict[str, Any]]
    ) -> Iteration:
        """The plain iteration from the states as they were; what fails there as well is an error of the run."""
        self.reason = f"{self.name}: {type(error).__name__}: {error}".split("\n")[0]
        self.name = "plain"
        for state, content in zip(states_of(subject), before, strict=True):
            state.generator = split(vector_of(state.generator_optimizer), content["generator"])
            state.critic = split(vector_of(state.critic_optimizer), content["critic"])
            state.load(content)
        return plain(players, subject) if isinstance(subject, TrainState) else side_by_side(players, subject)


def states_of(subject: TrainState | Sequence[TrainState]) -> Sequence[TrainState]:
    return [subject] if isinstance(subject, TrainState) else subject


def choose(name: str) -> Chosen[TrainState]:
    """The engine of this name for a single run. Errors: UserError that lists the names."""
    if name not in ENGINES:
        raise UserError(f"engine {name}: unknown engine (there are: {', '.join(ENGINE_NAMES)})")
    return Chosen(name, ENGINES[name])


def choose_for_one(wanted: str, players: Players, device: torch.device) -> Chosen[TrainState]:
    """The engine of a single run where `wanted` was asked for; a stack of one is no stack.

    Errors: UserError for one that does not compute in the players' numerics.
    """
    check_engine(wanted, players.numerics, device)
    if wanted == "stacked":
        wanted = "graph" if device.type == "cuda" else "plain"
    return choose(automatic(players, device) if wanted == "auto" else wanted)


def check_engine(name: str, numerics: Numerics, device: torch.device | str = "cpu") -> None:
    """UserError where the engine of this name does not compute in these numerics on this device."""
    if numerics == "exact" and name not in EXACT_ENGINES:
        raise UserError(f"engine {name}: not in exact numerics; use {', '.join(EXACT_ENGINES)}")
    if name == "compiled" and numerics == "reference" and torch.device(device).type == "cpu":
        raise UserError(
            "engine compiled: its code, and so its bits, depend on the processor; ask for numerics fast, or use plain, "
            "closed-form or stacked"
        )


def choose_for_stack(device: torch.device) -> Chosen[Sequence[TrainState]]:
    """The engine of several seeds."""
    name = "stacked-graph" if device.type == "cuda" else "stacked"
    return Chosen(name, STACK_ENGINES[name])


def automatic(players: Players, device: torch.device) -> str:
    """The engine that the rule gives these players."""
    if players.numerics == "exact":
        return "closed-form" if has_closed_form(players) else "plain"
    if device.type == "cuda":
        return "graph" if players.train.lr_decay == "none" else "plain"
    updates = players.train.steps * (players.train.n_critic + 1)
    perceptrons = is_perceptron(players.generator) and is_perceptron(players.critic)
    if players.numerics == "fast" and perceptrons and updates >= COMPILED_FROM:
        return "compiled"
    return "closed-form" if has_closed_form(players) else "plain"


def has_closed_form(players: Players) -> bool:
    """Whether `closed_form` knows the derivatives of this critic."""
    weights = dict(players.critic.named_parameters())
    try:
        read_layers(players, weights, torch.cat([weight.flatten() for weight in weights.values()]))
    except UserError:
        return False
    return True


def is_perceptron(net: nn.Module) -> bool:
    """Whether all weights of the net are those of linear layers."""
    return all(isinstance(layer, Linear) for layer in net.modules() if isinstance(layer, Weighted))


def side_by_side(players: Players, states: Sequence[TrainState]) -> Iteration:
    """A stack's iteration as the plain ones of its states, one after the other."""
    iterations = [plain(players, state) for state in states]

    def iteration(draws: Draws) -> dict[str, Tensor]:
        rows = [each(Draws.of([tensor[s] for tensor in draws.tensors])) for s, each in enumerate(iterations)]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    return iteration
