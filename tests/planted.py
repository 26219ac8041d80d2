"""Losses with one fault each, planted, and the checks that find it: `FAULTS`."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan_zoo.losses import Loss
from gan_zoo.losses.base import Critic, Terms
from gan_zoo.losses.hinge import Hinge
from gan_zoo.losses.minimax import NonSaturating
from gan_zoo.losses.penalties import POINTS, GradientNorm
from gan_zoo.losses.relativistic import Relativistic
from gan_zoo.losses.wasserstein import Wasserstein
from gan_zoo.rng import Rng
from gan_zoo.verify import CHECKS


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    return torch.func.grad(lambda points: critic(points).sum())(x)


class Planted(GradientNorm):
    """GradientNorm with a fault in one place."""

    def norms(self, gradient: Tensor) -> Tensor:
        square = gradient.flatten(1).square().sum(1)
        return torch.where(square == 0, 0, torch.where(square == 0, 1, square).sqrt())

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        gradient = input_gradient(critic, POINTS[self.at].points(real, fake, noise))
        return self.weight * (self.norms(gradient) - self.target).abs().pow(self.power).mean()


class ByChannel(Planted):
    """The norm over the channel axis alone, a norm per pixel."""

    def norms(self, gradient: Tensor) -> Tensor:
        return gradient.square().sum(1).add(1e-30).sqrt()


class ByBatch(Planted):
    """One norm for the whole batch."""

    def norms(self, gradient: Tensor) -> Tensor:
        return gradient.square().sum().add(1e-30).sqrt()


class SharedEps(Planted):
    """One eps for the whole batch."""

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        return rng.uniform(1, dtype=real.dtype).expand(len(real))


class NarrowEps(Planted):
    """eps from the half next to the fakes."""

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        return super().noise(rng, real) / 2


class OneRowOfNoise(Planted):
    """One eps for the whole batch, and nothing hides it."""

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        return rng.uniform(1, dtype=real.dtype)

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        return super().term(critic, real, fake, noise[:1].expand(len(real)))


class Summed(Planted):
    """The sum in the place of the mean: lambda scales with the batch."""

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        return len(real) * super().term(critic, real, fake, noise)


class ImagesOnly(Planted):
    """Axes by position."""

    def norms(self, gradient: Tensor) -> Tensor:
        return gradient.square().sum((1, 2, 3)).add(1e-30).sqrt()


class NormAlone(Planted):
    """The naive norm: its derivative at zero gradient is NaN."""

    def norms(self, gradient: Tensor) -> Tensor:
        return gradient.flatten(1).square().sum(1).sqrt()


class Detached(Planted):
    """The penalty's value without its gradient (create_graph forgotten)."""

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        return super().term(critic, real, fake, noise).detach()


class AtReal(Planted):
    """The points of another penalty."""

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        return super().term(critic, real, real, noise)


class WithEpsilon(Planted):
    """A norm with 1e-3 under the root."""

    def norms(self, gradient: Tensor) -> Tensor:
        return gradient.flatten(1).square().sum(1).add(1e-3).sqrt()


class GlobalNoise(Planted):
    """eps from the global generator."""

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        return torch.rand(len(real), dtype=real.dtype)


class NumpyNoise(Planted):
    """eps from NumPy's global generator."""

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        return torch.from_numpy(np.random.uniform(size=len(real))).to(real.dtype)  # noqa: NPY002


class BatchNormalised(Planted):
    """A critic as with batch normalisation: each gradient depends on the whole batch."""

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        def normalised(x: Tensor) -> Tensor:
            scores = critic(x)
            return scores / (scores - scores.mean()).square().mean().add(1e-5).sqrt()

        return super().term(normalised, real, fake, noise)


class HalfPrecision(Planted):
    """The norm under automatic casting to float16."""

    def norms(self, gradient: Tensor) -> Tensor:
        return super().norms(gradient.half()).to(gradient.dtype)


class Sigmoid(Wasserstein):
    """A sigmoid at the end of a Wasserstein critic."""

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return super().critic_terms(score_real.sigmoid(), score_fake.sigmoid())


class WrongWay(Wasserstein):
    """The generator trained in the wrong direction."""

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": score_fake.mean()}


class Swapped(Wasserstein):
    """Real and fake exchanged in the critic."""

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return super().critic_terms(score_fake, score_real)


class LogOfSigmoid(NonSaturating):
    """log(sigma) in two steps: infinite where sigma rounds to 0."""

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": -score_real.sigmoid().log().mean(), "fake": -(1 - score_fake.sigmoid()).log().mean()}


class Unreduced(Relativistic):
    """Terms of shape (N,)."""

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"pair": softplus(score_fake - score_real)}


class WideMargin(Hinge):
    """A margin of 2 that the paper does not have."""

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": (2 - score_real).relu().mean(), "fake": (2 + score_fake).relu().mean()}


class Thawed:
    """A part with room for state."""

    critic_formula, generator_formula, generator_sees_real = "", "", False

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        return {"real": -score_real.mean(), "fake": score_fake.mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": -score_fake.mean()}


def gp(penalty: GradientNorm) -> Loss:
    return Loss(Wasserstein(), (penalty,), paper="planted")


FAULTS: dict[str, tuple[Loss, set[str]]] = {
    "norm over the channel axis only": (gp(ByChannel()), {"linear", "relu-mlp"}),
    "one norm for the whole batch": (gp(ByBatch()), {"draws", "linear", "relu-mlp", "samples", "batch-size"}),
    "one eps for the whole batch": (gp(SharedEps()), {"draws"}),
    "eps from half of its range": (gp(NarrowEps()), {"draws"}),
    "one row of noise": (gp(OneRowOfNoise()), {"draws", "relu-mlp"}),
    "sum for mean": (gp(Summed()), {"draws", "linear", "relu-mlp", "batch-size"}),
    "fails on points": (gp(ImagesOnly()), set(CHECKS) - {"optimum"}),
    "NaN at zero gradient": (gp(NormAlone()), {"extremes"}),
    "no gradient through the penalty": (gp(Detached()), {"first"}),
    "another penalty's points": (gp(AtReal()), {"draws", "relu-mlp"}),
    "an epsilon in the norm": (gp(WithEpsilon()), {"linear", "relu-mlp"}),
    "torch's global generator": (gp(GlobalNoise()), {"purity"}),
    "NumPy's global generator": (gp(NumpyNoise()), {"purity"}),
    "batch statistics in the critic": (gp(BatchNormalised()), {"draws", "linear", "relu-mlp", "samples"}),
    "half precision in the norm": (
        gp(HalfPrecision()),
        {"linear", "relu-mlp", "first", "second", "extremes"},
    ),
    "a part that is not frozen": (Loss(Thawed(), paper="planted"), {"interface"}),
    "sigmoid at the end of a Wasserstein critic": (Loss(Sigmoid(), paper="planted"), {"optimum"}),
    "generator in the wrong direction": (Loss(WrongWay(), paper="planted"), {"sign", "dirac"}),
    "real and fake exchanged": (Loss(Swapped(), paper="planted"), {"sign", "dirac", "optimum"}),
    "log of a rounded sigmoid": (Loss(LogOfSigmoid(), paper="planted"), {"extremes"}),
    "no reduction": (Loss(Unreduced(), paper="planted"), {"interface", "samples", "batch-size", "dirac"}),
    "another margin": (Loss(WideMargin(), paper="planted"), {"optimum"}),
    "no source": (Loss(Hinge()), {"interface"}),
}
