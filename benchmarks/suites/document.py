"""Suite files and settings as plain data: YAML 1.2 by ruamel, bounded, with the place of every key. The only reader of
YAML.

Whatever a file holds ends in plain data or in one line that names file, line and remedy: no tags, no objects, no
aliases that grow, no value that is not exactly what was written.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

from gan_zoo.errors import UserError, brief, printable
from gan_zoo.files import read_text
from gan_zoo.validation import KeyPath, dotted

LARGEST_FILE = 200_000  # bytes
DEEPEST, MOST_VALUES, LONGEST_NUMBER, LONGEST_TEXT = 20, 20_000, 60, 4_000
SMALLEST, LARGEST = 2.0**-126, 2.0**128 - 2.0**104
"""The numbers that float32 holds with all its digits."""
VERSION = (1, 2)
CORE = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}
"""The kinds, beside text, that an unquoted word may be of."""


@dataclass(frozen=True)
class Document:
    """Plain data with the place of every key: a line of the file, or what was typed on the command line."""

    source: str
    content: dict[str, Any]
    lines: Mapping[KeyPath, int]
    typed: Mapping[KeyPath, str] = field(default_factory=dict)

    def error(self, path: KeyPath, message: str, related: KeyPath = (), culprit: KeyPath = ()) -> UserError:
        """A one-line error that blames what was typed for `path`, for what it contradicts, or for the `culprit` without
        which there would be no error; else the file's line of the nearest key above."""
        for blamed in (path, related, culprit):
            typed = next((start for start in _starts(blamed) if start in self.typed), None)
            if typed is not None:
                names_of = [part for part in path[len(typed) :] if isinstance(part, str)]
                key = f"{dotted(path)}: " if names_of or blamed != path else ""  # a number alone says no more
                return UserError(f"{self.typed[typed]}: {key}{message}")
        line = next((self.lines[start] for start in _starts(path) if start in self.lines), 1)
        return UserError(f"{self.source}:{line}: {dotted(path)}: {message}" if path else f"{self.source}: {message}")


def _starts(path: KeyPath) -> Iterable[KeyPath]:
    """The path itself, and each beginning of it down to the first key."""
    return (path[:n] for n in range(len(path), 0, -1))


def read_document(path: Path) -> Document:
    """The mapping in a YAML file. Raises: UserError for whatever is not one."""
    name = path.name if path.name.isprintable() else brief(path.name)
    reader = _Reader(name, read_text(path, LARGEST_FILE))
    content = reader.document()
    if not isinstance(content, dict):
        raise UserError(f"{name}: expected a mapping, got {brief(content)}")
    return Document(name, content, reader.lines)


def read_value(text: str, source: str) -> Any:
    """The value that `text` would have in a file. Raises: UserError that begins with `source`."""
    return _Reader(source, text, counts_lines=False).document()


class _Reader:
    """Builds plain data from the events of ruamel's parser, which itself recurses nowhere."""

    def __init__(self, source: str, text: str, counts_lines: bool = True) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._source, self._whole, self._counts_lines, self._values = source, text, counts_lines, 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._yaml = YAML(typ="safe", pure=True)
        self._events: Iterator[Event] = iter(self._yaml.parse(text))

    def document(self) -> Any:
        """The one value of the text, None where there is none."""
        try:
            event = self._next()
            while not isinstance(event, DocumentStartEvent | StreamEndEvent):
                event = self._next()
            if isinstance(event, StreamEndEvent):
                return None
            if event.version not in (None, VERSION):  # in which 010 is 8, and 1:40 is 100
                version = ".".join(map(str, event.version))
                raise self._error(event, f"%YAML {version}: this is read as 1.2: leave it out")
            content = self._value(self._next(), ())
            self._next()
            if not isinstance(event := self._next(), StreamEndEvent):
                raise self._error(event, "a second document ('---'): keep one")
            return content
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = " ".join(str(error.problem or error.context or "cannot be read").split())
            raise UserError(f"{self._place(mark.line if mark else 0)}: not YAML: {problem}") from None
        except ReaderError as error:
            line = self._whole.count("\n", 0, error.position)
            raise UserError(f"{self._place(line)}: {_leave_out(chr(error.character))}") from None

    def _next(self) -> Any:
        return next(self._events)

    def _place(self, line: int) -> str:
        return f"{self._source}:{line + 1}" if self._counts_lines else self._source

    def _error(self, event: Event, message: str, path: KeyPath = ()) -> UserError:
        key = f"{dotted(path)}: " if path else ""
        return UserError(f"{self._place(event.start_mark.line)}: {key}{message}")

    def _count(self, event: Event, values: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise self._error(event, f"more than {MOST_VALUES} values, aliases (*) included: write less")

    def _value(self, event: Any, path: KeyPath) -> Any:
        self.lines.setdefault(path, event.start_mark.line + 1)
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            tag = printable(str(event.tag)[:40])
            raise self._error(event, f"a tag ({tag}) has no meaning here: leave it out", path)
        if len(path) > DEEPEST:
            raise self._error(event, f"nested more than {DEEPEST} deep: write it flatter", path[:2])
        before = self._values
        self._count(event, 1)
        if isinstance(event, ScalarEvent):
            value = self._scalar(event, path)
        elif isinstance(event, SequenceStartEvent):
            value = self._list(path)
        else:
            value = self._mapping(path)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._values - before
        return value

    def _alias(self, event: AliasEvent, path: KeyPath) -> Any:
        if event.anchor not in self._anchors:
            raise self._error(event, f"*{event.anchor}: no value before it has this name (&{event.anchor})", path)
        value, size = self._anchors[event.anchor]
        self._count(event, size)
        return value

    def _list(self, path: KeyPath) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        content: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent) or event.tag is not None or event.anchor is not None:
                raise self._error(event, "a key must be a word", path)
            key = self._text(event, path)
            self.lines[(*path, key)] = event.start_mark.line + 1
            if key in content:
                raise self._error(event, "key given twice; keep one", (*path, key))
            content[key] = self._value(self._next(), (*path, key))
        return content

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Any:
        text = self._text(event, path)
        tag = str(self._yaml.resolver.resolve(ScalarNode, text, event.implicit))
        if not event.implicit[0] or tag not in CORE:
            return text
        if len(text) > LONGEST_NUMBER:
            raise self._error(event, f"a number of more than {LONGEST_NUMBER} characters", path)
        try:
            value = self._yaml.constructor.construct_object(ScalarNode(tag, text, event.start_mark, event.end_mark))
        except ValueError:  # such as `-_`, which looks like a number to the resolver
            return text
        if type(value) in (int, float) and not _is_held(value, text):
            raise self._error(event, f"{text} is no finite number of single precision, which trains", path)
        return value

    def _text(self, event: ScalarEvent, path: KeyPath) -> str:
        text: str = event.value
        if len(text) > LONGEST_TEXT:
            raise self._error(event, f"a text of more than {LONGEST_TEXT} characters", path)
        strange = re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)
        if strange:
            raise self._error(event, _leave_out(strange[0]), path)
        return text


def _leave_out(letter: str) -> str:
    return f"a control character ({letter!a}): leave it out"


def _is_held(value: float, text: str) -> bool:
    """Whether a number neither overflows nor vanishes: a penalty of weight 1e-50 would be none."""
    written_as_zero = not re.search("[1-9]", re.split("[eE]", text)[0])
    return written_as_zero if value == 0 else SMALLEST <= abs(value) <= LARGEST


def put(document: Document, key: str, text: str, label: str) -> Document:
    """`document` with the YAML value `text` at the dotted `key`, for which errors will blame `label`.

    Mappings are made on the way, a name alone becoming {name: it}; and where `key` names another kind
    (`train.optimizer.name`), the fields of the one that was there go. Raises: UserError.
    """
    *parents, last = path = tuple(key.split("."))
    value = read_value(text, label)
    content = whole = dict(document.content)
    for depth, parent in enumerate(parents):
        own = content.get(parent)
        if isinstance(own, list):
            raise UserError(f"{label}: {dotted(path[: depth + 1])} is a list: set all of it, as in KEY=[...]")
        own = dict(own) if isinstance(own, dict) else {"name": own} if isinstance(own, str) else {}
        content[parent] = own
        content = own
    blamed: tuple[KeyPath, ...] = (path,)
    if last == "name" and parents and content.get("name") != value:
        content.clear()
        blamed = path, path[:-1]
    content[last] = value
    return replace(document, content=whole, typed={**document.typed, **dict.fromkeys(blamed, label)})


def value_at(content: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key that `put` has set."""
    value: Any = content
    for part in key.split("."):
        value = value[part]
    return value
