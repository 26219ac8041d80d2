"""Seeds stacked: S runs that differ in their seed only, advanced together by `torch.func.vmap` over the pure steps.

Row s of every tensor is seed s. The states of the single runs become views of the rows, so each can be evaluated and
saved at any time as if it ran alone.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import vmap

from gan_zoo.engine.functional import PureSteps, pure_steps
from gan_zoo.engine.plain import Steps, iterate
from gan_zoo.engine.state import Draws, Iteration, Players, TrainState, new_optimizer, split, vector_of

StackEngine = Callable[[Players, Sequence[TrainState]], Iteration]
"""An iteration of all the states at once: its draws (`stack_draws`) and terms have the seeds as first axis."""


def stacked(players: Players, states: Sequence[TrainState]) -> Iteration:
    """The iteration of all `states`, which must be at the same step; advances them in place."""
    return stacked_iteration(players, states, stack(players, states))


def stacked_iteration(players: Players, states: Sequence[TrainState], whole: TrainState) -> Iteration:
    """The iteration of `whole`, the stack of `states`, that keeps the steps of `states` in time with it."""
    inner = iterate(stacked_steps(pure_steps(players, states[0]), whole), players, whole)

    def iteration(draws: Draws) -> dict[str, Tensor]:
        terms = inner(by_step(draws))
        for state in states:
            state.step = whole.step
        return terms

    return iteration


def stacked_steps(pure: PureSteps, whole: TrainState) -> Steps:
    """The pure steps over the rows of the stack. Draws have the seeds as second axis, after the critic's steps."""
    generator, critic = (vector_of(optimizer) for optimizer in whole.optimizers)
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
    """One state whose vectors are matrices (S, parameters) and of whose rows `states` are views from now on."""
    optimizers = [stack_optimizers([state.optimizers[player] for state in states], players) for player in range(2)]
    for state in states:
        state.generator = split(vector_of(state.generator_optimizer), state.generator)
        state.critic = split(vector_of(state.critic_optimizer), state.critic)
    return TrainState(states[0].step, {}, {}, optimizers[0], optimizers[1])


def stack_optimizers(optimizers: Sequence[torch.optim.Optimizer], players: Players) -> torch.optim.Optimizer:
    """One optimiser of all rows. The single ones' vectors and moments become rows of its; the step count is shared."""
    matrix = torch.stack([vector_of(optimizer) for optimizer in optimizers])
    whole = new_optimizer(matrix, players.train.optimizer)
    moments = [optimizer.state.pop(vector_of(optimizer)) for optimizer in optimizers]
    for name, own in whole.state[matrix].items():
        own.copy_(moments[0][name] if own.ndim == 0 else torch.stack([each[name] for each in moments]))
    for row, (vector, optimizer) in enumerate(zip(matrix, optimizers, strict=True)):
        optimizer.param_groups[0]["params"] = [vector]
        optimizer.state[vector] = {
            name: own if own.ndim == 0 else own[row] for name, own in whole.state[matrix].items()
        }
    return whole
