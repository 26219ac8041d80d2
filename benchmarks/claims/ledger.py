"""The ledger: all claims that come with the package, a file each in `claims/ledger`."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path

from benchmarks.claims.claim import Claim, Content, Criterion
from benchmarks.claims.measure import Measurement
from benchmarks.suites.document import Document, read_document
from benchmarks.suites.shipped import suite_names
from benchmarks.suites.suite import Suite, load_suite, suite_in
from gan_zoo.errors import UserError, suggestion
from gan_zoo.validation import SpecError, shown_name, validated

FEWEST_SEEDS = 3
"""With two, Student's quantile is 12.7: an interval of so few settles nothing."""


class Ledger:
    """The claims of a folder by name, read as they are asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(str(resources.files("benchmarks"))) / "claims" / "ledger"
        self.names = sorted(path.stem for path in self.folder.glob("*.yaml"))
        self._claims: dict[str, Claim] = {}

    def claim(self, name: str) -> Claim:
        """Raises: UserError with file, line and key for what a file has wrong; for an unknown name."""
        if name not in self.names:
            raise UserError(f"unknown claim {shown_name(name)} ({suggestion(name, self.names)})")
        if name not in self._claims:
            self._claims[name] = self._read(name)
        return self._claims[name]

    def claims(self, names: Sequence[str] = ()) -> list[Claim]:
        """Those of these names, or all."""
        return [self.claim(name) for name in names or self.names]

    def sharing(self, suite: str) -> list[Claim]:
        """All claims that the suite of this name is to settle."""
        return [claim for claim in self.claims() if claim.suite.name == suite]

    def _read(self, name: str) -> Claim:
        document = read_document(self.folder / f"{name}.yaml")
        try:
            content = validated(Content, document.content)
            suite = self._suite(name, document, content)
            for i, criterion in enumerate(content.criteria):
                check(criterion, suite, i)
        except SpecError as error:
            raise document.error(error.path, error.message, error.related) from None
        return Claim(name, content, suite)

    @cached_property
    def _homes(self) -> list[str]:
        """The names of the claims whose files have a suite of their own."""
        contents = {name: read_document(self.folder / f"{name}.yaml").content for name in self.names}
        return [name for name, content in contents.items() if isinstance(content.get("suite"), Mapping)]

    def _suite(self, name: str, document: Document, content: Content) -> Suite | Measurement:
        suite: Suite | Measurement
        if content.measure is not None:
            suite = Measurement(name, content.measure)
        elif not isinstance(content.suite, str):
            suite = suite_in(document, "suite", name)
        elif content.suite in suite_names():
            suite = load_suite(content.suite)
        elif content.suite in self._homes:
            suite = self.claim(content.suite).suite
        else:
            hint = suggestion(content.suite, [*suite_names(), *self._homes])
            raise SpecError(("suite",), f"no suite of this name, nor a claim that has one ({hint})")
        if len(suite.seeds) < FEWEST_SEEDS:
            key = ("measure", "repeats") if content.measure else ("suite", "seeds")
            reason = f"{len(suite.seeds)} {key[1]} settle nothing: give at least {FEWEST_SEEDS}"
            raise SpecError(key, reason)
        return suite


def check(criterion: Criterion, suite: Suite | Measurement, position: int) -> None:
    """Raises: SpecError where the suite lacks a cell that the criterion needs, or the measurement a quantity."""
    quantities = {"of": criterion.of, "to": criterion.to}
    for key, quantity in quantities.items():
        if quantity is None:
            continue
        path = ("criteria", position, key)
        if quantity.loss and isinstance(suite, Measurement):
            raise SpecError((*path, "loss"), "nothing is trained: leave it out")
        if quantity.loss not in suite.losses:
            hint = suggestion(quantity.loss, suite.losses)
            said = f"'{quantity.loss}' is not in" if quantity.loss else "missing key: which loss of"
            raise SpecError((*path, "loss"), f"{said} the suite '{suite.name}' ({hint})")
        if quantity.dataset and quantity.dataset not in suite.datasets:
            hint = suggestion(quantity.dataset, suite.datasets)
            raise SpecError((*path, "dataset"), f"'{quantity.dataset}' is not in the suite '{suite.name}' ({hint})")
        if not quantity.dataset and len(suite.datasets) > 1:
            known = ", ".join(suite.datasets)
            raise SpecError((*path, "dataset"), f"missing key: the suite '{suite.name}' has several ({known})")
        if isinstance(suite, Measurement):
            measured = suite.metrics(quantity.dataset or suite.datasets[0])
            if quantity.metric not in measured:
                hint = suggestion(quantity.metric, measured)
                raise SpecError((*path, "metric"), f"'{quantity.metric}' is not measured ({hint})")


def by_suite(claims: Sequence[Claim]) -> Mapping[str, list[Claim]]:
    """The claims that share each suite."""
    shared: dict[str, list[Claim]] = {}
    for claim in claims:
        shared.setdefault(claim.suite.name, []).append(claim)
    return shared
