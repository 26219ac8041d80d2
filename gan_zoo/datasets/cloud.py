"""Points of an unknown distribution, as somebody measured them: a training and a held-out split."""

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from gan_zoo.datasets.images import epochs
from gan_zoo.datasets.points import Points
from gan_zoo.rng import Rng


@dataclass(frozen=True, eq=False)
class Cloud(Points):
    """A data set of points that are all there is: nobody knows their density or modes.

    Fields: `train` (n, D) and `test` (m, D), float32; `fingerprint` is the SHA-256 of both; `notes` as of `Images`.
    Training shows the points of an epoch in random order, as it does images.
    """

    has_density: ClassVar[bool] = False

    name: str
    train: Tensor
    test: Tensor
    notes: tuple[str, ...] = ()  # type: ignore[misc]
    modes: None = None
    std: None = None

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(self.train.shape[1:])

    @property
    def device(self) -> torch.device:
        return self.train.device

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for tensor in (self.train, self.test):
            digest.update(repr(tuple(tensor.shape)).encode())
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return digest.hexdigest()

    @property
    def about(self) -> str:
        return f"{len(self.train)} points to train on and {len(self.test)} held out."

    @property
    def origin(self) -> str:
        return f"{self.name} train split, {len(self.train)} points, {self.fingerprint[:12]}"

    def to(self, device: torch.device | str) -> Self:
        return replace(self, train=self.train.to(device), test=self.test.to(device))

    def sample(self, rng: Rng, n: int) -> Tensor:
        """`n` training points (n, D), each drawn from all of them."""
        return self.train[rng.integers(len(self.train), (n,))]

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        return self.train[epochs(len(self.train), seed, block * count, count, self.device)]

    def held_out(self, rng: Rng, n: int) -> Tensor:
        """`n` held-out points, or all if there are fewer, in random order; (n, D)."""
        return self.test[rng.permutation(len(self.test))[:n]]

    def trained_on(self, rng: Rng, n: int) -> Tensor:
        """`n` training points, or all if there are fewer, in random order; (n, D)."""
        return self.train[rng.permutation(len(self.train))[:n]]
