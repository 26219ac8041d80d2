"""Derivatives of both players' objectives, against finite differences and at the edges."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gan_zoo.losses.base import Loss
from gan_zoo.rng import Rng
from gan_zoo.verify.cases import batch, linear, mlp, mlp_parameters, summed

STEP = 1e-5  # near the cube root of float64's precision, where a central difference errs least
SHAPES = ((2,), (3, 4, 4))  # points, and images: a norm over too few axes shows on the latter alone


def first(loss: Loss) -> Iterator[tuple[float, str]]:
    """d/dt L(w + t v) at t = 0, by autograd and by a central difference."""
    for shape in SHAPES:
        for player, objective, point in objectives(loss, shape):
            v = direction(point)
            slope = (torch.func.grad(objective)(point) * v).sum()
            yield distance(slope, difference(objective, point, v)), f"{player} on samples {shape}"


def second(loss: Loss) -> Iterator[tuple[float, str]]:
    """d/dt <∇L(w + t v), u> at t = 0, in the critic's weights w."""
    for shape in SHAPES:
        player, objective, w = next(objectives(loss, shape))
        u, v = direction(w), direction(w, "second")

        def slope(w: Tensor, objective: Callable[[Tensor], Tensor] = objective, u: Tensor = u) -> Tensor:
            return (torch.func.grad(objective)(w) * u).sum()

        curvature = (torch.func.grad(slope)(w) * v).sum()
        yield distance(curvature, difference(slope, w, v)), f"{player} on samples {shape}"


def objectives(loss: Loss, shape: tuple[int, ...]) -> Iterator[tuple[str, Callable[[Tensor], Tensor], Tensor]]:
    """Each player's objective as a function of what it controls: the critic's weights, the fake samples."""
    samples = batch(loss, shape)
    w = mlp_parameters(samples.real[0].numel())
    yield "critic", lambda w: summed(samples.critic_terms(loss, mlp(w))), w
    yield "generator", lambda fake: summed(loss.generator_terms(mlp(w), samples.real, fake)), samples.fake


def direction(like: Tensor, key: str = "first") -> Tensor:
    v = Rng(0, "verify", "direction", key).normal(*like.shape, dtype=like.dtype)
    return v / v.norm()


def difference(function: Callable[[Tensor], Tensor], point: Tensor, v: Tensor) -> Tensor:
    """The derivative along v by a central difference."""
    return (function(point + STEP * v) - function(point - STEP * v)) / (2 * STEP)


def distance(value: Tensor, expected: Tensor) -> float:
    return float((value - expected).abs() / expected.abs().clamp_min(1))


def extremes(loss: Loss) -> Iterator[tuple[float, str]]:
    """Whether value and gradients are finite numbers: 0 where all are, else 1."""
    for slope in (0.0, 1e-30, 1e-6, 1e4):
        samples = batch(loss, dtype=torch.float32)
        unit, scale = linear((2,), 1, torch.float32), torch.tensor(slope)

        def critic_objective(scale: Tensor, samples=samples, unit=unit) -> Tensor:  # type: ignore[no-untyped-def]
            return summed(samples.critic_terms(loss, lambda x: scale * unit(x)))

        def generator_objective(fake: Tensor, samples=samples, unit=unit, scale=scale) -> Tensor:  # type: ignore[no-untyped-def]
            return summed(loss.generator_terms(lambda x: scale * unit(x), samples.real, fake))

        for player, objective, point in (
            ("critic", critic_objective, scale),
            ("generator", generator_objective, samples.fake),
        ):
            gradient, value = torch.func.grad_and_value(objective)(point)
            finite = bool(value.isfinite() and gradient.isfinite().all())
            yield float(not finite), f"{player} at slope {slope:g}: value {float(value):.3g} or its gradient"
