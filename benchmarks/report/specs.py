"""The specs of runs field by field: every number that a run was asked for has a dotted name here."""

import json
from collections.abc import Iterator
from typing import Any

Fields = dict[str, str]


def spec_fields(text: str) -> Fields:
    """The fields of a spec's canonical JSON by dotted name (train.n_critic, loss.penalties.0.gradient-norm.weight).

    Empty where the export was written before specs were kept.
    """
    return dict(_leaves(json.loads(text), "")) if text else {}


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """(dotted name, JSON text) of every value within; a list's mappings, as of penalties, are numbered."""
    numbered = isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value)
    if numbered or (isinstance(value, dict) and value):
        for key, inner in enumerate(value) if numbered else value.items():
            yield from _leaves(inner, f"{name}.{key}".lstrip("."))
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def unlike_fields(one: Fields, other: Fields, absent: str) -> dict[str, tuple[str, str]]:
    """The fields in which two specs differ -> both values; `absent` where a spec has no such field."""
    unlike = {}
    for name in sorted({*one, *other}):
        ours, theirs = one.get(name, absent), other.get(name, absent)
        if ours != theirs:
            unlike[name] = ours, theirs
    return unlike
