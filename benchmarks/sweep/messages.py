"""The messages of a cell while it runs, and its outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.record.patience import without_password
from gan_zoo.device import undeterministic
from gan_zoo.errors import UserError
from gan_zoo.spec import RunSpec


def reason_of(error: Exception) -> str:
    """An error in one line, with its type where it is none of ours."""
    if kernel := undeterministic(error):
        return f"{kernel} has no deterministic form on a GPU: use another layer, --numerics fast or --device cpu"
    name = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return without_password(" ".join(f"{name}{error}".split()))


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: done, diverged (a result as well), failed, or held by another process, with the reason."""

    status: Literal["done", "diverged", "failed", "held"]
    reason: str = ""


@dataclass(frozen=True)
class Quiet:
    """Announces silence: nothing may be heard for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Scored:
    """The value of the metric that losses are ranked by, of a cell at a step."""

    step: int
    metric: str
    value: float


Message = int | str | Scored | Quiet | Outcome
"""Of a cell: the step that it reached, what a person should know, its score, that it will be silent, how it ended."""
Tell = Callable[[RunSpec, Message], None]
