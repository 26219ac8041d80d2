"""The registry of losses: the published combinations, one line each, in the order of the reports."""

from gan_zoo.losses.base import Loss
from gan_zoo.losses.minimax import Minimax, NonSaturating
from gan_zoo.losses.penalties import GradientNorm
from gan_zoo.losses.wasserstein import Wasserstein

LOSSES: dict[str, Loss] = {
    "minimax": Loss(Minimax(), paper="Goodfellow et al. 2014, eq. 1"),
    "non-saturating": Loss(NonSaturating(), paper="Goodfellow et al. 2014, section 3"),
    "wgan-clip": Loss(Wasserstein(), weight_clip=0.01, paper="Arjovsky et al. 2017, algorithm 1"),
    "wgan-gp": Loss(Wasserstein(), (GradientNorm(),), paper="Gulrajani et al. 2017, eq. 3"),
    "wgan-lp": Loss(Wasserstein(), (GradientNorm(one_sided=True),), paper="Petzka et al. 2018, eq. 8"),
    "wgan-gp-hinge": Loss(Wasserstein(), (GradientNorm(one_sided=True, power=1),), paper="lecture-note form of the penalty"),
}

ADVERSARIAL = {"minimax": Minimax, "non-saturating": NonSaturating, "wasserstein": Wasserstein}
PENALTIES = {"gradient-norm": GradientNorm}
