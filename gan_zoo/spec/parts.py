"""The parts of a spec: training, evaluation, data set, each checked field by field."""

import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gan_zoo.errors import UserError, brief
from gan_zoo.optimizers import OPTIMIZERS
from gan_zoo.validation import Name, OneOf, different, refusal, strict

Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
CriticSteps = Annotated[int, Field(gt=0, le=10_000)]
BatchSize = Annotated[int, Field(gt=0, le=1_000_000)]
Samples = Annotated[int, Field(ge=10, le=10_000_000)]
Repeats = Annotated[int, Field(gt=0, le=1_000)]
ImageSize = Annotated[int, Field(gt=0, le=4096)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""A whole number that tables and databases hold exactly."""


@strict
@dataclass(frozen=True)
class TrainSpec:
    """How a pair of nets is trained: `steps` generator steps, each after `n_critic` critic steps."""

    steps: Count
    batch_size: BatchSize
    optimizer: Annotated[Any, OneOf(OPTIMIZERS, "optimizer")]
    n_critic: CriticSteps = 5
    lr_decay: Literal["none", "linear"] = "none"
    precision: Literal["float32", "float64"] = "float32"
    fakes: Literal["pair", "normal", "noisy"] | None = None
    """Where the critic trains alone, in steps of `n_critic`, the distribution of its fakes (gan_zoo/datasets/fakes.py);
    none: they are those of a generator, which trains as well."""


@strict
@dataclass(frozen=True)
class EvaluateSpec:
    """The measurements: every `every` generator steps and at the end, on `samples` samples drawn from `seed`."""

    every: Count
    samples: Samples
    metrics: Annotated[tuple[str, ...], AfterValidator(different)] = ()
    """Names of metrics; none means the data set's own."""
    seed: Seed = 0
    repeats: Repeats = 1
    """How often the end is scored, each time on samples of its own, from `seed`, `seed` + 1, ...; where it is more than
    1, every evaluation is also scored on the validation split, so that a best checkpoint can be chosen fairly."""


def _hub_name(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?(:\w[\w.-]*)?", text, re.ASCII):
        raise refusal(f"expected OWNER/NAME of Hugging Face's hub, or OWNER/NAME:CONFIGURATION, got {brief(text)}")
    return text


Place = Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)]


@strict
@dataclass(frozen=True)
class DatasetSpec:
    """A data set by name. One of one's own is in a `folder` of images, or of what Hugging Face's `save_to_disk` wrote,
    in a `file` of images or points, or on their hub by the name `huggingface`; `image_size` resizes images to squares.
    """

    name: Name
    folder: Place | None = None
    image_size: ImageSize | None = None
    file: Place | None = None
    huggingface: Annotated[str, AfterValidator(_hub_name)] | None = None

    def __post_init__(self) -> None:
        given = [key for key in PLACES if getattr(self, key) is not None]
        if len(given) > 1:
            raise UserError(f"expected one of {', '.join(PLACES)}, got {' and '.join(given)}")

    @property
    def is_own(self) -> bool:
        """Whether it says itself where its data are."""
        return any(getattr(self, key) is not None for key in PLACES)

    @property
    def options(self) -> dict[str, Any]:
        """What `load_dataset` is to know beside the name."""
        place = self.folder or self.file
        folder = Path(place) if place else None
        return {"folder": folder, "huggingface": self.huggingface, "image_size": self.image_size}

    @property
    def nowhere(self) -> "DatasetSpec":
        """The same without the place of its data, which is no part of what a run is: their content is."""
        return replace(self, folder=None, file=None, huggingface=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; specs of others than files and the hub's keep the form that they had before these."""
        content = asdict(self)
        return {key: value for key, value in content.items() if value is not None or key not in ("file", "huggingface")}


PLACES = ("folder", "file", "huggingface")
"""Where data of one's own may be: a path, a path, a name of the hub."""
