"""The `overrides` of a suite: for what they may be, and what they may say."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from gan_zoo.errors import suggestion
from gan_zoo.validation import SpecError


def check_overrides(
    overrides: Mapping[str, Any], losses: Sequence[str], datasets: Sequence[str], in_file: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The overrides for these losses and data sets; those for others that the file knows are left out.

    Raises: SpecError for a place that the suite does not have, and for one of which nothing, or what would part a
    table, is said.
    """
    known = _places([*losses, *in_file["losses"]], [*datasets, *in_file["datasets"]])
    in_play = _places(losses, datasets)
    kept: dict[str, Any] = {}
    for place, override in overrides.items():
        if place not in known:
            hint = suggestion(place, known)
            raise SpecError(("overrides", place), f"no loss, data set or loss/data set of this suite ({hint})")
        said = {key: value for key, value in override.items() if value}
        if len(said) < max(1, len(override)):
            empty = next((key for key in override if key not in said), None)
            raise SpecError(("overrides", place, *([empty] if empty else [])), "says nothing: leave it out")
        unlike = next((key for key in said.get("evaluate", {}) if key != "every" and place not in datasets), None)
        if unlike and place in in_play:
            reason = "losses that are scored differently share no table: set it for all, or for a data set"
            raise SpecError(("overrides", place, "evaluate", unlike), reason)
        if place in in_play:
            kept[place] = said
    return kept


def _places(losses: Sequence[str], datasets: Sequence[str]) -> list[str]:
    pairs = map("/".join, product(losses, datasets))
    return list(dict.fromkeys([*losses, *datasets, *pairs]))
