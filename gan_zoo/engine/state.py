"""What every engine works on: the players, the training state, the draws of an iteration."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_zoo.losses import Loss
from gan_zoo.losses.base import Terms
from gan_zoo.numerics import Numerics
from gan_zoo.spec import Adam, RMSprop, TrainSpec
from gan_zoo.step import Parameters


@dataclass(frozen=True)
class Players:
    """Who plays by which rules: the two nets (structure only, weights are in the state), the loss and the training."""

    generator: nn.Module
    critic: nn.Module
    loss: Loss
    train: TrainSpec
    numerics: Numerics = "reference"


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
        vectors = [join(weights.values()) for weights in (generator, critic)]
        return cls(
            0,
            split(vectors[0], generator),
            split(vectors[1], critic),
            new_optimizer(vectors[0], spec),
            new_optimizer(vectors[1], spec),
        )

    @property
    def optimizers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        """The generator's and the critic's."""
        return self.generator_optimizer, self.critic_optimizer

    def to_dict(self) -> dict[str, Any]:
        """The state as plain data and tensors, which share no memory with others."""
        content = {
            "step": self.step,
            "generator": self.generator,
            "critic": self.critic,
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
        }
        return clones(content)  # type: ignore[no-any-return]

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

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them in a fixed order."""
        return (self.real, self.z_critic, self.z_generator, *self.noise)

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> "Draws":
        """The draws that have these `tensors`."""
        return cls(tensors[0], tensors[1], tensors[2], tuple(tensors[3:]))


Iteration = Callable[[Draws], Terms]
"""Advances the state that it was made for by one step; the terms of its last critic step and of its generator step,
as scalars on the device, under `critic/<term>` and `generator/<term>`."""

Engine = Callable[[Players, TrainState], Iteration]


def clones(content: Any) -> Any:
    """Nested mappings and lists with copies of their tensors."""
    if isinstance(content, Tensor):
        return content.clone()
    if isinstance(content, dict):
        return {key: clones(value) for key, value in content.items()}
    return [clones(value) for value in content] if isinstance(content, list) else content


def split(vector: Tensor, like: Parameters) -> Parameters:
    """Consecutive parts of `vector` as tensors with the names and shapes of `like`, sharing its memory."""
    parts = vector.split([weight.numel() for weight in like.values()])
    return {name: part.view(weight.shape) for part, (name, weight) in zip(parts, like.items(), strict=True)}


def join(weights: Iterable[Tensor]) -> Tensor:
    """The vector that `split` takes apart."""
    return torch.cat([weight.flatten() for weight in weights])


def new_optimizer(vector: Tensor, spec: Adam | RMSprop) -> torch.optim.Optimizer:
    """torch's optimiser for `spec` over a vector of parameters, or over several as the rows of a matrix.

    Its moments exist from the start: a step along the zero gradient makes them and changes nothing.
    """
    optimizer: torch.optim.Optimizer
    if isinstance(spec, Adam):
        optimizer = torch.optim.Adam([vector], lr=spec.lr, betas=spec.betas, fused=True, capturable=vector.is_cuda)
    else:
        optimizer = torch.optim.RMSprop(
            [vector], lr=spec.lr, alpha=spec.alpha, foreach=False, capturable=vector.is_cuda
        )
    vector.grad = torch.zeros_like(vector)
    optimizer.step()
    optimizer.state[vector]["step"].zero_()
    return optimizer


def vector_of(optimizer: torch.optim.Optimizer) -> Tensor:
    """The vector of all parameters of the optimiser's net."""
    vector: Tensor = optimizer.param_groups[0]["params"][0]
    return vector
