"""The registry of losses. A file of losses is a module with `LOSSES`, a Loss per published name, beside its formulas.

A new loss is one such file in this folder and its name in FAMILIES; from outside the package it comes by `--plugin` or
an entry point, see `gan_zoo.registry`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gan_zoo.losses.base import Loss, part_name
from gan_zoo.registry import Registry, from_families

FAMILIES = (  # in the order of the reports
    "minimax",
    "least_squares",
    "hinge",
    "wasserstein",
    "ctransform",
    "relativistic",
)


def parts_of(loss: Loss) -> tuple[Any, ...]:
    return (loss.adversarial, *loss.penalties)


def complaint(known: Mapping[str, Loss], name: str, loss: Any) -> str:
    """The fault of a new loss: no Loss, or a part of it has the name of another one's."""
    if not isinstance(loss, Loss):
        return "expected a gan_zoo.losses.Loss"
    kinds = {part_name(part): type(part) for other in known.values() for part in parts_of(other)}
    for part in parts_of(loss):
        if kinds.get(part_name(part), type(part)) is not type(part):
            return f"another class is called {type(part).__name__}, and specs know parts by that name: rename yours"
    return ""


LOSSES: Registry[Loss] = Registry("LOSSES", "loss", from_families(__name__, FAMILIES, "LOSSES"), complaint)


class Parts(Mapping[str, type]):
    """The kinds of parts that registered losses are made of, by name."""

    def __init__(self, parts: Callable[[Loss], tuple[Any, ...]]) -> None:
        self._parts = parts

    def _all(self) -> dict[str, type]:
        return {part_name(part): type(part) for loss in LOSSES.values() for part in self._parts(loss)}

    def __getitem__(self, name: str) -> type:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


ADVERSARIAL = Parts(lambda loss: (loss.adversarial,))
PENALTIES = Parts(lambda loss: loss.penalties)
