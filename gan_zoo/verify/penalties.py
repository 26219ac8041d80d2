"""Penalties against closed forms."""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_zoo.losses.base import Loss
from gan_zoo.losses.penalties import GradientNorm
from gan_zoo.rng import Rng
from gan_zoo.verify.cases import SHAPES, SLOPES, Batch, batch, linear, mlp, mlp_layers, mlp_parameters, relative


def linear_critic(loss: Loss) -> Iterator[tuple[float, str]]:
    """Where ‖∇f‖ = slope everywhere a penalty is `closed_form(slope)`; if it brings none, the same in all shapes."""
    for penalty in loss.penalties:
        for variant in variants(penalty):
            for slope in SLOPES:
                values = [_penalty_value(loss, variant, shape, slope) for shape in SHAPES]
                expected = variant.closed_form(slope) if hasattr(variant, "closed_form") else values[0]
                for shape, value in zip(SHAPES, values, strict=True):
                    where = f"{variant} at ‖w‖ = {slope:g}, samples {shape}: {value:.6g}, not {expected:.6g}"
                    yield relative(value, expected), where


def variants(penalty: Any) -> Iterator[Any]:
    """The penalty, and with each of its numbers changed."""
    yield penalty
    for field in fields(penalty):
        value = getattr(penalty, field.name)
        if isinstance(value, float):
            yield replace(penalty, **{field.name: 1.5 * value + 0.25})


def _penalty_value(loss: Loss, penalty: Any, shape: tuple[int, ...], slope: float) -> float:
    alone = replace(loss, penalties=(penalty,))
    samples = batch(alone, shape)
    return float(penalty.term(linear(shape, slope), samples.real, samples.fake, samples.noise[0]))


def relu_mlp(loss: Loss) -> Iterator[tuple[float, str]]:
    """∇f = W1^T D1 W2^T D2 w3 with D the masks of the active units, in NumPy, at points made again from the noise."""
    for index, penalty in enumerate(loss.penalties):
        settings = getattr(penalty, "settings", penalty)
        if not isinstance(settings, GradientNorm):
            continue
        for shape in ((2,), (3, 4, 4)):
            samples = batch(loss, shape, n=12)
            parameters = mlp_parameters(samples.real[0].numel())
            critic = mlp(parameters, torch.relu)
            value = float(penalty.term(critic, samples.real, samples.fake, samples.noise[index]))
            slopes = [_relu_slope(parameters, x) for x in _oracle_points(settings.at, samples, index)]
            expected = float(np.mean([settings.closed_form(slope) for slope in slopes]))
            yield relative(value, expected), f"{penalty} on samples {shape}: {value:.6g}, not {expected:.6g}"


def _relu_slope(parameters: Tensor, x: np.ndarray) -> float:
    """‖∇f(x)‖ of the ReLU MLP at one point."""
    w1, b1, w2, b2, w3, _ = (layer.numpy() for layer in mlp_layers(parameters, x.size))
    first = w1 @ x.ravel() + b1
    second = w2 @ np.maximum(first, 0) + b2
    return float(np.linalg.norm(((w3[0] * (second > 0)) @ w2 * (first > 0)) @ w1))


def _oracle_points(at: str, samples: Batch, index: int) -> list[np.ndarray]:
    """Where the penalty should look, sample by sample."""
    real, fake, noise = (tensor.numpy() for tensor in (samples.real, samples.fake, samples.noise[index]))
    if at == "interpolates":
        return [eps * x + (1 - eps) * y for x, y, eps in zip(real, fake, noise, strict=True)]
    if at == "perturbed-real":
        return [x + real.std() / 2 * u for x, u in zip(real, noise, strict=True)]
    return list({"real": real, "fake": fake}[at])


REAL, FAKE = (3.0, 0.0), (-1.0, 0.5)


def _half_square(x: Tensor) -> Tensor:
    """f(x) = ‖x‖^2 / 2, whose gradient at x is x."""
    return x.square().sum(1) / 2


def draws(loss: Loss, n: int = 2048, keys: int = 6) -> Iterator[tuple[float, str]]:
    """Samples are all alike and f(x) = ‖x‖^2 / 2, so a penalty varies by its draws alone: by about 1 / sqrt(N) of it
    where they are one for each sample, by about itself where a batch shares one. Its mean over them is an integral.
    """
    real, fake = (torch.tensor([row], dtype=torch.float64).repeat(n, 1) for row in (REAL, FAKE))
    for penalty in loss.penalties:
        noises = [penalty.noise(Rng(key, "verify", "draws"), real) for key in range(keys)]
        if noises[0].numel():
            rows_of_noise = {len(noise) for noise in noises}
            yield float(rows_of_noise != {n}), f"{penalty}: {rows_of_noise} rows of noise for {n} samples"
            values = torch.stack([penalty.term(_half_square, real, fake, noise) for noise in noises])
            spread = float(values.std() / values.mean())
            yield spread, f"{penalty}: relative spread {spread:.3g} over keys at {n} equal samples"
            settings = getattr(penalty, "settings", penalty)
            if isinstance(settings, GradientNorm):
                mean, expected = float(values.mean()), expectation(settings)
                yield abs(mean / expected - 1), f"{penalty}: mean {mean:.4g} over draws, not {expected:.4g}"


def expectation(settings: GradientNorm) -> float:
    """The penalty's mean over uniform draws, at those samples, by the midpoint rule; ‖∇f(x)‖ = ‖x‖."""
    midpoints = (np.arange(30) + 0.5) / 30
    real, fake = np.array(REAL), np.array(FAKE)
    if settings.at == "interpolates":
        points = [eps * real + (1 - eps) * fake for eps in midpoints]
    else:
        points = [real + real.std() / 2 * alpha * np.array(u) for alpha, *u in product(midpoints, repeat=3)]
    return float(np.mean([settings.closed_form(float(np.linalg.norm(x))) for x in points]))
