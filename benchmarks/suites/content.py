"""The keys of a suite file and the form of each."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from benchmarks.suites.budget import Budget
from benchmarks.suites.report_settings import ReportSettings
from benchmarks.suites.spaces import Search
from benchmarks.suites.tuned import Tuned
from gan_zoo.errors import brief
from gan_zoo.spec import Seed
from gan_zoo.validation import check_name, refusal, strict

MOST_SEEDS = 10_000
RESERVED = {"claims", "default", "mlartifacts", "mlruns", "published", "speed", "train", "verdicts"}
"""Names that no suite may have: of other folders under results/, of MLflow, of `gan-zoo train` and `claims report`."""


def _suite_name(name: str) -> str:
    if name.lower() in RESERVED or name.lower().startswith("mlflow"):
        raise refusal(f"'{name}' is taken by other records: choose another name")
    return check_name(name)


def _seeds(value: object) -> object:
    """n means the seeds 0, ..., n - 1; a list means itself."""
    if type(value) is int and 0 < value <= MOST_SEEDS:
        return tuple(range(value))
    if isinstance(value, list | tuple) and 0 < len(value) <= MOST_SEEDS and len(set(map(str, value))) == len(value):
        return value
    wanted = f"a number of seeds, up to {MOST_SEEDS}, or a list of different whole numbers >= 0"
    raise refusal(f"expected {wanted}, got {brief(value)}")


Mapped = dict[str, Any]
Several = Annotated[tuple[Any, ...], Field(min_length=1)]


@strict
@dataclass(frozen=True)
class Override:
    """The changes for a loss, a data set, or a loss on a data set."""

    loss: Mapped | None = None
    architecture: Mapped | str | None = None
    train: Mapped | None = None
    evaluate: Mapped | None = None


@strict
@dataclass(frozen=True)
class SuiteContent:
    """The keys of a suite file. What stands in `architecture`, `train` and `evaluate` is checked for each cell."""

    name: Annotated[str, AfterValidator(_suite_name)]
    losses: Several
    datasets: Several
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_seeds)]
    architecture: Any
    train: Any
    evaluate: Any
    description: str = ""
    overrides: dict[str, Override] = field(default_factory=dict)
    insist: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    report: ReportSettings = field(default_factory=ReportSettings)
    budget: Budget | None = None
    search: Search = field(default_factory=Search)
    tuned: Tuned | None = None
