"""Generators and critics. An architecture is a frozen dataclass of options that builds both nets for a sample shape.

    generator(shape)  (N, z_dim) -> (N, *shape); images in [-1, 1]
    critic(shape)     (N, *shape) -> (N,) raw scores, never squashed; its `per_sample` says that no layer mixes samples

Nets are built with zero weights; `initialise` draws them. A new architecture is one file with its class, and one line
below; from outside the package it comes by `--plugin` or an entry point, see `gan_zoo.registry`.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, Protocol

import torch
from torch import nn

from gan_zoo.architectures import figure2
from gan_zoo.architectures.dcgan import Dcgan
from gan_zoo.architectures.dirac import Dirac
from gan_zoo.architectures.layers import Critic, calibrate, initialise
from gan_zoo.architectures.line import Line
from gan_zoo.architectures.mlp import Mlp
from gan_zoo.architectures.resnet import ResNet
from gan_zoo.architectures.resnet101 import ResNet101
from gan_zoo.architectures.table1 import Table1
from gan_zoo.errors import UserError
from gan_zoo.registry import Registry

__all__ = ["ARCHITECTURES", "Architecture", "Critic", "calibrate", "check_architecture", "convolves", "initialise"]

MOST_PARAMETERS = 1_000_000_000
"""Of one net: four gigabytes, of which training takes several."""


class Architecture(Protocol):
    """The interface of an architecture."""

    @property
    def z_dim(self) -> int:
        """Length of a latent vector."""

    @property
    def critic_mixes_samples(self) -> bool:
        """Whether the critic has batch statistics, which no penalty on single samples allows."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises: UserError that names the supported shapes, where samples of `shape` are not."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """The generator of samples of `shape`."""

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """The critic of samples of `shape`."""


def complaint(known: Mapping[str, Any], name: str, kind: Any) -> str:
    """The fault of a new architecture, "" where there is none."""
    if not isinstance(kind, type) or not is_dataclass(kind):
        return "expected a class that is a frozen dataclass of options"
    wanted = ("z_dim", "critic_mixes_samples", "check", "generator", "critic")
    lacking = [part for part in wanted if not (hasattr(kind, part) or part in kind.__dataclass_fields__)]
    if lacking:
        return f"the class has no {', '.join(lacking)} (see gan_zoo.architectures.Architecture)"
    other = next((name for name, each in known.items() if each is kind), None)
    return f"the same class as '{other}': give it a class of its own" if other else ""


OWN: dict[str, type[Architecture]] = {
    "mlp": Mlp,
    "dcgan": Dcgan,
    "resnet": ResNet,
    "figure2-baseline": figure2.Baseline,
    "figure2-constant-filters": figure2.ConstantFilters,
    "figure2-mlp-generator": figure2.MlpGenerator,
    "figure2-no-norm": figure2.NoNorm,
    "figure2-gated": figure2.Gated,
    "figure2-tanh": figure2.Tanh,
    "figure2-resnet101": ResNet101,
    "table1": Table1,
    "dirac": Dirac,
    "line": Line,
}
ARCHITECTURES: Registry[type[Architecture]] = Registry("ARCHITECTURES", "architecture", OWN, complaint)


def convolves(net: nn.Module) -> bool:
    """Whether a weight of the net is a filter, (outputs, inputs, height, width)."""
    return any(weight.dim() > 2 for weight in net.parameters())


def check_architecture(architecture: Architecture, shape: tuple[int, ...]) -> dict[str, nn.Module]:
    """Both nets by name, without memory for their weights.

    Raises: UserError where an architecture does not make samples of `shape`, or has too many parameters.
    """
    architecture.check(shape)
    with torch.device("meta"):
        nets = {"generator": architecture.generator(shape), "critic": architecture.critic(shape)}
    for name, net in nets.items():
        count = sum(parameter.numel() for parameter in net.parameters())
        if count > MOST_PARAMETERS:
            sizes = f"{count:.2g} parameters, and may have {MOST_PARAMETERS:.0g}"
            raise UserError(f"{architecture}: its {name} has {sizes}: make it smaller")
    return nets
