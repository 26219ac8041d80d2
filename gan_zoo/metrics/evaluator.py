"""Everything that a run's samples are scored by, prepared once and called at every evaluation."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.metrics import on_images, on_points
from gan_zoo.metrics.data import Data
from gan_zoo.metrics.metric import Metric

DEFAULT_COUNT = 3

Scores = Callable[[], dict[str, float]]


def metric_names(dataset: Data) -> list[str]:
    """The names of all metrics of a data set, as they are asked for; scores of images carry a count and a split too."""
    return _names(dataset, default=False)


def default_metrics(dataset: Data) -> list[str]:
    """The metrics that are scored where a suite names none, the primary one first.

    Points: earth mover's distance, and with modes how many are covered and the share of good samples. Images: FID, IS
    and KID of the data set's own classifier, or of Inception without labels.
    """
    return _names(dataset, default=True)[:DEFAULT_COUNT]


def _names(dataset: Data, default: bool) -> list[str]:
    return on_points.names(dataset, default) if dataset.kind == "points" else on_images.names(dataset, default)


class Evaluator:
    """A pure function of generated samples.

    Building one may train a classifier (seconds to two minutes, once per cache) or fetch weights; after that it is
    cheap, and it draws nothing: the same samples always get the same scores.

    Args:
        dataset: what the samples should look like.
        names: which metrics, see `metric_names`; `metrics` has them under the names that scores are given by.
        samples: how many samples each evaluation scores; metrics of different counts are not comparable.
        cache: where classifiers, weights and references are kept.
        device: where features are extracted.
        weights: the file of Inception's weights, if it is not in `cache`.
        validation: compare with what scores are otherwise not measured by: the other split, or another draw of points.

    Raises: UserError where a metric is unknown or has too few samples, where a classifier has no labels to train on,
    and where weights are missing or damaged.
    """

    def __init__(
        self,
        dataset: Data,
        names: Sequence[str],
        samples: int,
        cache: Path,
        device: torch.device | str,
        weights: Path | None = None,
        validation: bool = False,
    ) -> None:
        self.shape, self.samples = dataset.shape, samples
        self.metrics: dict[str, Metric]
        if dataset.kind == "points":
            self.metrics, self._read = on_points.prepare(dataset, names, samples, validation)
        else:
            self.metrics, self._read = on_images.prepare(
                dataset, names, samples, cache, torch.device(device), weights, validation
            )

    def __call__(self, generated: Tensor) -> dict[str, float]:
        """Scores by name of (samples, *shape) samples: points, or images as floats in [-1, 1] or as uint8.

        Every score is NaN when a sample is not finite, as after divergence.

        Raises: UserError where shape or number of samples are others.
        """
        return self.read(generated)()

    @torch.no_grad()
    def read(self, generated: Tensor) -> Scores:
        """As a call of the evaluator, in two halves: all that a GPU has to do is done now, and what is left to the CPU
        when the result is called, in whatever thread.
        """
        expected = (self.samples, *self.shape)
        if tuple(generated.shape) != expected:
            raise UserError(
                f"samples to score have shape {tuple(generated.shape)}; the metrics were set up for {expected}"
            )
        x = generated if generated.dtype == torch.uint8 else generated.float()
        if not x.isfinite().all():
            nothing = dict.fromkeys(self.metrics, math.nan)
            return lambda: nothing
        return self._read(x)
