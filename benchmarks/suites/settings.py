"""Settings as plain data, put over settings key by key, as a suite over its recipe."""

import copy
from collections.abc import Collection, Mapping
from typing import Any

from gan_zoo.validation import KeyPath

ALTERNATIVES: tuple[tuple[KeyPath, KeyPath], ...] = (
    (("train", "steps"), ("budget",)),
    (("evaluate", "every"), ("evaluate", "times")),
)
"""Two ways to say one thing: what is said later, or more specifically, takes the place of the other."""


def displace(content: dict[str, Any], said: KeyPath, kept: Collection[KeyPath] = ()) -> None:
    """Takes out of `content`, in place, the alternative to the key that was `said`, unless it is among those `kept`."""
    for pair in ALTERNATIVES:
        for own, other in (pair, pair[::-1]):
            if said[: len(own)] == own and not any(path[: len(other)] == other for path in kept):
                _remove(content, other)


def _remove(content: dict[str, Any], path: KeyPath) -> None:
    *parents, last = path
    for parent in parents:
        inner = content.get(str(parent))
        if not isinstance(inner, dict):
            return
        content = inner
    content.pop(str(last), None)


def under(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`override` put over a copy of `base`."""
    merged = copy.deepcopy(dict(base))
    merge(merged, override)
    return merged


def merge(base: dict[str, Any], override: Mapping[str, Any], path: KeyPath = ()) -> list[KeyPath]:
    """Puts `override` over `base` in place, key by key, and returns the paths it set.

    A mapping that names another kind (`name: rmsprop` over `name: adam`) replaces the whole, for the fields of the one
    mean nothing to the other. A name alone is {name: it}.
    """
    paths: list[KeyPath] = []
    for key, value in override.items():
        own = base.get(key)
        if isinstance(own, str) and isinstance(value, Mapping):
            own = base[key] = {"name": own}
        if isinstance(value, Mapping) and isinstance(own, dict) and _same_kind(own, value):
            paths += merge(own, value, (*path, key))
        else:
            base[key] = copy.deepcopy(value)
            paths.append((*path, key))
    return paths


def _same_kind(own: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether `value` leaves the kind that `own` names."""
    return bool(value.get("name", own.get("name")) == own.get("name"))
