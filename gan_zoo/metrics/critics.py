"""Scores of a critic that trains alone between two distributions, P of real samples x and Q of fakes x~.

Between a pair of distributions of known distance (gan_zoo/datasets/pairs.py), on coupled samples (x, x~), with f* the
best critic (Korotin, Kolesov and Burnaev 2022, arXiv 2206.07767, section 4):

    w1_error             |estimate / W1 - 1|, W1 = E |x - x~|
    gradient_error       E |∇f(x) - ∇f*(x)|^2      0 at the best; 1 where f is constant
    gradient_cosine      E cos(∇f(x), ∇f*(x))

Between distributions of known densities p and q (Goodfellow et al. 2014, proposition 1), σ the sigmoid:

    discriminator_error  E |σ(f(x)) - p(x) / (p(x) + q(x))|, half of the x real and half fake

Between any two distributions of points, by the exact transport of a batch:

    transport_cosine     E cos(∇f(x~), x - x~), x the real sample that x~ is assigned to

How strongly a critic would pull at fakes by either objective of a generator (Goodfellow et al. 2014, section 3):

    minimax_pull         E ‖∇ log(1 - σ(f(x~)))‖ = E σ(f(x~)) ‖∇f(x~)‖
    non_saturating_pull  E ‖∇ log σ(f(x~))‖ = E (1 - σ(f(x~))) ‖∇f(x~)‖
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from gan_zoo.metrics.measure import CriticMeasure


class Critic(Protocol):
    """A critic as it is scored."""

    def scores(self, x: Tensor) -> Tensor:
        """f(x) of points x (n, D), (n,)."""

    def gradient(self, x: Tensor) -> Tensor:
        """∇f(x), (n, D)."""

    def estimate(self, real: Tensor, fake: Tensor) -> float:
        """What it says of the Wasserstein-1 distance, from points (n, D) of either distribution."""


@dataclass(frozen=True)
class Truth:
    """What is known of two distributions at points of theirs, (n, D) each; None where it is not known."""

    real: Tensor
    fake: Tensor
    distance: float | None = None
    """W1, where real and fake are coupled"""
    gradient: Tensor | None = None
    """∇f*(real), (n, D)"""
    share: Tensor | None = None
    """p / (p + q) at the real points and then at the fake ones, (2 n,)"""
    direction: Tensor | None = None
    """from the first fakes to the real points that exact transport assigns them to, (m, D)"""


def w1_error(critic: Critic, truth: Truth) -> float:
    assert truth.distance is not None
    return abs(critic.estimate(truth.real, truth.fake) / truth.distance - 1)


def gradient_error(critic: Critic, truth: Truth) -> float:
    assert truth.gradient is not None
    return float((critic.gradient(truth.real).double() - truth.gradient).square().sum(1).mean())


def gradient_cosine(critic: Critic, truth: Truth) -> float:
    assert truth.gradient is not None
    return float(cosine_similarity(critic.gradient(truth.real).double(), truth.gradient, dim=1).mean())


def discriminator_error(critic: Critic, truth: Truth) -> float:
    assert truth.share is not None
    scores = torch.cat([critic.scores(truth.real), critic.scores(truth.fake)])
    return float((scores.double().sigmoid() - truth.share).abs().mean())


def transport_cosine(critic: Critic, truth: Truth) -> float:
    assert truth.direction is not None
    gradient = critic.gradient(truth.fake[: len(truth.direction)]).double()
    return float(cosine_similarity(gradient, truth.direction, dim=1).mean())


def minimax_pull(critic: Critic, truth: Truth) -> float:
    return _pull(critic, truth, critic.scores(truth.fake).double().sigmoid())


def non_saturating_pull(critic: Critic, truth: Truth) -> float:
    return _pull(critic, truth, (-critic.scores(truth.fake).double()).sigmoid())


def _pull(critic: Critic, truth: Truth, share: Tensor) -> float:
    """E share ‖∇f(x~)‖"""
    return float((share * critic.gradient(truth.fake).double().norm(dim=1)).mean())


METRICS = {
    "w1_error": CriticMeasure(
        "min",
        "relative error of W1",
        "|estimate / W1 - 1| on {n} coupled pairs",
        w1_error,
        needs="distance",
        default=True,
    ),
    "gradient_error": CriticMeasure(
        "min",
        "squared error of the gradient",
        "E |∇f - ∇f*|^2 at {n} real points",
        gradient_error,
        needs="distance",
        default=True,
    ),
    "gradient_cosine": CriticMeasure(
        "max",
        "cosine of the gradient",
        "E cos(∇f, ∇f*) at {n} real points",
        gradient_cosine,
        needs="distance",
        default=True,
        lowest=-1.0,
        highest=1.0,
    ),
    "discriminator_error": CriticMeasure(
        "min",
        "error of the discriminator",
        "E |σ(f) - p / (p + q)| at {n} real and {n} fake points",
        discriminator_error,
        needs="densities",
        default=True,
        highest=1.0,
    ),
    "transport_cosine": CriticMeasure(
        "max",
        "cosine to exact transport",
        "E cos(∇f, x - x̃) at {pairs} fakes assigned to {pairs} real points",
        transport_cosine,
        default=True,
        lowest=-1.0,
        highest=1.0,
    ),
    "minimax_pull": CriticMeasure("max", "pull of the minimax loss", "E ‖∇ log(1 - σ(f))‖ at {n} fakes", minimax_pull),
    "non_saturating_pull": CriticMeasure(
        "max", "pull of the non-saturating loss", "E ‖∇ log σ(f)‖ at {n} fakes", non_saturating_pull
    ),
}
