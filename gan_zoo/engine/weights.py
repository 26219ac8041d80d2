"""A net's weights as every engine holds them: one vector, and its parts by name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from gan_zoo.step import Parameters


class Weights(Mapping[str, Tensor]):
    """The parameters of a net by name, views of consecutive parts of one contiguous `vector` (P,).

    Those of S nets of one structure are a matrix (S, P), whose views have the nets as first axis.
    """

    def __init__(self, vector: Tensor, like: Mapping[str, Tensor]) -> None:
        self.vector = vector
        self._shapes = like
        self._views = split(vector, like)

    @classmethod
    def copy_of(cls, parameters: Mapping[str, Tensor]) -> "Weights":
        """The same numbers in memory of their own."""
        return cls(join(parameters.values()), parameters)

    @classmethod
    def stacked(cls, nets: Sequence["Weights"]) -> "Weights":
        """Copies of the weights of several nets, as the rows of one matrix."""
        return cls(torch.stack([net.vector for net in nets]), nets[0]._shapes)

    def row(self, index: int) -> "Weights":
        """The weights of one net of a stack, in its memory."""
        return Weights(self.vector[index], self._shapes)

    def __getitem__(self, name: str) -> Tensor:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)


def split(vector: Tensor, like: Mapping[str, Tensor]) -> Parameters:
    """Consecutive parts of the last axis of `vector` as tensors with the names and shapes of `like`, in its memory."""
    parts = vector.split([weight.numel() for weight in like.values()], dim=-1)
    rows = vector.shape[:-1]
    return {name: part.view(*rows, *weight.shape) for part, (name, weight) in zip(parts, like.items(), strict=True)}


def join(parameters: Iterable[Tensor]) -> Tensor:
    """The vector that `split` takes apart: an empty one of nothing, as where fakes come from a distribution."""
    parts = [parameter.flatten() for parameter in parameters]
    return torch.cat(parts) if parts else torch.empty(0)
