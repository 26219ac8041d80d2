"""One-sided label smoothing (Salimans et al. 2016, arXiv 1606.03498, section 3.4): real samples count as real by alpha.

    critic     -alpha E log sigma(f(x)) - (1 - alpha) E log(1 - sigma(f(x))) - E log(1 - sigma(f(x~)))
    generator  -E log sigma(f(x~))
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from gan_zoo.losses.base import Loss, Terms


@dataclass(frozen=True)
class Smoothed:
    """The non-saturating loss with a critic that is never asked to be sure of real samples."""

    alpha: float = 0.9

    generator_sees_real: ClassVar[bool] = False
    generator_formula: ClassVar[str] = "-E log σ(f(x̃))"

    @property
    def critic_formula(self) -> str:
        return f"-E [{self.alpha:g} log σ(f(x)) + {1 - self.alpha:g} log(1 - σ(f(x)))] - E log(1 - σ(f(x̃)))"

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        real = self.alpha * softplus(-score_real) + (1 - self.alpha) * softplus(score_real)
        return {"real": real.mean(), "fake": softplus(score_fake).mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": softplus(-score_fake).mean()}

    def optimal_score(self, log_ratio: Tensor) -> Tensor:
        """D* = alpha p / (p + q); optional: `gan-zoo verify` holds the loss to it."""
        return (self.alpha * log_ratio.sigmoid()).logit()


LOSSES = {"smoothed": Loss(Smoothed(), paper="Salimans et al. 2016, section 3.4")}
