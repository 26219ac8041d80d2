"""Checks of a term on a batch: a mean over samples, each on its own."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import torch
from torch import Tensor

from gan_zoo.losses.base import Loss
from gan_zoo.verify.cases import Batch, batch, mlp, mlp_parameters


def independence(loss: Loss) -> Iterator[tuple[float, str]]:
    """T(a, b) - T(a', b) - T(a, b') + T(a', b') = 0 where a and b are two samples of a batch, T a sum over samples.

    A sample is changed by reversing its coordinates, which leaves the batch's mean and spread alone: those may enter.
    A loss that couples batches makes no such promise.
    """
    if loss.couples_batches:
        return
    for shape in ((2,), (3, 4, 4)):
        samples = batch(loss, shape)
        critic = mlp(mlp_parameters(samples.real[0].numel()))
        corners = {
            (first, second): _reversed_samples(samples, [0] * first + [1] * second).critic_terms(loss, critic)
            for first, second in product((False, True), repeat=2)
        }
        for name, term in corners[False, False].items():
            mixed = term - corners[True, False][name] - corners[False, True][name] + corners[True, True][name]
            where = f"{name} on samples {shape}: mixed difference {float(mixed):.3g}"
            yield float(mixed.abs() / term.abs().clamp_min(1)), where


def _reversed_samples(samples: Batch, rows: list[int]) -> Batch:
    """The batch with the coordinates of some of its real and fake samples in reverse order."""

    def changed(x: Tensor) -> Tensor:
        return torch.stack([row.flip(*range(row.ndim)) if i in rows else row for i, row in enumerate(x)])

    return replace(samples, real=changed(samples.real), fake=changed(samples.fake))


def batch_size(loss: Loss) -> Iterator[tuple[float, str]]:
    """The terms of a batch, and of the same batch two and three times over."""
    samples = batch(loss)
    critic = mlp(mlp_parameters(2))
    once = samples.critic_terms(loss, critic)
    once_generator = loss.generator_terms(critic, samples.real, samples.fake)
    for times in (2, 3):
        more = Batch(
            torch.cat([samples.real] * times),
            torch.cat([samples.fake] * times),
            tuple(torch.cat([draw] * times) for draw in samples.noise),
        )
        terms = more.critic_terms(loss, critic)
        for name, term in once.items():
            yield deviation(terms[name], term), f"critic's {name} at {times} times the batch"
        terms = loss.generator_terms(critic, more.real, more.fake)
        for name, term in once_generator.items():
            yield deviation(terms[name], term), f"generator's {name} at {times} times the batch"


def deviation(value: Tensor, expected: Tensor) -> float:
    return float((value - expected).abs() / expected.abs().clamp_min(1))
