"""Numbers that others printed, shown beside ours and never mixed with them: `published.csv`, each with its source."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Fact:
    """One printed number. `loss` is our name of it, `called` the source's; `metric` is the first word of our metrics'
    names; `value` stands as it was printed."""

    dataset: str
    loss: str
    called: str
    metric: str
    value: str
    setting: str
    source: str

    @property
    def number(self) -> float:
        """The value without its spread."""
        return float(self.value.split()[0])


@cache
def facts() -> tuple[Fact, ...]:
    """Every fact of the file, in its order."""
    path = Path(__file__).parent / "published.csv"
    with open(path, encoding="utf-8", newline="") as file:
        return tuple(Fact(**row) for row in csv.DictReader(file))


def facts_of(dataset: str, metric: str, losses: list[str]) -> list[Fact]:
    """The facts on a data set for metrics of the kind of ours (`fid_mnist_5k_train`: fid), in the losses' order."""
    kind = metric.split("_")[0]
    found = [fact for fact in facts() if fact.dataset == dataset and fact.metric == kind and fact.loss in losses]
    return sorted(found, key=lambda fact: losses.index(fact.loss))
