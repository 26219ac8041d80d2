"""Features of images: what every image metric reads, extracted once per evaluation by a fixed network."""

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Features:
    """`values` (N, d), the penultimate layer, and `logits` (N, classes); float32."""

    values: Tensor
    logits: Tensor


@dataclass(frozen=True, eq=False)
class Extractor:
    """A fixed network uint8 (n, C, H, W) -> (values, logits), with all that tells it from others.

    `protocol` describes it; `weights` is the hash of its weights; `kid_subsets` is how many random subsets the
    kernel distance averages over with it; `batch_size` is fixed, because sums depend on it in the last digit.
    """

    net: nn.Module
    name: str
    protocol: str
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


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}\n".encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """A safetensors file written whole or not at all."""
    with replacing(path) as partial:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=metadata)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write a file that takes `path` at the end, or vanishes if that is not reached. Of several writers at
    once, the last one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{uuid.uuid4().hex}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
