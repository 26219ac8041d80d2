"""What a record says of a metric: its name for people, and where it is better."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.report.names import display
from benchmarks.report.statistics import Direction
from benchmarks.report.verdicts import Limits
from gan_zoo.errors import UserError

EXTRACTOR = re.compile(r"\(([\w-]+)\)$")
"""In a label, of which data set's features a score is."""


@dataclass(frozen=True)
class RecordedMetric:
    """A metric of a record: its `label` for people, alone and `titled`, with an arrow to where it is better; `possible`
    are the least and the largest value that it can have, None for one that is not known."""

    direction: Direction
    label: str
    titled: str
    possible: Limits


def metrics_of(meta: Mapping[str, Any]) -> dict[str, RecordedMetric]:
    """The metrics of a record by name. Raises: UserError where one has no direction, which no name tells."""
    found = {}
    for name, said in meta["metrics"].items():
        direction = said.get("direction")
        if direction not in ("min", "max"):
            raise UserError(f"export/meta.json: metrics.{name}.direction: {direction!r}: must be min or max")
        label = EXTRACTOR.sub(lambda found: f"({display(found[1])})", str(said.get("label") or name))
        titled = f"{label}\u00a0{'↓' if direction == 'min' else '↑'}"
        found[name] = RecordedMetric(direction, label, titled, (said.get("lowest"), said.get("highest")))
    return found
