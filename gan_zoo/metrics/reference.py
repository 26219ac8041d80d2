"""The reference of image metrics: the features of one split of the data set, worked out once and kept on disk."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.metrics import neighbours
from gan_zoo.metrics.data import ImageData
from gan_zoo.metrics.features import Extractor
from gan_zoo.metrics.frechet import Gaussian, fit
from gan_zoo.numerics.process import arithmetic
from gan_zoo.rng import Rng
from gan_zoo.tensors import read_tensors, write_tensors

VERSION = 1
NEIGHBOURS_LIMIT = 10_000


@dataclass(frozen=True, eq=False)
class Reference:
    """Real features (m, d), the Gaussian fitted to them, and how many subsets the kernel distance draws."""

    features: Tensor
    gaussian: Gaussian
    kid_subsets: int

    @cached_property
    def manifold(self) -> Tensor:
        """The features that neighbourhoods are measured in: all, or 10,000 of them drawn once (rows, d)."""
        chosen = Rng(0, "evaluation", "manifold").permutation(len(self.features))[:NEIGHBOURS_LIMIT]
        return self.features[chosen.sort().values.to(self.features.device)]

    @cached_property
    def radii_precision(self) -> Tensor:
        return neighbours.squared_radii(self.manifold, neighbours.PRECISION_K)

    @cached_property
    def radii_density(self) -> Tensor:
        return neighbours.squared_radii(self.manifold, neighbours.DENSITY_K)


def reference(data: ImageData, split: str, extractor: Extractor, cache: Path, device: torch.device) -> Reference:
    """The reference of `split` ("train" or "test"), on `device`; cached by data, split, weights and what rounds them.

    Raises: UserError where features are not finite, or the same for all images.
    """
    key = f"{VERSION} {data.fingerprint} {split} {extractor.weights} {arithmetic(device)}"
    name = f"{data.name}-{split}-{extractor.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"
    path = cache / "references" / name
    kept = read_tensors(path, key)
    if kept is not None:
        tensors, _ = kept
    else:
        features = extractor({"train": data.train, "test": data.test}[split], device).values
        if not features.isfinite().all():
            raise UserError(f"features of '{data.name}' by '{extractor.name}' are not finite: its weights are damaged")
        gaussian = fit(features)
        tensors = {
            "features": features.cpu(),
            "mean": gaussian.mean.cpu(),
            "trace": gaussian.trace.cpu(),
            "factor": gaussian.factor.cpu(),
        }
        write_tensors(path, key, tensors, {})
    if (tensors["features"] == tensors["features"][0]).all():
        raise UserError(
            f"features of '{data.name}' by '{extractor.name}' are the same for all its {split} images, so that any "
            "others may score as these: give more images, or of more than one kind, or leave these metrics out"
        )
    moved = {name: tensor.to(device) for name, tensor in tensors.items()}
    gaussian = Gaussian(moved["mean"], moved["trace"], moved["factor"])
    return Reference(moved["features"], gaussian, extractor.kid_subsets)
