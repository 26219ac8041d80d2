"""How many classes generated images are of, as the data set's classifier sees them, and how evenly.

    classes_found   the classes that at least one image is assigned to
    class_kl        KL(q || uniform) = log K + sum_k q_k log q_k in nats, q_k the share of images assigned to class k

On StackedMNIST these are the modes and the KL divergence of Metz et al. 2017 (arXiv 1611.02163), Srivastava et al. 2017
(VEEGAN) and Lin et al. 2018 (PacGAN), whose numbers are of 26,000 images.
"""

import math

import torch
from torch import Tensor

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure


def shares(logits: Tensor) -> Tensor:
    """q (K,), float64, of logits (n, K)."""
    counts = torch.bincount(logits.argmax(dim=1), minlength=logits.shape[1])
    return counts.double() / len(logits)


def _class_scores(generated: Features) -> dict[str, float]:
    q = shares(generated.logits)
    kl = math.log(len(q)) + torch.xlogy(q, q).sum().item()
    return {"classes_found": float((q > 0).sum()), "class_kl": kl}


METRICS = {
    "classes_found": ImageMeasure(
        "max",
        "classes found",
        "classes that an image is assigned to",
        _class_scores,
        highest=float,
        fewest_real=0,
    ),
    "class_kl": ImageMeasure(
        "min",
        "KL over classes",
        "nats, images counted in the class they are assigned to",
        _class_scores,
        highest=math.log,
        fewest_real=0,
    ),
}
