"""RunSpec, its one canonical JSON form, and the key by which a run is known."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.losses import Loss
from gan_zoo.losses.base import part_name
from gan_zoo.optimizers import OPTIMIZERS
from gan_zoo.spec.parts import PLACES, DatasetSpec, EvaluateSpec, TrainSpec

SCIENCE_VERSION = 3
"""Raised by every change that alters weights or scores of some run, a default of a field included: what was recorded
under another version is run anew."""


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
            "dataset": self.dataset.to_dict(),
            "architecture": {"name": _name_of(ARCHITECTURES, self.architecture), **asdict(self.architecture)},
            "train": _train_dict(self.train),
            "evaluate": asdict(self.evaluate),
            "seed": self.seed,
            **({"insist": list(self.insist)} if self.insist else {}),
        }

    @property
    def canonical(self) -> str:
        """The one JSON form, in ASCII, without the place of one's own data: `run_spec` makes the spec of it again, of
        other data."""
        content = self.to_dict()
        for key in PLACES:
            content["dataset"].pop(key, None)
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """By what the run is known: 16 hexadecimal digits, BLAKE2b of the fields that differ from their defaults.

        So a field that is new, with the behaviour of before as its default, gives no run another key.
        """
        optimizer = self.train.optimizer
        content = {
            "loss": {"name": self.loss_name, **_loss_dict(self.loss)},
            "dataset": differing(self.dataset.nowhere),
            "architecture": {"name": _name_of(ARCHITECTURES, self.architecture), **differing(self.architecture)},
            "train": {
                **differing(self.train),
                "optimizer": {"name": _name_of(OPTIMIZERS, optimizer), **differing(optimizer)},
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


def _loss_dict(loss: Loss) -> dict[str, Any]:
    """The parts of a loss, each by what differs from its defaults."""
    content: dict[str, Any] = {
        "adversarial": {part_name(loss.adversarial): differing(loss.adversarial)},
        "penalties": [{part_name(penalty): differing(penalty)} for penalty in loss.penalties],
    }
    limits = {"weight_clip": loss.weight_clip, "critic_norm": loss.critic_norm}
    return content | {name: value for name, value in limits.items() if value is not None}


def _name_of(registry: Mapping[str, type], instance: object) -> str:
    return next(name for name, kind in registry.items() if kind is type(instance))


def _train_dict(train: TrainSpec) -> dict[str, Any]:
    """All fields, but for `fakes` where there are none: specs from before it keep their form."""
    content = {**asdict(train), "optimizer": _optimizer_dict(train.optimizer)}
    if train.fakes is None:
        del content["fakes"]
    return content


def _optimizer_dict(optimizer: Any) -> dict[str, Any]:
    return {"name": _name_of(OPTIMIZERS, optimizer), **asdict(optimizer)}
