"""Unlike rows: what runs must have in common to be trained as one stack, and the numbers in which they differ.

Runs share their structure: nets, data, batch, steps, the form of the loss, evaluation. They may differ in numbers:
seed, learning rate and decay rates of the optimiser, the clip c, weights and labels of the loss. Only numbers that do
differ become tensors, with an entry a row; all others stay floats.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from gan_zoo.engine.descent import Settings, optimizer_numbers, share_left
from gan_zoo.engine.state import Players, TrainState
from gan_zoo.losses.numbers import loss_form, loss_numbers
from gan_zoo.optimizers import is_known_everywhere
from gan_zoo.spec import RunSpec

OWN = ("loss_name", "loss", "train", "seed")
"""Fields of a RunSpec of which a row may have its own, wholly or in part."""


def structure(spec: RunSpec) -> Hashable:
    """Equal in all cells that may be trained as one stack; see `company`."""
    optimizer = spec.train.optimizer
    optimizer = type(optimizer) if is_known_everywhere(optimizer) else optimizer
    return loss_form(spec.loss), optimizer, _but_for(spec.train, "optimizer"), _but_for(spec, *OWN)


def company(spec: RunSpec) -> Hashable:
    """The key of the cells that may train with this one: its structure, and itself where no stack has its optimiser."""
    return structure(spec) if is_known_everywhere(spec.train.optimizer) else (structure(spec), spec)


def _but_for(whole: Any, *names: str) -> Hashable:
    """The fields of a dataclass without those named."""
    return tuple(getattr(whole, field.name) for field in fields(whole) if field.name not in names)


@dataclass(frozen=True)
class Rows:
    """The players of a stack's rows, who share their structure."""

    players: Sequence[Players]
    like: Tensor
    """whose dtype and device the rows compute in"""

    @property
    def loss(self) -> dict[str, Tensor]:
        """The loss's numbers that differ between the rows, (S,) each, by place."""
        columns = differing([loss_numbers(each.loss) for each in self.players], self.like.device)
        return {name: column.to(self.like.dtype) for name, column in columns.items()}

    def settings(self, state: TrainState, clock: Tensor | None) -> Settings:
        """The rows' use of their gradients; numbers that differ are columns (S, 1) in float64."""
        first, device = self.players[0], self.like.device
        numbers = differing([optimizer_numbers(each.train.optimizer) for each in self.players], device)
        columns = {name: column[:, None] for name, column in numbers.items()}
        together = {**optimizer_numbers(first.train.optimizer), **columns}
        return Settings(together, self.clip, share_left(first.train, state, clock))

    @property
    def clip(self) -> float | Tensor | None:
        """The c of all rows, or of each, (S, 1)."""
        clips = [{} if each.loss.weight_clip is None else {"c": each.loss.weight_clip} for each in self.players]
        columns = differing(clips, self.like.device)
        return columns["c"][:, None].to(self.like.dtype) if columns else self.players[0].loss.weight_clip


def differing(rows: Sequence[Mapping[str, float]], device: torch.device) -> dict[str, Tensor]:
    """The numbers that are not the same in all `rows`, (S,) each, in float64."""
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if len(set(values)) > 1:
            columns[name] = torch.tensor(values, dtype=torch.float64, device=device)
    return columns
