"""The plain engine, and the iteration that all engines share (Gulrajani et al. 2017, algorithm 1)."""

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_zoo.engine.descent import Settings, clip, descend
from gan_zoo.engine.state import Draws, Iteration, Players, TrainState
from gan_zoo.engine.weights import join
from gan_zoo.losses.base import Terms
from gan_zoo.numerics import Numerics
from gan_zoo.spec import TrainSpec
from gan_zoo.step import make_fakes, per_sample, total


@dataclass(frozen=True)
class Steps:
    """An iteration's computations, which change no state. Gradients are vectors in the order of its parameters."""

    fakes: Callable[[Tensor], Tensor]
    """z (n_critic, N, z_dim) -> (n_critic, N, ...)"""
    critic: Callable[[Tensor, Tensor, tuple[Tensor, ...]], tuple[Tensor, Terms]]
    """real, fake, noise -> gradient, terms"""
    generator: Callable[[Tensor, Tensor], tuple[Tensor, Terms]]
    """real, z -> gradient, terms"""


@dataclass(frozen=True)
class Alternating:
    """The iteration that takes `steps` one after the other and descends along their gradients."""

    steps: Steps
    train: TrainSpec
    state: TrainState
    settings: Settings

    @classmethod
    def of(cls, steps: Steps, players: Players, state: TrainState, clock: Tensor | None = None) -> "Alternating":
        """The iteration of `players`, who read the time from `clock` where there is one (see `Settings`)."""
        return cls(steps, players.train, state, Settings.of(players, state, clock))

    def __call__(self, draws: Draws) -> Terms:
        steps, state, numbers, numerics = self.steps, self.state, self.settings.current(), self.settings.numerics
        fakes = steps.fakes(draws.z_critic)
        for i in range(self.train.n_critic):
            gradient, critic_terms = steps.critic(draws.real[i], fakes[i], tuple(draw[i] for draw in draws.noise))
            descend(state.critic, state.critic_optimizer, gradient, numbers, numerics)
            clip(state.critic, self.settings.clip)
        generator_terms: Terms = {}
        if self.train.fakes is None:
            # it meets the critic of n_critic steps; losses of pairs set its fakes against the last real batch
            gradient, generator_terms = steps.generator(draws.real[-1], draws.z_generator)
            descend(state.generator, state.generator_optimizer, gradient, numbers, numerics)
        state.step += 1
        return _named_terms(critic_terms, generator_terms)

    def rehearse(self, draws: Draws) -> None:
        fakes = self.steps.fakes(draws.z_critic)
        self.steps.critic(draws.real[0], fakes[0], tuple(draw[0] for draw in draws.noise))
        if self.train.fakes is None:
            self.steps.generator(draws.real[-1], draws.z_generator)


@dataclass(frozen=True)
class Live:
    """A net whose parameters are leaves of autograd, in the memory of a state."""

    net: nn.Module
    per_sample: bool
    numerics: Numerics = "reference"

    @classmethod
    def bind(cls, net: nn.Module, parameters: Mapping[str, Tensor], numerics: Numerics = "reference") -> "Live":
        """A copy of `net` that holds `parameters`."""
        bound = copy.deepcopy(net)
        for name, tensor in parameters.items():
            layer, _, own_name = name.rpartition(".")
            setattr(bound.get_submodule(layer), own_name, nn.Parameter(tensor))
        return cls(bound, per_sample(net), numerics)

    @property
    def parameters(self) -> list[Tensor]:
        return list(self.net.parameters())

    def __call__(self, x: Tensor) -> Tensor:
        with precision(self.numerics, x.device):
            output: Tensor = self.net(channels_last(x) if self.numerics == "bf16" else x)
        return output.to(x.dtype)

    def input_gradient(self, x: Tensor) -> Tensor:
        """∇f(x) of each sample, of x's shape (N, ...), differentiable by the parameters."""
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            # samples do not mix: the gradient of the sum is each sample's own, for one pass
            (gradient,) = torch.autograd.grad(self(x).sum(), x, create_graph=True)
        return gradient


def precision(numerics: Numerics, device: torch.device) -> AbstractContextManager[object]:
    """The context that the nets run in."""
    return torch.autocast(device.type, torch.bfloat16) if numerics == "bf16" else nullcontext()


def channels_last(x: Tensor) -> Tensor:
    """Images with their channels next to each other in memory; other tensors as they are."""
    # tensor cores read bfloat16 images so; else cuDNN turns each of them round and back
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def plain(players: Players, state: TrainState) -> Iteration:
    """One operation after the other, by autograd."""
    return Alternating.of(eager_steps(players, state), players, state)


def eager_steps(players: Players, state: TrainState) -> Steps:
    """The steps by autograd, on nets that hold the state's weights."""
    loss = players.loss
    generator = Live.bind(players.generator, state.generator, players.numerics)
    critic = Live.bind(players.critic, state.critic, players.numerics)
    generator_weights, critic_weights = generator.parameters, critic.parameters

    def fakes(z: Tensor) -> Tensor:
        return make_fakes(generator, z, generator.per_sample)

    def critic_step(real: Tensor, fake: Tensor, noise: tuple[Tensor, ...]) -> tuple[Tensor, Terms]:
        terms = loss.critic_terms(critic, real, fake, noise)
        return join(torch.autograd.grad(total(terms), critic_weights)), terms

    def generator_step(real: Tensor, z: Tensor) -> tuple[Tensor, Terms]:
        terms = loss.generator_terms(critic, real, generator(z))
        return join(torch.autograd.grad(total(terms), generator_weights)), terms

    return Steps(fakes, critic_step, generator_step)


def _named_terms(critic: Terms, generator: Terms) -> Terms:
    """The terms of both players under their names in records, without a graph."""
    return {f"critic/{name}": value.detach() for name, value in critic.items()} | {
        f"generator/{name}": value.detach() for name, value in generator.items()
    }
