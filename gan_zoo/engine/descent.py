"""Steps along a gradient: Adam, RMSProp and clipping, by numbers that are floats or tensors.

With floats the steps are torch's own code. A number is a tensor where it changes on the device: a CUDA graph repeats
the floats that it was captured with, so there a learning rate that decays is computed from a clock beside the weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.optim.adam import adam

from gan_zoo.engine.state import EPS, Players, TrainState
from gan_zoo.engine.weights import Weights
from gan_zoo.numerics.roots import root
from gan_zoo.spec import Adam, RMSprop, TrainSpec

Number: TypeAlias = float | Tensor
Numbers = Mapping[str, Number]
"""Those of an optimiser by name: lr, beta1, beta2 of Adam; lr, alpha of RMSProp."""


def optimizer_numbers(spec: Adam | RMSprop) -> dict[str, float]:
    """The numbers of an optimiser at the first step."""
    if isinstance(spec, Adam):
        return {"lr": spec.lr, "beta1": spec.betas[0], "beta2": spec.betas[1]}
    return {"lr": spec.lr, "alpha": spec.alpha}


@dataclass(frozen=True)
class Settings:
    """What an iteration does with the gradients of its steps."""

    numbers: Numbers
    """at the first step"""
    clip: Number | None
    """c, to which the critic's weights are clamped"""
    share: Callable[[], Number] | None
    """what is left of the learning rate in the coming iteration; None means all of it, always"""

    @classmethod
    def of(cls, players: Players, state: TrainState, clock: Tensor | None = None) -> "Settings":
        """Those of `players`, who read the time from `clock` or, without one, from the step of `state`."""
        numbers, clip = optimizer_numbers(players.train.optimizer), players.loss.weight_clip
        return cls(numbers, clip, share_left(players.train, state, clock))

    def current(self) -> Numbers:
        """The optimisers' numbers in the coming iteration."""
        if self.share is None:
            return self.numbers
        return {**self.numbers, "lr": self.numbers["lr"] * self.share()}


def share_left(train: TrainSpec, state: TrainState, clock: Tensor | None) -> Callable[[], Number] | None:
    """1 at step 0, falling linearly to 0 at the end; None where the learning rate is constant."""
    if train.lr_decay == "none":
        return None
    return lambda: 1 - (state.step if clock is None else clock) / train.steps


def new_clock(train: TrainSpec, state: TrainState) -> Tensor | None:
    """The step as a number on the device, () in float64, where anything depends on it."""
    if train.lr_decay == "none":
        return None
    return torch.tensor(state.step, dtype=torch.float64, device=state.critic.vector.device)


@torch.no_grad()
def descend(weights: Weights, optimizer: torch.optim.Optimizer, gradient: Tensor, numbers: Numbers) -> None:
    """One step of the weights' optimiser along the given gradient.

    By functions of our own and of torch: `Optimizer.step` takes twice the time in hooks and bookkeeping that are idle
    here, 5 % of an iteration of a toy net.
    """
    vector = weights.vector
    step = adam_step if isinstance(optimizer, torch.optim.Adam) else rmsprop_step
    step(vector, gradient, numbers, optimizer.state[vector])


def adam_step(vector: Tensor, gradient: Tensor, numbers: Numbers, moments: Mapping[str, Tensor]) -> None:
    """Adam (Kingma & Ba 2015), torch's own; at a rate that is a tensor, its step at rate 1 times the rate.

    torch's kernel for GPUs reads a learning rate that is a tensor in float32 only.
    """
    lr = numbers["lr"]
    if isinstance(lr, Tensor):
        direction = torch.zeros_like(vector)
        fused_adam(direction, gradient, {**numbers, "lr": 1.0}, moments)
        vector.add_(direction.mul_(lr.to(vector.dtype)))
    else:
        fused_adam(vector, gradient, numbers, moments)


def fused_adam(vector: Tensor, gradient: Tensor, numbers: Numbers, moments: Mapping[str, Tensor]) -> None:
    """torch's step, which takes numbers that are floats."""
    adam(
        *([vector], [gradient], [moments["exp_avg"]], [moments["exp_avg_sq"]], [], [moments["step"]]),
        fused=True,
        capturable=vector.is_cuda,
        amsgrad=False,
        beta1=numbers["beta1"],  # type: ignore[arg-type]
        beta2=numbers["beta2"],  # type: ignore[arg-type]
        lr=numbers["lr"],
        weight_decay=0,
        eps=EPS,
        maximize=False,
    )


def rmsprop_step(vector: Tensor, gradient: Tensor, numbers: Numbers, moments: Mapping[str, Tensor]) -> None:
    """w <- w - lr g / (sqrt(v) + eps),  v <- alpha v + (1 - alpha) g^2   (Tieleman & Hinton 2012, as torch has it)."""
    square, alpha, lr = moments["square_avg"], numbers["alpha"], numbers["lr"]
    square.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
    deviation = root(square).add_(EPS)
    if isinstance(lr, Tensor):
        vector.sub_((gradient / deviation).mul_(lr.to(vector.dtype)))
    else:
        vector.addcdiv_(gradient, deviation, value=-lr)
    moments["step"].add_(1)


@torch.no_grad()
def clip(weights: Weights, c: Number | None) -> None:
    """w <- clip(w, -c, c) for every weight (Arjovsky et al. 2017, algorithm 1, line 7); without a c nothing."""
    if c is not None:
        weights.vector.clamp_(-c, c)
