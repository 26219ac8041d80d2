"""Who hears of a sweep while it runs."""

from benchmarks.sweep.messages import Outcome
from gan_zoo.spec import RunSpec


class Listener:
    """Hears each step that a cell reached, how it ended, and what else a person should know; does nothing with it."""

    def step(self, spec: RunSpec, step: int) -> None:
        """A cell has reached a step; the first word of a resumed cell brings the steps of before with it."""

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        """A cell has ended."""

    def say(self, line: str) -> None:
        """Passes on a line that a person should read now."""
