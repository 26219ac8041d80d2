"""The Wasserstein distance of batches by the c-transform (Mallasto et al. 2019, arXiv 1910.03875, (c, 0)-WGAN).

    f^c(x~) = min over the real samples x of the batch of  |x - x~| - f(x)

    critic      -E f(x) - E f^c(x~)         minus the dual of the batches' W1, for any f: nothing has to bound f
    generator    E f^c(x~)

The critic is asked for real samples alone; |x - x~| runs over all axes of a sample.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gan_zoo.losses.base import Loss, Terms


@dataclass(frozen=True)
class CTransform:
    """The dual of optimal transport between two batches, with the second potential in closed form."""

    critic_formula: ClassVar[str] = "-E f(x) - E min_x (‖x - x̃‖ - f(x))"
    generator_formula: ClassVar[str] = "E min_x (‖x - x̃‖ - f(x))"
    generator_sees_real: ClassVar[bool] = True
    couples_batches: ClassVar[bool] = True

    def critic_terms(self, score_real: Tensor, score_fake: Tensor, *samples: Tensor) -> Terms:
        return {"real": -score_real.mean(), "fake": -transformed(score_real, *samples).mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor, *samples: Tensor) -> Terms:
        assert score_real is not None
        return {"fake": transformed(score_real, *samples).mean()}


def transformed(score_real: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    """f^c at each fake sample, (N,), of the scores (N,) of real ones; real and fake (N, ...)."""
    # by differences, not by products, which lose the digits of what is near
    distances = torch.cdist(fake.flatten(1), real.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    return (distances - score_real).amin(dim=1)


LOSSES = {"wgan-ct": Loss(CTransform(), paper="Mallasto et al. 2019, (c, 0)-WGAN")}
