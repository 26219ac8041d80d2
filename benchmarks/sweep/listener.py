"""Who hears of a sweep while it runs."""

from benchmarks.sweep.messages import Outcome, Scored
from gan_zoo.spec import RunSpec


class Listener:
    """Hears each step and score of a cell, how it ended, and what else a person should know; does nothing with it."""

    def step(self, spec: RunSpec, step: int) -> None:
        """A cell has reached a step; the first word of a resumed cell brings the steps of before with it."""

    def scored(self, spec: RunSpec, score: Scored) -> None:
        """A cell was evaluated."""

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        """A cell has ended."""

    def say(self, line: str) -> None:
        """Passes on a line that a person should read now."""
