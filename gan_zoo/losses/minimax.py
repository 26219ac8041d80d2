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

from gan_zoo.losses.base import Terms


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


@dataclass(frozen=True)
class NonSaturating(Minimax):
    """The same critic; the generator maximises log D instead: a strong gradient where it is losing."""

    generator_formula: ClassVar[str] = "-E log σ(f(x̃))"

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": softplus(-score_fake).mean()}
