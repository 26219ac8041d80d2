"""The original GAN, in both of its forms (Goodfellow et al. 2014, arXiv 1406.2661).

With the discriminator D = sigma(f):

    critic       -E log sigma(f(x)) - E log(1 - sigma(f(x~)))        eq. 1
    minimax       E log(1 - sigma(f(x~)))                            eq. 1, saturates where D wins
    non-saturating   -E log sigma(f(x~))                             section 3

Written with softplus(t) = log(1 + e^t), which is exact where a sigmoid would round to 0 or 1:
-log sigma(t) = softplus(-t) and -log(1 - sigma(t)) = softplus(t).
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from gan_zoo.losses.base import Loss, Terms
from gan_zoo.losses.penalties import R1, R2, Dragan


@dataclass(frozen=True)
class Minimax:
    """The zero-sum form: the generator minimises what the critic maximises."""

    critic_formula: ClassVar[str] = "-E log σ(f(x)) - E log(1 - σ(f(x̃)))"
    generator_formula: ClassVar[str] = "E log(1 - σ(f(x̃)))"
    generator_sees_real: ClassVar[bool] = False

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": softplus(-score_real).mean(), "fake": softplus(score_fake).mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": -softplus(score_fake).mean()}

    def optimal_score(self, log_ratio: Tensor) -> Tensor:
        """D* = p / (p + q) (Goodfellow et al. 2014, proposition 1), so f* = log p / q."""
        return log_ratio


@dataclass(frozen=True)
class NonSaturating(Minimax):
    """The same critic; the generator maximises log D instead: a strong gradient where it is losing."""

    generator_formula: ClassVar[str] = "-E log σ(f(x̃))"

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": softplus(-score_fake).mean()}


LOSSES = {
    "minimax": Loss(Minimax(), paper="Goodfellow et al. 2014, eq. 1"),
    "non-saturating": Loss(NonSaturating(), paper="Goodfellow et al. 2014, section 3"),
    "dragan": Loss(NonSaturating(), (Dragan(),), paper="Kodali et al. 2017, in the form of their code"),
    "r1": Loss(NonSaturating(), (R1(),), paper="Mescheder et al. 2018, eq. 9"),
    "r1-r2": Loss(NonSaturating(), (R1(), R2()), paper="Mescheder et al. 2018, eqs. 9 and 10 together"),
}
