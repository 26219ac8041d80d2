"""The settings of a report in a suite: `report: {baseline: wgan-gp, checkpoint: best}`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from benchmarks.suites.checkpoint import Checkpoint
from benchmarks.suites.margin import MARGIN, parse_margin
from gan_zoo.errors import suggestion
from gan_zoo.spec import RunSpec
from gan_zoo.validation import SpecError, different, refusal, shown_name, strict


def _read_by(reader: Callable[[Any], object]) -> AfterValidator:
    """Validates what `reader` takes without a ValueError."""

    def check(value: Any) -> Any:
        try:
            reader(value)
        except ValueError as error:
            raise refusal(str(error)) from None
        return value

    return AfterValidator(check)


Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(different)]


@strict
@dataclass(frozen=True)
class ReportSettings:
    """Rows (losses), columns (data sets) and metrics to show, the loss that the others are compared with, the score to
    reach by data set, which checkpoint gives a run's score (last, best or mean-K), and the smallest difference of
    interest, a share."""

    rows: Names | None = None
    columns: Names | None = None
    metrics: Names | None = None
    baseline: str | None = None
    targets: dict[str, float] | None = None
    checkpoint: Annotated[str, _read_by(Checkpoint.parse)] = "last"
    margin: Annotated[float, _read_by(parse_margin)] = MARGIN

    def check(self, losses: Sequence[str], datasets: Sequence[str], cells: Sequence[RunSpec]) -> None:
        """Holds the settings to the suite.

        Raises: SpecError for a name that the suite does not have, and for a checkpoint that its runs do not have.
        """
        named: list[tuple[str, Sequence[str], Sequence[str]]] = [
            ("rows", self.rows or (), losses),
            ("columns", self.columns or (), datasets),
            ("targets", tuple(self.targets or ()), datasets),
            ("baseline", (self.baseline,) if self.baseline else (), self.rows or losses),
        ]
        for key, names, known in named:
            for i, name in enumerate(names):
                if name not in known:
                    place = {"baseline": (), "targets": (name,)}.get(key, (i,))
                    hint = suggestion(name, known)
                    raise SpecError(("report", key, *place), f"{shown_name(name)} is not in this suite ({hint})")
        self._check_metrics(cells)
        self._check_checkpoint(cells)

    def _check_metrics(self, cells: Sequence[RunSpec]) -> None:
        asked = [set(spec.evaluate.metrics) for spec in cells]
        measured = set().union(*asked)
        for i, name in enumerate(self.metrics or ()):
            if all(asked) and name not in measured:
                hint = suggestion(name, sorted(measured))
                raise SpecError(("report", "metrics", i), f"{shown_name(name)} is not in evaluate.metrics ({hint})")

    def _check_checkpoint(self, cells: Sequence[RunSpec]) -> None:
        rule, place = Checkpoint.parse(self.checkpoint), ("report", "checkpoint")
        if rule.rule == "best" and any(spec.evaluate.repeats == 1 for spec in cells):
            reason = "'best' is chosen by scores on the validation split, for which evaluate.repeats must be 2 or more"
            raise SpecError(place, reason, ("evaluate", "repeats"))
        fewest = min(-(-spec.train.steps // spec.evaluate.every) for spec in cells)
        if rule.count > fewest:
            reason = f"'{self.checkpoint}' needs {rule.count} evaluations, and there are {fewest}: choose a smaller K"
            raise SpecError(place, reason, ("evaluate", "every"))


def narrowed(report: Mapping[str, Any], losses: Sequence[str], datasets: Sequence[str]) -> dict[str, Any]:
    """The settings of a report on some of a suite's losses and data sets: without what is said of others."""
    kept = dict(report)
    for key, known in (("rows", losses), ("columns", datasets)):
        if kept.get(key):
            kept[key] = [name for name in kept[key] if name in known]
    if kept.get("targets"):
        kept["targets"] = {name: target for name, target in kept["targets"].items() if name in datasets}
    if kept.get("baseline") not in (kept.get("rows") or losses):
        kept.pop("baseline", None)
    return {key: value for key, value in kept.items() if value not in ([], {}, None)}
