"""The metrics of generated images: distances and scores in the feature space of a fixed network.

A name reads MEASURE_EXTRACTOR_COUNT_SPLIT: `fid_inception_50k_train`, `kid_digits_2500_test`. The extractor is the data
set's own classifier, under the data set's name, or `inception`. COUNT is the number of generated samples, SPLIT what
they are compared with; IS compares with nothing. Who asks for a metric may leave both out (`fid_digits`): COUNT is what
an evaluation has, SPLIT is `train`. Scores always carry the whole name.

What cannot be computed is NaN, for that metric alone.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from gan_zoo.errors import UserError, plural
from gan_zoo.metrics.classifier import classifier_extractor
from gan_zoo.metrics.data import ImageData
from gan_zoo.metrics.features import Extractor, Features, to_uint8
from gan_zoo.metrics.inception import inception_extractor
from gan_zoo.metrics.kernel import subset_size
from gan_zoo.metrics.measure import Scores
from gan_zoo.metrics.metric import Metric, unknown
from gan_zoo.metrics.reference import NEIGHBOURS_LIMIT, Reference, reference
from gan_zoo.metrics.registry import image_measures

OTHER = {"train": "test", "test": "train", "": ""}


@dataclass(frozen=True)
class Name:
    """A metric's name, taken apart."""

    measure: str
    extractor: str
    samples: int
    split: str
    """"train", "test", or "" where nothing is compared with."""

    def __str__(self) -> str:
        count = str(self.samples) if self.samples % 1000 else f"{self.samples // 1000}k"
        return "_".join(filter(None, (self.measure, self.extractor, count, self.split)))


def names(data: ImageData, default: bool = False) -> list[str]:
    """The metrics that can be had on these images, by their short names, or the default ones of them; the classifier's
    need labels."""
    measures = [name for name, measure in image_measures().items() if measure.default or not default]
    extractors = ["inception"] if data.classes is None else [data.name, "inception"]
    return [f"{measure}_{extractor}" for extractor, measure in product(extractors, measures)]


def parse(text: str, data: ImageData, samples: int) -> Name:
    """The parts of a metric's name.

    Raises: UserError where the metric is unknown, its count is not `samples`, these are too few for it, or it ignores
    the split.
    """
    known = image_measures()
    measures = "|".join(map(re.escape, known))
    extractors = f"{re.escape(data.name)}|inception"
    found = re.fullmatch(rf"({measures})_({extractors})(?:_(\d+)(k?))?(?:_(train|test))?", text)
    if found is None:
        raise unknown(text, data.name, names(data))
    measure, extractor, count, thousands, split = found.groups()
    if count and int(count) * (1000 if thousands else 1) != samples:
        raise UserError(f"metric '{text}': its name says {count}{thousands} samples, evaluate.samples says {samples}")
    name = Name(measure, extractor, samples, (split or "train") if known[measure].compares else "")
    if samples < (least := fewest(name)):
        raise UserError(f"evaluate.samples: {samples} are too few for '{text}'; make it at least {least}")
    if split and not known[measure].compares:
        raise UserError(f"metric '{text}': {known[measure].label} compares with no split; leave '_{split}' out")
    return name


def fewest(name: Name) -> int:
    """The least number of samples that a metric can be had from."""
    return image_measures()[name.measure].fewest


def prepare(
    data: ImageData,
    texts: Sequence[str],
    samples: int,
    cache: Path,
    device: torch.device,
    weights: Path | None,
    validation: bool = False,
) -> tuple[dict[str, Metric], Callable[[Tensor], Callable[[], dict[str, float]]]]:
    """The metrics, and the function of generated images (samples, C, H, W), uint8 or in [-1, 1], whose result computes
    them: from features that are extracted at once, and on a GPU, where all of it runs there, at once as well.

    `validation`: each compares with the split that it does not name.
    """
    parsed = [parse(text, data, samples) for text in texts]
    chosen = {str(name): name for name in parsed}
    if validation:
        chosen = {text: replace(name, split=OTHER[name.split]) for text, name in chosen.items()}
    for text, name in chosen.items():
        _require_real(text, name, data)
    measures = image_measures()
    sources = sorted({(name.extractor, name.split) for name in chosen.values()})
    extractors = {name: _extractor(name, data, cache, weights) for name, _ in sources}
    references = {
        (name, split): reference(data, split, extractors[name], cache, device) if split else None
        for name, split in sources
    }

    def read(x: Tensor) -> Callable[[], dict[str, float]]:
        images = x if x.dtype == torch.uint8 else to_uint8(x)
        features = {name: extractor(images, device) for name, extractor in extractors.items()}
        if device.type == "cpu":
            return lambda: scores(features)
        known = scores(features)
        return lambda: known

    @torch.no_grad()
    def scores(features: Mapping[str, Features]) -> dict[str, float]:
        found: dict[tuple[str, str, str], float] = {}
        for (extractor, split), real in references.items():
            wanted = [n.measure for n in chosen.values() if (n.extractor, n.split) == (extractor, split)]
            for function in dict.fromkeys(measures[measure].scores for measure in wanted):
                values = attempt(function, features[extractor], real)
                found |= {(measure, extractor, split): value for measure, value in values.items()}
        return {text: found.get((n.measure, n.extractor, n.split), math.nan) for text, n in chosen.items()}

    metrics = {
        text: _describe(text, n, data, extractors[n.extractor], references[n.extractor, n.split])
        for text, n in chosen.items()
    }
    return metrics, read


def _require_real(text: str, name: Name, data: ImageData) -> None:
    """Raises: UserError where there are too few real images for a metric."""
    there = {"train": len(data.train), "test": len(data.test), "": 0}[name.split]
    if there < (least := image_measures()[name.measure].fewest_real):
        raise UserError(
            f"metric '{text}': the {name.split} split of '{data.name}' has {plural(there, 'image')}, and it "
            f"needs {least} to compare with; add images, or leave the metric out"
        )


def attempt(function: Scores, generated: Features, real: Reference | None) -> dict[str, float]:
    """The scores of `function`, or none where features are not finite, an eigenvalue problem cannot be solved or the
    device's memory does not suffice."""
    if not (generated.values.isfinite().all() and generated.logits.isfinite().all()):
        return {}
    try:
        return function(generated) if real is None else function(generated, real)
    except (torch.linalg.LinAlgError, torch.OutOfMemoryError):
        return {}


def _extractor(name: str, data: ImageData, cache: Path, weights: Path | None) -> Extractor:
    return classifier_extractor(data, cache) if name == data.name else inception_extractor(cache, weights)


def _describe(text: str, name: Name, data: ImageData, extractor: Extractor, real: Reference | None) -> Metric:
    measure, samples = image_measures()[name.measure], name.samples
    how, compared = measure.protocol, f"none, images {_size_text(data)}"
    if real is not None:
        m = len(real.features)
        subset, manifold = subset_size(samples, m), min(m, NEIGHBOURS_LIMIT)
        how = how.format(subsets=extractor.kid_subsets, subset=subset, manifold=manifold)
        compared = f"{data.name} {name.split} split, {m} images {_size_text(data)}, {data.fingerprint[:12]}"
    protocol = {"measure": how, "generated": str(samples), "reference": compared, **extractor.protocol}
    label = f"{measure.label} ({extractor.title})"
    return Metric(text, measure.direction, label, protocol, measure.lowest, measure.highest(extractor.classes))


def _size_text(data: ImageData) -> str:
    """Width and height of one image: 32x32."""
    _, height, width = data.shape
    return f"{width}x{height}"
