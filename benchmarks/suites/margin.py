"""The smallest difference of interest, as `report: {margin: ...}` of a suite says it."""

MARGIN = 0.1
"""Scores whose ratio is certain to lie within 1.1 and its inverse are called equivalent, where a suite says nothing."""


def parse_margin(value: object) -> float:
    """A share, as 0.1 for 10 %. Raises: ValueError for anything else, which says so."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    if not 0 < number <= 1:
        raise ValueError(f"expected a share above 0 and at most 1 (as 0.1 for 10 %), got {value!r}")
    return float(number)
