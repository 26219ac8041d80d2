"""Which cells of a suite a setting of `--set` reaches, where overrides may say otherwise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from benchmarks.suites.blame import Settings, WithSettings, parsed_or_none
from benchmarks.suites.document import value_at
from benchmarks.suites.evaluations import PATH as TIMES
from benchmarks.suites.evaluations import evaluated
from gan_zoo.errors import UserError, printable
from gan_zoo.spec import RunSpec

Pair = tuple[str, str]
"""A loss and a data set."""
SEEN_IN_CELLS = ("architecture", "train", "evaluate")
"""The keys of a suite whose values every cell has, unless overrides say otherwise."""
FEW = 4
"""Pairs that a note names; more are counted."""


def _pairs_of(cells: Sequence[RunSpec]) -> list[Pair]:
    """The pairs of a suite, in its order."""
    return list(dict.fromkeys((spec.loss_name, spec.dataset.name) for spec in cells))


class Planned(Protocol):
    """A suite, as far as its cells go."""

    @property
    def cells(self) -> tuple[RunSpec, ...]: ...


def overruled_by(
    suite: Planned, parse: Callable[[Mapping[str, Any]], Planned], with_settings: WithSettings, settings: Settings
) -> dict[str, frozenset[Pair]]:
    """By the key of each setting that is meant for all cells the pairs whose overrides say otherwise; `suite`: what
    `parse` makes under all settings.

    Raises: UserError for a setting that changes nothing in the suite.
    """
    content = with_settings(settings).content
    found: dict[str, frozenset[Pair]] = {}
    for key in settings:
        unset = with_settings({other: text for other, text in settings.items() if other != key}).content
        before = parsed_or_none(parse, unset)
        if before is None:  # the other settings cannot do without it
            continue
        overruled = _overruled_in(key, value_at(content, key), before.cells, suite.cells)
        if overruled:
            found[key] = overruled
        elif before == suite and unset != content:
            raise UserError(f"--set {printable(key)}=...: does nothing for these losses and data sets: leave it out")
    return found


def _overruled_in(key: str, value: Any, before: Sequence[RunSpec], after: Sequence[RunSpec]) -> frozenset[Pair]:
    """The pairs that do not have the `value` of a setting that is meant for all cells; `before`, `after`: all cells
    without the setting, and with it."""
    if key.split(".")[0] not in SEEN_IN_CELLS:
        return frozenset()
    unchanged = set(before).intersection(after)
    return frozenset(_pairs_of([spec for spec in after if spec in unchanged and not _is_met(spec, key, value)]))


def _is_met(spec: RunSpec, key: str, value: Any) -> bool:
    """Whether a cell has what a setting asks for. Of a recipe, which a cell does not name, nobody can tell."""
    if key == "train.recipe":
        return True
    if key == ".".join(TIMES):
        return evaluated(spec, value) == spec
    return _has(spec.to_dict(), key, value)


def _has(cell: Any, key: str, value: Any) -> bool:
    """Whether a cell has this value at a dotted key, or all of it where it is a mapping."""
    for part in filter(None, key.split(".")):
        if not isinstance(cell, Mapping) or part not in cell:
            return False
        cell = cell[part]
    if isinstance(value, Mapping):
        return all(_has(cell, name, part) for name, part in value.items())
    if isinstance(cell, Mapping):
        return bool(cell.get("name") == value)
    return bool(cell == value)


def notes_on(overruled: Mapping[str, frozenset[Pair]], cells: Sequence[RunSpec]) -> list[str]:
    """A line for each setting that does not reach some of these cells.

    Raises: UserError where one reaches none.
    """
    lines, pairs = [], _pairs_of(cells)
    for key, kept_out in overruled.items():
        missed = [pair for pair in pairs if pair in kept_out]
        setting = f"--set {printable(key)}=..."
        instead = f"--set overrides.LOSS/DATASET.{printable(key)}=..."
        if missed == pairs:
            reason = "the suite's overrides say otherwise wherever it applies"
            raise UserError(f"{setting}: does nothing, for {reason}: use {instead}")
        if missed:
            named = ", ".join(f"{loss} on {dataset}" for loss, dataset in missed[:FEW])
            others = f" and {len(missed) - FEW} others" if len(missed) > FEW else ""
            lines.append(f"{setting}: overruled by the suite's overrides for {named}{others}; {instead} changes those")
    return lines
