"""The optimisers by name: Adam and RMSProp, which every engine knows, and others by torch's own code.

An optimiser is a frozen dataclass of its settings. One of the others has the method

    optimizer(weights)      the torch.optim.Optimizer of `weights`, a vector (P,) of all weights of a net

so whatever it does it does number by number, as all do that are here. A new one is a class and a line below; from
outside the package it comes by `--plugin` or an entry point, see `gan_zoo.registry`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.registry import Registry
from gan_zoo.validation import Positive, Share, strict

NotNegative = Annotated[float, Field(ge=0)]
Betas = tuple[Share, Share]


@strict
@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1): learning rate and decay rates of the two moments."""

    lr: Positive
    betas: Betas = (0.9, 0.999)

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


class OfTorch:
    """Base of the dataclasses of settings that torch's optimiser `kind` takes by these names."""

    kind: ClassVar[type[torch.optim.Optimizer]]

    def __post_init__(self) -> None:
        try:
            self.optimizer(torch.zeros(1))
        except ValueError as error:
            raise UserError(str(error)) from None

    def optimizer(self, weights: Tensor) -> torch.optim.Optimizer:
        """Torch's optimiser of these weights, one operation after the other."""
        return self.kind([weights], foreach=False, **asdict(self))  # type: ignore[call-arg, call-overload]

    def __str__(self) -> str:
        return in_words(self.kind.__name__, self)


def in_words(name: str, settings: Any) -> str:
    """Name, learning rate, and what differs from its default: AdamW 0.001, weight_decay 0.1."""
    values = {field.name: (getattr(settings, field.name), field.default) for field in fields(settings)}
    rate = values.pop("lr", None)
    words = [f"{name} {rate[0]:g}" if rate else name]
    words += [f"{key} {_word(value)}" for key, (value, default) in values.items() if value != default]
    return ", ".join(words)


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_word, value))})"
    return f"{value:g}" if isinstance(value, float) else str(value)


@strict
@dataclass(frozen=True)
class AdamW(OfTorch):
    """Adam with weights that decay by themselves (Loshchilov and Hutter 2019, algorithm 2)."""

    lr: Positive
    betas: Betas = (0.9, 0.999)
    weight_decay: NotNegative = 0.01
    eps: Positive = 1e-8
    amsgrad: bool = False

    kind = torch.optim.AdamW


@strict
@dataclass(frozen=True)
class SGD(OfTorch):
    """Stochastic gradient descent, with momentum or Nesterov's (Sutskever et al. 2013) as torch has them."""

    lr: Positive
    momentum: NotNegative = 0.0
    dampening: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    nesterov: bool = False

    kind = torch.optim.SGD

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dampening and not self.momentum:
            raise UserError("dampening does nothing without momentum: leave it out")


@strict
@dataclass(frozen=True)
class NAdam(OfTorch):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    lr: Positive
    betas: Betas = (0.9, 0.999)
    weight_decay: NotNegative = 0.0
    momentum_decay: NotNegative = 0.004
    eps: Positive = 1e-8
    decoupled_weight_decay: bool = False

    kind = torch.optim.NAdam


@strict
@dataclass(frozen=True)
class RAdam(OfTorch):
    """Adam with a rectified variance of its first steps (Liu et al. 2020, algorithm 2)."""

    lr: Positive
    betas: Betas = (0.9, 0.999)
    weight_decay: NotNegative = 0.0
    eps: Positive = 1e-8
    decoupled_weight_decay: bool = False

    kind = torch.optim.RAdam


@strict
@dataclass(frozen=True)
class Adamax(OfTorch):
    """Adam by the infinity norm (Kingma and Ba 2015, algorithm 2)."""

    lr: Positive
    betas: Betas = (0.9, 0.999)
    weight_decay: NotNegative = 0.0
    eps: Positive = 1e-8

    kind = torch.optim.Adamax


@strict
@dataclass(frozen=True)
class Adagrad(OfTorch):
    """Steps divided by the root of all squared gradients so far (Duchi et al. 2011)."""

    lr: Positive
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    initial_accumulator_value: NotNegative = 0.0
    eps: Positive = 1e-10

    kind = torch.optim.Adagrad


@strict
@dataclass(frozen=True)
class Adadelta(OfTorch):
    """Steps in the unit of the weights (Zeiler 2012, algorithm 1)."""

    lr: Positive = 1.0
    rho: Share = 0.9
    weight_decay: NotNegative = 0.0
    eps: Positive = 1e-6

    kind = torch.optim.Adadelta


def complaint(known: Mapping[str, Any], name: str, kind: Any) -> str:
    """The fault of a new optimiser, "" where there is none."""
    if not isinstance(kind, type) or not is_dataclass(kind) or not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "expected a class that is a frozen dataclass of settings"
    if not (hasattr(kind, "optimizer") or kind in EVERYWHERE):
        return "the class has no optimizer(weights) that makes a torch.optim.Optimizer"
    other = next((name for name, each in known.items() if each is kind), None)
    return f"the same class as '{other}': give it a class of its own" if other else ""


EVERYWHERE: tuple[type, ...] = (Adam, RMSprop)
"""Those that all engines know; of others only their own code knows what they do."""

OWN: dict[str, type] = {
    "adam": Adam,
    "rmsprop": RMSprop,
    "adamw": AdamW,
    "sgd": SGD,
    "nadam": NAdam,
    "radam": RAdam,
    "adamax": Adamax,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
}
OPTIMIZERS: Registry[type] = Registry("OPTIMIZERS", "optimizer", OWN, complaint)


def is_known_everywhere(optimizer: Any) -> bool:
    """Whether every engine can take these settings."""
    return type(optimizer) in EVERYWHERE
