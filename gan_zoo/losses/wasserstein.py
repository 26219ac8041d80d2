"""The Wasserstein GAN (Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875, eq. 2 and algorithm 1).

    critic      E f(x~) - E f(x)         over 1-Lipschitz f, which clipping or a penalty has to enforce
    generator  -E f(x~)
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_zoo.losses.base import Terms


@dataclass(frozen=True)
class Wasserstein:
    """The dual form of the earth mover's distance."""

    critic_formula: ClassVar[str] = "E f(x̃) - E f(x)"
    generator_formula: ClassVar[str] = "-E f(x̃)"
    generator_sees_real: ClassVar[bool] = False

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": -score_real.mean(), "fake": score_fake.mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": -score_fake.mean()}
