"""One critic step and one generator step of the alternating game, as pure functions from tensors to gradients.

    critic:      grad over w of       sum(loss.critic_terms(f_w, x, G(z)))         G(z) held fixed
    generator:   grad over theta of   sum(loss.generator_terms(f, x, G_theta(z)))

(Gulrajani et al. 2017, algorithm 1, lines 4 to 9 and 11 to 12.) Nets come as functions. `critic_gradients` and
`generator_gradients` take parameters as dictionaries of tensors, so they work under `torch.func.vmap` and
`torch.compile`; no optimiser, no device, no state.
"""

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

from gan_zoo.architectures.layers import BatchNorm
from gan_zoo.losses import Loss
from gan_zoo.losses.base import Terms

Net = Callable[[Tensor], Tensor]
Parameters = dict[str, Tensor]
Objective = tuple[Tensor, Terms]
"""A sum and what it is the sum of; as a name because `torch.compile` cannot follow a subscript in a signature."""


@dataclass(frozen=True)
class Bound:
    """A net with its parameters: a function of its input alone."""

    net: nn.Module
    parameters: Mapping[str, Tensor]

    @property
    def per_sample(self) -> bool:
        """Whether each output depends on its own sample only, so that batches may be joined or cut."""
        return per_sample(self.net)

    def __call__(self, x: Tensor) -> Tensor:
        output: Tensor = functional_call(self.net, dict(self.parameters), (x,))
        return output


def per_sample(net: nn.Module) -> bool:
    """Whether no layer of `net` mixes the samples of a batch."""
    return not any(isinstance(layer, BatchNorm) for layer in net.modules())


def make_fakes(generator: Net, z: Tensor, joined: bool) -> Tensor:
    """x~ = G(z) for the critic's steps of one iteration, without a graph: z (n_critic, N, z_dim) -> (n_critic, N, ...).

    The generator stands still during those steps, so all batches are made in one pass (`joined`) where samples do not
    mix.
    """
    with torch.no_grad():
        if joined:
            return generator(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        return torch.stack([generator(batch) for batch in z])


def total(terms: Terms) -> Tensor:
    """The sum of a player's terms, which it minimises."""
    return functools.reduce(operator.add, terms.values())


def critic_gradients(
    loss: Loss, critic: nn.Module, parameters: Parameters, real: Tensor, fake: Tensor, noise: tuple[Tensor, ...]
) -> tuple[Parameters, Terms]:
    """Gradients of the critic's objective and its terms; real and fake (N, ...), noise from `loss.noise`."""

    def objective(parameters: Parameters) -> Objective:
        terms = loss.critic_terms(Bound(critic, parameters), real, fake, noise)
        return total(terms), terms

    gradients, (_, terms) = grad_and_value(objective, has_aux=True)(parameters)
    return gradients, terms


def generator_gradients(
    loss: Loss, generator: nn.Module, parameters: Parameters, critic: Bound, real: Tensor, z: Tensor
) -> tuple[Parameters, Terms]:
    """Gradients of the generator's objective and its terms; z (N, z_dim), real (N, ...) for losses of pairs."""

    def objective(parameters: Parameters) -> Objective:
        terms = loss.generator_terms(critic, real, Bound(generator, parameters)(z))
        return total(terms), terms

    gradients, (_, terms) = grad_and_value(objective, has_aux=True)(parameters)
    return gradients, terms
