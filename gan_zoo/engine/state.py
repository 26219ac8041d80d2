"""The objects that every engine works on: the players, the training state, the draws of an iteration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gan_zoo.engine.other import after_a_step
from gan_zoo.engine.weights import Weights
from gan_zoo.losses import Loss
from gan_zoo.losses.base import Terms
from gan_zoo.numerics import Numerics
from gan_zoo.optimizers import is_known_everywhere
from gan_zoo.spec import Adam, TrainSpec


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
    """All that training changes; advanced in place by an engine. An optimiser knows the vector of its net's weights."""

    step: int
    generator: Weights
    critic: Weights
    generator_optimizer: torch.optim.Optimizer
    critic_optimizer: torch.optim.Optimizer

    @classmethod
    def new(cls, generator: Mapping[str, Tensor], critic: Mapping[str, Tensor], spec: Any) -> "TrainState":
        """The state before the first step, from copies of the given parameters."""
        return cls.of(0, Weights.copy_of(generator), Weights.copy_of(critic), spec)

    @classmethod
    def of(cls, step: int, generator: Weights, critic: Weights, spec: Any) -> "TrainState":
        """The state that trains these very weights, by optimisers without a past."""
        return cls(step, generator, critic, new_optimizer(generator, spec), new_optimizer(critic, spec))

    @property
    def weights(self) -> tuple[Weights, Weights]:
        """The generator's and the critic's."""
        return self.generator, self.critic

    @property
    def optimizers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        """The generator's and the critic's."""
        return self.generator_optimizer, self.critic_optimizer

    @property
    def moments(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The moments and the count of steps of the generator's and of the critic's optimiser, by torch's names."""
        generator, critic = self.optimizers
        return generator.state[self.generator.vector], critic.state[self.critic.vector]

    def to_dict(self) -> dict[str, Any]:
        """The state as plain data and tensors, which share no memory with others."""
        content = {
            "step": self.step,
            "generator": dict(self.generator),
            "critic": dict(self.critic),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
        }
        return _clones(content)  # type: ignore[no-any-return]

    @property
    def form(self) -> dict[str, Any]:
        """`to_dict` of a state that has taken a step, for its form alone."""
        content = self.to_dict()
        for name, optimizer in zip(("generator_optimizer", "critic_optimizer"), self.optimizers, strict=True):
            if not optimizer.state:
                content[name] = after_a_step(optimizer)
        return content

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


class Iteration(Protocol):
    """Advances the state that it was made for by one step."""

    def __call__(self, draws: Draws) -> Terms:
        """The terms of its last critic step and of its generator step, as scalars on the device, under
        `critic/<term>` and `generator/<term>`."""
        ...

    def rehearse(self, draws: Draws) -> None:
        """Does what may fail at the first step, compiling and capturing above all, on its draws; the state stays as it
        is."""
        ...


Engine = Callable[[Players, TrainState], Iteration]

EPS = 1e-8
"""Added to the optimisers' divisors so that none is zero: torch's default."""


def _clones(content: Any) -> Any:
    """Nested mappings and lists with copies of their tensors."""
    if isinstance(content, Tensor):
        return content.clone()
    if isinstance(content, dict):
        return {key: _clones(value) for key, value in content.items()}
    return [_clones(value) for value in content] if isinstance(content, list) else content


def new_optimizer(weights: Weights, spec: Any) -> torch.optim.Optimizer:
    """torch's optimiser for `spec` of a net's weights, or of those of a stack of nets.

    Its moments exist from the start: a step along the zero gradient makes them and changes nothing. Those of others
    than Adam and RMSProp come to be in their first step, which may change more.
    """
    optimizer: torch.optim.Optimizer
    vector = weights.vector
    if not is_known_everywhere(spec):
        return spec.optimizer(vector)  # type: ignore[no-any-return]
    if isinstance(spec, Adam):
        optimizer = torch.optim.Adam(
            [vector], lr=spec.lr, betas=spec.betas, eps=EPS, fused=True, capturable=vector.is_cuda
        )
    else:
        optimizer = torch.optim.RMSprop(
            [vector], lr=spec.lr, alpha=spec.alpha, eps=EPS, foreach=False, capturable=vector.is_cuda
        )
    vector.grad = torch.zeros_like(vector)
    optimizer.step()
    optimizer.state[vector]["step"].zero_()
    return optimizer
