"""Seeds stacked: S runs that differ in their seed only, advanced together by `torch.func.vmap` over the pure steps.

Row s of every tensor is seed s. The states of the single runs become views of the rows, so each can be evaluated and
saved at any time as if it ran alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import vmap

from gan_zoo.engine.functional import PureSteps, pure_steps
from gan_zoo.engine.plain import Alternating, Steps
from gan_zoo.engine.state import Draws, Iteration, Players, TrainState
from gan_zoo.engine.weights import Weights
from gan_zoo.losses.base import Terms

StackEngine = Callable[[Players, Sequence[TrainState]], Iteration]
"""An iteration of all the states at once: its draws (`stack_draws`) and terms have the seeds as first axis."""


def stacked(players: Players, states: Sequence[TrainState]) -> Iteration:
    """The iteration of all `states`, which must be at the same step; advances them in place."""
    return stacked_iteration(players, states, stack(players, states))


def stacked_iteration(
    players: Players, states: Sequence[TrainState], whole: TrainState, clock: Tensor | None = None
) -> "Together":
    """The iteration of `whole`, the stack of `states`; see `Settings` for `clock`."""
    steps = stacked_steps(pure_steps(players, states[0]), whole)
    return Together(Alternating.of(steps, players, whole, clock), whole, states)


@dataclass(frozen=True)
class Together:
    """`iteration` of the stack `whole`, which keeps the steps of its `states` in time with it."""

    iteration: Iteration
    whole: TrainState
    states: Sequence[TrainState]

    def __call__(self, draws: Draws) -> Terms:
        terms = self.iteration(by_step(draws))
        for state in self.states:
            state.step = self.whole.step
        return terms

    def rehearse(self, draws: Draws) -> None:
        self.iteration.rehearse(by_step(draws))


def stacked_steps(pure: PureSteps, whole: TrainState) -> Steps:
    """The pure steps over the rows of the stack. Draws have the seeds as second axis, after the critic's steps."""
    generator, critic = whole.generator.vector, whole.critic.vector
    fakes, critic_step, generator_step = vmap(pure.fakes, (0, 1), 1), vmap(pure.critic), vmap(pure.generator)
    return Steps(
        lambda z: fakes(generator, z),
        lambda real, fake, noise: critic_step(critic, real, fake, noise),
        lambda real, z: generator_step(generator, critic, real, z),
    )


def stack_draws(draws: Sequence[Draws]) -> Draws:
    """The draws of one iteration of each seed as one, with the seeds as first axis."""
    return Draws.of([torch.stack(tensors) for tensors in zip(*(each.tensors for each in draws), strict=True)])


def by_step(draws: Draws) -> Draws:
    """Stacked draws with the critic's steps as first axis and the seeds as second."""
    noise = tuple(draw.transpose(0, 1) for draw in draws.noise)
    return Draws(draws.real.transpose(0, 1), draws.z_critic.transpose(0, 1), draws.z_generator, noise)


def stack(players: Players, states: Sequence[TrainState]) -> TrainState:
    """One state of all weights and moments of `states`, of whose rows `states` are views from now on."""
    generator = Weights.stacked([state.generator for state in states])
    critic = Weights.stacked([state.critic for state in states])
    whole = TrainState.of(states[0].step, generator, critic, players.train.optimizer)
    for player, moments in enumerate(whole.moments):
        for name, own in moments.items():
            single = [state.moments[player][name] for state in states]
            own.copy_(single[0] if own.ndim == 0 else torch.stack(single))
    for row, state in enumerate(states):
        become_row(state, whole, row)
    return whole


def become_row(state: TrainState, whole: TrainState, row: int) -> None:
    """Puts `state` into the memory of one row of a stack; the optimisers' count of steps is that of all rows."""
    rows = whole.generator.row(row), whole.critic.row(row)
    for optimizer, old, own, moments in zip(state.optimizers, state.weights, rows, whole.moments, strict=True):
        del optimizer.state[old.vector]
        optimizer.param_groups[0]["params"] = [own.vector]
        optimizer.state[own.vector] = {
            name: moment if moment.ndim == 0 else moment[row] for name, moment in moments.items()
        }
    state.generator, state.critic = rows
