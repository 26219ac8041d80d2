"""The metrics of generated images: distances and scores in the feature space of a fixed network.

A name reads MEASURE_EXTRACTOR_COUNT_SPLIT: `fid_inception_50k_train`, `kid_digits_2500_test`. The extractor is the data
set's own classifier, under the data set's name, or `inception`. COUNT is the number of generated samples, SPLIT what
they are compared with; IS compares with nothing. Who asks for a metric may leave both out (`fid_digits`): COUNT is what
an evaluation has, SPLIT is `train`. Scores always carry the whole name.

What cannot be computed is NaN, for that metric alone.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.metrics import neighbours
from gan_zoo.metrics.classifier import classifier_extractor
from gan_zoo.metrics.data import ImageData
from gan_zoo.metrics.features import Extractor, Features, to_uint8
from gan_zoo.metrics.frechet import frechet_distance
from gan_zoo.metrics.inception import inception_extractor
from gan_zoo.metrics.metric import Direction, Metric, unknown
from gan_zoo.metrics.reference import NEIGHBOURS_LIMIT, Reference, reference

OTHER = {"train": "test", "test": "train", "": ""}
IS_SPLITS = 10
KID_SUBSET = 1000
Scores = Callable[..., dict[str, float]]
"""A function of (generated features, reference), or of generated features alone."""


@dataclass(frozen=True)
class Measure:
    """`scores` computes this measure, and those that share its work, from generated features and perhaps a reference.

    `fewest` is the least number of samples it can be had from, `fewest_real` that of real images to compare with;
    `highest` depends on the number of classes.
    """

    direction: Direction
    label: str
    protocol: str
    lowest: float | None
    highest: Callable[[int], float | None]
    fewest: int
    scores: Scores
    fewest_real: int = 2

    @property
    def compares(self) -> bool:
        """Whether it compares with real images."""
        return self.fewest_real > 0


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


def frechet_scores(generated: Features, real: Reference) -> dict[str, float]:
    return {"fid": frechet_distance(generated.values, real.gaussian)}


def inception_scores(generated: Features) -> dict[str, float]:
    """exp E_x KL(p(y|x) || p(y)) (Salimans et al. 2016, arXiv 1606.03498), mean over 10 parts, as torch-fidelity's."""
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    return {"is": isc_features_to_metric(generated.logits.cpu(), splits=IS_SPLITS)[KEY_METRIC_ISC_MEAN]}


def kernel_scores(generated: Features, real: Reference) -> dict[str, float]:
    """Unbiased squared MMD with kernel (x.y / d + 1)^3 (Bińkowski et al. 2018, arXiv 1801.01401), torch-fidelity's."""
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    size = kid_subset_size(len(generated.values), len(real.features))
    scores = kid_features_to_metric(
        generated.values, real.features, kid_subsets=real.kid_subsets, kid_subset_size=size, verbose=False
    )
    return {"kid": scores[KEY_METRIC_KID_MEAN]}


def kid_subset_size(generated: int, real: int) -> int:
    return min(KID_SUBSET, generated, real)


def precision_scores(generated: Features, real: Reference) -> dict[str, float]:
    x = generated.values
    reach = neighbours.squared_radii(x, neighbours.PRECISION_K)
    precision, recall = neighbours.precision_and_recall(x, real.manifold, reach, real.radii_precision)
    return {"precision": precision, "recall": recall}


def density_scores(generated: Features, real: Reference) -> dict[str, float]:
    density, coverage = neighbours.density_and_coverage(generated.values, real.manifold, real.radii_density)
    return {"density": density, "coverage": coverage}


def _unbounded(classes: int) -> None:
    return None


def _share(classes: int) -> float:
    return 1.0


NEAREST_3, NEAREST_5 = "k=3 nearest of {manifold} real", "k=5 nearest of {manifold} real"
LEAST_3, LEAST_5 = neighbours.PRECISION_K + 1, neighbours.DENSITY_K + 1
"""How many features it takes for each to have so many others."""

MEASURES = {
    "fid": Measure("min", "FID", "Fréchet distance", 0.0, _unbounded, 2, frechet_scores),
    "is": Measure("max", "IS", f"Inception score, {IS_SPLITS} parts", 1.0, float, IS_SPLITS, inception_scores, 0),
    "kid": Measure("min", "KID", "kernel distance, {subsets} subsets of {subset}", None, _unbounded, 2, kernel_scores),
    "precision": Measure("max", "precision", NEAREST_3, 0.0, _share, LEAST_3, precision_scores, LEAST_3),
    "recall": Measure("max", "recall", NEAREST_3, 0.0, _share, LEAST_3, precision_scores, LEAST_3),
    "density": Measure("max", "density", NEAREST_5, 0.0, _unbounded, 1, density_scores, LEAST_5),
    "coverage": Measure("max", "coverage", NEAREST_5, 0.0, _share, 1, density_scores, LEAST_5),
}


def names(data: ImageData) -> list[str]:
    """The metrics that can be had on these images, by their short names; the classifier's need labels."""
    extractors = ["inception"] if data.classes is None else [data.name, "inception"]
    return [f"{measure}_{extractor}" for extractor in extractors for measure in MEASURES]


def parse(text: str, data: ImageData, samples: int) -> Name:
    """The parts of a metric's name.

    Raises:
        UserError: an unknown metric, a count that is not `samples`, too few samples for it, a split that it ignores.
    """
    measures = "|".join(MEASURES)
    extractors = f"{re.escape(data.name)}|inception"
    found = re.fullmatch(rf"({measures})_({extractors})(?:_(\d+)(k?))?(?:_(train|test))?", text)
    if found is None:
        raise unknown(text, data.name, names(data))
    measure, extractor, count, thousands, split = found.groups()
    if count and int(count) * (1000 if thousands else 1) != samples:
        raise UserError(f"metric '{text}': its name says {count}{thousands} samples, evaluate.samples says {samples}")
    name = Name(measure, extractor, samples, (split or "train") if MEASURES[measure].compares else "")
    if samples < (least := fewest(name)):
        raise UserError(f"evaluate.samples: {samples} are too few for '{text}'; make it at least {least}")
    if split and not MEASURES[measure].compares:
        raise UserError(f"metric '{text}': {MEASURES[measure].label} compares with no split; leave '_{split}' out")
    return name


def fewest(name: Name) -> int:
    """The least number of samples that a metric can be had from."""
    return MEASURES[name.measure].fewest


def prepare(
    data: ImageData,
    texts: Sequence[str],
    samples: int,
    cache: Path,
    device: torch.device,
    weights: Path | None,
    apart: bool = False,
) -> tuple[dict[str, Metric], Callable[[Tensor], dict[str, float]]]:
    """The metrics, and the function of generated images (samples, C, H, W), uint8 or in [-1, 1], that computes them.

    `apart`: each compares with the split that it does not name.
    """
    chosen = {str(name): name for name in (parse(text, data, samples) for text in texts)}
    if apart:
        chosen = {text: replace(name, split=OTHER[name.split]) for text, name in chosen.items()}
    for text, name in chosen.items():
        require_real(text, name, data)
    sources = sorted({(name.extractor, name.split) for name in chosen.values()})
    extractors = {name: _extractor(name, data, cache, weights) for name, _ in sources}
    references = {
        (name, split): reference(data, split, extractors[name], cache, device) if split else None
        for name, split in sources
    }

    def scores(x: Tensor) -> dict[str, float]:
        images = x if x.dtype == torch.uint8 else to_uint8(x)
        features = {name: extractor(images, device) for name, extractor in extractors.items()}
        found: dict[tuple[str, str, str], float] = {}
        for (extractor, split), real in references.items():
            wanted = [n.measure for n in chosen.values() if (n.extractor, n.split) == (extractor, split)]
            for function in dict.fromkeys(MEASURES[measure].scores for measure in wanted):
                values = attempt(function, features[extractor], real)
                found |= {(measure, extractor, split): value for measure, value in values.items()}
        return {text: found.get((n.measure, n.extractor, n.split), math.nan) for text, n in chosen.items()}

    metrics = {
        text: _describe(text, n, data, extractors[n.extractor], references[n.extractor, n.split])
        for text, n in chosen.items()
    }
    return metrics, scores


def require_real(text: str, name: Name, data: ImageData) -> None:
    """UserError where there are too few real images for a metric."""
    there = {"train": len(data.train), "test": len(data.test), "": 0}[name.split]
    if there < (least := MEASURES[name.measure].fewest_real):
        raise UserError(
            f"metric '{text}': the {name.split} split of '{data.name}' has {there} images, and it needs {least} to "
            "compare with; add images, or leave the metric out"
        )


def attempt(function: Scores, generated: Features, real: Reference | None) -> dict[str, float]:
    """What `function` finds, or nothing where features are not finite, an eigenvalue problem cannot be solved or the
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
    measure, samples = MEASURES[name.measure], name.samples
    how, compared = measure.protocol, f"none, images {size_text(data)}"
    if real is not None:
        m = len(real.features)
        subset, manifold = kid_subset_size(samples, m), min(m, NEIGHBOURS_LIMIT)
        how = how.format(subsets=extractor.kid_subsets, subset=subset, manifold=manifold)
        compared = f"{data.name} {name.split} split, {m} images {size_text(data)}, {data.fingerprint[:12]}"
    protocol = {"measure": how, "generated": str(samples), "reference": compared, **extractor.protocol}
    label = f"{measure.label} ({extractor.title})"
    return Metric(text, measure.direction, label, protocol, measure.lowest, measure.highest(extractor.classes))


def size_text(data: ImageData) -> str:
    """Width and height of one image: 32x32."""
    _, height, width = data.shape
    return f"{width}x{height}"
