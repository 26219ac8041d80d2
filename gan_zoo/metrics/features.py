"""Features of images: what every image metric reads, extracted once per evaluation by a fixed network."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Features:
    """`values` (N, d), the penultimate layer, and `logits` (N, classes); float32."""

    values: Tensor
    logits: Tensor


@dataclass(frozen=True, eq=False)
class Extractor:
    """A fixed network uint8 (n, C, H, W) -> (values, logits), with all that tells it from others.

    `name` stands in the names of metrics and `title` in their labels; `protocol` describes it; `weights` is the hash
    of its weights; `kid_subsets` is how many random subsets the kernel distance averages over with it; `batch_size` is
    fixed, because sums depend on it in the last digit.
    """

    net: nn.Module
    name: str
    title: str
    protocol: Mapping[str, str]
    weights: str
    classes: int
    kid_subsets: int
    batch_size: int

    @torch.inference_mode()
    def __call__(self, images: Tensor, device: torch.device) -> Features:
        """Features, on `device`, of uint8 images (N, C, H, W)."""
        net = self.net.to(device)
        parts = [net(batch.to(device)) for batch in images.split(self.batch_size)]
        values, logits = zip(*parts, strict=True)
        return Features(torch.cat(values), torch.cat(logits))


def to_uint8(x: Tensor) -> Tensor:
    """Images in [-1, 1] as whole numbers 0..255: (x + 1) 127.5, rounded, clamped."""
    return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
