"""Where a process finds and leaves things, how it computes, and what it has loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.record.store import Store
from gan_zoo.datasets import load_dataset
from gan_zoo.datasets.fakes import FAKES
from gan_zoo.engine import Numerics
from gan_zoo.errors import UserError
from gan_zoo.metrics import AnyEvaluator, CriticEvaluator, Evaluator, default_metrics
from gan_zoo.metrics.floor import Floor, floor
from gan_zoo.metrics.on_critics import default_names
from gan_zoo.spec import DatasetSpec, RunSpec


@dataclass(frozen=True)
class Context:
    """Where and how a process trains: its own `device`, and in `devices` that of each worker of its sweep, none where
    cells run in the sweep's own process. `timing_comparable`: whether a process has its core or GPU to itself;
    `scratch`: the folder of a rehearsal, which downloads nothing and keeps nothing (see `benchmarks.sweep.rehearsal`);
    `send_every`: the seconds between two checkpoints of a cell that go to the record, where any do."""

    runs: Path
    data: Path
    device: str = "cpu"
    devices: tuple[str, ...] = ()
    threads: int = 1
    timing_comparable: bool = True
    engine: str = "auto"
    numerics: Numerics = "reference"
    scratch: Path | None = None
    send_every: float | None = None

    @property
    def sharers(self) -> int:
        """How many workers are on one GPU, at most."""
        return max(map(self.devices.count, self.devices), default=1)

    @property
    def overlaps(self) -> bool:
        """Whether what evaluations leave to the CPU is done beside training: on a GPU, whose cores would stand idle."""
        return self.device != "cpu"

    @property
    def handed_on(self) -> Path:
        """Where classifiers that are not the package's lie beside the export, for whoever gets it."""
        return self.runs.parent / "export" / "extractors"

    @property
    def cache(self) -> Path:
        """Classifiers and reference statistics."""
        return extractor_cache(self.scratch or self.data)


def extractor_cache(data: Path) -> Path:
    """Where classifiers, Inception's weights and reference statistics are kept, by the folder of the data sets."""
    return data / "extractors"


class Shelf:
    """The data sets and evaluators of a process, each loaded once, on the device of `context`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._data: dict[DatasetSpec, Any] = {}
        self._evaluators: dict[tuple[Any, ...], AnyEvaluator] = {}

    def clear(self) -> None:
        """Forgets all that was loaded, and so lets its memory go."""
        self._data.clear()
        self._evaluators.clear()

    def data(self, spec: RunSpec) -> Any:
        """The data set of `spec` where a run draws from it (`Run.draws_on`). Raises: UserError that says what to put
        where."""
        wanted, context = spec.dataset, self.context
        if wanted not in self._data:
            root, here = context.scratch or context.data, context.scratch is None
            try:
                loaded = load_dataset(wanted.name, root=root, download=here, **wanted.options)
            except UserError as error:
                if here:
                    raise
                raise UserError(str(error).replace(str(root), str(context.data))) from None
            self._data[wanted] = loaded.to("cpu" if context.numerics == "exact" else context.device)
        return self._data[wanted]

    def evaluator(self, spec: RunSpec, validation: bool = False) -> AnyEvaluator:
        """The metrics that `spec` asks for, with their references; trains the data set's classifier if it is missing.

        `validation`: the primary one alone, against the validation split.
        """
        data, names, samples = self.data(spec), self.metrics(spec), spec.evaluate.samples
        fakes = spec.train.fakes
        key = (spec.dataset, tuple(names), samples, validation, fakes)
        if key not in self._evaluators and fakes:
            self._evaluators[key] = CriticEvaluator(data, FAKES[fakes], names, samples)
        if key not in self._evaluators:
            asked = names[:1] if validation else names
            context = self.context
            self._evaluators[key] = Evaluator(
                data, asked, samples, context.cache, context.device, validation=validation
            )
        return self._evaluators[key]

    def floor(self, spec: RunSpec) -> Floor:
        """The scores of real data by the metrics that `spec` asks for; where a critic trains alone those of exact
        transport of batches."""
        evaluator = self.evaluator(spec) if spec.train.fakes else None
        if isinstance(evaluator, CriticEvaluator):
            return evaluator.baseline()
        samples = spec.evaluate.samples
        return floor(self.data(spec), self.metrics(spec), samples, self.context.cache, self.context.device)

    def metrics(self, spec: RunSpec) -> list[str]:
        """The names of the metrics that `spec` asks for."""
        if spec.evaluate.metrics:
            return list(spec.evaluate.metrics)
        fakes = spec.train.fakes
        return default_names(self.data(spec), FAKES[fakes]) if fakes else default_metrics(self.data(spec))


@dataclass(frozen=True)
class Sweep:
    """One sweep, for its cells: the suite's name, the parent run in the record, and what they draw from and are scored
    by, in this process.

    `convolves`: whether a net does, of a cell or behind a metric. Of a search `parents` has a parent run of its own for
    each loss, and `trials` by run key what is tried.
    """

    suite: str
    run_id: str
    store: Store
    shelf: Shelf
    convolves: bool = True
    parents: Mapping[str, str] = field(default_factory=dict)
    trials: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """Where and how this process trains."""
        return self.shelf.context

    def moved(self, context: Context) -> "Sweep":
        """The sweep for another process, which loads what it needs by itself."""
        return replace(self, shelf=Shelf(context))

    def parent_of(self, spec: RunSpec) -> str:
        """The run of the record under which a cell's own run is."""
        return self.parents.get(spec.loss_name, self.run_id)

    def name_of(self, spec: RunSpec) -> str:
        """The name of a cell's run in the record, with its trial's number in a search."""
        trial = self.trials.get(spec.key)
        return spec.label if trial is None else f"{spec.label} / trial {trial['trial']}"

    def setting_of(self, spec: RunSpec) -> dict[str, Any]:
        """The number of a cell's trial and its setting, as the record names them; empty outside of a search."""
        trial = self.trials.get(spec.key)
        if trial is None:
            return {}
        return {"trial": trial["trial"], **{f"setting.{name}": value for name, value in trial["setting"].items()}}
