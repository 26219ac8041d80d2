"""The floor, the scores of a perfect generator: real data that nothing was trained on, scored as if generated.

Points: fresh draws of the distribution, as many as an evaluation scores. Images, and points of which there are only so
many: the held-out split; for a metric that compares with it, the training split. From a split that has more than an
evaluation scores, that many are drawn, several times and none twice; of a smaller one all are scored, and how many
those are is said, because a score of another count is on another scale.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_zoo.metrics import on_images
from gan_zoo.metrics.data import Data, ImageData, PointData
from gan_zoo.metrics.evaluator import Evaluator
from gan_zoo.numerics.process import arithmetic
from gan_zoo.rng import Rng
from gan_zoo.tensors import read_tensors, write_tensors

VERSION = 1
POINT_DRAWS, IMAGE_DRAWS = 20, 5
Floor = dict[str, dict[str, Any]]
"""By metric: {"values": [score, ...], "n": how many real samples each score is of}."""


def floor(data: Data, names: Sequence[str], samples: int, cache: Path, device: torch.device | str) -> Floor:
    """The scores of real data by the metrics that an `Evaluator` of the same arguments has, under the same names.

    They are worked out once and kept in `cache` by protocol. A metric that cannot be had of as few images as are held
    out is left out, and so is one without a finite score. Raises: UserError as for `Evaluator`.
    """
    if data.kind == "points":
        n = samples if data.test is None else min(samples, len(data.test))
        draws = POINT_DRAWS if data.test is None else min(POINT_DRAWS, len(data.test) // n)
        evaluator = Evaluator(data, names, n, cache, device)
        scores = _kept(data.name, evaluator, cache, device, draws, lambda: _points(data, n, draws))
        return _named(scores, {name: name for name in scores}, n)
    found: Floor = {}
    for split in ("test", "train"):
        found |= _of_split(data, split, names, samples, cache, device)
    return found


def _of_split(
    data: ImageData, split: str, names: Sequence[str], samples: int, cache: Path, device: torch.device | str
) -> Floor:
    """The floor of those metrics that the images of `split` give one for."""
    pool = {"test": data.test, "train": data.train}[split]
    n = min(samples, len(pool))
    asked = [on_images.parse(name, data, samples) for name in names]
    chosen = [name for name in asked if (name.split == "test") == (split == "train")]
    renamed = {str(replace(name, samples=n)): str(name) for name in chosen if n >= on_images.fewest(name)}
    if not renamed:
        return {}
    evaluator = Evaluator(data, list(renamed), n, cache, device)
    draws = min(IMAGE_DRAWS, len(pool) // n)
    scores = _kept(data.name, evaluator, cache, device, draws, lambda: _of_pool(pool, n, draws))
    return _named(scores, renamed, n)


def _points(points: PointData, n: int, draws: int) -> list[Tensor]:
    points = points.to("cpu")
    if points.test is not None:
        return _of_pool(points.test, n, draws)
    return [points.sample(Rng(i, "evaluation", "floor"), n) for i in range(draws)]


def _of_pool(pool: Tensor, n: int, draws: int) -> list[Tensor]:
    order = Rng(0, "evaluation", "floor").permutation(len(pool)).to(pool.device)
    return [pool[chosen] for chosen in order[: n * draws].split(n)]


def _kept(name: str, evaluator: Evaluator, cache: Path, device: Any, draws: int, samples: Any) -> dict[str, Tensor]:
    """The scores (draws,) of each metric, float64: from `cache`, or of `samples()`, and kept there."""
    protocols = json.dumps([dict(metric.protocol) for metric in evaluator.metrics.values()])
    about = f"floor v{VERSION} {draws} {arithmetic(device)} {protocols}"
    path = cache / "floors" / f"{name}-{hashlib.sha256(about.encode()).hexdigest()[:16]}.safetensors"
    kept = read_tensors(path, about)
    if kept is not None:
        return kept[0]
    rows = [evaluator(x) for x in samples()]
    scores = {}
    for metric in evaluator.metrics:
        scores[metric] = torch.tensor([row[metric] for row in rows], dtype=torch.float64)
    write_tensors(path, about, scores, {})
    return scores


def _named(scores: dict[str, Tensor], names: dict[str, str], n: int) -> Floor:
    """The finite ones of `scores`, under the names that a sweep knows them by."""
    return {
        name: {"values": scores[key].tolist(), "n": n} for key, name in names.items() if scores[key].isfinite().all()
    }
