"""The spaces that settings are searched in: a range for each number, the same for all losses that have the number.

    search:
      shared: {lr: {log: [1e-4, 1e-2]}, n_critic: {choices: [1, 5]}}
      losses:
        wgan-gp: {weight: {log: [0.1, 100]}}

Such a section of a suite is put over the defaults below, number by number. A loss from outside the package may bring
ranges of its own numbers: `SPACES = {"my-loss": {"weight": {"log": [0.1, 10]}}}` beside its LOSSES.

Numbers are those of the optimiser (lr, beta1 and beta2, alpha, as far as it has them), n_critic, and the floats among
the hyper-parameters of the loss, by the name that suites have for them. They have three digits.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from pydantic import Field

from benchmarks.suites.settings import merge
from gan_zoo.errors import UserError, suggestion
from gan_zoo.losses import LOSSES, parts_of
from gan_zoo.losses.base import Loss, field_names
from gan_zoo.losses.config import change_loss
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.validation import KeyPath, SpecError, different, strict, validated

Ends = tuple[float, float]
DIGITS = 3
WHOLE = "n_critic"
OF_ADAM, OF_RMSPROP = ("lr", "beta1", "beta2"), ("lr", "alpha")


@strict
@dataclass(frozen=True)
class Range:
    """The values of one number, uniform on a scale: `log`, `linear`, `log_complement` (that of 1 - x, for decay rates),
    each by its ends, or the `choices`."""

    log: Ends | None = None
    linear: Ends | None = None
    log_complement: Ends | None = None
    choices: Annotated[tuple[float, ...], Field(min_length=1)] | None = None

    def __post_init__(self) -> None:
        given = [entry.name for entry in fields(self) if getattr(self, entry.name) is not None]
        if len(given) != 1:
            raise UserError(f"expected one of log, linear, log_complement, choices, got {', '.join(given) or 'none'}")
        if self.choices is not None:
            different(self.choices)
            return
        low, high = self.ends
        if not low < high:
            raise UserError(f"an empty range: {low:g} is not below {high:g}")
        if self.log is not None and low <= 0:
            raise UserError(f"a logarithm has no {low:g}: begin above 0, or use linear")
        if self.log_complement is not None and high >= 1:
            raise UserError(f"log_complement is of 1 - x, which {high:g} leaves nothing of: end below 1")

    @property
    def ends(self) -> Ends:
        """The least and the largest value."""
        if self.choices is not None:
            return min(self.choices), max(self.choices)
        return self.log or self.linear or self.log_complement or (math.nan, math.nan)

    def at(self, u: float) -> float:
        """The value at the share 0 <= u < 1 of the scale, to three digits (of 1 - x where that has the scale)."""
        if self.choices is not None:
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        low, high = self.ends
        if self.linear is not None:
            return rounded(low + u * (high - low))
        if self.log is not None:
            return rounded(low * (high / low) ** u)
        complement = rounded((1 - high) * ((1 - low) / (1 - high)) ** u)
        return float(f"{1 - complement:.9g}")

    def __str__(self) -> str:
        if self.choices is not None:
            return "one of " + ", ".join(f"{value:g}" for value in self.choices)
        scale = "log scale" if self.log else "linear" if self.linear else "log scale of 1 - x"
        return f"{self.ends[0]:g} to {self.ends[1]:g}, {scale}"


def rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


Ranges = dict[str, Range]
SHARED: Ranges = {
    "lr": Range(log=(1e-4, 1e-2)),
    "beta1": Range(log_complement=(0.0, 0.9)),
    "beta2": Range(log_complement=(0.9, 0.999)),
    "alpha": Range(log_complement=(0.9, 0.999)),
    WHOLE: Range(choices=(1, 2, 5)),
}
OWN: Ranges = {
    "weight": Range(log=(0.1, 100)),  # of a gradient penalty: lambda
    "gamma": Range(log=(0.01, 100)),
    "weight_clip": Range(log=(1e-3, 1)),
    "k": Range(log=(0.1, 100)),  # of WGAN-div
}
"""The default ranges: of what all losses have, and of their own numbers, by name (after Lucic et al. 2018, table 5)."""


@strict
@dataclass(frozen=True)
class Search:
    """The section `search` of a suite: ranges of numbers for all losses that have them, and of single losses."""

    shared: Ranges = field(default_factory=dict)
    losses: dict[str, Ranges] = field(default_factory=dict)

    def check(self, cells: Sequence[RunSpec]) -> None:
        """Raises: SpecError for a loss that is not there, and for a number that no loss, or not this one, has."""
        if not (self.shared or self.losses):
            return
        names = {spec.loss_name: _numbers_of(spec) | set(OF_ADAM) | set(OF_RMSPROP) for spec in cells}
        for number in self.shared:
            _known(number, set().union(*names.values()), ("search", "shared", number))
        for loss, ranges in self.losses.items():
            if loss not in names:
                hint = suggestion(loss, names)
                raise SpecError(("search", "losses", loss), f"no loss of this suite ({hint})")
            for number in ranges:
                _known(number, names[loss], ("search", "losses", loss, number))

    def space(self, spec: RunSpec) -> Ranges:
        """The ranges for the loss of `spec` under its optimiser.

        Raises: SpecError for a number that is said of this loss and that it does not have, and for an end of a range
        that cannot be.
        """
        numbers, own = _numbers_of(spec), self.losses.get(spec.loss_name, {})
        for number in own:
            _known(number, numbers, ("search", "losses", spec.loss_name, number))
        found = {**SHARED, **OWN, **brought(spec.loss_name), **self.shared, **own}
        ranges = {number: range_ for number, range_ in found.items() if number in numbers}
        for number, range_ in ranges.items():
            place = ("losses", spec.loss_name) if number in own else ("shared",)
            for end in range_.ends:
                _refuse_end(spec, number, end, ("search", *place, number))
        return ranges


def _known(number: str, numbers: set[str], path: KeyPath) -> None:
    if number not in numbers:
        raise SpecError(path, f"unknown key ({suggestion(number, sorted(numbers))})")


def _refuse_end(spec: RunSpec, number: str, end: float, path: KeyPath) -> None:
    try:
        with_setting(spec, {number: end})
    except SpecError as error:
        raise SpecError(path, f"{end:g} cannot be: {error.message}") from None


def brought(name: str) -> Ranges:
    """The ranges that a loss from outside the package brings. Raises: UserError where they are none."""
    module = sys.modules.get(LOSSES.module_of(name)) if name in LOSSES else None
    spaces = getattr(module, "SPACES", {})
    if not isinstance(spaces, Mapping) or name not in spaces:
        return {}
    try:
        return validated(dict[str, Range], spaces[name], (name,))
    except SpecError as error:
        raise UserError(f"{getattr(module, '__file__', 'SPACES')}: SPACES: {error}") from None


def _numbers_of(spec: RunSpec) -> set[str]:
    """The numbers of a cell that can be searched."""
    return {*_of_optimizer(spec), WHOLE, *own_numbers(spec.loss)}


def _of_optimizer(spec: RunSpec) -> tuple[str, ...]:
    """The numbers of a cell's optimiser; of betas each is one."""
    known = {field.name for field in fields(spec.train.optimizer)}
    if "betas" in known:
        return OF_ADAM
    return tuple(name for name in OF_RMSPROP if name in known)


def own_numbers(loss: Loss) -> set[str]:
    """The floats among the hyper-parameters of a loss, but for those by whose value other code runs."""
    found = {"weight_clip"} if loss.weight_clip is not None else set()
    for part in parts_of(loss):
        steering = getattr(part, "steering", ())
        found |= {name for name in field_names(part) if type(getattr(part, name)) is float and name not in steering}
    return found


Setting = Mapping[str, float]
"""Values by number."""


def override_of(spec: RunSpec, setting: Setting) -> dict[str, Any]:
    """A setting for a cell like `spec`, as overrides of a suite say it."""
    optimizer: dict[str, Any] = {name: setting[name] for name in ("lr", "alpha") if name in setting}
    if {"beta1", "beta2"} & setting.keys() and "beta1" in _of_optimizer(spec):
        beta1, beta2 = spec.train.optimizer.betas
        optimizer["betas"] = [setting.get("beta1", beta1), setting.get("beta2", beta2)]
    train: dict[str, Any] = {"n_critic": _as_count(setting[WHOLE])} if WHOLE in setting else {}
    if optimizer:
        train["optimizer"] = {"name": spec.to_dict()["train"]["optimizer"]["name"], **optimizer}
    loss = {name: value for name, value in setting.items() if name in own_numbers(spec.loss)}
    return {**({"loss": loss} if loss else {}), **({"train": train} if train else {})}


def _as_count(value: float) -> float:
    """A whole number as such, for others to refuse what is none."""
    return int(value) if float(value).is_integer() else value


def with_setting(spec: RunSpec, setting: Setting) -> RunSpec:
    """`spec` under a setting. Raises: SpecError for a value that cannot be."""
    override = override_of(spec, setting)
    loss = change_loss(spec.loss, override.get("loss", {}), ("loss",))
    content = spec.to_dict()
    content["loss"] = {"name": spec.loss_name, **loss.config()}
    merge(content["train"], override.get("train", {}))
    return run_spec(content)
