"""The parts of a spec: optimiser, training, evaluation, data set, each checked field by field."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gan_zoo.validation import Name, OneOf, Positive, Share, different, strict

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
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1): learning rate and decay rates of the two moments."""

    lr: Positive
    betas: tuple[Share, Share] = (0.9, 0.999)

    def __str__(self) -> str:
        return f"Adam {self.lr:g} ({self.betas[0]:g}, {self.betas[1]:g})"


@strict
@dataclass(frozen=True)
class RMSprop:
    """RMSProp (Tieleman and Hinton 2012): learning rate and decay rate of the squared gradient."""

    lr: Positive
    alpha: Share = 0.99

    def __str__(self) -> str:
        return f"RMSProp {self.lr:g}"


OPTIMIZERS: dict[str, type] = {"adam": Adam, "rmsprop": RMSprop}


@strict
@dataclass(frozen=True)
class TrainSpec:
    """How a pair of nets is trained: `steps` generator steps, each after `n_critic` critic steps."""

    steps: Count
    batch_size: BatchSize
    optimizer: Annotated[Adam | RMSprop, OneOf(OPTIMIZERS, "optimizer")]
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


@strict
@dataclass(frozen=True)
class DatasetSpec:
    """A data set by name; `folder` makes it a folder of images, which `image_size` resizes to squares."""

    name: Name
    folder: Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)] | None = None
    image_size: ImageSize | None = None
