"""Where a process finds and leaves things, and how it computes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_zoo.datasets import load_dataset
from gan_zoo.engine import Numerics
from gan_zoo.metrics import Evaluator, default_metrics
from gan_zoo.metrics.floor import Floor, floor
from gan_zoo.spec import RunSpec


@dataclass(frozen=True)
class Context:
    """`timing_comparable`: whether a process has its core or GPU to itself."""

    runs: Path
    data: Path
    device: str = "cpu"
    threads: int = 1
    timing_comparable: bool = True
    engine: str = "plain"
    numerics: Numerics = "reference"

    @property
    def handed_on(self) -> Path:
        """Where classifiers that are not the package's lie beside the export, for whoever gets it."""
        return self.runs.parent / "export" / "extractors"

    @property
    def cache(self) -> Path:
        """Classifiers and reference statistics."""
        return extractor_cache(self.data)


def extractor_cache(data: Path) -> Path:
    """Where classifiers, Inception's weights and reference statistics are kept, by the folder of the data sets."""
    return data / "extractors"


def load_data(spec: RunSpec, context: Context) -> Any:
    """The data set of `spec` where a run in `context` draws from it (`Run.draws_on`).

    Errors: UserError that says what to put where.
    """
    folder = Path(spec.dataset.folder) if spec.dataset.folder else None
    dataset = load_dataset(spec.dataset.name, root=context.data, folder=folder, image_size=spec.dataset.image_size)
    return dataset.to("cpu" if context.numerics == "exact" else context.device)


def load_evaluator(spec: RunSpec, data: Any, context: Context, apart: bool = False) -> Evaluator:
    """The metrics that `spec` asks for, with their references; trains the data set's classifier where it is missing.

    `apart`: the primary one alone, against data that the scores are not measured by.
    """
    names = list(spec.evaluate.metrics) or default_metrics(data)
    asked = names[:1] if apart else names
    return Evaluator(data, asked, spec.evaluate.samples, context.cache, context.device, apart=apart)


def load_floor(spec: RunSpec, data: Any, context: Context) -> Floor:
    """What real data score by the metrics that `spec` asks for."""
    names = list(spec.evaluate.metrics) or default_metrics(data)
    return floor(data, names, spec.evaluate.samples, context.cache, context.device)
