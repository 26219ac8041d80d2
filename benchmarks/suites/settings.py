"""Settings as plain data: put over settings key by key, as a suite over its recipe, and read from words."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from gan_zoo.validation import KeyPath

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


def under(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`override` put over a copy of `base`."""
    merged = copy.deepcopy(dict(base))
    merge(merged, override)
    return merged


def merge(base: dict[str, Any], override: Mapping[str, Any], path: KeyPath = ()) -> list[KeyPath]:
    """Puts `override` over `base` in place, key by key, and returns the paths it set.

    A mapping that names another kind (`name: rmsprop` over `name: adam`) replaces the whole, for the fields of the one
    mean nothing to the other.
    """
    paths: list[KeyPath] = []
    for key, value in override.items():
        own = base.get(key)
        if isinstance(value, Mapping) and isinstance(own, dict) and same_kind(own, value):
            paths += merge(own, value, (*path, key))
        else:
            base[key] = copy.deepcopy(value)
            paths.append((*path, key))
    return paths


def put(content: dict[str, Any], key: str, value: Any) -> None:
    """content[a][b][c] = value for the dotted key a.b.c, making mappings on the way."""
    *parents, last = key.split(".")
    for parent in parents:
        if not isinstance(content.get(parent), dict):
            content[parent] = {}
        content = content[parent]
    content[last] = value


def same_kind(own: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether `value` leaves the kind that `own` names."""
    return bool(value.get("name", own.get("name")) == own.get("name"))


def scalar(text: str) -> Any:
    """The value of an unquoted word by the rules of YAML 1.2: 2e-4 is a number, yes is a word."""
    if text in WORDS:
        return WORDS[text]
    if NUMBER.fullmatch(text):
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
    return text
