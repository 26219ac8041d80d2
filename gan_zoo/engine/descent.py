"""Steps along a gradient: Adam, RMSProp and clipping, by numbers that are floats or tensors; others by their own code.

With floats the steps are torch's own code. A number is a tensor where it differs between the rows of a stack, as a
column (S, 1); and where it changes on the device: a CUDA graph repeats the floats that it was captured with, so there a
learning rate that decays is computed from a clock beside the weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.optim.adam import adam

from gan_zoo.engine.other import is_watched, own_step
from gan_zoo.engine.state import EPS, Players, TrainState
from gan_zoo.engine.weights import Weights
from gan_zoo.numerics import Numerics
from gan_zoo.numerics.roots import root
from gan_zoo.spec import Adam, RMSprop, TrainSpec

Number: TypeAlias = float | Tensor
Numbers = Mapping[str, Number]
"""Those of an optimiser by name: lr, beta1, beta2 of Adam; lr, alpha of RMSProp; lr of another, where it has one."""


def optimizer_numbers(spec: Any) -> dict[str, float]:
    """The numbers of an optimiser at the first step."""
    if isinstance(spec, Adam):
        return {"lr": spec.lr, "beta1": spec.betas[0], "beta2": spec.betas[1]}
    if isinstance(spec, RMSprop):
        return {"lr": spec.lr, "alpha": spec.alpha}
    return {"lr": spec.lr} if hasattr(spec, "lr") else {}


@dataclass(frozen=True)
class Settings:
    """Settings of an iteration's use of its gradients: the optimiser's numbers, and the clipping of weights."""

    numbers: Numbers
    """at the first step"""
    clip: Number | None
    """c, to which the critic's weights are clamped"""
    share: Callable[[], Number] | None
    """what is left of the learning rate in the coming iteration; None means all of it, always"""
    numerics: Numerics = "reference"

    @classmethod
    def of(cls, players: Players, state: TrainState, clock: Tensor | None = None) -> "Settings":
        """Those of `players`, who read the time from `clock` or, without one, from the step of `state`."""
        numbers, clip = optimizer_numbers(players.train.optimizer), players.loss.weight_clip
        return cls(numbers, clip, share_left(players.train, state, clock), players.numerics)

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
def descend(
    weights: Weights,
    optimizer: torch.optim.Optimizer,
    gradient: Tensor,
    numbers: Numbers,
    numerics: Numerics = "reference",
) -> None:
    """One step of the weights' optimiser along the given gradient.

    By functions of our own and of torch: `Optimizer.step` takes twice the time in hooks and bookkeeping that are idle
    here, 5 % of an iteration of a toy net.
    """
    vector = weights.vector
    if "beta1" in numbers:
        _adam_step(vector, gradient, numbers, optimizer.state[vector])
    elif "alpha" in numbers:
        _rmsprop_step(vector, gradient, numbers, optimizer.state[vector])
    else:
        own_step(optimizer, vector, gradient, numbers.get("lr"), is_watched(vector, numerics))  # type: ignore[arg-type]


def _adam_step(vector: Tensor, gradient: Tensor, numbers: Numbers, moments: Mapping[str, Tensor]) -> None:
    """Adam (Kingma & Ba 2015), torch's own where all numbers are floats."""
    if any(isinstance(number, Tensor) for number in numbers.values()):
        vector.add_(_adam_direction(gradient, numbers, moments).mul_(_cast(numbers["lr"], vector)))
    else:
        _fused_adam(vector, gradient, numbers, moments)


def _adam_direction(gradient: Tensor, numbers: Numbers, moments: Mapping[str, Tensor]) -> Tensor:
    """Adam's step at the rate 1: -m^ / (sqrt(v^) + eps), in the terms of its algorithm 1.

    By torch where only the rate is a tensor, which torch's kernel for GPUs would read in float32.
    """
    beta1, beta2 = numbers["beta1"], numbers["beta2"]
    mean, square = moments["exp_avg"], moments["exp_avg_sq"]
    if not isinstance(beta1, Tensor) and not isinstance(beta2, Tensor):
        direction = torch.zeros_like(mean)
        _fused_adam(direction, gradient, {**numbers, "lr": 1.0}, moments)
        return direction
    t = moments["step"].add_(1).double()  # in float32, 1 - 0.999^t keeps four digits at the first steps
    mean.mul_(_cast(beta1, mean)).add_(gradient * _cast(1 - beta1, mean))
    square.mul_(_cast(beta2, square)).add_(gradient.square() * _cast(1 - beta2, square))
    deviation = root(square / _cast(1 - beta2**t, square)).add_(EPS)
    return mean / _cast(beta1**t - 1, mean) / deviation


def _cast(number: Number, like: Tensor) -> Number:
    """A number that is a tensor, in the dtype of what it is to meet."""
    return number.to(like.dtype) if isinstance(number, Tensor) else number


def _fused_adam(vector: Tensor, gradient: Tensor, numbers: Numbers, moments: Mapping[str, Tensor]) -> None:
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


def _rmsprop_step(vector: Tensor, gradient: Tensor, numbers: Numbers, moments: Mapping[str, Tensor]) -> None:
    """w <- w - lr g / (sqrt(v) + eps),  v <- alpha v + (1 - alpha) g^2   (Tieleman & Hinton 2012, as torch has it)."""
    square, alpha, lr = moments["square_avg"], numbers["alpha"], numbers["lr"]
    if isinstance(alpha, Tensor):
        square.mul_(_cast(alpha, square)).add_(gradient.square() * _cast(1 - alpha, square))
    else:
        square.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
    deviation = root(square).add_(EPS)
    if isinstance(lr, Tensor):
        vector.sub_((gradient / deviation).mul_(_cast(lr, vector)))
    else:
        vector.addcdiv_(gradient, deviation, value=-lr)
    moments["step"].add_(1)


@torch.no_grad()
def clip(weights: Weights, c: Number | None) -> None:
    """w <- clip(w, -c, c) for every weight (Arjovsky et al. 2017, algorithm 1, line 7); without a c nothing."""
    if c is not None:
        weights.vector.clamp_(-c, c)
