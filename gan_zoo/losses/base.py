"""A GAN loss as a composition: one adversarial term, any number of penalties, perhaps a bound on the critic's weights.

    critic minimises     sum(adversarial.critic_terms)    + sum(penalty.term for each penalty)
    generator minimises  sum(adversarial.generator_terms)

Conventions that hold everywhere: x is real, x~ = G(z) is fake, f is the critic; real comes before fake; a higher score
means more real; a critic maps samples of shape (N, ...) to raw scores of shape (N,), without a sigmoid. Losses know no
device, hold no state and draw no number: `noise` asks the keyed generator that it is given.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.rng import Rng

Critic = Callable[[Tensor], Tensor]
Terms = dict[str, Tensor]


class Adversarial(Protocol):
    """The adversarial part: from real and fake scores, each (N,), the named scalars that either player minimises.

    It may bring two known answers of its paper, to which `gan_zoo.verify` then holds it:

        optimal_score(log_ratio)       the optimal critic's score where log(p_real / p_fake) = log_ratio, (M,) -> (M,)
        needs_lipschitz = True         instead: a difference of mean scores, with its optimum over 1-Lipschitz critics

    One with `couples_batches = True` compares each real sample with each fake one: both methods are then also given the
    samples, real and fake (N, ...), after their scores.

    Its `steering`, and a penalty's, names those of its fields by whose value other code runs (see `losses.numbers`).
    """

    generator_sees_real: ClassVar[bool]
    """Whether `generator_terms` needs `score_real`; where it does not, real samples are not scored for it."""

    @property
    def critic_formula(self) -> str: ...

    @property
    def generator_formula(self) -> str: ...

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms: ...

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms: ...


class Penalty(Protocol):
    """A term of the critic's loss that depends on its gradients around given points.

    It may bring a known answer, to which `gan_zoo.verify` then holds it: closed_form(slope), its value where the
    critic's input gradient has the norm `slope` everywhere.
    """

    @property
    def name(self) -> str:
        """The term's name in records; a word of letters, digits and underscores."""
        ...

    @property
    def formula(self) -> str: ...

    def noise(self, rng: Rng, real: Tensor) -> Tensor:
        """The draws that `term` needs for `real`, with one row per sample: shape (N, ...), perhaps (N, 0)."""
        ...

    def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
        """The weighted penalty, a scalar to minimise."""
        ...


@dataclass(frozen=True)
class Loss:
    """One row of a comparison: what the critic and the generator minimise.

    `weight_clip` is the c of Arjovsky et al. 2017, algorithm 1: after each critic step every weight of the critic is
    clamped to [-c, c] by the trainer. `critic_norm` is the normalisation that the loss requires of the critic's
    architecture ("spectral"). `paper` says where this combination was published.
    """

    adversarial: Adversarial
    penalties: tuple[Penalty, ...] = ()
    weight_clip: float | None = None
    paper: str = ""
    critic_norm: str | None = None

    def noise(self, rng: Rng, real: Tensor) -> tuple[Tensor, ...]:
        """One tensor per penalty, each of shape (N, ...) for `real` of shape (N, ...); only real's shape is read."""
        return tuple(penalty.noise(rng, real) for penalty in self.penalties)

    def critic_terms(self, critic: Critic, real: Tensor, fake: Tensor, noise: tuple[Tensor, ...]) -> Terms:
        """Named scalars whose sum the critic minimises; `real`, `fake` (N, ...) and `noise` from `self.noise`."""
        terms = self.adversarial.critic_terms(*score_pair(critic, real, fake), *self._seen(real, fake))
        for index, (penalty, draw) in enumerate(zip(self.penalties, noise, strict=True)):
            name = penalty.name if penalty.name not in terms else f"{penalty.name}_{index + 1}"
            terms[name] = penalty.term(critic, real, fake, draw)
        return terms

    def generator_terms(self, critic: Critic, real: Tensor, fake: Tensor) -> Terms:
        """Named scalars whose sum the generator minimises; gradients flow through `fake` (N, ...)."""
        if self.adversarial.generator_sees_real:
            return self.adversarial.generator_terms(*score_pair(critic, real, fake), *self._seen(real, fake))
        return self.adversarial.generator_terms(None, critic(fake))

    def distance(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's estimate of the Wasserstein-1 distance of `real` and `fake` (N, ...): E f(x) - E f(x~), or minus
        what it minimises where that couples batches."""
        score_real, score_fake = score_pair(critic, real, fake)
        if self.couples_batches:
            terms = self.adversarial.critic_terms(score_real, score_fake, *self._seen(real, fake))
            return -torch.stack(list(terms.values())).sum()
        return score_real.mean() - score_fake.mean()

    @property
    def couples_batches(self) -> bool:
        """Whether the adversarial term compares each real sample with each fake one."""
        return bool(getattr(self.adversarial, "couples_batches", False))

    def _seen(self, real: Tensor, fake: Tensor) -> tuple[Tensor, ...]:
        """What the adversarial term is given beside scores."""
        return (real, fake) if self.couples_batches else ()

    @property
    def critic_formula(self) -> str:
        """The critic's objective as a line of text."""
        formula = " + ".join([self.adversarial.critic_formula, *(penalty.formula for penalty in self.penalties)])
        clip = "" if self.weight_clip is None else f", every weight clamped to ±{self.weight_clip:g}"
        norm = "" if self.critic_norm is None else f", f under {self.critic_norm} normalisation"
        return formula + clip + norm

    @property
    def generator_formula(self) -> str:
        """The generator's objective as a line of text."""
        return self.adversarial.generator_formula

    def with_fields(self, **values: Any) -> "Loss":
        """This loss with hyper-parameters changed by name, e.g. `weight=0.1`, in every part that has the field.

        Raises: UserError where no part has it, or several that do not agree on its value: then name the parts.
        """
        loss = self
        for name, value in values.items():
            loss = loss._with_field(name, value)
        return loss

    def _with_field(self, name: str, value: Any) -> "Loss":
        if name == "weight_clip" and self.weight_clip is not None:
            return replace(self, weight_clip=value)
        owners = [part for part in (self.adversarial, *self.penalties) if name in field_names(part)]
        if not owners:
            raise UserError(f"{name}: no part of this loss has it; it has {', '.join(self.field_names())}")
        if any(getattr(part, name) != getattr(owners[0], name) for part in owners):
            raise UserError(f"{name}: parts of this loss differ in it; write the loss as adversarial and penalties")

        def changed(part: Any) -> Any:
            return replace(part, **{name: value}) if name in field_names(part) else part

        return replace(self, adversarial=changed(self.adversarial), penalties=tuple(map(changed, self.penalties)))

    def field_names(self) -> list[str]:
        """The hyper-parameters of all parts, by name."""
        names = [name for part in (self.adversarial, *self.penalties) for name in field_names(part)]
        return list(dict.fromkeys(names)) + ["weight_clip"] * (self.weight_clip is not None)

    def config(self) -> dict[str, Any]:
        """The whole composition as plain data: the parts by name, each with all its fields."""
        required = {} if self.critic_norm is None else {"critic_norm": self.critic_norm}
        return {
            "adversarial": {part_name(self.adversarial): asdict(self.adversarial)},  # type: ignore[call-overload]
            "penalties": [{part_name(penalty): asdict(penalty)} for penalty in self.penalties],  # type: ignore[call-overload]
            "weight_clip": self.weight_clip,
            **required,
        }


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """∇f(x) of each sample, (N, ...), by the critic's own `input_gradient` where it has one, else by torch.func."""
    own = getattr(critic, "input_gradient", None)
    return own(x) if own else torch.func.grad(lambda points: critic(points).sum())(x)


def score_pair(critic: Critic, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of real and fake, (N,) each: in one pass where the critic declares (`per_sample`) that no samples mix."""
    if getattr(critic, "per_sample", False):
        score_real, score_fake = critic(torch.cat([real, fake])).split([len(real), len(fake)])
        return score_real, score_fake
    return critic(real), critic(fake)


def part_name(part: object) -> str:
    """The name of a part in suites and records: its class name in kebab case (`GradientNorm` -> gradient-norm)."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(part).__name__).lower()


def field_names(part: object) -> list[str]:
    return [field.name for field in fields(part)]  # type: ignore[arg-type]
