"""The listing of losses and their parts, architectures, data sets, metrics, optimisers, suites and recipes."""

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from benchmarks.suites.recipes import RECIPES
from benchmarks.suites.shipped import suite_names
from benchmarks.suites.suite import load_suite
from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.datasets import DATASETS
from gan_zoo.losses import ADVERSARIAL, LOSSES, PENALTIES
from gan_zoo.metrics.registry import critic_measures, image_measures, point_measures
from gan_zoo.optimizers import OPTIMIZERS


def registries() -> dict[str, dict[str, Any]]:
    """Everything that has a name, with what a user needs to choose it."""
    return {
        "losses": losses(),
        "adversarial": kinds(ADVERSARIAL),
        "penalties": kinds(PENALTIES),
        "architectures": kinds(ARCHITECTURES),
        "datasets": datasets(),
        "metrics": metrics(),
        "optimizers": kinds(OPTIMIZERS),
        "suites": suites(),
        "recipes": recipes(),
    }


def losses() -> dict[str, Any]:
    found = {}
    for name, loss in LOSSES.items():
        found[name] = {"critic": loss.critic_formula, "generator": loss.generator_formula, "paper": loss.paper}
    return found


def kinds(classes: Mapping[str, type]) -> dict[str, Any]:
    """The purpose of each of the classes, and its options."""
    return {name: {"about": first_line(kind), "options": options(kind)} for name, kind in classes.items()}


def datasets() -> dict[str, Any]:
    return {name: {"about": getattr(entry, "about", "") or first_line(entry)} for name, entry in DATASETS.items()}


def metrics() -> dict[str, Any]:
    """Those of points and of critics by their names; those of images with the extractor left open."""
    found = {}
    for name, measure in point_measures().items():
        found[name] = {"about": measure.label, "direction": measure.direction}
    for name, of_critics in critic_measures().items():
        found[name] = {"about": of_critics.label, "direction": of_critics.direction}
    for name, of_images in image_measures().items():
        found[f"{name}_EXTRACTOR"] = {"about": of_images.label, "direction": of_images.direction}
    return found


def suites() -> dict[str, Any]:
    return {name: {"about": load_suite(name).description} for name in suite_names()}


def recipes() -> dict[str, Any]:
    found = {}
    for name, recipe in RECIPES.items():
        found[name] = {"about": recipe.source, "losses": list(recipe.losses), "note": recipe.note}
    return found


def first_line(item: object) -> str:
    return (inspect.getdoc(item) or "").split("\n")[0]


def options(kind: Any) -> dict[str, Any]:
    """The fields of an architecture, an optimiser or a part of losses, with their defaults."""
    found = {}
    for field in fields(kind):
        found[field.name] = None if field.default is MISSING else field.default
    return found


def as_text(content: dict[str, dict[str, Any]]) -> str:
    """The registries for people to read."""
    lines: list[str] = []
    for kind, entries in content.items():
        lines.append(kind)
        for name, entry in entries.items():
            lines += _entry_lines(name, entry)
        lines.append("")
    return "\n".join(lines).rstrip()


def _entry_lines(name: str, entry: dict[str, Any]) -> list[str]:
    """A name with its line, and further lines under it."""
    if "critic" in entry:
        return [
            f"  {name:25}{entry['paper']}",
            f"{'':27}critic     {entry['critic']}",
            f"{'':27}generator  {entry['generator']}",
        ]
    lines = [f"  {name:24} {entry['about']}"]
    if entry.get("options"):
        settings = [f"{key}={value}" for key, value in entry["options"].items()]
        lines.append(f"{'':27}{', '.join(settings)}")
    return lines
