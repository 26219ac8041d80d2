"""A suite: a YAML file that says losses x data sets x seeds, made into validated RunSpecs.

    overrides:                    by loss, data set, or loss/data set; the more specific wins
      wgan-clip: {train: {optimizer: {name: rmsprop, lr: 5e-5}}}
      digits: {architecture: {z_dim: 16}}
      wgan-gp/digits: {loss: {weight: 1}}

`train: {recipe: gulrajani2017/toy}` starts from a recipe (see recipes.py); `insist: [name]` overrules a refusal.
`plugins: [mine.py]` brings losses, architectures, data sets and metrics, by paths from the suite's own folder: it is
code, which is run when the suite is read.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter

from benchmarks.suites.blame import parsed
from benchmarks.suites.cells import Named, cells_of
from benchmarks.suites.document import Document, put, read_document
from benchmarks.suites.overrides import check_overrides
from benchmarks.suites.recipes import with_recipe
from benchmarks.suites.report_settings import ReportSettings, narrowed
from benchmarks.suites.settings import under
from gan_zoo.datasets import DATASETS, TAKEN, Points
from gan_zoo.errors import UserError, brief, printable, suggestion
from gan_zoo.losses import LOSSES, Loss
from gan_zoo.losses.config import parse_loss
from gan_zoo.plugins import load, read_plugin
from gan_zoo.spec import DatasetSpec, RunSpec, Seed
from gan_zoo.validation import (
    KeyPath,
    LossName,
    SpecError,
    check_name,
    refusal,
    shown_name,
    strict,
    validated,
)

CELL_KEYS = ("architecture", "train", "evaluate", "insist")
MOST_SEEDS, MOST_CELLS = 10_000, 100_000
RESERVED = {"default", "mlartifacts", "mlruns", "published", "speed", "train"}
"""What lies beside the suites' folders under results/, and what MLflow and `gan-zoo train` call their own."""


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
    """What is different for a loss, a data set, or a loss on a data set."""

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


SUITE, REPORT = TypeAdapter(SuiteContent), TypeAdapter(ReportSettings)
DATASET, NAME_OF_LOSS = TypeAdapter(DatasetSpec), TypeAdapter(LossName)


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

    def only(self, losses: Sequence[str] = (), datasets: Sequence[str] = (), seeds: Sequence[int] = ()) -> "Suite":
        """The part of the suite with these losses, data sets and seeds; none means all.

        Errors: UserError for what is not in it, naming the option of the command line.
        """
        chosen_losses = self._chosen("losses", losses, self.losses)
        chosen_datasets = self._chosen("datasets", datasets, self.datasets)
        chosen_seeds = self._chosen("seeds", seeds, self.seeds)
        by_place = {(spec.seed, spec.dataset.name, spec.loss_name): spec for spec in self.cells}
        places = [(seed, data, loss) for seed in chosen_seeds for data in chosen_datasets for loss in chosen_losses]
        return replace(
            self,
            losses=chosen_losses,
            datasets=chosen_datasets,
            seeds=chosen_seeds,
            report=narrowed(self.report, chosen_losses, chosen_datasets),
            cells=tuple(by_place[place] for place in places),
        )

    def _chosen(self, key: str, asked: Sequence[Any], known: tuple[Any, ...]) -> tuple[Any, ...]:
        for i, name in enumerate(asked):
            if name not in known:
                hint = suggestion(name, map(str, known))
                raise UserError(f"--{key}: {shown_name(name)} is not in the suite '{self.name}' ({hint})")
            if name in asked[:i]:
                raise UserError(f"--{key}: {shown_name(name)} stands there twice; keep one")
        return tuple(asked) or known


def suite_names() -> list[str]:
    """The suites that come with the package."""
    return sorted(path.stem for path in _suites_folder().iterdir() if path.suffix == ".yaml")


def _suites_folder() -> Path:
    return Path(str(resources.files("benchmarks"))) / "suites"


def load_suite(name_or_path: str, settings: Mapping[str, str] | None = None) -> Suite:
    """The suite of that name, or in that YAML file, with `settings` (dotted key -> YAML text) put over it.

    Errors: UserError with file, line, key and remedy.
    """
    document = _read(name_or_path)
    in_file = _names(document.content)
    return parsed(partial(_suite, in_file), partial(_with_settings, document), settings or {})


def load_first_look(
    name_or_path: str,
    settings: Mapping[str, str],
    losses: Sequence[str],
    datasets: Sequence[str],
    seeds: Sequence[int] = (0,),
) -> Suite:
    """The suite `train`: any registered losses and data sets, with what the named suite says of all and of these.

    Errors: UserError as from `load_suite`.
    """
    document = _read(name_or_path)
    in_file = _names(document.content)
    replaced = ("name", "description", "losses", "datasets", "seeds", "report")
    for key in settings:
        if key.split(".")[0] in replaced:
            remedy = "does nothing for train, which has --losses, --datasets and --seeds"
            raise UserError(f"--set {printable(key)}=...: {remedy}")
    typed: dict[KeyPath, str] = {("losses",): "--losses", ("datasets",): "--datasets", ("seeds",): "--seeds"}

    def first_look(chosen: Mapping[str, str]) -> Document:
        changed = _with_settings(document, chosen)
        content = {key: value for key, value in changed.content.items() if key != "report"}
        for option, names in (("losses", losses), ("datasets", datasets)):
            known = {_name_of_entry(entry): entry for entry in _entries(content, option)}
            content[option] = [known.get(name, name) for name in names]
        about = f"A first look, with the settings of the suite {content.get('name')}."
        content |= {"name": "first-look", "seeds": list(seeds), "description": about}
        return Document(changed.source, content, changed.lines, {**changed.typed, **typed})

    return replace(parsed(partial(_suite, in_file), first_look, settings), name="train")


def _read(name_or_path: str) -> Document:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        document = read_document(path)
        _load_plugins(document, path.parent)
        return document
    if name_or_path not in suite_names():
        hint = suggestion(name_or_path, suite_names())
        raise UserError(f"unknown suite {shown_name(name_or_path)} ({hint}), or give a path to a .yaml file")
    return read_document(_suites_folder() / f"{name_or_path}.yaml")


def _load_plugins(document: Document, folder: Path) -> None:
    """Runs the plugins that a suite file names. Errors: UserError that names the line."""
    for i, name in enumerate(_entries(document.content, "plugins")):
        if isinstance(name, str):  # anything else is refused with the other keys
            try:
                load(read_plugin(folder / os.path.expanduser(name)))
            except UserError as error:
                raise document.error(("plugins", i), str(error)) from None


def _with_settings(document: Document, settings: Mapping[str, str]) -> Document:
    if any(key.split(".")[0] == "plugins" for key in settings):
        raise UserError("--set plugins=...: does nothing, for plugins are read with the file: use --plugin FILE")
    for key, text in settings.items():
        document = put(document, key, text, f"--set {printable(key)}={printable(text) if len(text) < 60 else '...'}")
    return document


def _suite(in_file: Mapping[str, Sequence[str]], content: Mapping[str, Any]) -> Suite:
    """`in_file`: names of losses and data sets that the file knows; the command line may have put others in their
    place, and overrides of those that are not in play are left unused. Errors: SpecError that leads to the key."""
    content, by_recipe, recipe = with_recipe({key: value for key, value in content.items() if value is not None})
    checked = validated(SUITE, content)
    losses = [Named(*_loss(entry, ("losses", i)), ("losses", i)) for i, entry in enumerate(content["losses"])]
    datasets = [_dataset(entry, ("datasets", i)) for i, entry in enumerate(content["datasets"])]
    loss_names = _unlike([loss.name for loss in losses], "losses")
    dataset_names = _unlike([dataset.name for dataset in datasets], "datasets")
    if count := max(0, len(losses) * len(datasets) * len(checked.seeds) - MOST_CELLS):
        raise SpecError(("seeds",), f"{MOST_CELLS + count} cells, and a suite has at most {MOST_CELLS}: take fewer")
    both = [name for name in loss_names if name in dataset_names]
    if both:
        raise SpecError(("losses", loss_names.index(both[0])), f"'{both[0]}' is also a data set: choose another name")
    overrides = check_overrides(content.get("overrides", {}), loss_names, dataset_names, in_file)
    overrides = under({name: by_recipe[name] for name in loss_names if name in by_recipe}, overrides)
    base: dict[str, Any] = {key: content[key] for key in CELL_KEYS if key in content}
    whole = {*in_file["losses"]} <= {*loss_names} and {*in_file["datasets"]} <= {*dataset_names}
    cells = cells_of(base, overrides, losses, datasets, checked.seeds, content.get("overrides", {}) if whole else {})
    if whole:
        _refuse_idle_insistence(checked.insist, cells)
    report, settings = content.get("report", {}), checked.report
    if not whole:
        report = narrowed(report, loss_names, dataset_names)
        settings = validated(REPORT, report, ("report",))
    settings.check(loss_names, dataset_names, cells)
    named = checked.name, checked.description, loss_names, dataset_names, checked.seeds
    return Suite(*named, overrides, report, cells, recipe)


def _loss(entry: object, path: KeyPath) -> tuple[str, Loss]:
    """An entry of `losses`. Errors: SpecError for another loss under the name of a registered one."""
    name, loss = parse_loss(entry, path)
    if name in LOSSES and LOSSES[name].config() != loss.config():
        raise SpecError((*path, "name"), f"'{name}' is a registered loss, which this is not: choose another name")
    return validated(NAME_OF_LOSS, name, path), loss


def _dataset(entry: object, path: KeyPath) -> DatasetSpec:
    """An entry of `datasets`. Errors: SpecError for a name without data, and for options that do not go with it."""
    dataset = validated(DATASET, {"name": entry} if isinstance(entry, str) else entry, path)
    place = path if isinstance(entry, str) else (*path, "name")
    if dataset.name in (*DATASETS, *TAKEN) and dataset.folder:
        raise SpecError(place, f"'{dataset.name}' is taken: a folder of images needs a name of its own")
    if dataset.name not in DATASETS and not dataset.folder:
        hint = suggestion(dataset.name, DATASETS)
        raise SpecError(place, f"unknown data set '{dataset.name}' ({hint}), or give folder: a folder of images")
    if dataset.image_size and isinstance(DATASETS.get(dataset.name), Points):
        raise SpecError((*path, "image_size"), f"'{dataset.name}' has points, not images: leave it out")
    return dataset


def _unlike(names: Sequence[str], key: str) -> tuple[str, ...]:
    """`names`, if no two are the same, also not for file systems that know no case."""
    lower = [name.lower() for name in names]
    for i, name in enumerate(names):
        if lower[i] in lower[:i]:
            raise SpecError((key, i), f"'{name}' stands here twice; keep one")
    return tuple(names)


def _names(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names in a suite's lists as far as they can be told."""
    found: dict[str, list[str]] = {"losses": [], "datasets": []}
    for key, names in found.items():
        for entry in _entries(content, key):
            name = _name_of_entry(entry)
            if isinstance(name, str):
                names.append(name)
    return found


def _entries(content: Mapping[str, Any], key: str) -> list[Any]:
    entries = content.get(key)
    return entries if isinstance(entries, list) else []


def _name_of_entry(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry if isinstance(entry, str) else None
    if "adversarial" not in entry and set(entry) <= {"name", "folder", "image_size"}:
        return entry.get("name")
    try:
        return parse_loss(entry, ())[0]
    except SpecError:
        return None


def _refuse_idle_insistence(names: Sequence[str], cells: Sequence[RunSpec]) -> None:
    overruled = {name for spec in cells for name in spec.insist}
    for i, name in enumerate(names):
        if name not in overruled:
            raise SpecError(("insist", i), f"'{name}' refuses nothing in this suite: leave it out")
