"""The cells of a suite: each loss on each data set with its overrides, once for every seed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

from benchmarks.suites.budget import MOST_STEPS, Budget, refuse_idle_evaluation
from benchmarks.suites.entries import Lists, Named
from benchmarks.suites.evaluations import evaluated, take_times
from benchmarks.suites.settings import displace, merge, under
from gan_zoo.losses.config import change_loss
from gan_zoo.spec import DatasetSpec, RunSpec, spec_of_loss
from gan_zoo.validation import KeyPath, SpecError


def cells_of(
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
    lists: Lists,
    seeds: Sequence[int],
    written: Mapping[str, Any],
    budget: Budget | None = None,
) -> tuple[RunSpec, ...]:
    """All cells, seed by seed. `written`: the overrides of which each must have its effect; `budget`: whence the steps
    of each follow, where they are not given.

    Raises: SpecError led back to the key of the suite that is wrong.
    """
    said: dict[KeyPath, None] = {}
    effective: set[KeyPath] = set()
    cells: dict[tuple[str, str], RunSpec] = {}
    for dataset in lists.datasets:
        for named in lists.losses:
            spec, origins = _cell(base, overrides, named, dataset, seeds[0], said, budget)
            cells[dataset.name, named.name] = spec
            effective |= set(origins.values())
    for path in said:
        if path not in effective and _leads_into(written, path[1:]):
            raise SpecError(path, "does nothing: a more specific override says otherwise wherever it applies")
    return tuple(replace(spec, seed=seed) for seed, spec in product(seeds, cells.values()))


def _cell(
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
    named: Named,
    dataset: DatasetSpec,
    seed: int,
    said: dict[KeyPath, None],
    budget: Budget | None,
) -> tuple[RunSpec, dict[KeyPath, KeyPath]]:
    """One cell, and where what it has was written. Notes in `said` all that overrides say of it."""
    merged, loss = under(base, {}), named.loss
    origins: dict[KeyPath, KeyPath] = {("loss",): named.path}
    for place in (dataset.name, named.name, f"{named.name}/{dataset.name}"):
        override = dict(overrides.get(place, {}))
        of_loss = override.pop("loss", {})
        if of_loss:
            loss = change_loss(loss, of_loss, ("overrides", place, "loss"))
        for path in [*(("loss", key) for key in of_loss), *merge(merged, override)]:
            displace(merged, path)
            replaced = [known for known in origins if known[: len(path)] == path]
            for known in replaced:
                del origins[known]
            origins[path] = ("overrides", place, *path)
            said[origins[path]] = None
    if budget is not None and isinstance(merged.get("train"), Mapping):  # a spec needs some: the budget's follow
        merged["train"] = {**merged["train"], "steps": MOST_STEPS}
    try:
        times = take_times(merged, budget)
        spec = spec_of_loss(named.name, loss, {"dataset": asdict(dataset), **merged, "seed": seed})
        spec = spec if budget is None else budget.spend(spec)
        spec = spec if times is None else evaluated(spec, times)
        refuse_idle_evaluation(spec, budget)
        return spec, origins
    except SpecError as error:
        path, related = _origin(error.path, origins), _origin(error.related, origins)
        raise SpecError(path, error.message, related) from None


def _origin(path: KeyPath, origins: Mapping[KeyPath, KeyPath]) -> KeyPath:
    """Where in the suite the key `path` of a cell was written."""
    nearest = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in origins), ())
    return (*origins[nearest], *path[len(nearest) :]) if nearest else path


def _leads_into(content: Any, path: KeyPath) -> bool:
    for part in path:
        if not isinstance(content, Mapping) or part not in content:
            return False
        content = content[part]
    return True
