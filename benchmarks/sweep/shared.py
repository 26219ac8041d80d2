"""All that the cells of a suite share: data sets, metrics, scores of real data; loaded once before anything runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.record.protocols import Protocol
from benchmarks.suites.suite import Suite
from benchmarks.sweep.context import Context, Shelf
from gan_zoo.architectures import check_architecture, convolves
from gan_zoo.datasets.fakes import check_fakes
from gan_zoo.device import configure_process
from gan_zoo.engine import check_players
from gan_zoo.engine.compiled import check_compiler
from gan_zoo.errors import UserError
from gan_zoo.memory import free_memory, rows_that_fit
from gan_zoo.metrics import WEIGHTS_FILE
from gan_zoo.metrics.classifier import hand_on
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import abstract_players, check_numerics, prepare


@dataclass(frozen=True)
class Shared:
    """By data set: the primary metric, what real data score (`floor`), the fingerprint of its content, by what protocol
    each metric is computed, and the shape of a sample; by name what a report says of each metric."""

    metrics: Mapping[str, Any]
    primary: Mapping[str, str]
    floor: Mapping[str, Any]
    fingerprints: Mapping[str, str]
    protocols: Mapping[str, Mapping[str, Protocol]]
    shapes: Mapping[str, tuple[int, ...]]
    convolves: bool = False
    """whether a net does, of a cell or behind a metric; those of the data sets' own classifiers round nothing"""


def prepare_shared(suite: Suite, shelf: Shelf, say: Callable[[str], None]) -> Shared:
    """Loads every data set and its extractor onto the shelf. `say` hears what was left out or changed when the data
    were read.

    Raises: UserError for a data set, shape, metric or engine that cannot be had.
    """
    context = shelf.context
    configure_process(context.device, context.threads, context.numerics)
    if context.engine == "compiled":
        check_compiler(context.device)
    shared = Shared({}, {}, {}, {}, {}, {})
    for name in suite.datasets:
        cells = [spec for spec in suite.cells if spec.dataset.name == name]
        spec, data = cells[0], shelf.data(cells[0])
        for note in data.notes:
            say(f"data set {name}: {note}")
        for each in {(each.train.optimizer, each.train.precision): each for each in cells}.values():
            check_numerics(each, context.device, context.numerics)
        for each in cells:
            check_fakes(each.train.fakes, data)
        does_convolve = _any_convolves(cells, data.shape)
        _refuse_engine(cells, data.shape, context)
        refuse_small_memory(cells, data, context)
        if context.scratch is not None:
            _refuse_download(shelf.metrics(spec), context.cache)
        evaluator = shelf.evaluator(spec)
        if data.kind == "images" and context.scratch is None:
            hand_on(data, context.cache, context.handed_on)
        metrics, protocols = dict(shared.metrics), {}
        for metric in evaluator.metrics.values():
            metrics[metric.name] = described(metric)
            protocols[metric.name] = metric.protocol
        shared = Shared(
            metrics,
            {**shared.primary, name: next(iter(evaluator.metrics))},
            {**shared.floor, name: shelf.floor(spec)},
            {**shared.fingerprints, name: data.fingerprint},
            {**shared.protocols, name: protocols},
            {**shared.shapes, name: data.shape},
            shared.convolves or does_convolve or any(map(_from_inception, protocols)),
        )
    return shared


def _any_convolves(cells: Sequence[RunSpec], shape: tuple[int, ...]) -> bool:
    """Whether one of the cells' nets does. Raises: UserError for one that cannot make data of `shape`, or judge it."""
    found = False
    for architecture in {spec.architecture for spec in cells}:
        for net in check_architecture(architecture, shape).values():
            found |= convolves(net)
    return found


def _refuse_engine(cells: Sequence[RunSpec], shape: tuple[int, ...], context: Context) -> None:
    """Raises: UserError where a cell, on data of `shape`, cannot run on the engine that was asked for."""
    if context.engine in ("plain", "auto"):  # one runs everything, the other chooses what runs
        return
    for spec in dict.fromkeys(replace(spec, seed=cells[0].seed) for spec in cells):
        try:
            check_players(context.engine, abstract_players(spec, shape, context.numerics))
        except UserError as error:
            raise UserError(f"{spec.label}: {error}") from None


def refuse_small_memory(cells: Sequence[RunSpec], data: Any, context: Context) -> None:
    """Raises: UserError where the free memory of a GPU does not hold one run, of the first cell with each net."""
    if free_memory(context.device) is None:
        return
    first = {spec.architecture: spec for spec in reversed(cells)}
    for spec in first.values():
        rows_that_fit(prepare(spec, data, context.device, context.numerics), 1)


def _refuse_download(metrics: Sequence[str], cache: Path) -> None:
    """Raises: UserError where a rehearsal would have to download the weights that a metric needs."""
    asked = next(filter(_from_inception, metrics), None)
    if asked and not (cache / WEIGHTS_FILE).is_file():
        raise UserError(
            f"{asked}: Inception's weights are not there, and --dry-run downloads nothing: gan-zoo fetch-weights first"
        )


def _from_inception(metric: str) -> bool:
    """Whether a metric is of Inception's features, by its name."""
    return "_inception" in metric


def described(metric: Any) -> dict[str, Any]:
    """The description of a metric for reports."""
    fields = ("direction", "label", "lowest", "highest")
    return {name: getattr(metric, name) for name in fields} | {"protocol": dict(metric.protocol)}
