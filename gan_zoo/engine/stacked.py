"""Stacks: S runs that differ in seed and numbers, advanced together by `torch.func.vmap` over the pure steps.

Row s of every tensor is run s. The states of the single runs become views of the rows, so each can be evaluated and
saved at any time as if it ran alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from gan_zoo.engine.functional import Noise, PureSteps, pure_steps
from gan_zoo.engine.plain import Alternating, Steps
from gan_zoo.engine.rows import Rows
from gan_zoo.engine.state import Draws, Iteration, Players, TrainState
from gan_zoo.engine.weights import Weights
from gan_zoo.losses import Loss
from gan_zoo.losses.base import Terms
from gan_zoo.losses.numbers import with_numbers

StackEngine = Callable[[Sequence[Players], Sequence[TrainState]], Iteration]
"""An iteration of all the states at once, of the players and the state of each row: its draws (`stack_draws`) and terms
have the rows as first axis."""


def stacked(players: Sequence[Players], states: Sequence[TrainState]) -> Iteration:
    """The iteration of all `states`, which must be at the same step; advances them in place."""
    return stacked_iteration(players, states, stack(players[0], states))


def stacked_iteration(
    players: Sequence[Players], states: Sequence[TrainState], whole: TrainState, clock: Tensor | None = None
) -> "Together":
    """The iteration of `whole`, the stack of `states`; see `Settings` for `clock`."""
    rows = Rows(players, whole.critic.vector)
    steps = _stacked_steps(pure_steps(players[0], states[0]), whole, players[0].loss, rows.loss)
    settings = rows.settings(whole, clock)
    return Together(Alternating(steps, players[0].train, whole, settings), whole, states)


@dataclass(frozen=True)
class Together:
    """`iteration` of the stack `whole`, which keeps the steps of its `states` in time with it."""

    iteration: Iteration
    whole: TrainState
    states: Sequence[TrainState]

    def __call__(self, draws: Draws) -> Terms:
        terms = self.iteration(_by_step(draws))
        for state in self.states:
            state.step = self.whole.step
        return terms

    def rehearse(self, draws: Draws) -> None:
        self.iteration.rehearse(_by_step(draws))


def _stacked_steps(pure: PureSteps, whole: TrainState, loss: Loss, numbers: Mapping[str, Tensor]) -> Steps:
    """The pure steps over the rows of the stack, each by `loss` with its own of the `numbers` (S,).

    Draws have the rows as second axis, after the critic's steps.
    """
    generator, critic = whole.generator.vector, whole.critic.vector
    fakes = vmap(pure.fakes, (0, 1), 1)

    def critic_row(critic: Tensor, real: Tensor, fake: Tensor, noise: Noise, own: Mapping[str, Tensor]) -> Any:
        return pure.critic(critic, real, fake, noise, with_numbers(loss, own))

    def generator_row(generator: Tensor, critic: Tensor, real: Tensor, z: Tensor, own: Mapping[str, Tensor]) -> Any:
        return pure.generator(generator, critic, real, z, with_numbers(loss, own))

    critic_step, generator_step = vmap(critic_row), vmap(generator_row)
    return Steps(
        lambda z: fakes(generator, z),
        lambda real, fake, noise: critic_step(critic, real, fake, noise, numbers),
        lambda real, z: generator_step(generator, critic, real, z, numbers),
    )


def stack_draws(draws: Sequence[Draws]) -> Draws:
    """The draws of one iteration of each row as one, with the rows as first axis."""
    kinds = zip(*(each.tensors for each in draws), strict=True)
    return Draws.of(list(map(torch.stack, kinds)))


def _by_step(draws: Draws) -> Draws:
    """Stacked draws with the critic's steps as first axis and the rows as second."""
    noise = tuple(draw.transpose(0, 1) for draw in draws.noise)
    return Draws(draws.real.transpose(0, 1), draws.z_critic.transpose(0, 1), draws.z_generator, noise)


def stack(players: Players, states: Sequence[TrainState]) -> TrainState:
    """One state of all weights and moments of `states`, of whose rows `states` are views from now on."""
    generator = Weights.stacked([state.generator for state in states])
    critic = Weights.stacked([state.critic for state in states])
    whole = TrainState.of(states[0].step, generator, critic, players.train.optimizer)
    for player, moments in enumerate(whole.moments):
        for name, own in moments.items():
            # a count of steps is a scalar, the same in all rows
            single = [state.moments[player][name] for state in states]
            own.copy_(single[0] if own.ndim == 0 else torch.stack(single))
    for row, state in enumerate(states):
        _become_row(state, whole, row)
    return whole


def _become_row(state: TrainState, whole: TrainState, row: int) -> None:
    """Puts `state` into the memory of one row of a stack; the optimisers' count of steps is that of all rows."""
    rows = whole.generator.row(row), whole.critic.row(row)
    for optimizer, old, own, moments in zip(state.optimizers, state.weights, rows, whole.moments, strict=True):
        # torch finds an optimiser's moments by the tensor itself: they are hung on the new one
        del optimizer.state[old.vector]
        optimizer.param_groups[0]["params"] = [own.vector]
        optimizer.state[own.vector] = {
            name: moment if moment.ndim == 0 else moment[row] for name, moment in moments.items()
        }
    state.generator, state.critic = rows
