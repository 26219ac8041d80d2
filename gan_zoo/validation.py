"""Plain data into frozen dataclasses by pydantic, with errors that lead to the key, for every configuration.

A dataclass is checked as its annotations say, and strictly: no unknown keys, no text in a number's place, no number
that is not finite. Where a registry says which kinds there are, `OneOf` and `PartOf` make it a discriminated union.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema

from gan_zoo.errors import UserError, brief, printable, suggestion

T = TypeVar("T")
KeyPath = tuple[str | int, ...]

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
LONGEST_NAME = 120
MISSING_WORDS = {"na", "n-a", "nan", "none", "null"}
"""Names that programs which read tables take for a missing value."""
ROWS_OF_TABLES = "real data (floor)", "exact transport of batches"
"""Names of a report's rows that are no loss's."""
REASONS = {  # pydantic's error -> what a user is told; the words in braces are pydantic's as well
    "missing": "missing key",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping",
    "dataclass_type": "expected a mapping",
    "string_type": "expected text",
    "string_too_short": "expected some text",
    "too_short": "expected at least one entry",
    "too_long": "expected at most {max_length} entries",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "int_parsing_size": "expected a whole number of fewer digits",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "literal_error": "expected {expected}",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
}


class SpecError(UserError):
    """A value of a spec that cannot be; `path` leads to it, key by key, and `related` to what it contradicts."""

    def __init__(self, path: KeyPath, message: str, related: KeyPath = ()) -> None:
        self.path, self.message, self.related = path, message, related
        super().__init__(f"{dotted(path)}: {message}" if path else message)


def dotted(path: KeyPath) -> str:
    """a.b.0, on one line whatever the keys are."""
    return ".".join(printable(str(part)) for part in path)


def refusal(reason: str, *key: str | int) -> PydanticCustomError:
    """An error for a validator to raise about a value; `key` leads from the value to what is wrong in it."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason, "key": key})


@functools.cache
def adapter(kind: type[T]) -> TypeAdapter[T]:
    """The checker of plain data to be a `kind`, built at its first use, from what registries hold by then. Whoever adds
    to a registry clears this cache."""
    return TypeAdapter(kind)


def validated(kind: type[T], value: object, path: KeyPath = ()) -> T:
    """`value`, plain data that lies at `path`, as a `kind`. Raises: SpecError at the wrong key."""
    try:
        return adapter(kind).validate_json(json.dumps(value, default=str))  # type: ignore[arg-type]
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise SpecError((*path, *_path_of(details, value)), _reason(details)) from None


def _path_of(details: ErrorDetails, value: object) -> KeyPath:
    """Where an error lies in `value`: pydantic's path without the parts that are names of union members."""
    parts = list(details["loc"])
    missing = parts.pop() if details["type"] == "missing" else None
    path: list[str | int] = []
    for part in parts:
        is_key = isinstance(value, Mapping) and part in value
        is_index = isinstance(value, list | tuple) and isinstance(part, int)
        if is_key or is_index:
            value = value[part]  # type: ignore[index]
            path.append(part)
    named = details.get("ctx", {}).get("key", ())
    return (*path, *([] if missing is None else [missing]), *named)


def _reason(details: ErrorDetails) -> str:
    kind = details["type"]
    if kind in ("refused", "missing"):
        return REASONS.get(kind, details["msg"])
    words = {name: _plain(value) for name, value in details.get("ctx", {}).items()}
    said = REASONS[kind].format(**words) if kind in REASONS else details["msg"].lower()
    return f"{said}, got {brief(details['input'])}"


def _plain(value: Any) -> Any:
    """A bound as people write it: 0, not 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def strict(kind: type[T]) -> type[T]:
    """A dataclass of settings: pydantic takes it strictly, and its errors name the key that was meant."""
    kind.__get_pydantic_core_schema__ = classmethod(  # type: ignore[attr-defined]
        lambda cls, source, handler: _guarded(cls, handler(source))
    )
    return with_config(STRICT)(kind)


def _guarded(kind: type, schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """`schema` of a dataclass with a hint for unknown keys, and with its own UserErrors led to their place."""
    known = [field.name for field in fields(kind)]

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        for key in value if isinstance(value, Mapping) else ():
            if key not in known:
                raise refusal(f"unknown key ({suggestion(key, known)})", key)
        try:
            return handler(_frozen(value))
        except UserError as error:
            raise refusal(str(error)) from None

    return core_schema.no_info_wrap_validator_function(check, schema)


def _frozen(value: Any) -> Any:
    """Plain data with tuples for lists, as frozen dataclasses have them."""
    if isinstance(value, Mapping):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


@dataclass(frozen=True, eq=False)
class OneOf:
    """Annotates a field that holds one of the registered kinds: its name alone, or {name: ..., and its fields}."""

    registry: Mapping[str, type]
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        union = _union(self.registry, handler, lambda value: value["name"], _without_name)
        return core_schema.no_info_before_validator_function(self._named, union)

    def _named(self, value: object) -> dict[str, Any]:
        mapping = {"name": value} if isinstance(value, str) else value
        if not isinstance(mapping, Mapping):
            raise refusal(f"expected the name of a known {self.what}, or a mapping with it, got {brief(value)}")
        if "name" not in mapping:
            raise refusal(f"missing key: the name of the {self.what} ({', '.join(self.registry)})", "name")
        path = () if isinstance(value, str) else ("name",)
        return {**mapping, "name": _known(self.registry, mapping["name"], self.what, path)}


@dataclass(frozen=True, eq=False)
class PartOf:
    """Annotates a field that holds one of the registered kinds: its name alone, or {name: {its fields}}."""

    registry: Mapping[str, type]
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        union = _union(self.registry, handler, lambda value: next(iter(value)), _sole_value)
        return core_schema.no_info_before_validator_function(self._sole, union)

    def _sole(self, value: object) -> dict[str, Any]:
        mapping = {value: {}} if isinstance(value, str) else value
        if not isinstance(mapping, Mapping) or len(mapping) != 1:
            raise refusal(f"expected one {self.what}, as NAME or {{NAME: settings}}, got {brief(value)}")
        name, settings = next(iter(mapping.items()))
        return {_known(self.registry, name, self.what, ()): {} if settings is None else settings}


def _union(
    registry: Mapping[str, type],
    handler: GetCoreSchemaHandler,
    name_in: Callable[[Any], str],
    fields_in: Callable[[Mapping[str, Any]], Any],
) -> core_schema.CoreSchema:
    """The schema of one of the registered kinds, of a mapping that has its name and its fields."""
    choices: dict[Any, Any] = {}
    for name, kind in registry.items():
        schema = handler.generate_schema(strict(kind))
        choices[name] = core_schema.no_info_before_validator_function(fields_in, schema)
    return core_schema.tagged_union_schema(choices, name_in)


def _without_name(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key != "name"}


def _sole_value(value: Mapping[str, Any]) -> Any:
    return next(iter(value.values()))


def _known(registry: Mapping[str, Any], name: object, what: str, path: KeyPath) -> str:
    if not isinstance(name, str) or name not in registry:
        raise refusal(f"unknown {what} {shown_name(name)} ({suggestion(name, registry)})", *path)
    return name


def lookup(registry: Mapping[str, T], name: object, path: KeyPath, what: str) -> T:
    """The registered `name`. Raises: SpecError with the closest known name."""
    if not isinstance(name, str) or name not in registry:
        raise SpecError(path, f"unknown {what} {shown_name(name)} ({suggestion(name, registry)})")
    return registry[name]


def shown_name(name: object) -> str:
    return f"'{name}'" if isinstance(name, str) and name.isprintable() and len(name) < LONGEST_NAME else brief(name)


def expect_mapping(value: object, path: KeyPath) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(path, f"expected a mapping, got {brief(value)}")
    return dict(value)


def different(values: tuple[T, ...]) -> tuple[T, ...]:
    """Validates a list in which nothing stands twice."""
    for i, value in enumerate(values):
        if value in values[:i]:
            raise refusal(f"{shown_name(value)} stands here twice; keep one", i)
    return values


def check_name(name: str, signs: str = "") -> str:
    """The one rule for names: what they may hold, so that files, tables, URLs and databases can carry them.

    `signs`: characters allowed beside letters, digits, '.', '_' and '-'; among them a space, which stands alone.
    """
    allowed = "letters, digits, '.', '_' and '-'" + (f" and the signs {signs.strip()}" if signs else "")
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9._\-{re.escape(signs)}]*", name):
        raise refusal(f"expected a word of {allowed} that starts with a letter or digit, got {brief(name)}")
    if len(name) > LONGEST_NAME:
        raise refusal(f"expected at most {LONGEST_NAME} characters, got {len(name)}: {brief(name)}")
    if "  " in name or name[-1] in " .":
        raise refusal(f"a name has no two spaces in a row, and no space or '.' at its end: {brief(name)}")
    if name.lower() in MISSING_WORDS:
        raise refusal(f"'{name}' is what tables call a missing value: choose another name")
    if name.lower() in ROWS_OF_TABLES:
        raise refusal(f"'{name}' is what tables call a row that is no loss's: choose another name")
    return name


Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, AfterValidator(check_name)]
LossName = Annotated[str, AfterValidator(lambda name: check_name(name, signs=" +(),=@:*"))]
