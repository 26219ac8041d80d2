"""Fully connected nets for points and small images.

The toy net of Gulrajani et al. 2017 (gan_toy.py) is width 512, depth 3, ReLU: hidden weights with variance 2 / inputs
(He), the last layer's with 2 / (inputs + outputs).
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import prod

from torch import nn

from gan_zoo.architectures.functions import ACTIVATIONS, Activation
from gan_zoo.architectures.layers import Critic, CriticNorm, GeneratorNorm, Linear, block, require


@dataclass(frozen=True)
class Mlp:
    """`depth` hidden layers of `width` in each net. Images are flattened; a generator of images ends in tanh."""

    z_dim: int = 2
    width: int = 128
    depth: int = 3
    activation: Activation = "relu"
    critic_activation: Activation | None = None  # None: the generator's
    generator_norm: GeneratorNorm = "none"
    critic_norm: CriticNorm = "none"

    def __post_init__(self) -> None:
        require("mlp", z_dim=self.z_dim, width=self.width, depth=self.depth)

    @property
    def critic_mixes_samples(self) -> bool:
        return self.critic_norm == "batch"

    def check(self, shape: tuple[int, ...]) -> None:
        """Every shape is supported."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, *shape), images (three axes) in [-1, 1]."""
        layers = self._hidden(self.z_dim, self.activation, self.generator_norm)
        layers["output"] = Linear(self.width, prod(shape))
        if len(shape) == 3:
            layers["tanh"] = nn.Tanh()
        layers["shape"] = nn.Unflatten(1, shape)
        return nn.Sequential(OrderedDict(layers))

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, *shape) -> (N,)."""
        hidden = self._hidden(prod(shape), self.critic_activation or self.activation, self.critic_norm)
        output = Linear(self.width, 1, spectral=self.critic_norm == "spectral")
        return Critic({"flatten": nn.Flatten(), **hidden, "output": output})

    def _hidden(self, inputs: int, activation: Activation, norm: CriticNorm) -> dict[str, nn.Module]:
        fan = ACTIVATIONS[activation].inputs
        layers: dict[str, nn.Module] = {}
        for i in range(1, self.depth + 1):
            linear = Linear(inputs, fan * self.width, he=True, spectral=norm == "spectral")
            layers |= block(f"hidden{i}", linear, fan * self.width, activation, norm)
            inputs = self.width
        return layers
