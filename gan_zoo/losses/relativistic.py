"""Relativistic pairing: real and fake samples compared two by two (Jolicoeur-Martineau 2019, arXiv 1807.00734, RSGAN).

    critic      E softplus(f(x~) - f(x))  = -E log sigma(f(x) - f(x~))
    generator   E softplus(f(x) - f(x~))  = -E log sigma(f(x~) - f(x))

The i-th real sample of a batch is paired with the i-th fake one. With both zero-centred penalties it is the loss of
R3GAN (Huang et al. 2024, arXiv 2501.05441), whose gamma falls during training (0.05 to 0.005 on CIFAR-10): here it is
constant.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from gan_zoo.losses.base import Loss, Terms
from gan_zoo.losses.penalties import R1, R2


@dataclass(frozen=True)
class Relativistic:
    """Only differences of scores count, so the generator also lowers those of real samples."""

    critic_formula: ClassVar[str] = "-E log σ(f(x) - f(x̃))"
    generator_formula: ClassVar[str] = "-E log σ(f(x̃) - f(x))"
    generator_sees_real: ClassVar[bool] = True

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"pair": softplus(score_fake - score_real).mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        assert score_real is not None
        return {"pair": softplus(score_real - score_fake).mean()}

    def optimal_score(self, log_ratio: Tensor) -> Tensor:
        """f* = log p / q, up to a constant: then sigma(f(x) - f(y)) = p(x) q(y) / (p(x) q(y) + q(x) p(y))."""
        return log_ratio


LOSSES = {
    "rpgan": Loss(Relativistic(), paper="Jolicoeur-Martineau 2019, RSGAN"),
    "r3gan": Loss(Relativistic(), (R1(gamma=0.05), R2(gamma=0.05)), paper="Huang et al. 2024, with a constant gamma"),
}
