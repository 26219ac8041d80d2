"""Cases that the checks share: shapes, batches and critics about which everything is known."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_zoo.losses.base import Critic, Loss, Terms
from gan_zoo.rng import Rng

SHAPES: tuple[tuple[int, ...], ...] = ((2,), (1, 8, 8), (3, 8, 8), (1, 5, 7), (2, 3, 4, 5), (2, 2, 3, 2, 2))
"""Points, grey and colour images, an image that is not square, volumes of two and three more axes."""

SLOPES = (0.0, 0.3, 1.0, 1.7, 2.0, 3.0)
"""0.3 and 1.7 are no binary fractions: a norm in half precision shows."""


@dataclass(frozen=True)
class Batch:
    """Real and fake samples (N, *shape), and the noise of a loss for them."""

    real: Tensor
    fake: Tensor
    noise: tuple[Tensor, ...]

    def critic_terms(self, loss: Loss, critic: Critic) -> Terms:
        return loss.critic_terms(critic, self.real, self.fake, self.noise)


def batch(loss: Loss, shape: tuple[int, ...] = (2,), n: int = 6, dtype: torch.dtype = torch.float64) -> Batch:
    """`n` real samples around +1/2 and as many fakes around -1/2 in every coordinate."""
    rng = Rng(0, "verify", "samples", *shape)
    real, fake = (rng.normal(n, *shape, dtype=dtype) for _ in range(2))
    return Batch(real + 0.5, fake - 0.5, loss.noise(Rng(0, "verify", "noise"), real))


@dataclass(frozen=True)
class Linear:
    """f(x) = <w, x>, whose input gradient is w everywhere."""

    w: Tensor
    per_sample = True

    def __call__(self, x: Tensor) -> Tensor:
        return (x * self.w).flatten(1).sum(1)


def linear(shape: tuple[int, ...], slope: float, dtype: torch.dtype = torch.float64) -> Linear:
    """A linear critic with ‖w‖ = slope."""
    w = Rng(0, "verify", "w").normal(*shape, dtype=torch.float64)
    return Linear((slope * w / w.norm()).to(dtype))


WIDTH = 8


def _mlp_sizes(inputs: int) -> list[tuple[int, ...]]:
    return [(WIDTH, inputs), (WIDTH,), (WIDTH, WIDTH), (WIDTH,), (1, WIDTH), (1,)]


def mlp_parameters(inputs: int, key: int = 0) -> Tensor:
    """All weights and biases of an MLP critic with two hidden layers, as one vector."""
    rng = Rng(key, "verify", "mlp")
    return torch.cat([rng.normal(*size, dtype=torch.float64).flatten() / 2 for size in _mlp_sizes(inputs)])


def mlp_layers(parameters: Tensor, inputs: int) -> list[Tensor]:
    """Weights and biases, in turn, from that vector."""
    sizes = _mlp_sizes(inputs)
    parts = parameters.split([int(torch.Size(size).numel()) for size in sizes])
    return [part.reshape(size) for part, size in zip(parts, sizes, strict=True)]


def mlp(parameters: Tensor, activation: Callable[[Tensor], Tensor] = torch.tanh) -> Critic:
    """The critic with these parameters, for samples of any shape."""

    def critic(x: Tensor) -> Tensor:
        x = x.flatten(1)
        w1, b1, w2, b2, w3, b3 = mlp_layers(parameters, x.shape[1])
        hidden = activation(activation(x @ w1.T + b1) @ w2.T + b2)
        return (hidden @ w3.T + b3).squeeze(1)

    return critic


def summed(terms: Terms) -> Tensor:
    """The sum of all numbers of the terms, also of one that its loss left unreduced: that has a check of its own."""
    return torch.stack(list(terms.values())).sum()


def relative(value: float, expected: float) -> float:
    """|value - expected|, relative where the expected value is larger than one."""
    return abs(value - expected) / max(1.0, abs(expected))
