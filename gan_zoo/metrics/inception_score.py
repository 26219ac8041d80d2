"""Inception score: exp E_x KL(p(y|x) || p(y)), mean over 10 parts (Salimans et al. 2016, arXiv 1606.03498)."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure
from gan_zoo.numerics.process import one_thread
from gan_zoo.rng import numpy_stream

PARTS = 10  # Salimans et al. 2016, and torch-fidelity
ORDER_SEED = 2020
"""torch-fidelity's: the same images are in its parts."""


@one_thread()
def inception_score(logits: Tensor) -> float:
    """The score of logits (n, classes), n >= 10, shuffled before they are cut; float64 within."""
    n = len(logits)
    order = torch.from_numpy(numpy_stream(ORDER_SEED).permutation(n))
    log_p = logits.cpu()[order].double().log_softmax(dim=1)
    bounds = [i * n // PARTS for i in range(PARTS + 1)]
    parts = [_of_part(log_p[start:end]) for start, end in pairwise(bounds)]
    return sum(parts) / PARTS


def _of_part(log_p: Tensor) -> float:
    """exp of the mean over rows x of sum_y p(y|x) (log p(y|x) - log p(y)), from log p(y|x) (n, classes).

    p(y) stays a logarithm: it is nowhere 0, as its value is where a class is out of the question for every row.
    """
    log_marginal = log_p.logsumexp(dim=0) - math.log(len(log_p))
    divergence = (log_p.exp() * (log_p - log_marginal)).sum(dim=1)
    return divergence.mean().exp().item()


def _inception_scores(generated: Features) -> dict[str, float]:
    return {"is": inception_score(generated.logits)}


METRICS = {
    "is": ImageMeasure(
        "max",
        "IS",
        f"Inception score, {PARTS} parts",
        _inception_scores,
        lowest=1.0,
        highest=float,
        fewest=PARTS,
        fewest_real=0,
        default=True,
    )
}
