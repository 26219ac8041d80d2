"""RunSpec: everything that one run is, frozen, with one canonical JSON form both ways and a key that is its hash.

Two specs with the same key give the same weights on the same kind of device. What does not change the numbers (device,
engine, number of workers, where a data set lies on disk) is not part of a spec.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.losses import Loss
from gan_zoo.losses.config import parse_loss
from gan_zoo.validation import KeyPath, SpecError, expect_mapping, lookup, parse, parse_named

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
    repeats: Count = 1
    """How often the end is scored, each time on samples of its own, from `seed`, `seed` + 1, ...; where it is more than
    1, every evaluation is also scored on data held apart, so that a best checkpoint can be chosen fairly."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without `repeats` where there are none: older specs keep their keys."""
        content = asdict(self)
        return content if self.repeats > 1 else {key: value for key, value in content.items() if key != "repeats"}


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
            "evaluate": self.evaluate.to_dict(),
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
        """The cell's identity: 16 hexadecimal digits, BLAKE2b of its canonical JSON."""
        return hashlib.blake2b(self.canonical.encode(), digest_size=8).hexdigest()


def name_of(registry: Mapping[str, type], instance: object) -> str:
    return next(name for name, kind in registry.items() if kind is type(instance))


def optimizer_dict(optimizer: Adam | RMSprop) -> dict[str, Any]:
    return {"name": name_of(OPTIMIZERS, optimizer), **asdict(optimizer)}


def run_spec(content: Mapping[str, Any], path: KeyPath = ()) -> RunSpec:
    """The RunSpec that `content`, plain data in the form of `RunSpec.to_dict`, describes.

    `content["loss"]` may be a registered name, a registered name with changed hyper-parameters, or a composition;
    `content["insist"]` names the refusals (see REFUSALS) that the user overrules. Errors: SpecError that names the key.
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
        parse_architecture(content["architecture"], loss_name, loss, (*path, "architecture")),
        parse_train(content["train"], (*path, "train")),
        parse(EvaluateSpec, content["evaluate"], (*path, "evaluate")),
        parse_seed(content.get("seed", 0), (*path, "seed")),
    )
    return replace(spec, insist=insisted(spec, parse_insist(content.get("insist"), (*path, "insist")), path))


def parse_architecture(value: object, loss_name: str, loss: Loss, path: KeyPath) -> Any:
    """An architecture with the critic's normalisation that the loss requires, where it requires one.

    A name may carry an index: table1:17 is {name: table1, index: 17}.
    """
    mapping = {"name": value} if isinstance(value, str) else expect_mapping(value, path)
    name, colon, index = str(mapping.get("name", "")).partition(":")
    if colon:
        if not index.isdecimal():
            raise SpecError((*path, "name"), f"expected a whole number after ':', got '{index}'")
        mapping = {**mapping, "name": name, "index": int(index)}
    if loss.critic_norm is None:
        return parse_named(ARCHITECTURES, mapping, path, "architecture")
    asked = mapping.get("critic_norm", loss.critic_norm)
    if asked != loss.critic_norm:
        raise SpecError(
            (*path, "critic_norm"),
            f"'{loss_name}' requires a critic under {loss.critic_norm} normalisation, got {asked!r}: leave it out",
        )
    try:
        return parse_named(ARCHITECTURES, {**mapping, "critic_norm": asked}, path, "architecture")
    except SpecError as error:
        if error.path != (*path, "critic_norm"):
            raise
        message = f"'{name}' has no {asked} normalisation of the critic, which '{loss_name}' requires"
        raise SpecError(path, message) from None


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


def parse_insist(value: object, path: KeyPath) -> list[str]:
    """The names of refusals that a user overrules. Errors: SpecError for a name that is none."""
    if not isinstance(value, list | tuple | None):
        raise SpecError(path, f"expected a list of refusals ({', '.join(REFUSALS)}), got {value!r}")
    for i, name in enumerate(value or ()):
        lookup(REFUSALS, name, (*path, i), "refusal")
    return list(value or ())


def insisted(spec: RunSpec, names: list[str], path: KeyPath) -> tuple[str, ...]:
    """Those of `names` that overrule a refusal of `spec`. Errors: SpecError with reason and paper for any other."""
    refused = [name for name, refusal in REFUSALS.items() if refusal.applies(spec)]
    for name in refused:
        if name not in names:
            refusal = REFUSALS[name]
            raise SpecError((*path, *refusal.key), f"'{spec.loss_name}': {refusal.reason}, or insist: [{name}]")
    return tuple(refused)


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
