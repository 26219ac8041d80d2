"""Penalties on the norm of the critic's input gradient: one formula, of which the papers' penalties are settings.

    weight * E[ deviation(‖∇f(x^)‖ - target)^power ]       deviation(d) = |d|, or max(0, d) where one-sided

The norm runs over all axes of one sample, whatever they are, so points and images take the same path. Where x^ lies:

    interpolates      x^ = eps x + (1 - eps) x~, one eps ~ U[0, 1] per sample     Gulrajani et al. 2017, algorithm 1
    real              x^ = x                                                      Mescheder et al. 2018, R1
    fake              x^ = x~                                                     Mescheder et al. 2018, R2
    perturbed-real    x^ = x + 0.5 std(x) alpha u, alpha ~ U[0, 1] per sample,
                      u ~ U[0, 1] per coordinate                                  Kodali et al. 2017, their code

The classes below GradientNorm are settings of it under the names and symbols of their papers; `named` leads back.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from gan_zoo.losses.base import Critic, input_gradient
from gan_zoo.rng import Rng

Place = Literal["interpolates", "real", "fake", "perturbed-real"]


@dataclass(frozen=True)
class PenaltyPoints:
    """Where a penalty looks: the draws it needs for a batch of real samples, and the points x^ made from them."""

    noise: Callable[[Rng, Tensor], Tensor]
    points: Callable[[Tensor, Tensor, Tensor], Tensor]


def interpolate(real: Tensor, fake: Tensor, eps: Tensor) -> Tensor:
    """x^ = eps x + (1 - eps) x~ with one eps per sample; real, fake (N, ...), eps (N,)."""
    eps = eps.reshape(-1, *[1] * (real.ndim - 1))
    return eps * real + (1 - eps) * fake


def perturb(real: Tensor, fake: Tensor, alpha_u: Tensor) -> Tensor:
    """x^ = x + 0.5 std(x) alpha u; std is that of all numbers of the batch, alpha_u has real's shape (N, ...)."""
    return real + 0.5 * real.std(correction=0) * alpha_u


def perturbation(rng: Rng, real: Tensor) -> Tensor:
    """alpha u for each sample, of real's shape (N, ...)."""
    return rng.uniform(len(real), *[1] * (real.ndim - 1)) * rng.uniform(*real.shape)


def no_noise(rng: Rng, real: Tensor) -> Tensor:
    """No draw at all, as an empty row per sample: (N, 0)."""
    return real.new_empty(len(real), 0)


POINTS: dict[Place, PenaltyPoints] = {
    "interpolates": PenaltyPoints(lambda rng, real: rng.uniform(len(real)), interpolate),
    "real": PenaltyPoints(no_noise, lambda real, fake, noise: real),
    "fake": PenaltyPoints(no_noise, lambda real, fake, noise: fake),
    "perturbed-real": PenaltyPoints(perturbation, perturb),
}


@dataclass(frozen=True)
class GradientNorm:
    """weight * E[ deviation(‖∇f(x^)‖ - target)^power ], the formula at the head of this file."""

    weight: Annotated[float, Field(gt=0)] = 10.0
    at: Place = "interpolates"
    target: Annotated[float, Field(ge=0)] = 1.0
    one_sided: bool = False
    power: Annotated[float, Field(ge=1)] = 2.0

    steering: ClassVar[tuple[str, ...]] = ("power",)

    @property
    def name(self) -> str:
        return f"penalty_{self.at.replace('-', '_')}"

    @property
    def formula(self) -> str:
        point = {"interpolates": "x̂", "real": "x", "fake": "x̃", "perturbed-real": "x + δ"}[self.at]
        norm = f"‖∇f({point})‖"
        if self.one_sided:
            inner = f"max(0, {norm} - {self.target:g})"
        else:
            inner = f"({norm} - {self.target:g})" if self.target else norm
        return f"{self.weight:g} E {inner}" + (f"^{self.power:g}" if self.power != 1 else "")

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        """Per-sample draws for `real` (N, ...): eps (N,), alpha u (N, ...), or nothing (N, 0)."""
        return POINTS[self.at].noise(rng, real).to(real.dtype)

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        """The weighted penalty, a scalar; real and fake are (N, ...)."""
        x_hat = POINTS[self.at].points(real, fake, noise)
        deviation = gradient_norm(critic, x_hat) - self.target
        deviation = deviation.relu() if self.one_sided else deviation.abs()
        return self.weight * deviation.pow(self.power).mean()

    def closed_form(self, slope: float) -> float:
        """The penalty where ‖∇f‖ = slope everywhere."""
        deviation = slope - self.target
        return self.weight * float(max(0.0, deviation) if self.one_sided else abs(deviation)) ** self.power


def gradient_norm(critic: Critic, x: Tensor) -> Tensor:
    """‖∇f(x)‖ of each sample, (N,), for x of shape (N, ...).

    d‖g‖/dg does not exist at g = 0: `vector_norm` takes the subgradient 0 there, and no epsilon enters the norm. It is
    ‖g / s‖ s with s the largest entry, where that is below 1, so that no square vanishes where g does not.
    """
    gradient = input_gradient(critic, x).flatten(1)
    scale = gradient.detach().abs().amax(1, keepdim=True).clamp(torch.finfo(gradient.dtype).tiny, 1)
    return torch.linalg.vector_norm(gradient / scale, dim=1) * scale.squeeze(1)


class Setting(ABC):
    """A penalty that is a GradientNorm under other names: its `settings`."""

    @property
    @abstractmethod
    def settings(self) -> GradientNorm: ...

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def formula(self) -> str:
        return self.settings.formula

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        return self.settings.noise(rng, real)

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        return self.settings.term(critic, real, fake, noise)

    def closed_form(self, slope: float) -> float:
        return self.settings.closed_form(slope)


@dataclass(frozen=True)
class R1(Setting):
    """gamma/2 E ‖∇f(x)‖^2   (Mescheder, Geiger and Nowozin 2018, arXiv 1801.04406, eq. 9; their code has no 1/2: its
    gamma 10 is 20 here)."""

    gamma: Annotated[float, Field(gt=0)] = 10.0

    @property
    def settings(self) -> GradientNorm:
        return GradientNorm(self.gamma / 2, at="real", target=0)


@dataclass(frozen=True)
class R2(Setting):
    """gamma/2 E ‖∇f(x~)‖^2   (Mescheder, Geiger and Nowozin 2018, arXiv 1801.04406, eq. 10; gamma as R1's)."""

    gamma: Annotated[float, Field(gt=0)] = 10.0

    @property
    def settings(self) -> GradientNorm:
        return GradientNorm(self.gamma / 2, at="fake", target=0)


@dataclass(frozen=True)
class Dragan(Setting):
    """lambda E (‖∇f(x + d)‖ - 1)^2   (Kodali et al. 2017, arXiv 1705.07215).

    The paper has d ~ N(0, c I); its code d = 0.5 std(x) alpha u, lambda = 10 on raw scores, as here.
    """

    weight: Annotated[float, Field(gt=0)] = 10.0

    @property
    def settings(self) -> GradientNorm:
        return GradientNorm(self.weight, at="perturbed-real")


@dataclass(frozen=True)
class WganDiv(Setting):
    """k E ‖∇f(x^)‖^p, x^ on lines between real and fake samples   (Wu et al. 2018, arXiv 1712.01026)."""

    k: Annotated[float, Field(gt=0)] = 2.0
    p: Annotated[float, Field(ge=1)] = 6.0

    steering: ClassVar[tuple[str, ...]] = ("p",)

    @property
    def settings(self) -> GradientNorm:
        return GradientNorm(self.k, target=0, power=self.p)


def named(penalty: GradientNorm) -> "GradientNorm | Setting":
    """`penalty` under its paper's name, if it is one of the settings above: one thing has one form in records."""
    norm = replace(penalty, one_sided=penalty.one_sided and penalty.target > 0)
    settings = (R1(2 * norm.weight), R2(2 * norm.weight), Dragan(norm.weight), WganDiv(norm.weight, norm.power))
    return next((setting for setting in settings if setting.settings == norm), norm)
