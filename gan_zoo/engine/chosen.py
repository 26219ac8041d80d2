"""Which engine runs: the one asked for, or `auto` by rule, and only then `plain` where that one cannot.

The rule of `auto` reads spec and device alone, never a clock, so that the same run always gets the same engine:

    on a GPU      graph: at toy sizes nearly all time is spent in launching, which one graph does once; and cells of
                  one structure as a stack in it; plain with an optimiser other than Adam and RMSProp
    on a CPU      compiled, in fast numerics, for perceptrons from COMPILED_FROM updates on; convolutions gain nothing
                  by it
                  closed-form, where the critic is a perceptron of ReLUs
                  plain, for all else

In exact numerics it is closed-form or plain on either, so that the device makes no difference.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from gan_zoo.architectures.layers import Linear, Weighted
from gan_zoo.engine.closed_form import closed_form, read_layers
from gan_zoo.engine.compiled import compiled
from gan_zoo.engine.functional import refuse_bf16
from gan_zoo.engine.graph import graph, stacked_graph
from gan_zoo.engine.plain import plain
from gan_zoo.engine.stacked import StackEngine, stacked
from gan_zoo.engine.state import Draws, Engine, Iteration, Players, TrainState
from gan_zoo.engine.weights import join
from gan_zoo.errors import UserError
from gan_zoo.losses.base import Terms
from gan_zoo.numerics import Numerics
from gan_zoo.optimizers import is_known_everywhere

ENGINES: dict[str, Engine] = {"plain": plain, "closed-form": closed_form, "compiled": compiled, "graph": graph}

STACK_ENGINES: dict[str, StackEngine] = {"stacked": stacked, "stacked-graph": stacked_graph}
"""Several runs of one structure at once."""

ENGINE_NAMES = (*ENGINES, "stacked", "auto")
"""All names that can be asked for."""

COMPILED_FROM = 60_000
"""Updates of both players in a run. Compiling takes 5 to 60 s and saves 0.3 to 1 ms of each where perceptrons have 64
to 128 units, on one CPU core."""

EXACT_ENGINES = ("plain", "closed-form", "auto")
"""Those that can be asked for in exact numerics: of the others nobody sees the single operations."""

OWN_NUMBERS = ("graph", "stacked")
"""Those that keep an optimiser's numbers on the device, which the code of Adam and RMSProp alone reads there."""

STACKED_NUMERICS = ("reference", "fast", "tf32")
"""Those that stacks compute in."""

Subject = TypeVar("Subject", TrainState, Sequence[TrainState])
Playing = Any
"""The players of a single state, or those of each row of a stack."""


@dataclass
class Chosen(Generic[Subject]):
    """The engine that runs, of a single state or of a stack, once its first iteration has shown that it can.

    One that cannot is an error where it was asked for. Where the rule chose it, `otherwise` takes its place: `name` is
    then "plain", and `reason` the error that made it so.
    """

    name: str
    engine: Callable[[Playing, Subject], Iteration]
    otherwise: Callable[[Playing, Subject], Iteration] | None = None
    reason: str = ""

    def __call__(self, players: Playing, subject: Subject) -> Iteration:
        return Started(functools.partial(self.start, players, subject))

    def start(self, players: Playing, subject: Subject, draws: Draws) -> Iteration:
        """The iteration, rehearsed on the first of its draws. Raises: CannotRun where it cannot."""
        try:
            iteration = self.engine(players, subject)
            if self.engine is not plain:
                iteration.rehearse(draws)
            return iteration
        except Exception as error:
            if self.otherwise is None:
                raise refusal(self.name, error) from error
            self.reason = f"{self.name}: {_in_a_line(error)}"
            self.name = "plain"
            return self.otherwise(players, subject)


@dataclass
class Started:
    """The iteration that `start` makes of the first draws that come."""

    start: Callable[[Draws], Iteration]
    iteration: Iteration | None = None

    def __call__(self, draws: Draws) -> Terms:
        return self._started(draws)(draws)

    def rehearse(self, draws: Draws) -> None:
        self._started(draws)

    def _started(self, draws: Draws) -> Iteration:
        if self.iteration is None:
            self.iteration = self.start(draws)
        return self.iteration


class CannotRun(UserError):
    """Says that the one engine that may run these states cannot; they are as they were."""


def refusal(name: str, error: Exception) -> CannotRun:
    """The error of an engine that was asked for and cannot run."""
    if isinstance(error, UserError):
        return CannotRun(str(error))
    return CannotRun(f"engine {name}: cannot run here ({_in_a_line(error)}); use plain or auto")


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n")[0]


def choose(name: str) -> Chosen[TrainState]:
    """The engine of this name for a single run. Raises: UserError that lists the names."""
    if name not in ENGINES:
        raise UserError(f"engine {name}: unknown engine (there are: {', '.join(ENGINE_NAMES)})")
    return Chosen(name, ENGINES[name])


def choose_for_one(wanted: str, players: Players, device: torch.device) -> Chosen[TrainState]:
    """The engine of a single run where `wanted` was asked for; a stack of one is no stack.

    Raises: UserError for one that does not compute in the players' numerics, or cannot run these players.
    """
    check_engine(wanted, players.numerics, device)
    if wanted == "auto":
        name = automatic(players, device)
        return Chosen(name, ENGINES[name], otherwise=plain)
    check_players(wanted, players)
    if wanted == "stacked":
        return choose("graph" if device.type == "cuda" else "plain")
    return choose(wanted)


def check_engine(name: str, numerics: Numerics, device: torch.device | str = "cpu") -> None:
    """Raises: UserError where the engine of this name does not compute in these numerics on this device."""
    if numerics == "exact" and name not in EXACT_ENGINES:
        raise UserError(f"engine {name}: not in exact numerics; use {', '.join(EXACT_ENGINES)}")
    if name == "compiled" and numerics == "reference" and torch.device(device).type == "cpu":
        raise UserError(
            "engine compiled: its code, and so its bits, depend on the processor; ask for numerics fast, or use plain, "
            "closed-form or stacked"
        )
    if name in ("compiled", "stacked"):
        refuse_bf16(numerics)


def check_players(name: str, players: Players) -> None:
    """Raises: UserError where the engine of this name cannot run these players, as far as can be told beforehand."""
    if name in OWN_NUMBERS and not is_known_everywhere(players.train.optimizer):
        raise UserError(
            f"engine {name}: only with adam and rmsprop, not with '{players.train.optimizer}'; use plain, closed-form, "
            "compiled or auto"
        )
    if name == "closed-form":
        weights = dict(players.critic.named_parameters())
        read_layers(players, weights, join(weights.values()))


def choose_for_stack(device: torch.device) -> Chosen[Sequence[TrainState]]:
    """The engine of a stack: a graph where there are graphs."""
    name = "stacked-graph" if device.type == "cuda" else "stacked"
    return Chosen(name, STACK_ENGINES[name])


def makes_stacks(wanted: str, numerics: Numerics, device: torch.device | str) -> bool:
    """Whether cells of one structure train as one stack: where that is asked for, and by the rule of `auto` on a GPU,
    which a single run of such nets leaves idle."""
    on_gpu = torch.device(device).type == "cuda"
    return wanted == "stacked" or (wanted == "auto" and on_gpu and numerics in STACKED_NUMERICS)


def name_of_chosen(wanted: str, players: Players, device: str) -> str:
    """The name of the engine that these players get on a device; of a stack where it makes stacks."""
    if makes_stacks(wanted, players.numerics, device) and is_known_everywhere(players.train.optimizer):
        return choose_for_stack(torch.device(device)).name
    return choose_for_one(wanted, players, torch.device(device)).name


def automatic(players: Players, device: torch.device) -> str:
    """The engine that the rule gives these players."""
    if players.numerics == "exact":
        return "closed-form" if _has_closed_form(players) else "plain"
    if device.type == "cuda":
        return "graph" if is_known_everywhere(players.train.optimizer) else "plain"
    updates = players.train.steps * (players.train.n_critic + 1)
    perceptrons = _is_perceptron(players.generator) and _is_perceptron(players.critic)
    if players.numerics == "fast" and perceptrons and updates >= COMPILED_FROM:
        return "compiled"
    return "closed-form" if _has_closed_form(players) else "plain"


def _has_closed_form(players: Players) -> bool:
    """Whether `closed_form` knows the derivatives of this critic."""
    try:
        check_players("closed-form", players)
    except UserError:
        return False
    return True


def _is_perceptron(net: nn.Module) -> bool:
    """Whether all weights of the net are those of linear layers."""
    return all(isinstance(layer, Linear) for layer in net.modules() if isinstance(layer, Weighted))
