"""Tables in Markdown, and the bars that a measurement is held to. Needs nothing but Python, as the GPU's part does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


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
    return table(("bar", "by", "wanted", "measured", ""), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first two columns are text and the others numbers."""
    rules = ["---" if i < 2 else "---:" for i in range(len(heads))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *rows)) + "\n"


def significant(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
