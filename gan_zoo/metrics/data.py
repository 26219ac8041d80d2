"""Protocols of a data set as the metrics know it; it reaches them as an argument."""

from typing import Any, Literal, Protocol

from torch import Tensor

from gan_zoo.rng import Rng


class _Known(Protocol):
    """The name, the hash of the content and the shape of a sample, of any data set."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


class PointData(_Known, Protocol):
    """A distribution on the plane, as `gan_zoo.datasets.Points`."""

    @property
    def kind(self) -> Literal["points"]: ...
    @property
    def modes(self) -> Tensor | None: ...
    @property
    def std(self) -> float | None: ...
    @property
    def has_density(self) -> bool: ...
    def to(self, device: Any) -> "PointData": ...
    def sample(self, rng: Rng, n: int) -> Tensor: ...
    def log_density(self, x: Tensor) -> Tensor: ...


class ImageData(_Known, Protocol):
    """Images with a held-out split, as `gan_zoo.datasets.Images`: uint8 (N, C, H, W), labels int64 (N,) or None."""

    @property
    def kind(self) -> Literal["images"]: ...
    @property
    def classes(self) -> int | None: ...
    @property
    def train(self) -> Tensor: ...
    @property
    def test(self) -> Tensor: ...
    @property
    def train_labels(self) -> Tensor | None: ...
    @property
    def test_labels(self) -> Tensor | None: ...


Data = PointData | ImageData
