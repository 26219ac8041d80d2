"""Losses from plain data: a registered name, one with changed hyper-parameters, or a composition of parts.

wgan-gp        {name: wgan-gp, weight: 0.1}
{adversarial: hinge, penalties: [{gradient-norm: {one_sided: true, weight: 5}}, {r1: {gamma: 0.1}}]}
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gan_zoo.errors import UserError, suggestion
from gan_zoo.losses import ADVERSARIAL, LOSSES, PENALTIES
from gan_zoo.losses.base import Loss, part_name
from gan_zoo.losses.penalties import GradientNorm, named
from gan_zoo.validation import KeyPath, SpecError, expect_mapping, lookup, parse

KEYS = ("name", "adversarial", "penalties", "weight_clip", "critic_norm")


def parse_loss(value: object, path: KeyPath) -> tuple[str, Loss]:
    """Name and loss from any of the three forms. Errors: SpecError at the wrong key."""
    mapping = {"name": value} if isinstance(value, str) else expect_mapping(value, path)
    if "adversarial" in mapping:
        return parse_composition(mapping, path)
    if "name" not in mapping:
        raise SpecError((*path, "name"), "missing key: the name of a loss, or adversarial and penalties")
    name = mapping.pop("name")
    loss = change_loss(lookup(LOSSES, name, (*path, "name"), "loss"), mapping, path)
    return (f"{name}({settings_text(mapping)})" if mapping else name), loss


def change_loss(loss: Loss, values: Mapping[str, Any], path: KeyPath) -> Loss:
    """`loss` with hyper-parameters changed by name, checked as in a suite. Errors: SpecError at the wrong key."""
    for key, value in values.items():
        if key not in loss.field_names():
            raise SpecError((*path, key), f"unknown key ({suggestion(key, loss.field_names())})")
        try:
            loss = loss.with_fields(**{key: value})
        except UserError as error:
            raise SpecError(path, str(error)) from None
    return parse_composition(loss.config(), path)[1]


def parse_composition(mapping: Mapping[str, Any], path: KeyPath) -> tuple[str, Loss]:
    """A loss from its parts; parts that make a registered loss are that loss, with its name and paper."""
    for key in mapping:
        if key not in KEYS:
            raise SpecError((*path, key), f"unknown key ({suggestion(key, KEYS[1:])})")
    penalties = mapping.get("penalties") or []
    if not isinstance(penalties, list | tuple):
        raise SpecError((*path, "penalties"), f"expected a list, got {penalties!r}")
    loss = Loss(
        parse_part(ADVERSARIAL, mapping["adversarial"], (*path, "adversarial"), "adversarial term"),
        tuple(parse_penalty(part, (*path, "penalties", i)) for i, part in enumerate(penalties)),
        parse_clip(mapping.get("weight_clip"), (*path, "weight_clip")),
        critic_norm=parse_norm(mapping.get("critic_norm"), (*path, "critic_norm")),
    )
    published = next((name for name, known in LOSSES.items() if known.config() == loss.config()), None)
    name = mapping.get("name") or published or composed_name(loss)
    return name, loss if published is None else LOSSES[published]


def parse_part(registry: Mapping[str, Any], value: object, path: KeyPath, what: str) -> Any:
    """A part of a loss from its name or {name: {fields}}."""
    mapping = {value: {}} if isinstance(value, str) else expect_mapping(value, path)
    if len(mapping) != 1:
        raise SpecError(path, f"expected one {what}, got {len(mapping)}")
    name, values = next(iter(mapping.items()))
    return parse(lookup(registry, name, path, what), values or {}, (*path, name))


def parse_penalty(value: object, path: KeyPath) -> Any:
    part = parse_part(PENALTIES, value, path, "penalty")
    return named(part) if type(part) is GradientNorm else part


def parse_clip(clip: object, path: KeyPath) -> float | None:
    if clip is not None and not (type(clip) in (int, float) and clip > 0):  # type: ignore[operator]
        raise SpecError(path, f"expected a number > 0, got {clip!r}")
    return None if clip is None else float(clip)  # type: ignore[arg-type]


def parse_norm(norm: object, path: KeyPath) -> str | None:
    if norm not in (None, "spectral"):
        raise SpecError(path, f"expected spectral, the one normalisation that a loss may require, got {norm!r}")
    return None if norm is None else "spectral"


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
