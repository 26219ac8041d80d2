"""How a run has spent its time, from its first step on, whichever processes it was trained in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gan_zoo.checkpoint import CheckpointError


@dataclass
class History:
    """How a run has spent its time: seconds by what they were spent on, engines, the most seeds in one stack."""

    seconds: dict[str, float] = field(default_factory=lambda: {"train": 0.0, "evaluate": 0.0, "record": 0.0})
    engines: list[str] = field(default_factory=list)
    stacked: int = 1

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - started

    def trained(self, seconds: float, engine: str, stacked: int) -> None:
        self.seconds["train"] += seconds
        self.stacked = max(self.stacked, stacked)
        if engine not in self.engines:
            self.engines.append(engine)

    def to_dict(self) -> dict[str, Any]:
        return {**self.seconds, "engines": self.engines, "stacked": self.stacked}

    @classmethod
    def from_dict(cls, content: Any) -> "History":
        """From the content that `to_dict` gave. Raises: CheckpointError for anything else."""
        fresh = cls()
        same_keys = isinstance(content, dict) and content.keys() == fresh.to_dict().keys()
        if not same_keys or not all(type(content[what]) is type(value) for what, value in fresh.to_dict().items()):
            raise CheckpointError("the checkpoint's history cannot be read")
        seconds = {what: content[what] for what in fresh.seconds}
        return cls(seconds, list(map(str, content["engines"])), content["stacked"])
