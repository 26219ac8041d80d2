"""Plain data into frozen dataclasses, with errors that lead to the key: what every configuration goes through."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gan_zoo.errors import UserError, suggestion

T = TypeVar("T")
KeyPath = tuple[str | int, ...]


class SpecError(UserError):
    """A value of a spec that cannot be; `path` leads to it, key by key."""

    def __init__(self, path: KeyPath, message: str) -> None:
        self.path, self.message = path, message
        super().__init__(f"{dotted(path)}: {message}" if path else message)


def dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def lookup(registry: Mapping[str, T], name: object, path: KeyPath, what: str) -> T:
    """The registered `name`. Errors: SpecError with the closest known name."""
    if not isinstance(name, str):
        raise SpecError(path, f"expected the name of a {what}, got {name!r}")
    if name not in registry:
        raise SpecError(path, f"unknown {what} '{name}' ({suggestion(name, registry)})")
    return registry[name]


def parse(kind: type[T], mapping: object, path: KeyPath = ()) -> T:
    """The dataclass `kind` from a mapping, its keys and types checked strictly. Errors: SpecError at the wrong key."""
    mapping = expect_mapping(mapping, path)
    known = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    for key in mapping:
        if key not in known:
            raise SpecError((*path, key), f"unknown key ({suggestion(str(key), known)})")
    for name, entry in known.items():
        if name not in mapping and entry.default is MISSING and entry.default_factory is MISSING:
            raise SpecError((*path, name), "missing key")
    try:
        return TypeAdapter(kind).validate_json(json.dumps(mapping), strict=True)
    except UserError as error:
        raise SpecError(path, str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise SpecError((*path, *first["loc"]), f"{first['msg'].lower()}, got {first['input']!r}") from None


def expect_mapping(value: object, path: KeyPath) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(path, f"expected a mapping, got {value!r}")
    return dict(value)


def parse_named(registry: Mapping[str, type], value: object, path: KeyPath, what: str) -> Any:
    """An instance of the registered kind that `value` names: a name alone or {name: ..., and its fields}."""
    mapping = {"name": value} if isinstance(value, str) else expect_mapping(value, path)
    if "name" not in mapping:
        raise SpecError((*path, "name"), f"missing key: the name of the {what} ({', '.join(registry)})")
    kind = lookup(registry, mapping.pop("name"), (*path, "name"), what)
    return parse(kind, mapping, path)
