"""A suite: a YAML file that says losses x data sets x seeds, made into validated RunSpecs.

    overrides:                    by loss, data set, or loss/data set; the more specific wins
      wgan-clip: {train: {optimizer: {name: rmsprop, lr: 5e-5}}}
      digits: {architecture: {z_dim: 16}}
      wgan-gp/digits: {loss: {weight: 1}}

`train: {recipe: gulrajani2017/toy}` starts from a recipe (see recipes.py); `insist: [name]` overrules a refusal.
`budget: {images: 480k}` in place of train.steps trains each cell as long as that lasts (see budget.py), and
`evaluate: {times: 4}` in place of evaluate.every scores each four times (see evaluations.py).
`plugins: [mine.py]` brings losses, architectures, data sets, metrics and optimisers: it is code, which is run when the
suite is read. Its paths, and those of `folder` and `file`, are from the suite's own folder; what --set says is from the
working directory.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, product
from typing import Any

from benchmarks.suites.blame import Settings, WithSettings, culprit
from benchmarks.suites.budget import Budget, refuse_idle_evaluation
from benchmarks.suites.cells import cells_of
from benchmarks.suites.content import SuiteContent
from benchmarks.suites.document import Document
from benchmarks.suites.effects import Pair, notes_on, overruled_by
from benchmarks.suites.entries import entries_of, name_of_entry, names_in, own_entry, read_lists, sized
from benchmarks.suites.files import read_suite, with_settings
from benchmarks.suites.overrides import check_overrides
from benchmarks.suites.recipes import with_recipe
from benchmarks.suites.report_settings import ReportSettings, narrowed
from benchmarks.suites.settings import under
from benchmarks.suites.spaces import Search
from gan_zoo.errors import UserError, brief, printable, suggestion
from gan_zoo.spec import RunSpec
from gan_zoo.validation import KeyPath, SpecError, shown_name, validated

CELL_KEYS = ("architecture", "train", "evaluate", "insist")
MOST_CELLS = 100_000
LONGEST_NAME = 60  # of a first look's losses and data sets in a folder's name


@dataclass(frozen=True)
class Suite:
    """A comparison: its cells, and what was said of it."""

    name: str
    description: str
    losses: tuple[str, ...]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    overrides: Mapping[str, Any]
    report: Mapping[str, Any]
    cells: tuple[RunSpec, ...]
    recipe: Mapping[str, str] = field(default_factory=dict)
    """`name`, `source` and `note` of the recipe that the suite starts from, if any."""
    budget: Budget | None = None
    spaces: Search = field(default_factory=Search)
    search: Mapping[str, Any] = field(default_factory=dict)
    """Of the suite of a search (see trials.py): whose it is, its ranges, and the setting of each trial by run key."""
    tuned: Mapping[str, Any] = field(default_factory=dict)
    """How a tuned suite came about (see tuned.py)."""
    asked: tuple[str, ...] = field(default=(), compare=False)
    """The words after `gan-zoo` that ask for it, with all that they change of its file; none where it is in no file."""
    overruled: Mapping[str, frozenset[Pair]] = field(default_factory=dict)
    """By the key of a setting that is meant for all cells the losses and data sets whose overrides say otherwise."""

    @property
    def notes(self) -> list[str]:
        """Lines that a person should read before it runs."""
        return notes_on(self.overruled, self.cells)

    def only(self, losses: Sequence[str] = (), datasets: Sequence[str] = (), seeds: Sequence[int] = ()) -> "Suite":
        """The part of the suite with these losses, data sets and seeds; none means all.

        Raises: UserError for what is not in it, naming the option of the command line, and for a setting that reaches
        none of it.
        """
        chosen_losses = self._chosen("losses", losses, self.losses)
        chosen_datasets = self._chosen("datasets", datasets, self.datasets)
        chosen_seeds = self._chosen("seeds", seeds, self.seeds)
        by_place = {(spec.seed, spec.dataset.name, spec.loss_name): spec for spec in self.cells}
        places = product(chosen_seeds, chosen_datasets, chosen_losses)
        cells = tuple(by_place[place] for place in places)
        notes_on(self.overruled, cells)
        asked = self.asked and (*self.asked, *_options({"losses": losses, "datasets": datasets, "seeds": seeds}))
        return replace(
            self,
            asked=asked,
            losses=chosen_losses,
            datasets=chosen_datasets,
            seeds=chosen_seeds,
            report=narrowed(self.report, chosen_losses, chosen_datasets),
            cells=cells,
        )

    def at_pace(self, seconds: Callable[[RunSpec], float]) -> "Suite":
        """The suite of a budget of seconds, with as many steps a cell as fit where one takes so many `seconds`.

        Raises: UserError where that is no step, or less than the steps between evaluations.
        """
        if self.budget is None:
            return self
        try:
            cells = [self.budget.spend(spec, seconds(spec)) for spec in self.cells]
            for spec in cells:
                refuse_idle_evaluation(spec, self.budget)
        except SpecError as error:
            raise UserError(f"{self.name}: {error}") from None
        return replace(self, cells=tuple(cells))

    def _chosen(self, key: str, asked: Sequence[Any], known: tuple[Any, ...]) -> tuple[Any, ...]:
        for i, name in enumerate(asked):
            if name not in known:
                hint = suggestion(name, map(str, known))
                raise UserError(f"--{key}: {shown_name(name)} is not in the suite '{self.name}' ({hint})")
            if name in asked[:i]:
                raise UserError(f"--{key}: {shown_name(name)} stands there twice; keep one")
        return tuple(asked) or known


Content = Mapping[str, Any]
"""What a suite file says, as plain data."""
Entry = str | Mapping[str, Any]
"""A loss or data set in a suite's list: its name, or a mapping such as {"name": "wgan-gp", "weight": 0.1}."""


def load_suite(
    name_or_path: str, settings: Settings | None = None, change: Callable[[Content], Content] | None = None
) -> Suite:
    """The suite of that name, or in that YAML file, with `settings` (dotted key -> YAML text) put over it, and of that
    what `change` makes.

    Raises: UserError with file, line, key and remedy.
    """
    document = read_suite(name_or_path)
    in_file = names_in(document.content)

    def parse(content: Content) -> Suite:
        return _suite(in_file, content if change is None else change(content))

    suite = _under_settings(parse, partial(with_settings, document), settings or {})
    return replace(suite, asked=("run", name_or_path, *_settings_typed(settings or {})))


def _options(named: Mapping[str, Sequence[Any]]) -> list[str]:
    """The words of a command line for the options that have values."""
    words: list[str] = []
    for name, values in named.items():
        words += [f"--{name}", *map(str, values)] if values else []
    return words


def _settings_typed(settings: Settings) -> list[str]:
    return [word for key, text in settings.items() for word in ("--set", f"{key}={text}")]


def _under_settings(parse: Callable[[Content], Suite], with_settings: WithSettings, settings: Settings) -> Suite:
    """The suite that `parse` makes of the document under these settings.

    Raises: UserError that blames the setting without which there were no error, else the line of the file; and one for
    a setting that does nothing at all.
    """
    document = with_settings(settings)
    try:
        suite = parse(document.content)
    except SpecError as error:
        blamed = culprit(parse, with_settings, settings, error)
        raise document.error(error.path, error.message, error.related, blamed) from None
    if not settings:
        return suite
    overruled = overruled_by(suite, parse, with_settings, settings)
    notes_on(overruled, suite.cells)
    return replace(suite, overruled=overruled)


def suite_in(document: Document, key: str, name: str) -> Suite:
    """The suite at `key` of a document, under a `name` given to it. Raises: SpecError with its path in the document."""
    content = document.content[key]
    if not isinstance(content, Mapping):
        raise SpecError((key,), f"expected a mapping, got {brief(content)}")
    for taken in ("name", "plugins"):
        if taken in content:
            raise SpecError((key, taken), "a suite inside of another file has none: leave it out")
    content = {**content, "name": name}
    try:
        return _suite(names_in(content), content)
    except SpecError as error:
        paths = [(key, *path) if path else () for path in (error.path, error.related)]
        raise SpecError(paths[0], error.message, paths[1]) from None


def load_first_look(
    name_or_path: str,
    settings: Mapping[str, str],
    losses: Sequence[Entry],
    datasets: Sequence[Entry],
    seeds: Sequence[int] = (0,),
    image_size: int | None = None,
) -> Suite:
    """The suite `train`: any registered losses and data sets, entries of a suite's lists, or folders and files of data,
    with what the named suite says of all and of these; images at `image_size` pixels a side.

    Raises: UserError as from `load_suite`.
    """
    document = read_suite(name_or_path)
    in_file = names_in(document.content)
    replaced = ("name", "description", "losses", "datasets", "seeds", "report")
    for key in settings:
        if key.split(".")[0] in replaced:
            remedy = "does nothing for train, which has --losses, --datasets and --seeds"
            raise UserError(f"--set {printable(key)}=...: {remedy}")
    typed: dict[KeyPath, str] = {("losses",): "--losses", ("datasets",): "--datasets", ("seeds",): "--seeds"}

    def first_look(chosen: Mapping[str, str]) -> Document:
        changed = with_settings(document, chosen)
        content = {key: value for key, value in changed.content.items() if key != "report"}
        for option, names in (("losses", losses), ("datasets", datasets)):
            known = {name_of_entry(entry): entry for entry in entries_of(content, option)}
            content[option] = [_as_entry(name, known) for name in names]
        if image_size is not None:
            content["datasets"] = [sized(entry, image_size) for entry in content["datasets"]]
        about = f"A first look, with the settings of the suite {content.get('name')}."
        content |= {"name": "first-look", "seeds": list(seeds), "description": about}
        return Document(changed.source, content, changed.lines, {**changed.typed, **typed})

    suite = _under_settings(partial(_suite, in_file), first_look, settings)
    sizes = [] if image_size is None else [image_size]
    options = {"loss": losses, "dataset": datasets, "image-size": sizes, "seed": seeds, "suite": [name_or_path]}
    return replace(suite, name="train", asked=("train", *_options(options), *_settings_typed(settings)))


def look_name(suite: Suite) -> str:
    """The folder of the report of a first look, by its cells: wgan-gp_8gaussians_3f2a1b."""
    words = re.sub(r"[^\w.+-]", "-", "_".join(["+".join(suite.losses), "+".join(suite.datasets)]))[:LONGEST_NAME]
    keys = " ".join(spec.key for spec in suite.cells)
    return f"{words}_{hashlib.blake2b(keys.encode(), digest_size=3).hexdigest()}"


def _as_entry(name: Entry, known: Mapping[str, Entry]) -> Entry:
    """What a name means where a suite has entries for the `known` ones: one of these, data of one's own, or itself."""
    if not isinstance(name, str):
        return name
    return known.get(name) or own_entry(name) or name


def _suite(in_file: Mapping[str, Sequence[str]], content: Mapping[str, Any]) -> Suite:
    """`in_file`: names of losses and data sets that the file knows; the command line may have put others in their
    place, and overrides of those that are not in play are left unused. Raises: SpecError that leads to the key."""
    content = {key: value for key, value in content.items() if value is not None}
    _refuse_two_budgets(content)
    content, by_recipe, recipe = with_recipe(content)
    checked = validated(SuiteContent, content)
    lists = read_lists(content["losses"], content["datasets"])
    loss_names, dataset_names = lists.loss_names, lists.dataset_names
    if count := max(0, len(loss_names) * len(dataset_names) * len(checked.seeds) - MOST_CELLS):
        raise SpecError(("seeds",), f"{MOST_CELLS + count} cells, and a suite has at most {MOST_CELLS}: take fewer")
    overrides = check_overrides(content.get("overrides", {}), loss_names, dataset_names, in_file)
    overrides = under({name: by_recipe[name] for name in loss_names if name in by_recipe}, overrides)
    base: dict[str, Any] = {key: content[key] for key in CELL_KEYS if key in content}
    # Of a part of its losses or data sets a file is not blamed for what says nothing of that part.
    whole = {*in_file["losses"]} <= {*loss_names} and {*in_file["datasets"]} <= {*dataset_names}
    written = content.get("overrides", {}) if whole else {}
    cells = cells_of(base, overrides, lists, checked.seeds, written, checked.budget)
    if whole:
        checked.search.check(cells)
        _refuse_idle_insistence(checked.insist, cells)
    report, settings = content.get("report", {}), checked.report
    if not whole:
        report = narrowed(report, loss_names, dataset_names)
        settings = validated(ReportSettings, report, ("report",))
    settings.check(loss_names, dataset_names, cells)
    named = checked.name, checked.description, loss_names, dataset_names, checked.seeds
    tuned = checked.tuned.content if checked.tuned else {}
    return Suite(*named, overrides, report, cells, recipe, checked.budget, checked.search, tuned=tuned)


def _refuse_two_budgets(content: Content) -> None:
    """Raises: SpecError where both a budget and steps are given."""
    if "budget" not in content:
        return
    places: list[KeyPath] = [()]
    overrides = content.get("overrides")
    places += [("overrides", place) for place in overrides] if isinstance(overrides, Mapping) else []
    for place in places:
        inner: Any = content
        for key in (*place, "train"):
            inner = inner.get(key) if isinstance(inner, Mapping) else None
        if isinstance(inner, Mapping) and "steps" in inner:
            path = (*place, "train", "steps")
            raise SpecError(
                path, "given beside budget, from which the steps follow: leave one of them out", ("budget",)
            )


def _refuse_idle_insistence(names: Sequence[str], cells: Sequence[RunSpec]) -> None:
    overruled = set(chain.from_iterable(spec.insist for spec in cells))
    for i, name in enumerate(names):
        if name not in overruled:
            raise SpecError(("insist", i), f"'{name}' refuses nothing in this suite: leave it out")
