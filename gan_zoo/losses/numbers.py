"""The numbers of a loss: hyper-parameters in which runs that are trained as one stack may differ.

They are the floats among the fields of its parts, but for zeros, which stand for "without", and for those that a part
calls `steering`: an exponent, say, by whose value other code runs. All else is the form of the loss.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gan_zoo.losses import parts_of
from gan_zoo.losses.base import Loss, Terms, field_names
from gan_zoo.rng import Rng

REAL, FAKE = torch.linspace(-1, 2, 16, dtype=torch.float64).view(2, 4, 2).unbind()
"""Samples (4, 2) to try a loss on."""


def loss_numbers(loss: Loss) -> dict[str, float]:
    """The numbers of `loss` by place: "1.weight" is the weight of its first penalty, "0.c" the c of its adversarial."""
    return dict(found(loss)) if takes_tensors(loss) else {}


def loss_form(loss: Loss) -> Hashable:
    """The key that losses share where they differ in their numbers only."""
    numbers = loss_numbers(loss)
    parts = []
    for index, part in enumerate(parts_of(loss)):
        fixed = [name for name in field_names(part) if f"{index}.{name}" not in numbers]
        parts.append((type(part), tuple((name, getattr(part, name)) for name in fixed)))
    handled = ("adversarial", "penalties", "weight_clip", "paper")
    others = tuple(getattr(loss, field.name) for field in fields(loss) if field.name not in handled)
    return tuple(parts), loss.weight_clip is None, others


def with_numbers(loss: Loss, numbers: Mapping[str, Any]) -> Loss:
    """`loss` with floats or tensors in the places that `numbers` name."""
    parts = list(parts_of(loss))
    for place, value in numbers.items():
        index, name = place.split(".")
        parts[int(index)] = replace(parts[int(index)], **{name: value})
    return replace(loss, adversarial=parts[0], penalties=tuple(parts[1:])) if numbers else loss


def found(loss: Loss) -> Iterator[tuple[str, float]]:
    """The numbers as the fields show them, whether or not the code takes tensors for them."""
    for index, part in enumerate(parts_of(loss)):
        for name in field_names(part):
            value = getattr(part, name)
            if type(value) is float and value != 0 and name not in getattr(part, "steering", ()):
                yield f"{index}.{name}", value


@cache
def takes_tensors(loss: Loss) -> bool:
    """Whether the code of a loss takes tensors for its numbers, tried on two rows of a small critic.

    Code that reads the value of one (`if self.weight > 1`, `math.sqrt(self.weight)`) does not.
    """
    if not dict(found(loss)):
        return True
    rows = [dict(found(loss)), {place: 0.75 * value for place, value in found(loss)}]
    try:
        noise = tuple(draw.double() for draw in loss.noise(Rng(0, "numbers"), REAL))
        alone = [descent(with_numbers(loss, numbers), noise) for numbers in rows]
        columns = {place: torch.tensor([row[place] for row in rows], dtype=torch.float64) for place in rows[0]}
        together = torch.func.vmap(lambda numbers: descent(with_numbers(loss, numbers), noise))(columns)
    except Exception:  # whatever the code of a plugin may raise
        return False
    return torch.allclose(together, torch.stack(alone), rtol=1e-9, atol=1e-12)


def descent(loss: Loss, noise: tuple[Tensor, ...]) -> Tensor:
    """The gradient of both players' terms by two weights, (2,), at the samples REAL and FAKE."""

    def objective(weights: Tensor) -> Tensor:
        def critic(x: Tensor) -> Tensor:
            return (3 * weights * x).sin().sum(1)

        terms: list[Terms] = [loss.critic_terms(critic, REAL, FAKE, noise), loss.generator_terms(critic, REAL, FAKE)]
        return torch.stack([value for each in terms for value in each.values()]).sum()

    return torch.func.grad(objective)(torch.tensor([0.5, -0.8], dtype=torch.float64))
