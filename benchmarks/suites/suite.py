"""A suite: a YAML file that says losses x data sets x seeds, made into validated RunSpecs. The only reader of YAML.

    overrides:                    by loss, data set, or loss/data set; the more specific wins
      wgan-clip: {train: {optimizer: {name: rmsprop, lr: 5e-5}}}
      digits: {architecture: {z_dim: 16}}
      wgan-gp/digits: {loss: {weight: 1}}

`train: {recipe: gulrajani2017/toy}` starts from a recipe (see recipes.py); `insist: [name]` overrules a refusal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from benchmarks.suites.checkpoint import Checkpoint
from benchmarks.suites.recipes import with_recipe
from benchmarks.suites.settings import merge, put, scalar, under
from gan_zoo.errors import UserError, suggestion
from gan_zoo.losses import LOSSES, Loss
from gan_zoo.losses.config import change_loss, parse_loss
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.validation import KeyPath, SpecError, dotted, expect_mapping

NEEDED = ("name", "losses", "datasets", "seeds", "architecture", "train", "evaluate")
KEYS = (*NEEDED, "description", "overrides", "insist", "report")
OVERRIDABLE = ("loss", "architecture", "train", "evaluate")
REPORT = ("rows", "columns", "metrics", "baseline", "targets", "checkpoint")


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


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, with the line of every key."""

    source: str
    content: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def error(self, path: KeyPath, message: str) -> UserError:
        """A one-line error that names file, line and key; the line of the nearest known key above `path`."""
        line = next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 1)
        return UserError(f"{self.source}:{line}: {dotted(path)}: {message}" if path else f"{self.source}: {message}")


def suite_names() -> list[str]:
    """The suites that come with the package."""
    return sorted(Path(str(entry)).stem for entry in suites_folder().iterdir() if str(entry).endswith(".yaml"))


def suites_folder() -> Path:
    return Path(str(resources.files("benchmarks"))) / "suites"


def load_suite(name_or_path: str, settings: Mapping[str, str] | None = None) -> Suite:
    """The suite of that name, or in that YAML file, with `settings` (dotted key -> YAML text) put over it.

    Errors: UserError with file, line, key and remedy.
    """
    return parse_document(changed_document(name_or_path, settings or {}))


def load_single(name_or_path: str, settings: Mapping[str, str], loss: str, dataset: str, seed: int) -> Suite:
    """The suite `train` of one cell, with what the named suite says of this loss, in it or not, and of this data set.

    Errors: UserError as from `load_suite`, and for a data set that the suite does not have.
    """
    document = changed_document(name_or_path, settings)
    content = document.content
    datasets = {name_of_entry(entry): entry for entry in content.get("datasets") or []}
    if dataset not in datasets:
        hint = suggestion(dataset, datasets)
        raise document.error(("datasets",), f"no '{dataset}' here ({hint}), or name another --suite")
    places = (loss, dataset, f"{loss}/{dataset}")
    overrides = {place: override for place, override in (content.get("overrides") or {}).items() if place in places}
    losses = {name_of_entry(entry): entry for entry in content.get("losses") or []}
    about = f"A first look, with the settings of the suite {content.get('name')}."
    changes = {
        "name": "train",
        "losses": [losses.get(loss, loss)],
        "datasets": [datasets[dataset]],
        "seeds": [seed],
        "overrides": overrides,
        "report": {},
        "description": about,
    }
    return parse_document(replace(document, content={**content, **changes}))


def name_of_entry(entry: Any) -> Any:
    return entry.get("name") if isinstance(entry, Mapping) else entry


def changed_document(name_or_path: str, settings: Mapping[str, str]) -> Document:
    document = read_document(name_or_path)
    for key, text in settings.items():
        put(document.content, key, read_scalar_text(key, text))
    return document


def parse_document(document: Document) -> Suite:
    try:
        return parse_suite(document)
    except SpecError as error:
        raise document.error(error.path, error.message) from None


def read_document(name_or_path: str) -> Document:
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = suites_folder() / f"{name_or_path}.yaml"
        if not path.is_file():
            hint = suggestion(name_or_path, suite_names())
            raise UserError(f"unknown suite '{name_or_path}' ({hint}), or give a path to a .yaml file")
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.MarkedYAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path.name}:{mark.line + 1}" if mark else path.name
        raise UserError(f"{place}: not YAML: {getattr(error, 'problem', None) or error}") from None
    lines: dict[KeyPath, int] = {}
    content = construct(node, (), lines, path.name) if node else None
    if not isinstance(content, dict):
        raise UserError(f"{path.name}: expected a mapping with the keys {', '.join(KEYS)}")
    return Document(path.name, content, lines)


def construct(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], source: str) -> Any:
    """Plain data from a YAML node by the rules of YAML 1.2 (2e-4 is a number, yes is a word); notes lines by path.

    Errors: UserError at a key given twice.
    """
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return scalar(node.value) if node.style is None else node.value
    if isinstance(node, yaml.SequenceNode):
        return [construct(child, (*path, i), lines, source) for i, child in enumerate(node.value)]
    content: dict[str, Any] = {}
    for key_node, child in node.value:
        key = key_node.value
        lines[(*path, key)] = key_node.start_mark.line + 1
        if key in content:
            raise UserError(f"{source}:{lines[(*path, key)]}: {dotted((*path, key))}: key given twice; keep one")
        content[key] = construct(child, (*path, key), lines, source)
    return content


def read_scalar_text(key: str, text: str) -> Any:
    """The value that `text` would have in a suite file."""
    try:
        return construct(yaml.compose(text, Loader=yaml.SafeLoader) or yaml.ScalarNode("", ""), (), {}, f"--set {key}")
    except yaml.YAMLError:
        raise UserError(f"--set {key}={text}: not a YAML value") from None


def parse_suite(document: Document) -> Suite:
    """Errors: SpecError whose path leads to the key in the document."""
    for key in document.content:
        if key not in KEYS:
            raise SpecError((key,), f"unknown key ({suggestion(key, KEYS)})")
    content, by_recipe, recipe = with_recipe(document.content)
    for key in NEEDED:
        if content.get(key) is None:
            raise SpecError((key,), "missing key")
    name = content["name"]
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise SpecError(("name",), f"expected a word of letters, digits, '.', '_' and '-', got {name!r}")
    losses = [parse_listed(entry, ("losses", i)) for i, entry in enumerate(expect_list(content, "losses"))]
    datasets = [parse_dataset(entry, ("datasets", i)) for i, entry in enumerate(expect_list(content, "datasets"))]
    loss_names = refuse_twice([loss_name for loss_name, _ in losses], "losses")
    dataset_names = refuse_twice([dataset["name"] for dataset in datasets], "datasets")
    overrides = parse_overrides(content.get("overrides") or {}, loss_names, dataset_names)
    overrides = under({name: by_recipe[name] for name in loss_names if name in by_recipe}, overrides)
    report = parse_report(content.get("report") or {}, loss_names, dataset_names)
    seeds = parse_seeds(content["seeds"])
    base = {key: value for key, value in content.items() if key in ("architecture", "train", "evaluate", "insist")}
    if isinstance(base["architecture"], str):
        base["architecture"] = {"name": base["architecture"]}
    cells = tuple(
        cell(base, overrides, loss, ("losses", i), dataset, seed)
        for seed in seeds
        for dataset in datasets
        for i, loss in enumerate(losses)
    )
    description = str(content.get("description") or "")
    return Suite(name, description, loss_names, dataset_names, seeds, overrides, report, cells, recipe)


def parse_listed(entry: object, path: KeyPath) -> tuple[str, Loss]:
    """An entry of `losses`. Errors: SpecError for another loss under the name of a registered one."""
    name, loss = parse_loss(entry, path)
    if name in LOSSES and LOSSES[name].config() != loss.config():
        raise SpecError((*path, "name"), f"'{name}' is a registered loss, which this is not: choose another name")
    return name, loss


def cell(
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
    loss: tuple[str, Loss],
    place_of_loss: KeyPath,
    dataset: dict[str, Any],
    seed: int,
) -> RunSpec:
    """One cell, with errors led back to the key of the document that is wrong."""
    loss_name, composed = loss
    merged = under(base, {})
    origins: dict[KeyPath, KeyPath] = {("loss",): place_of_loss}
    for place in (dataset["name"], loss_name, f"{loss_name}/{dataset['name']}"):
        override = dict(overrides.get(place, {}))
        composed = change_loss(composed, override.pop("loss", {}), ("overrides", place, "loss"))
        for path in merge(merged, override):
            origins[path] = ("overrides", place, *path)
    try:
        return run_spec({"loss": {"name": loss_name, **composed.config()}, "dataset": dataset, **merged, "seed": seed})
    except SpecError as error:
        nearest = next((error.path[:n] for n in range(len(error.path), 0, -1) if error.path[:n] in origins), ())
        path = (*origins[nearest], *error.path[len(nearest) :]) if nearest else error.path
        raise SpecError(path, error.message) from None


def expect_list(content: Mapping[str, Any], key: str, path: KeyPath | None = None) -> list[Any]:
    value = content[key]
    if not isinstance(value, list) or not value:
        raise SpecError(path or (key,), f"expected a list with at least one entry, got {value!r}")
    return value


def refuse_twice(names: list[str], key: str) -> tuple[str, ...]:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise SpecError((key, i), f"'{name}' stands here twice; keep one")
        if key == "losses" and "/" in name:
            raise SpecError((key, i), f"'{name}': a name cannot contain '/'")
    return tuple(names)


def parse_dataset(entry: object, path: KeyPath) -> dict[str, Any]:
    mapping = {"name": entry} if isinstance(entry, str) else expect_mapping(entry, path)
    if not isinstance(mapping.get("name"), str):
        raise SpecError((*path, "name"), "missing key: the name of a data set")
    return mapping


def parse_seeds(value: object) -> tuple[int, ...]:
    """n means the seeds 0, ..., n - 1; a list means itself."""
    if type(value) is int and value > 0:
        return tuple(range(value))
    valid = isinstance(value, list) and all(type(seed) is int and seed >= 0 for seed in value)
    if isinstance(value, list) and value and valid and len(set(value)) == len(value):
        return tuple(value)
    wanted = "a number of seeds > 0 or a list of different whole numbers >= 0"
    raise SpecError(("seeds",), f"expected {wanted}, got {value!r}")


def parse_overrides(value: object, losses: tuple[str, ...], datasets: tuple[str, ...]) -> dict[str, Any]:
    places = [*losses, *datasets, *(f"{loss}/{dataset}" for loss in losses for dataset in datasets)]
    overrides = expect_mapping(value, ("overrides",))
    for place, override in overrides.items():
        if place not in places:
            hint = suggestion(place, places)
            raise SpecError(("overrides", place), f"no loss, data set or loss/data set of this suite ({hint})")
        for key in expect_mapping(override, ("overrides", place)):
            if key not in OVERRIDABLE:
                raise SpecError(("overrides", place, key), f"unknown key ({suggestion(key, OVERRIDABLE)})")
            expect_mapping(override[key], ("overrides", place, key))
        unlike = next((key for key in override.get("evaluate", {}) if key != "every" and place not in datasets), None)
        if unlike:
            reason = "losses that are scored differently share no table: set it for all, or for a data set"
            raise SpecError(("overrides", place, "evaluate", unlike), reason)
    return overrides


def parse_report(value: object, losses: tuple[str, ...], datasets: tuple[str, ...]) -> dict[str, Any]:
    """What the report shows: rows (losses), columns (data sets), metrics, the baseline loss, targets by data set, and
    which checkpoint gives a run's score: last, best or mean-K."""
    report = expect_mapping(value, ("report",))
    for key in report:
        if key not in REPORT:
            raise SpecError(("report", key), f"unknown key ({suggestion(key, REPORT)})")
    for key, known in (("rows", losses), ("columns", datasets)):
        for i, name in enumerate(expect_list(report, key, ("report", key)) if key in report else []):
            if name not in known:
                raise SpecError(("report", key, i), f"'{name}' is not in this suite ({suggestion(str(name), known)})")
    if report.get("baseline", losses[0]) not in losses:
        raise SpecError(("report", "baseline"), f"not in this suite ({suggestion(str(report['baseline']), losses)})")
    try:
        Checkpoint.parse(report.get("checkpoint", "last"))
    except ValueError as error:
        raise SpecError(("report", "checkpoint"), str(error)) from None
    return report
