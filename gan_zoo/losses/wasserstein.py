"""The Wasserstein GAN (Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875, eq. 2 and algorithm 1).

critic      E f(x~) - E f(x)         over 1-Lipschitz f, which clipping or a penalty has to enforce
generator  -E f(x~)
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.base import Loss, Terms
from gan_zoo.losses.penalties import GradientNorm, WganDiv


@dataclass(frozen=True)
class Wasserstein:
    """The dual form of the earth mover's distance."""

    critic_formula: ClassVar[str] = "E f(x̃) - E f(x)"
    generator_formula: ClassVar[str] = "-E f(x̃)"
    generator_sees_real: ClassVar[bool] = False
    needs_lipschitz: ClassVar[bool] = True

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": -score_real.mean(), "fake": score_fake.mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": -score_fake.mean()}


LOSSES = {
    "wgan-clip": Loss(Wasserstein(), weight_clip=0.01, paper="Arjovsky et al. 2017, algorithm 1"),
    "wgan-gp": Loss(Wasserstein(), (GradientNorm(),), paper="Gulrajani et al. 2017, eq. 3"),
    "wgan-lp": Loss(Wasserstein(), (GradientNorm(one_sided=True),), paper="Petzka et al. 2018"),
    "wgan-gp-hinge": Loss(
        Wasserstein(), (GradientNorm(one_sided=True, power=1),), paper="lecture-note form of wgan-lp"
    ),
    "wgan-div": Loss(Wasserstein(), (WganDiv(),), paper="Wu et al. 2018"),
    "wgan-sn": Loss(Wasserstein(), critic_norm="spectral", paper="Arjovsky et al. 2017 under Miyato et al. 2018"),
}
