"""How an iteration is executed: `n_critic` critic steps and one generator step, by one of several engines.

Every engine is the same function of (state, draws). `plain` runs one operation after the other; the others are tested
against it.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.losses import Loss
from gan_zoo.losses.base import Terms
from gan_zoo.spec import Adam, RMSprop, TrainSpec
from gan_zoo.step import Parameters, make_fakes, per_sample, total


@dataclass(frozen=True)
class Players:
    """Who plays by which rules: the two nets (structure only, weights are in the state), the loss and the training."""

    generator: nn.Module
    critic: nn.Module
    loss: Loss
    train: TrainSpec


@dataclass
class TrainState:
    """All that training changes; advanced in place by an engine.

    The parameters of a net are views of one contiguous vector, which is the only thing that its optimiser knows.
    """

    step: int
    generator: Parameters
    critic: Parameters
    generator_optimizer: torch.optim.Optimizer
    critic_optimizer: torch.optim.Optimizer

    @classmethod
    def new(cls, generator: Parameters, critic: Parameters, spec: Adam | RMSprop) -> "TrainState":
        """The state before the first step, from copies of the given weights."""
        vectors = [torch.cat([weight.flatten() for weight in weights.values()]) for weights in (generator, critic)]
        nets = [split(vector, weights) for vector, weights in zip(vectors, (generator, critic), strict=True)]
        optimizers = [new_optimizer(vector, spec) for vector in vectors]
        return cls(0, nets[0], nets[1], optimizers[0], optimizers[1])

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


Iteration = Callable[[Draws], Terms]
"""Advances the state that it was made for by one step; the terms of its last critic step and of its generator step,
as scalars on the device, under `critic/<term>` and `generator/<term>`."""

Engine = Callable[[Players, TrainState], Iteration]


def split(vector: Tensor, like: Parameters) -> Parameters:
    """Consecutive parts of `vector` as tensors with the names and shapes of `like`, sharing its memory."""
    parts = vector.split([weight.numel() for weight in like.values()])
    return {name: part.view(weight.shape) for part, (name, weight) in zip(parts, like.items(), strict=True)}


def new_optimizer(vector: Tensor, spec: Adam | RMSprop) -> torch.optim.Optimizer:
    """torch's optimiser for `spec` over a vector of parameters."""
    if isinstance(spec, Adam):
        return torch.optim.Adam([vector], lr=spec.lr, betas=spec.betas, fused=True)
    return torch.optim.RMSprop([vector], lr=spec.lr, alpha=spec.alpha)


def plain(players: Players, state: TrainState) -> Iteration:
    """Step after step (Gulrajani et al. 2017, algorithm 1), with autograd on nets that hold the state's weights."""
    loss, n_critic = players.loss, players.train.n_critic
    generator, critic = bind(players.generator, state.generator), bind(players.critic, state.critic)
    weights = {"generator": list(generator.parameters()), "critic": list(critic.parameters())}
    joined = per_sample(generator)

    def iteration(draws: Draws) -> Terms:
        set_learning_rate(players.train, state)
        fakes = make_fakes(generator, draws.z_critic, joined)
        for i in range(n_critic):
            critic_terms = loss.critic_terms(critic, draws.real[i], fakes[i], tuple(draw[i] for draw in draws.noise))
            descend(state.critic_optimizer, torch.autograd.grad(total(critic_terms), weights["critic"]))
            clip(state.critic_optimizer, loss.weight_clip)
        generator_terms = loss.generator_terms(critic, draws.real[-1], generator(draws.z_generator))
        descend(state.generator_optimizer, torch.autograd.grad(total(generator_terms), weights["generator"]))
        state.step += 1
        return named_terms(critic_terms, generator_terms)

    return iteration


def bind(net: nn.Module, parameters: Parameters) -> nn.Module:
    """A copy of `net` whose parameters are leaves of autograd in the memory of `parameters`."""
    bound = copy.deepcopy(net)
    for name, tensor in parameters.items():
        layer, _, own_name = name.rpartition(".")
        setattr(bound.get_submodule(layer), own_name, nn.Parameter(tensor))
    return bound


def vector_of(optimizer: torch.optim.Optimizer) -> Tensor:
    """The vector of all parameters of the optimiser's net."""
    vector: Tensor = optimizer.param_groups[0]["params"][0]
    return vector


def set_learning_rate(train: TrainSpec, state: TrainState) -> None:
    """The learning rate of the coming iteration: constant, or falling linearly from lr at step 0 to 0 at the end."""
    if train.lr_decay == "linear":
        for optimizer in (state.generator_optimizer, state.critic_optimizer):
            optimizer.param_groups[0]["lr"] = train.optimizer.lr * (1 - state.step / train.steps)


def descend(optimizer: torch.optim.Optimizer, gradients: tuple[Tensor, ...]) -> None:
    """One step of the optimiser along the given gradients, in the order of its net's parameters."""
    vector_of(optimizer).grad = torch.cat([gradient.flatten() for gradient in gradients])
    optimizer.step()


def clip(optimizer: torch.optim.Optimizer, c: float | None) -> None:
    """w <- clip(w, -c, c) for every weight (Arjovsky et al. 2017, algorithm 1, line 7); without a c nothing."""
    if c is not None:
        vector_of(optimizer).clamp_(-c, c)


def named_terms(critic: Terms, generator: Terms) -> Terms:
    """The terms of both players under their names in records, without a graph."""
    return {f"critic/{name}": value.detach() for name, value in critic.items()} | {
        f"generator/{name}": value.detach() for name, value in generator.items()
    }


ENGINES: dict[str, Engine] = {"plain": plain}
