"""Least squares GAN (Mao et al. 2017, arXiv 1611.04076).

    critic      1/2 E (f(x) - b)^2 + 1/2 E (f(x~) - a)^2
    generator   1/2 E (f(x~) - c)^2

a and b are the labels of fake and real samples, c is what the generator wants its samples to be taken for. The paper's
0-1 coding is a = 0, b = c = 1; its other choice, which minimises Pearson's chi^2 divergence, is a = -1, b = 1, c = 0.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.base import Loss, Terms


@dataclass(frozen=True)
class LeastSquares:
    """Scores are pulled to labels, those beyond the label as well."""

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0

    generator_sees_real: ClassVar[bool] = False

    @property
    def critic_formula(self) -> str:
        return f"1/2 E {square('f(x)', self.b)} + 1/2 E {square('f(x̃)', self.a)}"

    @property
    def generator_formula(self) -> str:
        return f"1/2 E {square('f(x̃)', self.c)}"

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        real, fake = (score_real - self.b).square().mean(), (score_fake - self.a).square().mean()
        return {"real": 0.5 * real, "fake": 0.5 * fake}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": 0.5 * (score_fake - self.c).square().mean()}

    def optimal_score(self, log_ratio: Tensor) -> Tensor:
        """f* = (b p + a q) / (p + q)."""
        return self.a + (self.b - self.a) * log_ratio.sigmoid()


def square(score: str, label: float) -> str:
    return f"({score} - {label:g})^2" if label > 0 else f"({score} + {-label:g})^2" if label < 0 else f"{score}^2"


LOSSES = {"lsgan": Loss(LeastSquares(), paper="Mao et al. 2017, 0-1 coding")}
