"""What is known of the best critic where it trains alone between two laws, and how far a critic is from it.

Between a pair of laws of known Wasserstein-1 distance (gan_zoo/datasets/pairs.py), on coupled samples (x, y):

    truth/w1_ratio            (E f(x) - E f(y)) / W1                            1 at the best 1-Lipschitz critic
    truth/w1_error            |truth/w1_ratio - 1|
    truth/gradient_error      E |grad f(x) - grad f*(x)|^2                      0; 1 where f is constant
    truth/gradient_cosine     E cos(grad f(x), grad f*(x))                      1
    truth/batch_ratio         exact W1 of two batches / W1                      what optimal transport of samples says

Between laws of known density, for a loss whose best critic f* follows from log p / q (Goodfellow et al. 2014,
proposition 1: sigma(f*) = p / (p + q)):

    truth/discriminator_error E |sigma(f(x)) - sigma(f*(x))|, half of x real and half fake
"""

from typing import Any

import torch
from torch import Tensor

from gan_zoo.datasets.fakes import FAKES, log_density
from gan_zoo.losses import Loss
from gan_zoo.metrics.transport import emd
from gan_zoo.rng import Rng
from gan_zoo.step import Bound

SAMPLES, BATCH = 4096, 1000


def truths(loss: Loss, critic: Bound, data: Any, law: str, rng: Rng) -> dict[str, float]:
    """All numbers at the head of this file that can be had; samples are drawn from `rng`.

    law: of the fakes, a name of gan_zoo.datasets.fakes.
    """
    if law == "pair":
        return against_pair(critic, data, rng)
    optimal = getattr(loss.adversarial, "optimal_score", None)
    if optimal is None or loss.penalties or not getattr(data, "has_density", False):
        return {}
    x = torch.cat([data.sample(rng.child("real"), SAMPLES), FAKES[law](data, rng.child("fake"), SAMPLES)])
    log_q = log_density(law, x.double())
    if log_q is None:
        return {}
    best = optimal(data.log_density(x.double()) - log_q).sigmoid()
    return {"truth/discriminator_error": float((scores(critic, x).double().sigmoid() - best).abs().mean())}


def against_pair(critic: Bound, pair: Any, rng: Rng) -> dict[str, float]:
    """The numbers of a critic between a pair of laws."""
    x, y = (points.to(dtype_of(critic)) for points in pair.coupled(rng.child("coupled"), SAMPLES))
    ratio = float((scores(critic, x) - scores(critic, y)).double().mean()) / pair.wasserstein
    ours, best = input_gradient(critic, x).double(), pair.optimal_gradient(x.double())
    batches = pair.sample(rng.child("batch"), BATCH), pair.fakes(rng.child("fakes"), BATCH)
    return {
        "truth/w1_ratio": ratio,
        "truth/w1_error": abs(ratio - 1),
        "truth/gradient_error": float((ours - best).square().sum(1).mean()),
        "truth/gradient_cosine": float(torch.nn.functional.cosine_similarity(ours, best, dim=1).mean()),
        "truth/batch_ratio": emd(*batches) / pair.wasserstein,
    }


def dtype_of(critic: Bound) -> torch.dtype:
    return next(iter(critic.parameters.values())).dtype


def scores(critic: Bound, x: Tensor) -> Tensor:
    """f(x) of points x (n, D), (n,)."""
    with torch.no_grad():
        return critic(x.to(dtype_of(critic)))


def input_gradient(critic: Bound, x: Tensor) -> Tensor:
    """grad f(x) of points x (n, D), (n, D)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x)
    return gradient
