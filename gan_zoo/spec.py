"""RunSpec: everything that one run is, frozen, with one canonical JSON form both ways and a key by which it is known.

Two specs with the same key give the same weights on the same kind of device, of the same data, in the same numerics
and by the same SCIENCE_VERSION. What does not change the numbers (engine, number of workers, where a data set lies on
disk) is not part of a spec.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.errors import brief
from gan_zoo.losses import Loss
from gan_zoo.losses.base import part_name
from gan_zoo.losses.config import parse_loss
from gan_zoo.validation import (
    KeyPath,
    Name,
    OneOf,
    Positive,
    Share,
    SpecError,
    adapter,
    different,
    expect_mapping,
    lookup,
    strict,
    validated,
)

SCIENCE_VERSION = 3
"""Raised by every change that alters weights or scores of some run, a default of a field included: what was recorded
under another version is run anew."""

Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
CriticSteps = Annotated[int, Field(gt=0, le=10_000)]
BatchSize = Annotated[int, Field(gt=0, le=1_000_000)]
Samples = Annotated[int, Field(ge=10, le=10_000_000)]
Repeats = Annotated[int, Field(gt=0, le=1_000)]
ImageSize = Annotated[int, Field(gt=0, le=4096)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What tables and databases hold exactly."""


@strict
@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1): learning rate and decay rates of the two moments."""

    lr: Positive
    betas: tuple[Share, Share] = (0.9, 0.999)

    def __str__(self) -> str:
        return f"Adam {self.lr:g} ({self.betas[0]:g}, {self.betas[1]:g})"


@strict
@dataclass(frozen=True)
class RMSprop:
    """RMSProp (Tieleman and Hinton 2012): learning rate and decay rate of the squared gradient."""

    lr: Positive
    alpha: Share = 0.99

    def __str__(self) -> str:
        return f"RMSProp {self.lr:g}"


OPTIMIZERS: dict[str, type] = {"adam": Adam, "rmsprop": RMSprop}


@strict
@dataclass(frozen=True)
class TrainSpec:
    """How a pair of nets is trained: `steps` generator steps, each after `n_critic` critic steps."""

    steps: Count
    batch_size: BatchSize
    optimizer: Annotated[Adam | RMSprop, OneOf(OPTIMIZERS, "optimizer")]
    n_critic: CriticSteps = 5
    lr_decay: Literal["none", "linear"] = "none"
    precision: Literal["float32", "float64"] = "float32"


@strict
@dataclass(frozen=True)
class EvaluateSpec:
    """What is measured: every `every` generator steps and at the end, on `samples` samples drawn from `seed`."""

    every: Count
    samples: Samples
    metrics: Annotated[tuple[str, ...], AfterValidator(different)] = ()
    """Names of metrics; none means the data set's own."""
    seed: Seed = 0
    repeats: Repeats = 1
    """How often the end is scored, each time on samples of its own, from `seed`, `seed` + 1, ...; where it is more than
    1, every evaluation is also scored on data held apart, so that a best checkpoint can be chosen fairly."""


@strict
@dataclass(frozen=True)
class DatasetSpec:
    """A data set by name; `folder` makes it a folder of images, which `image_size` resizes to squares."""

    name: Name
    folder: Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)] | None = None
    image_size: ImageSize | None = None


@dataclass(frozen=True)
class RunSpec:
    """One cell of a comparison: loss x data set x architecture x seed, with its training and evaluation."""

    loss_name: str
    loss: Loss = field(repr=False)
    dataset: DatasetSpec
    architecture: Any
    train: TrainSpec
    evaluate: EvaluateSpec
    seed: int = 0
    insist: tuple[str, ...] = ()
    """The refusals of this very combination that the user overruled."""

    @property
    def label(self) -> str:
        """How people call this cell."""
        return f"{self.loss_name} / {self.dataset.name} / seed {self.seed}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data from which `run_spec` makes the same spec again."""
        return {
            "loss": {"name": self.loss_name, **self.loss.config()},
            "dataset": asdict(self.dataset),
            "architecture": {"name": name_of(ARCHITECTURES, self.architecture), **asdict(self.architecture)},
            "train": {**asdict(self.train), "optimizer": optimizer_dict(self.train.optimizer)},
            "evaluate": asdict(self.evaluate),
            "seed": self.seed,
            **({"insist": list(self.insist)} if self.insist else {}),
        }

    @property
    def canonical(self) -> str:
        """The one JSON form, in ASCII, without the data's folder: `run_spec` makes the spec of it again, where the data
        set has no folder."""
        content = self.to_dict()
        del content["dataset"]["folder"]
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @property
    def key(self) -> str:
        """By what the run is known: 16 hexadecimal digits, BLAKE2b of the fields that differ from their defaults.

        So a field that is new, with the behaviour of before as its default, gives no run another key.
        """
        optimizer = self.train.optimizer
        content = {
            "loss": {"name": self.loss_name, **loss_dict(self.loss)},
            "dataset": differing(replace(self.dataset, folder=None)),
            "architecture": {"name": name_of(ARCHITECTURES, self.architecture), **differing(self.architecture)},
            "train": {
                **differing(self.train),
                "optimizer": {"name": name_of(OPTIMIZERS, optimizer), **differing(optimizer)},
            },
            "evaluate": differing(self.evaluate),
            "seed": self.seed,
            "insist": self.insist,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()


def differing(instance: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, by name."""
    values = {entry.name: getattr(instance, entry.name) for entry in fields(instance)}
    return {entry.name: values[entry.name] for entry in fields(instance) if values[entry.name] != entry.default}


def loss_dict(loss: Loss) -> dict[str, Any]:
    """The parts of a loss, each by what differs from its defaults."""
    content: dict[str, Any] = {
        "adversarial": {part_name(loss.adversarial): differing(loss.adversarial)},
        "penalties": [{part_name(penalty): differing(penalty)} for penalty in loss.penalties],
    }
    limits = {"weight_clip": loss.weight_clip, "critic_norm": loss.critic_norm}
    return content | {name: value for name, value in limits.items() if value is not None}


def name_of(registry: Mapping[str, type], instance: object) -> str:
    return next(name for name, kind in registry.items() if kind is type(instance))


def optimizer_dict(optimizer: Adam | RMSprop) -> dict[str, Any]:
    return {"name": name_of(OPTIMIZERS, optimizer), **asdict(optimizer)}


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
    `content["insist"]` names the refusals (see REFUSALS) that the user overrules. Errors: SpecError that names the key.
    """
    given = expect_mapping(content, path)
    if "loss" not in given:
        raise SpecError((*path, "loss"), "missing key")
    name, loss = parse_loss(given.pop("loss"), (*path, "loss"))
    if "architecture" in given:
        given["architecture"] = architecture_for(given["architecture"], name, loss, (*path, "architecture"))
    try:
        checked = validated(adapter(Content), given, path)
    except SpecError as error:
        raise explained(error, name, loss, given, path) from None
    parts = checked.dataset, checked.architecture, checked.train, checked.evaluate, checked.seed
    spec = RunSpec(name, loss, *parts)
    return replace(spec, insist=insisted(spec, checked.insist, path))


def architecture_for(value: object, loss_name: str, loss: Loss, path: KeyPath) -> object:
    """Settings of an architecture with the critic's normalisation that the loss requires, where it requires one.

    A name may carry an index: table1:17 is {name: table1, index: 17}. Errors: SpecError at the wrong key.
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
    place = (*path, "architecture")
    if loss.critic_norm is None or error.path != (*place, "critic_norm"):
        return error
    name = given["architecture"]["name"]
    message = f"'{name}' has no {loss.critic_norm} normalisation of the critic, which '{loss_name}' requires"
    return SpecError(place, message)


@dataclass(frozen=True)
class Refusal:
    """A combination that is known not to work, and where that is said; `insist: [its name]` runs it all the same."""

    applies: Callable[[RunSpec], bool]
    key: KeyPath
    reason: str


REFUSALS: dict[str, Refusal] = {
    "batch-norm-under-penalty": Refusal(
        lambda spec: bool(spec.loss.penalties) and getattr(spec.architecture, "critic_mixes_samples", False),
        ("architecture", "critic_norm"),
        "batch normalisation in the critic cannot go with a gradient penalty, which is per sample "
        "(Gulrajani et al. 2017, section 4): use none or layer",
    ),
    "clip-without-wasserstein": Refusal(
        lambda spec: spec.loss.weight_clip is not None and not needs_lipschitz(spec.loss),
        ("loss", "weight_clip"),
        "weight clipping is there to make a Wasserstein term's critic Lipschitz (Arjovsky et al. 2017, section 3), and "
        "this loss has no such term: leave weight_clip out",
    ),
    "clip-with-penalty": Refusal(
        lambda spec: spec.loss.weight_clip is not None and bool(spec.loss.penalties),
        ("loss", "weight_clip"),
        "a gradient penalty replaces weight clipping (Gulrajani et al. 2017, section 4), and clipped weights keep the "
        "critic from the slopes that the penalty asks for: use one of the two",
    ),
    "clip-with-spectral": Refusal(
        lambda spec: spec.loss.weight_clip is not None and is_spectral(spec),
        ("loss", "weight_clip"),
        "a spectrally normalised weight is W / sigma(W) (Miyato et al. 2018, section 2), so clipping W bounds nothing "
        "and only distorts it: use one of the two",
    ),
    "wasserstein-without-bound": Refusal(
        lambda spec: (
            needs_lipschitz(spec.loss)
            and not (spec.loss.penalties or spec.loss.weight_clip is not None or is_spectral(spec))
        ),
        ("loss",),
        "a Wasserstein term is bounded only over Lipschitz critics (Arjovsky et al. 2017, eq. 2): this one grows for "
        "ever; add a penalty, weight_clip or critic_norm: spectral",
    ),
}


def needs_lipschitz(loss: Loss) -> bool:
    return bool(getattr(loss.adversarial, "needs_lipschitz", False))


def is_spectral(spec: RunSpec) -> bool:
    return getattr(spec.architecture, "critic_norm", None) == "spectral"


def insisted(spec: RunSpec, names: Sequence[str], path: KeyPath) -> tuple[str, ...]:
    """Those of `names` that overrule a refusal of `spec`. Errors: SpecError with reason and paper for any other."""
    for i, name in enumerate(names):
        lookup(REFUSALS, name, (*path, "insist", i), "refusal")
    refused = [name for name, refusal in REFUSALS.items() if refusal.applies(spec)]
    for name in refused:
        if name not in names:
            refusal = REFUSALS[name]
            raise SpecError((*path, *refusal.key), f"'{spec.loss_name}': {refusal.reason}, or insist: [{name}]")
    return tuple(refused)
