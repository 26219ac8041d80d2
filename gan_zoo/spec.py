"""RunSpec: everything that one run is, frozen, with one canonical JSON form both ways and a key that is its hash.

Two specs with the same key give the same weights on the same kind of device. What does not change the numbers (device,
engine, number of workers, where a data set lies on disk) is not part of a spec.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.errors import UserError
from gan_zoo.losses import ADVERSARIAL, LOSSES, PENALTIES, Loss
from gan_zoo.validation import KeyPath, SpecError, expect_mapping, lookup, parse, parse_named, suggestion

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(gt=0)]


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1): learning rate and decay rates of the two moments."""

    lr: Positive
    betas: tuple[Share, Share] = (0.9, 0.999)

    def __str__(self) -> str:
        return f"Adam {self.lr:g} ({self.betas[0]:g}, {self.betas[1]:g})"


@dataclass(frozen=True)
class RMSprop:
    """RMSProp (Tieleman and Hinton 2012): learning rate and decay rate of the squared gradient."""

    lr: Positive
    alpha: Share = 0.99

    def __str__(self) -> str:
        return f"RMSProp {self.lr:g}"


OPTIMIZERS: dict[str, type] = {"adam": Adam, "rmsprop": RMSprop}


@dataclass(frozen=True)
class TrainSpec:
    """How a pair of nets is trained: `steps` generator steps, each after `n_critic` critic steps."""

    steps: Count
    batch_size: Count
    optimizer: Adam | RMSprop
    n_critic: Count = 5
    lr_decay: Literal["none", "linear"] = "none"
    precision: Literal["float32", "float64"] = "float32"


@dataclass(frozen=True)
class EvaluateSpec:
    """What is measured: every `every` generator steps and at the end, on `samples` samples drawn from `seed`."""

    every: Count
    samples: Annotated[int, Field(ge=10)]
    metrics: tuple[str, ...] = ()
    """Names of metrics; none means the data set's own."""
    seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class DatasetSpec:
    """A data set by name; `folder` makes it a folder of images, which `image_size` resizes to squares."""

    name: str
    folder: str | None = None
    image_size: Count | None = None


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
        }

    @property
    def key(self) -> str:
        """The cell's identity: 16 hexadecimal digits, the hash of its canonical JSON without the data's place on disk."""
        content = self.to_dict()
        del content["dataset"]["folder"]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()


def name_of(registry: Mapping[str, type], instance: object) -> str:
    return next(name for name, kind in registry.items() if kind is type(instance))


def optimizer_dict(optimizer: Adam | RMSprop) -> dict[str, Any]:
    return {"name": name_of(OPTIMIZERS, optimizer), **asdict(optimizer)}


def run_spec(content: Mapping[str, Any], path: KeyPath = ()) -> RunSpec:
    """The RunSpec that `content`, plain data in the form of `RunSpec.to_dict`, describes.

    `content["loss"]` may be a registered name, a registered name with changed hyper-parameters, or a composition.
    Errors: SpecError that names the key.
    """
    for key in ("loss", "dataset", "architecture", "train", "evaluate"):
        if key not in content:
            raise SpecError((*path, key), "missing key")
    loss_name, loss = parse_loss(content["loss"], (*path, "loss"))
    dataset = content["dataset"]
    spec = RunSpec(
        loss_name,
        loss,
        parse(DatasetSpec, {"name": dataset} if isinstance(dataset, str) else dataset, (*path, "dataset")),
        parse_named(ARCHITECTURES, content["architecture"], (*path, "architecture"), "architecture"),
        parse_train(content["train"], (*path, "train")),
        parse(EvaluateSpec, content["evaluate"], (*path, "evaluate")),
        parse_seed(content.get("seed", 0), (*path, "seed")),
    )
    refuse_impossible(spec, path)
    return spec


def refuse_impossible(spec: RunSpec, path: KeyPath) -> None:
    """Combinations that no setting of the parts can save. Errors: SpecError with the reason and the paper."""
    if spec.loss.penalties and getattr(spec.architecture, "critic_mixes_samples", False):
        raise SpecError(
            (*path, "architecture", "critic_norm"),
            f"batch normalisation in the critic cannot go with the gradient penalty of '{spec.loss_name}', which is per "
            "sample (Gulrajani et al. 2017, section 4): use none or layer",
        )


def parse_seed(value: object, path: KeyPath) -> int:
    if type(value) is not int or value < 0:
        raise SpecError(path, f"expected a whole number >= 0, got {value!r}")
    return value


def parse_train(value: object, path: KeyPath) -> TrainSpec:
    mapping = expect_mapping(value, path)
    if "optimizer" not in mapping:
        raise SpecError((*path, "optimizer"), "missing key")
    optimizer = parse_named(OPTIMIZERS, mapping["optimizer"], (*path, "optimizer"), "optimizer")
    return replace(parse(TrainSpec, {**mapping, "optimizer": asdict(optimizer)}, path), optimizer=optimizer)


def parse_loss(value: object, path: KeyPath) -> tuple[str, Loss]:
    """Name and loss from a registered name, {name: wgan-gp, weight: 0.1}, or {adversarial: ..., penalties: [...]}."""
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
        try:
            loss = loss.with_fields(**{key: value})
        except UserError:
            raise SpecError((*path, key), f"unknown key ({suggestion(key, loss.field_names())})") from None
    return parse_composition(loss.config(), path)[1]


def parse_composition(mapping: dict[str, Any], path: KeyPath) -> tuple[str, Loss]:
    """A loss from its parts; parts that make a registered loss are that loss, with its paper."""
    for key in mapping:
        if key not in ("name", "adversarial", "penalties", "weight_clip"):
            raise SpecError((*path, key), f"unknown key ({suggestion(key, ['adversarial', 'penalties', 'weight_clip'])})")
    penalties = mapping.get("penalties", [])
    if not isinstance(penalties, list | tuple):
        raise SpecError((*path, "penalties"), f"expected a list, got {penalties!r}")
    clip = mapping.get("weight_clip")
    if clip is not None and not (isinstance(clip, int | float) and clip > 0):
        raise SpecError((*path, "weight_clip"), f"expected a number > 0, got {clip!r}")
    loss = Loss(
        parse_part(ADVERSARIAL, mapping["adversarial"], (*path, "adversarial"), "adversarial term"),
        tuple(parse_part(PENALTIES, part, (*path, "penalties", i), "penalty") for i, part in enumerate(penalties)),
        None if clip is None else float(clip),
    )
    name = mapping.get("name") or composed_name(loss)
    return name, next((published for published in LOSSES.values() if published.config() == loss.config()), loss)


def parse_part(registry: Mapping[str, Any], value: object, path: KeyPath, what: str) -> Any:
    """A part of a loss from its name or {name: {fields}}."""
    mapping = {value: {}} if isinstance(value, str) else expect_mapping(value, path)
    if len(mapping) != 1:
        raise SpecError(path, f"expected one {what}, got {len(mapping)}")
    name, values = next(iter(mapping.items()))
    return parse(lookup(registry, name, path, what), values or {}, (*path, name))


def composed_name(loss: Loss) -> str:
    """A name that tells the parts and every field of them."""
    parts = []
    config = loss.config()
    for part in ({**config["adversarial"]}, *config["penalties"]):
        ((name, values),) = part.items()
        parts.append(f"{name}({settings_text(values)})" if values else name)
    return "+".join(parts) + (f"+clip({loss.weight_clip:g})" if loss.weight_clip else "")


def settings_text(values: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())
