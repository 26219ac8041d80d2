"""The steps as pure functions of the nets' parameter vectors: what is compiled and what is stacked."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from gan_zoo.engine.state import Players, TrainState
from gan_zoo.engine.weights import join, split
from gan_zoo.errors import UserError
from gan_zoo.losses import Loss
from gan_zoo.losses.base import Terms
from gan_zoo.numerics import Numerics
from gan_zoo.step import Bound, critic_gradients, generator_gradients, make_fakes, per_sample

Noise = tuple[Tensor, ...]


@dataclass(frozen=True)
class PureSteps:
    """`plain.Steps` with the parameter vectors as first arguments."""

    fakes: Callable[[Tensor, Tensor], Tensor]
    """generator vector, z -> fakes"""
    critic: Callable[..., tuple[Tensor, Terms]]
    """critic vector, real, fake, noise -> gradient, terms; perhaps by another loss, as last argument"""
    generator: Callable[..., tuple[Tensor, Terms]]
    """generator vector, critic vector, real, z -> gradient, terms; likewise"""


def refuse_bf16(numerics: Numerics) -> None:
    """Raises: UserError where the nets would have to run in a context that pure functions do not have."""
    if numerics == "bf16":
        raise UserError("engines compiled and stacked: not in bf16; use plain or graph")


def pure_steps(players: Players, like: TrainState) -> PureSteps:
    """The steps of `players` for vectors that come apart as in `like`. Raises: UserError for bf16."""
    refuse_bf16(players.numerics)
    joined = per_sample(players.generator)
    generator_like = {name: weight.detach() for name, weight in like.generator.items()}
    critic_like = {name: weight.detach() for name, weight in like.critic.items()}

    def fakes(generator: Tensor, z: Tensor) -> Tensor:
        return make_fakes(Bound(players.generator, split(generator, generator_like)), z, joined)

    def critic_step(
        critic: Tensor, real: Tensor, fake: Tensor, noise: Noise, loss: Loss = players.loss
    ) -> tuple[Tensor, Terms]:
        weights = split(critic, critic_like)
        gradients, terms = critic_gradients(loss, players.critic, weights, real, fake, noise)
        return join(gradients.values()), terms

    def generator_step(
        generator: Tensor, critic: Tensor, real: Tensor, z: Tensor, loss: Loss = players.loss
    ) -> tuple[Tensor, Terms]:
        bound = Bound(players.critic, split(critic, critic_like))
        weights = split(generator, generator_like)
        gradients, terms = generator_gradients(loss, players.generator, weights, bound, real, z)
        return join(gradients.values()), terms

    return PureSteps(fakes, critic_step, generator_step)
