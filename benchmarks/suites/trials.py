"""The search behind a suite: for each loss on each data set K settings of a scrambled Sobol sequence, one run each.

All losses start from the suite's common recipe: what overrides say of numbers that are searched falls away, all else
stays. The sequence of a (loss, data set) is keyed by its names and the seed of the search alone, so that K settings
are the first of any more. Trial i runs on the i-th seed from FIRST_SEED on, or after the suite's own, so that no seed
of the comparison has a part in the choice. Every setting has the suite's budget; without one, as many real images as
its common recipe has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.suites.budget import Budget, refuse_idle_evaluation
from benchmarks.suites.recipes import with_recipe
from benchmarks.suites.settings import under
from benchmarks.suites.spaces import WHOLE, Ranges, Setting, override_of, own_numbers, with_setting
from benchmarks.suites.suite import Suite, load_suite
from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec
from gan_zoo.validation import SpecError

FIRST_SEED = 1_000_000  # apart from the seeds that suites usually have
MOST_SETTINGS = 4096
ENDING = "-search"
ADAPTIVE = "-adaptive"

DataAndLoss = tuple[str, str]
"""A data set and a loss, by name."""
Point = Sequence[float]
"""A setting as a point of the unit cube, an axis a range."""


@dataclass(frozen=True)
class Ground:
    """What a search starts from: the suite without what is searched, its cells by place, one for all seeds, and the
    ranges at each place."""

    common: Suite
    bases: Mapping[DataAndLoss, RunSpec]
    spaces: Mapping[DataAndLoss, Ranges]

    def at(self, points: Mapping[DataAndLoss, Sequence[Point]], seed: int, adaptive: str = "") -> Suite:
        """The suite of the trials at as many points of each place. `adaptive`: what made later points follow from
        earlier scores, if anything did.

        Raises: UserError for a setting that cannot be, or for which the budget gives no step.
        """
        name, count = self.common.name, max(map(len, points.values()))
        drawn: dict[DataAndLoss, list[Setting]] = {}
        for place, ranges in self.spaces.items():
            drawn[place] = [setting_at(ranges, point) for point in points[place]]
        try:
            cells, trials = _cells_and_trials(self.common, self.bases, drawn)
        except SpecError as error:
            raise UserError(f"{name}: {error}") from None
        search = {
            "source": name,
            "settings": count,
            "seed": seed,
            "spaces": {"/".join(reversed(place)): _texts(ranges) for place, ranges in self.spaces.items()},
            "trials": trials,
            **({"adaptive": adaptive} if adaptive else {}),
        }
        how = "adaptive search" if adaptive else "search"
        return replace(
            self.common,
            name=f"{name}{ADAPTIVE if adaptive else ''}{ENDING}",
            description=f"The {how} behind {name}: {count} settings a loss and data set, a run each.",
            seeds=tuple(dict.fromkeys(spec.seed for spec in cells)),
            overrides={},
            cells=tuple(cells),
            search=search,
        )


def ground_of(
    source: str, settings: Mapping[str, str], losses: Sequence[str] = (), datasets: Sequence[str] = ()
) -> Ground:
    """What a search behind a suite starts from. Raises: UserError."""
    plain = load_suite(source, settings)
    if plain.tuned:
        raise UserError(f"{plain.name}: is tuned already: tune the suite that it came from, {plain.tuned['source']}")
    if plain.budget is not None and plain.budget.kind == "seconds":
        reason = "what a second buys changes from setting to setting: give images, generator_steps or critic_steps"
        raise UserError(f"{plain.name}: budget.seconds: {reason}")
    common = load_suite(source, settings, without_searched).only(losses, datasets)
    bases = {(spec.dataset.name, spec.loss_name): spec for spec in common.cells}
    try:
        spaces = {place: common.spaces.space(spec) for place, spec in bases.items()}
    except SpecError as error:
        raise UserError(f"{plain.name}: {error}") from None
    for (dataset, loss), ranges in spaces.items():
        if not ranges:
            raise UserError(f"{loss} on {dataset}: there is nothing to search: give its numbers ranges under search")
    return Ground(common, bases, spaces)


def sobol_trials(ground: Ground, count: int, seed: int) -> Suite:
    """The suite of the trials of `count` settings a loss and data set, all drawn beforehand."""
    return ground.at({place: points_of(ranges, count, seed, *place) for place, ranges in ground.spaces.items()}, seed)


def _texts(ranges: Ranges) -> dict[str, str]:
    return {number: str(range_) for number, range_ in ranges.items()}


def _cells_and_trials(
    common: Suite, bases: Mapping[DataAndLoss, RunSpec], drawn: Mapping[DataAndLoss, Sequence[Setting]]
) -> tuple[list[RunSpec], dict[str, Any]]:
    """The cells, trial by trial, and of each by its key the number of its trial and its setting."""
    first = max(FIRST_SEED, max(common.seeds) + 1)
    cells: list[RunSpec] = []
    trials: dict[str, Any] = {}
    for number in range(max(map(len, drawn.values()))):
        for place, base in bases.items():
            setting = drawn[place][number]
            spec = replace(_trial_of(base, setting, common.budget), seed=first + number)
            cells.append(spec)
            trials[spec.key] = {"trial": number, "setting": setting}
    return cells, trials


def points_of(ranges: Ranges, count: int, seed: int, dataset: str, loss: str) -> list[list[float]]:
    """The first `count` points of a scrambled Sobol sequence (Sobol 1967, Owen 1998) in the unit cube of the ranges."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(ranges), scramble=True, rng=Rng(seed, "search", dataset, loss).numpy())
    points = sequence.random_base2((count - 1).bit_length())[:count]
    return [list(map(float, point)) for point in points]


def setting_at(ranges: Ranges, point: Point) -> Setting:
    """The setting at a point."""
    setting = {number: range_.at(u) for (number, range_), u in zip(ranges.items(), point, strict=True)}
    if WHOLE in setting:
        setting[WHOLE] = max(1, round(setting[WHOLE]))
    return setting


def _trial_of(base: RunSpec, setting: Setting, budget: Budget | None) -> RunSpec:
    """`base` under a setting, in the budget, evaluated as often as `base` is."""
    assert budget is not None  # whence `without_searched` gave one
    spec = budget.spend(with_setting(base, setting))
    spec = replace(spec, evaluate=replace(spec.evaluate, every=_every_of(base, spec.train.steps)))
    refuse_idle_evaluation(spec, budget)
    return spec


def _every_of(base: RunSpec, steps: int) -> int:
    """Steps between evaluations, of a run of so many, that make as many of them as `base` has."""
    return max(1, steps // max(1, base.train.steps // base.evaluate.every))


def without_searched(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a suite, upon its recipe, without what overrides say of numbers that are searched, with a budget
    and with scores on the validation split.

    Raises: SpecError where overrides of data sets give steps, which no budget for all can stand for.
    """
    content, by_loss, _ = with_recipe(content)
    found = dict(content)
    overrides = under(by_loss, found.get("overrides") or {})
    names = {str(name) for name in _dataset_names(content)}
    for place, override in overrides.items():
        if place in names and "budget" not in content and "steps" in (_mapping(override).get("train") or {}):
            reason = "a search has one budget for all: write budget: {images: N} in place of the steps"
            raise SpecError(("overrides", place, "train", "steps"), reason)
    stripped = {place: _unsearched(_mapping(override)) for place, override in overrides.items()}
    found["overrides"] = {place: override for place, override in stripped.items() if override}
    train, evaluate = _mapping(found.get("train")), _mapping(found.get("evaluate"))
    if "budget" not in found and all(isinstance(train.get(key, 5), int) for key in ("steps", "batch_size", "n_critic")):
        images = train.get("steps", 0) * train.get("batch_size", 0) * train.get("n_critic", 5)
        found["budget"] = {"images": images}
        found["train"] = {key: value for key, value in train.items() if key != "steps"}
    repeats = evaluate.get("repeats", 1)
    if isinstance(found.get("evaluate"), Mapping):
        found["evaluate"] = {**evaluate, "repeats": max(2, repeats) if isinstance(repeats, int) else repeats}
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _dataset_names(content: Mapping[str, Any]) -> list[Any]:
    entries = content.get("datasets")
    named = entries if isinstance(entries, list) else []
    return [entry.get("name") if isinstance(entry, Mapping) else entry for entry in named]


def _unsearched(override: Mapping[str, Any]) -> dict[str, Any]:
    """An override without optimiser, critic steps, steps, times of evaluation and the numbers of the loss."""
    numbers = set().union(*(own_numbers(loss) for loss in LOSSES.values()))
    gone = {"train": {"optimizer", "n_critic", "steps"}, "evaluate": {"every", "times"}, "loss": numbers}
    kept: dict[str, Any] = {}
    for key, value in override.items():
        if isinstance(value, Mapping):
            value = {name: each for name, each in value.items() if name not in gone.get(key, ())}
        if value:
            kept[key] = value
    return kept


def tuned_override(base: RunSpec, setting: Setting, budget: Budget | None) -> dict[str, Any]:
    """The override in a tuned suite for a loss on a data set."""
    every = _trial_of(base, setting, budget).evaluate.every
    return {**override_of(base, setting), "evaluate": {"every": every}}
