"""One process's share of a suite that several processes run, on machines that share a record and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from gan_zoo.spec import RunSpec


@dataclass(frozen=True)
class Shard:
    """The `number`-th of `count` shares, counted from 1: every `count`-th cell is its own."""

    number: int = 1
    count: int = 1

    def share(self, cells: Sequence[RunSpec]) -> Sequence[RunSpec]:
        """Its own of the `cells` of a suite."""
        return cells[self.number - 1 :: self.count]

    def others(self, cells: Sequence[RunSpec]) -> list[RunSpec]:
        """The `cells` of the next shard, then those of the one after it, and so on around.

        Of each the last comes first, for who owns them begins with the first: the two meet once.
        """
        found: list[RunSpec] = []
        for further in range(self.number, self.number + self.count - 1):
            found += reversed(Shard(further % self.count + 1, self.count).share(cells))
        return found

    def __str__(self) -> str:
        return f"shard {self.number}/{self.count}"


WHOLE = Shard()
"""The share of a process that runs a suite alone."""
