"""Losses from plain data: a registered name, one with changed hyper-parameters, or a composition of parts.

wgan-gp        {name: wgan-gp, weight: 0.1}
{adversarial: hinge, penalties: [{gradient-norm: {one_sided: true, weight: 5}}, {r1: {gamma: 0.1}}]}
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from gan_zoo.errors import UserError, suggestion
from gan_zoo.losses import ADVERSARIAL, LOSSES, PENALTIES
from gan_zoo.losses.base import Loss, part_name
from gan_zoo.losses.penalties import GradientNorm, named
from gan_zoo.validation import (
    KeyPath,
    LossName,
    PartOf,
    Positive,
    SpecError,
    expect_mapping,
    lookup,
    refusal,
    strict,
    validated,
)


def published_form(penalty: Any) -> Any:
    """A penalty under its paper's name, if any. Raises: PydanticCustomError at a `one_sided` that does nothing."""
    if type(penalty) is not GradientNorm:
        return penalty
    if penalty.one_sided and penalty.target == 0:
        reason = "does nothing where target is 0, for no norm is below: leave it out"
        raise refusal(reason, "gradient-norm", "one_sided")
    return named(penalty)


@strict
@dataclass(frozen=True)
class Composition:
    """A loss as its parts, in the form of `Loss.config`."""

    adversarial: Annotated[Any, PartOf(ADVERSARIAL, "adversarial term")]
    penalties: tuple[Annotated[Any, PartOf(PENALTIES, "penalty"), AfterValidator(published_form)], ...] = ()
    weight_clip: Positive | None = None
    critic_norm: Literal["spectral"] | None = None
    name: LossName | None = None

    @property
    def loss(self) -> Loss:
        """Parts that make a registered loss are that loss, with its paper."""
        loss = Loss(self.adversarial, self.penalties, self.weight_clip, critic_norm=self.critic_norm)
        return next((known for known in LOSSES.values() if known.config() == loss.config()), loss)


def parse_loss(value: object, path: KeyPath) -> tuple[str, Loss]:
    """Name and loss from any of the three forms. Raises: SpecError at the wrong key."""
    mapping = {"name": value} if isinstance(value, str) else expect_mapping(value, path)
    if "adversarial" in mapping:
        composition = validated(Composition, mapping, path)
        return composition.name or name_of_loss(composition.loss), composition.loss
    if "name" not in mapping:
        raise SpecError((*path, "name"), "missing key: the name of a loss, or adversarial and penalties")
    name = mapping.pop("name")
    known = lookup(LOSSES, name, path if isinstance(value, str) else (*path, "name"), "loss")
    loss = change_loss(known, mapping, path)
    return (f"{name}({settings_text(mapping)})" if mapping else name), loss


def change_loss(loss: Loss, values: Mapping[str, Any], path: KeyPath) -> Loss:
    """`loss` with hyper-parameters changed by name, checked as in a suite. Raises: SpecError at the wrong key."""
    for key, value in values.items():
        if key not in loss.field_names():
            raise SpecError((*path, key), f"unknown key ({suggestion(key, loss.field_names())})")
        try:
            loss = loss.with_fields(**{key: value})
        except UserError as error:
            raise SpecError(path, str(error)) from None
    try:
        return validated(Composition, loss.config()).loss
    except SpecError as error:
        typed = error.path[-1:] if error.path[-1] in values else ()
        raise SpecError((*path, *typed), error.message) from None


def name_of_loss(loss: Loss) -> str:
    """The name of a loss that was given none: its registered one, or that of its parts."""
    published = next((name for name, known in LOSSES.items() if known.config() == loss.config()), None)
    return published or composed_name(loss)


def composed_name(loss: Loss) -> str:
    """A name that tells the parts and every field that differs from its default: no two losses share it."""
    parts = [part_text(part) for part in (loss.adversarial, *loss.penalties)]
    if loss.weight_clip is not None:
        parts.append(f"clip({loss.weight_clip:g})")
    return "+".join([*parts, *([loss.critic_norm] if loss.critic_norm else [])])


def part_text(part: Any) -> str:
    """gradient-norm(weight=5,one_sided)"""
    changed = {field.name: getattr(part, field.name) for field in fields(part)}
    changed = {field.name: changed[field.name] for field in fields(part) if changed[field.name] != field.default}
    return part_name(part) + (f"({settings_text(changed)})" if changed else "")


def settings_text(values: Mapping[str, Any]) -> str:
    return ",".join(key if value is True else f"{key}={number_text(value)}" for key, value in values.items())


def number_text(value: object) -> str:
    """A number as short as it can be without a loss: 5.0 -> 5."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
