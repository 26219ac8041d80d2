"""How an iteration is executed: `n_critic` critic steps and one generator step, by one of several engines.

Every engine is the same function of (state, draws). `plain` runs the pure steps one after the other and is the
reference that the others are tested against.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.losses import Loss
from gan_zoo.losses.base import Terms
from gan_zoo.spec import Adam, RMSprop, TrainSpec
from gan_zoo.step import Bound, Parameters, critic_gradients, generator_gradients, make_fakes


@dataclass(frozen=True)
class Players:
    """Who plays by which rules: the two nets (structure only, weights are in the state), the loss and the training."""

    generator: nn.Module
    critic: nn.Module
    loss: Loss
    train: TrainSpec


@dataclass
class TrainState:
    """All that training changes; advanced in place by an engine."""

    step: int
    generator: Parameters
    critic: Parameters
    generator_optimizer: torch.optim.Optimizer
    critic_optimizer: torch.optim.Optimizer

    def to_dict(self) -> dict[str, Any]:
        """The state as plain data and tensors."""
        return {
            "step": self.step,
            "generator": self.generator,
            "critic": self.critic,
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
        }

    def load(self, content: dict[str, Any]) -> None:
        """Becomes the state that `to_dict` gave, bit for bit."""
        self.step = content["step"]
        for own, saved in ((self.generator, content["generator"]), (self.critic, content["critic"])):
            for name, tensor in own.items():
                tensor.copy_(saved[name])
        self.generator_optimizer.load_state_dict(content["generator_optimizer"])
        self.critic_optimizer.load_state_dict(content["critic_optimizer"])


@dataclass(frozen=True)
class Draws:
    """All data and noise of one iteration. The generator's step sees the last of the critic's real batches."""

    real: Tensor
    """(n_critic, N, ...)"""
    z_critic: Tensor
    """(n_critic, N, z_dim)"""
    z_generator: Tensor
    """(N, z_dim)"""
    noise: tuple[Tensor, ...]
    """per penalty: (n_critic, N, ...)"""


Engine = Callable[[Players, TrainState, Draws], Terms]


def new_optimizer(parameters: Parameters, spec: Adam | RMSprop) -> torch.optim.Optimizer:
    """torch's optimiser for `spec` over all parameters."""
    tensors = list(parameters.values())
    if isinstance(spec, Adam):
        return torch.optim.Adam(tensors, lr=spec.lr, betas=spec.betas, fused=True)
    return torch.optim.RMSprop(tensors, lr=spec.lr, alpha=spec.alpha, foreach=True)


def plain(players: Players, state: TrainState, draws: Draws) -> Terms:
    """One iteration, step after step (Gulrajani et al. 2017, algorithm 1); the terms of its last critic step and of its
    generator step, as scalars on the device."""
    set_learning_rate(players.train, state)
    fakes = make_fakes(Bound(players.generator, state.generator), draws.z_critic)
    for i in range(players.train.n_critic):
        noise = tuple(draw[i] for draw in draws.noise)
        gradients, critic_terms = critic_gradients(
            players.loss, players.critic, state.critic, draws.real[i], fakes[i], noise
        )
        descend(state.critic_optimizer, state.critic, gradients)
        if players.loss.weight_clip is not None:
            clip_weights(state.critic, players.loss.weight_clip)
    critic = Bound(players.critic, state.critic)
    gradients, generator_terms = generator_gradients(
        players.loss, players.generator, state.generator, critic, draws.real[-1], draws.z_generator
    )
    descend(state.generator_optimizer, state.generator, gradients)
    state.step += 1
    return {f"critic/{name}": value for name, value in critic_terms.items()} | {
        f"generator/{name}": value for name, value in generator_terms.items()
    }


def set_learning_rate(train: TrainSpec, state: TrainState) -> None:
    """The learning rate of the coming iteration: constant, or falling linearly from lr at step 0 to 0 at the end."""
    if train.lr_decay == "linear":
        for optimizer in (state.generator_optimizer, state.critic_optimizer):
            optimizer.param_groups[0]["lr"] = train.optimizer.lr * (1 - state.step / train.steps)


def descend(optimizer: torch.optim.Optimizer, parameters: Parameters, gradients: Parameters) -> None:
    """One step of the optimiser along the given gradients."""
    for name, parameter in parameters.items():
        parameter.grad = gradients[name]
    optimizer.step()


def clip_weights(parameters: Parameters, c: float) -> None:
    """w <- clip(w, -c, c) for every weight (Arjovsky et al. 2017, algorithm 1, line 7)."""
    for parameter in parameters.values():
        parameter.clamp_(-c, c)


ENGINES: dict[str, Engine] = {"plain": plain}
