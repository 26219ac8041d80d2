"""From plain data to a RunSpec, or to the reason why not and the key that it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.errors import brief
from gan_zoo.losses import Loss
from gan_zoo.losses.config import parse_loss
from gan_zoo.spec.parts import DatasetSpec, EvaluateSpec, Seed, TrainSpec
from gan_zoo.spec.refusals import insisted
from gan_zoo.spec.run import RunSpec
from gan_zoo.validation import KeyPath, OneOf, SpecError, different, expect_mapping, strict, validated


@strict
@dataclass(frozen=True)
class Content:
    """The form of `RunSpec.to_dict`, but for the loss, which has three forms of its own."""

    dataset: Annotated[DatasetSpec, BeforeValidator(lambda value: {"name": value} if isinstance(value, str) else value)]
    architecture: Annotated[Any, OneOf(ARCHITECTURES, "architecture")]
    train: TrainSpec
    evaluate: EvaluateSpec
    seed: Seed = 0
    insist: Annotated[tuple[str, ...], AfterValidator(different)] = ()


def run_spec(content: Mapping[str, Any], path: KeyPath = ()) -> RunSpec:
    """The RunSpec that `content`, plain data in the form of `RunSpec.to_dict`, describes.

    `content["loss"]` may be a registered name, a registered name with changed hyper-parameters, or a composition;
    `content["insist"]` names the refusals (see REFUSALS) that the user overrules. Raises: SpecError that names the key.
    """
    given = expect_mapping(content, path)
    if "loss" not in given:
        raise SpecError((*path, "loss"), "missing key")
    name, loss = parse_loss(given.pop("loss"), (*path, "loss"))
    return spec_of_loss(name, loss, given, path)


def spec_of_loss(name: str, loss: Loss, content: Mapping[str, Any], path: KeyPath = ()) -> RunSpec:
    """The RunSpec of a loss under this name, and of all that `content` describes beside it.

    Raises: SpecError that names the key.
    """
    given = dict(content)
    if "architecture" in given:
        given["architecture"] = _architecture_for(given["architecture"], name, loss, (*path, "architecture"))
    try:
        checked = validated(Content, given, path)
    except SpecError as error:
        raise explained(error, name, loss, given, path) from None
    parts = checked.dataset, checked.architecture, checked.train, checked.evaluate, checked.seed
    spec = RunSpec(name, loss, *parts)
    if spec.train.fakes and spec.evaluate.repeats > 1:
        reason = "a critic that trains alone has no latents to be scored on again: leave it out"
        raise SpecError((*path, "evaluate", "repeats"), reason)
    if spec.train.lr_decay != "none" and not hasattr(spec.train.optimizer, "lr"):
        reason = "the optimizer has no learning rate, lr, that could decay: leave it out"
        raise SpecError((*path, "train", "lr_decay"), reason)
    return replace(spec, insist=insisted(spec, checked.insist, path))


def _architecture_for(value: object, loss_name: str, loss: Loss, path: KeyPath) -> object:
    """Settings of an architecture with the critic's normalisation that the loss requires, where it requires one.

    A name may carry an index: table1:17 is {name: table1, index: 17}. Raises: SpecError at the wrong key.
    """
    mapping = {"name": value} if isinstance(value, str) else value
    if not isinstance(mapping, Mapping):
        return value
    name, colon, index = str(mapping.get("name", "")).partition(":")
    if colon:
        if not (index.isascii() and index.isdecimal() and len(index) < 10):
            raise SpecError((*path, "name"), f"expected a whole number of up to 9 digits after ':', got '{index[:20]}'")
        mapping = {**mapping, "name": name, "index": int(index)}
    if loss.critic_norm is None:
        return mapping
    asked = mapping.get("critic_norm", loss.critic_norm)
    if asked != loss.critic_norm:
        raise SpecError(
            (*path, "critic_norm"),
            f"'{loss_name}' requires a critic under {loss.critic_norm} normalisation, got {brief(asked)}: leave it out",
        )
    return {**mapping, "critic_norm": asked}


def explained(error: SpecError, loss_name: str, loss: Loss, given: Mapping[str, Any], path: KeyPath) -> SpecError:
    """`error`, or the reason behind it where it is about the normalisation that the loss put there."""
    key = (*path, "architecture")
    if loss.critic_norm is None or error.path != (*key, "critic_norm"):
        return error
    name = given["architecture"]["name"]
    message = f"'{name}' has no {loss.critic_norm} normalisation of the critic, which '{loss_name}' requires"
    return SpecError(key, message)
