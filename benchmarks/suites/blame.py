"""Whose fault an error in a suite is: the file's, or that of a setting which was typed."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from benchmarks.suites.document import Document
from gan_zoo.errors import UserError
from gan_zoo.validation import KeyPath, SpecError

T = TypeVar("T")
Settings = Mapping[str, str]
"""Dotted key -> YAML text."""
WithSettings = Callable[[Settings], Document]
"""Gives the suite's document with settings put over it."""


def culprit(
    parse: Callable[[Mapping[str, Any]], T],
    with_settings: WithSettings,
    settings: Settings,
    error: SpecError,
) -> KeyPath:
    """The key of the first setting without which there is not this error, if there is one."""
    for key in settings:
        others = {other: text for other, text in settings.items() if other != key}
        try:
            parse(with_settings(others).content)
        except SpecError as another:
            if str(another) == str(error):
                continue
        except UserError:  # the others need it
            continue
        return tuple(key.split("."))
    return ()


def parsed_or_none(parse: Callable[[Mapping[str, Any]], T], content: Mapping[str, Any]) -> T | None:
    """The value that `parse` makes of `content`, None where it is refused."""
    try:
        return parse(content)
    except (SpecError, UserError):
        return None
