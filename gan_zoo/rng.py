"""Every random number of the project, drawn from generators that are keyed by name.

A draw is addressed by (seed, purpose, step or block, ...): the key is hashed with BLAKE2b to the 63-bit seed of a
generator of its own. So nothing random belongs to a checkpoint, one loss's extra draws never shift another's data,
and all losses at one seed share their initial weights, minibatches and latents.
"""

import hashlib
import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Key = str | int


class Rng:
    """A stream of random tensors, fully determined by `seed`, `key` and the type of `device`.

    Successive calls continue the stream; the same key opened again starts it anew. CPU and CUDA streams differ.
    """

    def __init__(self, seed: int, *key: Key, device: torch.device | str = "cpu") -> None:
        self.seed, self.key, self.device = seed, key, torch.device(device)
        self._generator = torch.Generator(self.device).manual_seed(self.state_seed)

    @property
    def state_seed(self) -> int:
        """The hash of seed and key: a whole number in [0, 2^63)."""
        # with types and a separator that no name has: 1 is another key than "1", ("a", "b") another than "ab"
        address = "\x1f".join(f"{type(part).__name__}:{part}" for part in (self.seed, *self.key))
        return int.from_bytes(hashlib.blake2b(address.encode(), digest_size=8).digest()) & (2**63 - 1)

    def child(self, *key: Key) -> "Rng":
        """The stream at this key extended by `key`; independent of what was drawn here before."""
        return Rng(self.seed, *self.key, *key, device=self.device)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Independent N(0, 1) draws of `shape`."""
        return torch.randn(shape, generator=self._generator, device=self.device, dtype=dtype)

    def uniform(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Independent U[0, 1) draws of `shape`."""
        return torch.rand(shape, generator=self._generator, device=self.device, dtype=dtype)

    def integers(self, high: int, shape: Sequence[int]) -> Tensor:
        """Independent whole numbers, uniform on 0, ..., high - 1, of `shape` (int64)."""
        return torch.randint(high, tuple(shape), generator=self._generator, device=self.device)

    def permutation(self, n: int) -> Tensor:
        """A uniform permutation of 0, ..., n - 1 (int64)."""
        return torch.randperm(n, generator=self._generator, device=self.device)

    def numpy(self) -> np.random.Generator:
        """A NumPy generator keyed the same way, for libraries that want one."""
        return np.random.default_rng(self.state_seed)


def numpy_stream(seed: int) -> np.random.RandomState:
    """NumPy's old generator, for draws that must be those of a published program."""
    return np.random.RandomState(seed)


def global_state() -> str:
    """The states of Python's, NumPy's and torch's global generators, which nothing here may touch."""
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
    return f"{random.getstate()} {numpy_state} {torch.get_rng_state().tolist()}"
