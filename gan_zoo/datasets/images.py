"""Images held in memory as one uint8 tensor, with a training and a held-out split kept apart.

The order in which training images are shown is an endless sequence of epochs, each a permutation keyed
(seed, "order", epoch). A block's images follow from its number alone, so a resume needs only the step.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_zoo.rng import Rng


@dataclass(frozen=True, eq=False)
class Images:
    """A data set of equally sized images.

    Fields: `train` and `test` uint8 (N, C, H, W) with values 0..255; labels int64 (N,) from 0, or None;
    `fingerprint` is the SHA-256 of these four; `notes` says in a line each what was left out, merged or changed when
    they were read. Samples for training are floats x / 127.5 - 1 in [-1, 1].
    """

    kind: ClassVar[Literal["images"]] = "images"

    name: str
    train: Tensor
    test: Tensor
    train_labels: Tensor | None
    test_labels: Tensor | None
    fingerprint: str
    notes: tuple[str, ...] = ()
    channels: Self | None = None
    """The data set of which each channel is an image (gan_zoo/datasets/stacked.py), by whose classifier scores are"""

    @classmethod
    def of(
        cls,
        name: str,
        train: Tensor,
        test: Tensor,
        train_labels: Tensor | None = None,
        test_labels: Tensor | None = None,
        notes: tuple[str, ...] = (),
    ) -> Self:
        """The data set of these tensors, with its fingerprint worked out."""
        digest = hashlib.sha256()
        for tensor in (train, test, train_labels, test_labels):  # shapes too: the same bytes may be other images
            digest.update(b"none" if tensor is None else repr(tuple(tensor.shape)).encode())
            digest.update(b"" if tensor is None else np.ascontiguousarray(tensor.numpy()).data)
        return cls(name, train, test, train_labels, test_labels, digest.hexdigest(), notes)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of one image."""
        return tuple(self.train.shape[1:])

    @property
    def device(self) -> torch.device:
        return self.train.device

    @property
    def classes(self) -> int | None:
        """How many classes the labels name, or None without labels."""
        return None if self.train_labels is None else int(self.train_labels.max()) + 1

    def to(self, device: torch.device | str) -> Self:
        labels = [None if y is None else y.to(device) for y in (self.train_labels, self.test_labels)]
        train, test = self.train.to(device), self.test.to(device)
        return replace(self, train=train, test=test, train_labels=labels[0], test_labels=labels[1])

    def order(self, seed: int, start: int, count: int) -> Tensor:
        """Indices of the training images at positions start, ..., start + count - 1 of this seed's endless order."""
        return epochs(len(self.train), seed, start, count, self.device)

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        """The `count` training images of one block of steps, float32 (count, C, H, W) in [-1, 1]."""
        return self.train[self.order(seed, block * count, count)].float() / 127.5 - 1

    def held_out(self, rng: Rng, n: int) -> Tensor:
        """`n` held-out images, or all if there are fewer, in random order; float32 (n, C, H, W) in [-1, 1]."""
        return self.test[rng.permutation(len(self.test))[:n]].float() / 127.5 - 1

    def trained_on(self, rng: Rng, n: int) -> Tensor:
        """`n` training images, or all if there are fewer, in random order; float32 (n, C, H, W) in [-1, 1]."""
        return self.train[rng.permutation(len(self.train))[:n]].float() / 127.5 - 1

    def resized(self, size: int) -> Self:
        """The same images at `size` x `size` pixels (see `square`)."""
        train, test = _resize_all(self.train, size), _resize_all(self.test, size)
        smaller = self.of(self.name, train, test, self.train_labels, self.test_labels, self.notes)
        return replace(smaller, channels=self.channels and self.channels.resized(size))


def epochs(n: int, seed: int, start: int, count: int, device: torch.device) -> Tensor:
    """Indices of the items at positions start, ..., start + count - 1 of this seed's endless sequence of epochs, each a
    permutation of all `n`."""
    first, last = start // n, (start + count - 1) // n
    orders = [Rng(seed, "order", epoch, device=device).permutation(n) for epoch in range(first, last + 1)]
    return torch.cat(orders)[start - first * n :][:count]


def _resize_all(images: Tensor, size: int) -> Tensor:
    """uint8 images (N, C, H, W) as (N, C, size, size)."""
    return torch.stack([resize(image, size) for image in images])


def resize(image: Tensor, size: int) -> Tensor:
    """A uint8 image (C, H, W) as (C, size, size)."""
    picture = Image.fromarray(image.squeeze(0).numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy())
    return picture_to_tensor(square(picture, size))


def square(picture: Image.Image, size: int) -> Image.Image:
    """The central square of a picture at `size` pixels a side, by Pillow's bicubic filter, antialiased."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.crop(box).resize((size, size), Image.Resampling.BICUBIC)


def picture_to_tensor(picture: Image.Image) -> Tensor:
    """An "L" or "RGB" picture as uint8 (1 or 3, H, W)."""
    values = torch.from_numpy(np.array(picture))
    return values[None] if values.ndim == 2 else values.permute(2, 0, 1).contiguous()


def hold_out(n: int, test_count: int, name: str) -> tuple[Tensor, Tensor]:
    """Indices of a training and a held-out split of `n` items, drawn without regard to labels and fixed for `name`."""
    order = Rng(0, "split", name).permutation(n)
    return order[test_count:].sort().values, order[:test_count].sort().values
