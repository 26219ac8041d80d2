"""The plain engine, and the iteration that all engines share (Gulrajani et al. 2017, algorithm 1)."""

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from gan_zoo.engine.state import Draws, Iteration, Players, TrainState
from gan_zoo.engine.weights import Weights, join
from gan_zoo.losses.base import Terms
from gan_zoo.numerics import Numerics
from gan_zoo.numerics.roots import root
from gan_zoo.spec import TrainSpec
from gan_zoo.step import make_fakes, per_sample, total


@dataclass(frozen=True)
class Steps:
    """What an iteration computes, without changing the state. Gradients are vectors in the order of its parameters."""

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
    players: Players
    state: TrainState

    def __call__(self, draws: Draws) -> Terms:
        steps, state = self.steps, self.state
        set_learning_rate(self.players.train, state)
        fakes = steps.fakes(draws.z_critic)
        for i in range(self.players.train.n_critic):
            gradient, critic_terms = steps.critic(draws.real[i], fakes[i], tuple(draw[i] for draw in draws.noise))
            descend(state.critic, state.critic_optimizer, gradient)
            clip(state.critic, self.players.loss.weight_clip)
        gradient, generator_terms = steps.generator(draws.real[-1], draws.z_generator)
        descend(state.generator, state.generator_optimizer, gradient)
        state.step += 1
        return named_terms(critic_terms, generator_terms)

    def rehearse(self, draws: Draws) -> None:
        fakes = self.steps.fakes(draws.z_critic)
        self.steps.critic(draws.real[0], fakes[0], tuple(draw[0] for draw in draws.noise))
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
            (gradient,) = torch.autograd.grad(self(x).sum(), x, create_graph=True)
        return gradient


def precision(numerics: Numerics, device: torch.device) -> AbstractContextManager[object]:
    """The context that the nets run in."""
    return torch.autocast(device.type, torch.bfloat16) if numerics == "bf16" else nullcontext()


def channels_last(x: Tensor) -> Tensor:
    """Images with their channels next to each other in memory; other tensors as they are."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def plain(players: Players, state: TrainState) -> Iteration:
    """One operation after the other, by autograd."""
    return Alternating(eager_steps(players, state), players, state)


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


def set_learning_rate(train: TrainSpec, state: TrainState) -> None:
    """The learning rate of the coming iteration: constant, or falling linearly from lr at step 0 to 0 at the end."""
    if train.lr_decay == "linear":
        for optimizer in state.optimizers:
            optimizer.param_groups[0]["lr"] = train.optimizer.lr * (1 - state.step / train.steps)


def descend(weights: Weights, optimizer: torch.optim.Optimizer, gradient: Tensor) -> None:
    """One step of the weights' optimiser along the given gradient.

    By functions of our own and of torch: `Optimizer.step` takes twice the time in hooks and bookkeeping that are idle
    here, 5 % of an iteration of a toy net.
    """
    vector, settings = weights.vector, optimizer.param_groups[0]
    moments = optimizer.state[vector]
    (adam_step if isinstance(optimizer, torch.optim.Adam) else rmsprop_step)(vector, gradient, settings, moments)


def adam_step(vector: Tensor, gradient: Tensor, settings: Mapping[str, Any], moments: Mapping[str, Tensor]) -> None:
    """Adam (Kingma & Ba 2015), torch's own."""
    beta1, beta2 = settings["betas"]
    adam(
        *([vector], [gradient], [moments["exp_avg"]], [moments["exp_avg_sq"]], [], [moments["step"]]),
        fused=True,
        capturable=vector.is_cuda,
        amsgrad=False,
        beta1=beta1,
        beta2=beta2,
        lr=settings["lr"],
        weight_decay=0,
        eps=settings["eps"],
        maximize=False,
    )


@torch.no_grad()
def rmsprop_step(vector: Tensor, gradient: Tensor, settings: Mapping[str, Any], moments: Mapping[str, Tensor]) -> None:
    """w <- w - lr g / (sqrt(v) + eps),  v <- alpha v + (1 - alpha) g^2   (Tieleman & Hinton 2012, as torch has it)."""
    square, alpha = moments["square_avg"], settings["alpha"]
    square.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
    vector.addcdiv_(gradient, root(square).add_(settings["eps"]), value=-settings["lr"])
    moments["step"].add_(1)


def clip(weights: Weights, c: float | None) -> None:
    """w <- clip(w, -c, c) for every weight (Arjovsky et al. 2017, algorithm 1, line 7); without a c nothing."""
    if c is not None:
        weights.vector.clamp_(-c, c)


def named_terms(critic: Terms, generator: Terms) -> Terms:
    """The terms of both players under their names in records, without a graph."""
    return {f"critic/{name}": value.detach() for name, value in critic.items()} | {
        f"generator/{name}": value.detach() for name, value in generator.items()
    }
