"""The bars that a measurement is held to."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.markup.markdown import table


@dataclass(frozen=True)
class Bar:
    """A number that the project wants to reach: at least `wanted`, or at most."""

    what: str
    wanted: float
    found: float
    by: str = ""
    """the engine, where one has to be chosen"""
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.found <= self.wanted if self.at_most else self.found >= self.wanted

    @property
    def off(self) -> float:
        """By which share of the bar it is missed."""
        return abs(self.found / self.wanted - 1)


def bar_table(bars: Iterable[Bar]) -> str:
    """The bars as Markdown, with what was measured and by which share one is missed."""
    rows = [
        (
            bar.what,
            bar.by,
            f"{'at most' if bar.at_most else 'at least'} {bar.wanted:g}",
            significant(bar.found),
            "reached" if bar.reached else f"missed by {bar.off:.0%}",
        )
        for bar in bars
    ]
    return table(("bar", "by", "wanted", "measured", ""), rows, numeric=(2, 3)) + "\n"


def significant(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
