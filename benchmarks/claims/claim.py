"""A claim of a paper as a file of the ledger says it: what is claimed, what is run, and what would settle it.

    statement: The weights of a clipped critic end up at the bounds.
    paper: Gulrajani et al. 2017 (1704.00028)
    place: section 3, figure 1b
    printed: two bars at ±c in a histogram of weights
    smaller: a width of 128 in place of 512             (where the setting is smaller than the paper's)
    note: how a value of 0 counts was decided later     (what a reader of the verdict has to know)
    takes: up to 3 hours on two processor cores         (where that is why it is not run yet)
    suite: {losses: [wgan-clip], ...}                   (or the name of a suite, or of a claim that has one;
                                                         where nothing is trained `measure`, see measure.py)
    criteria:
      - says: most weights lie at a bound
        statistic: value                                (see statistics.py)
        of: {loss: wgan-clip, metric: critic/weights_at_bound}
        at_least: 0.8                                   (or at_most, or both)

The name of the file is the claim's. Criteria are written before the runs: each sweep records them (see run.py).
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from benchmarks.claims.measure import Measure, Measurement
from benchmarks.claims.statistics import STATISTICS, Statistic
from benchmarks.suites.suite import Suite
from gan_zoo.errors import suggestion
from gan_zoo.validation import refusal, strict


@strict
@dataclass(frozen=True)
class Quantity:
    """A quantity that a loss logged on a data set, which need not be said where the suite has a single one. Where
    nothing is trained it is of no loss."""

    metric: str
    loss: str = ""
    dataset: str = ""

    def __str__(self) -> str:
        of_loss, on_dataset = (f" of {self.loss}" if self.loss else ""), (f" on {self.dataset}" if self.dataset else "")
        return f"{self.metric}{of_loss}{on_dataset}"


@strict
@dataclass(frozen=True)
class Criterion:
    """The range in which the true value of a statistic has to lie for the claim to hold. Its ends are where effects of
    interest begin: a value beyond them is one that the paper's statement does not let expect."""

    says: str
    statistic: str
    of: Quantity
    to: Quantity | None = None
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            hint = suggestion(self.statistic, STATISTICS)
            raise refusal(f"unknown statistic '{self.statistic}' ({hint})", "statistic")
        if self.kind.quantities != len(self.quantities):
            wanted = "of and to" if self.kind.quantities == 2 else "of alone"
            raise refusal(f"'{self.statistic}' is about two quantities or one: give {wanted}", "statistic")
        if not self.edges:
            raise refusal("gives no range: say at_least, at_most or both")
        if self.edges != sorted(self.edges):
            raise refusal("is an empty range: at_least lies above at_most", "at_least")
        if self.kind.logarithmic and min(self.edges) <= 0:
            raise refusal("a ratio is positive, and so are the edges of its range")

    @property
    def kind(self) -> Statistic:
        """The statistic itself."""
        return STATISTICS[self.statistic]

    @property
    def edges(self) -> list[float]:
        """The ends that the range has, as written."""
        return [edge for edge in (self.at_least, self.at_most) if edge is not None]

    @property
    def quantities(self) -> list[Quantity]:
        """The quantities that the statistic is of."""
        return [self.of] if self.to is None else [self.of, self.to]


@strict
@dataclass(frozen=True)
class Content:
    """The keys of a claim's file. What stands in `suite` is checked as a suite."""

    statement: str
    paper: str
    place: str
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    suite: Any = None
    measure: Measure | None = None
    printed: str = ""
    smaller: str = ""
    note: str = ""
    takes: str = ""

    def __post_init__(self) -> None:
        if (self.suite is None) == (self.measure is None):
            raise refusal("give one of suite and measure: what is to settle the claim")


CRITERIA = TypeAdapter(tuple[Criterion, ...])


@dataclass(frozen=True)
class Claim:
    """A claim by its name, and what is to settle it: a suite, which may be that of several, or a measurement."""

    name: str
    content: Content
    suite: Suite | Measurement

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """All of them have to hold."""
        return self.content.criteria

    @property
    def terms(self) -> str:
        """The criteria as canonical JSON: what a sweep records of them."""
        return json.dumps(json.loads(CRITERIA.dump_json(self.criteria)), sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """12 hexadecimal digits that change with the terms."""
        return digest_of(self.terms)


def digest_of(terms: str) -> str:
    """The digest of a claim's terms."""
    return hashlib.sha256(terms.encode()).hexdigest()[:12]
