"""The hinge form (Lim and Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957).

critic      E max(0, 1 - f(x)) + E max(0, 1 + f(x~))
generator  -E f(x~)
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.base import Loss, Terms


@dataclass(frozen=True)
class Hinge:
    """The critic stops where a sample is on its side of the margin; the generator never stops."""

    critic_formula: ClassVar[str] = "E max(0, 1 - f(x)) + E max(0, 1 + f(x̃))"
    generator_formula: ClassVar[str] = "-E f(x̃)"
    generator_sees_real: ClassVar[bool] = False

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": (1 - score_real).relu().mean(), "fake": (1 + score_fake).relu().mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": -score_fake.mean()}

    def optimal_score(self, log_ratio: Tensor) -> Tensor:
        """f* = 1 where real samples are the likelier ones, -1 elsewhere (Lim and Ye 2017)."""
        return log_ratio.sign()


LOSSES = {
    "hinge": Loss(Hinge(), paper="Lim and Ye 2017"),
    "sngan": Loss(Hinge(), critic_norm="spectral", paper="Miyato et al. 2018, hinge form"),
}
