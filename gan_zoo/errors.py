"""The one exception that a user is meant to read, and what its messages share."""

import difflib
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 60
"""Characters of a value in a message; what is longer is cut."""
LONGEST_LIST = 500
"""Characters of a list of known words."""


class UserError(Exception):
    """Bad input. The message is one line that names the place, the key and the remedy."""


class Unwritable(UserError):
    """A file that cannot be written, at `path`."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


@contextmanager
def ends_program(name: str) -> Iterator[None]:
    """Makes bad input the end of a program: its one line, and exit code 2."""
    try:
        yield
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)


def suggestion(word: object, words: Iterable[str]) -> str:
    """A hint after an unknown word: the closest known one, or the first that begins so, whatever its case, or all."""
    by_lower_case, asked = {known.lower(): known for known in words}, str(word).lower()
    close = difflib.get_close_matches(asked, by_lower_case)
    close.sort(key=lambda known: sorted(known) != sorted(asked))  # letters in another order are the likeliest slip
    close = close or [known for known in by_lower_case if asked and known.startswith(asked)]
    if close:
        return f"did you mean '{by_lower_case[close[0]]}'?"
    every = ", ".join(by_lower_case.values())
    return f"known: {every if len(every) <= LONGEST_LIST else every[:LONGEST_LIST].rpartition(', ')[0] + ', ...'}"


def brief(value: object) -> str:
    """A value as it stands in messages: on one line, and not too long."""
    return printable(json.dumps(value, ensure_ascii=False, default=str))


def printable(text: str) -> str:
    """A text on one line, and not too long."""
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def plural(count: int, noun: str) -> str:
    """3 images"""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
