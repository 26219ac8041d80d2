"""The meaning of a metric's number: its name, direction and protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gan_zoo.errors import UserError, suggestion

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Metric:
    """A metric as one evaluation computes it.

    `direction` says whether less or more is better; `lowest` and `highest` bound its values, None where nothing does.
    `protocol` names all that the number depends on beside the generated samples: rows whose protocols differ are not
    comparable.
    """

    name: str
    direction: Direction
    label: str
    protocol: Mapping[str, str]
    lowest: float | None
    highest: float | None


def unknown(name: str, dataset: str, known: Sequence[str]) -> UserError:
    """The error for someone who asks `dataset` for a metric that is not among `known`."""
    return UserError(f"unknown metric '{name}' of data set '{dataset}' ({suggestion(name, known)})")
