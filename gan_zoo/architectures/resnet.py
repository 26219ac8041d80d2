"""The residual nets of Gulrajani et al. 2017 for CIFAR-10: appendix F, gan_cifar_resnet.py without labels.

The convolutions before a mean pool and after an upsampling are each one strided convolution with the summed filter, and
the shortcuts' 1x1 convolutions run at the lower resolution: the same functions with less arithmetic.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from gan_zoo.architectures.functions import mean_pool, relu, upsample
from gan_zoo.architectures.layers import (
    Apply,
    Conv,
    ConvPool,
    Critic,
    CriticNorm,
    GeneratorNorm,
    Linear,
    UpsampleConv,
    check_size,
    norm,
    require,
)

Resample = Literal["up", "down", "none"]
CONVOLUTIONS: dict[Resample, tuple[type[Conv], type[Conv]]] = {
    "up": (UpsampleConv, Conv),
    "down": (Conv, ConvPool),
    "none": (Conv, Conv),
}


@dataclass(frozen=True)
class ResNet:
    """Three residual blocks up from 4x4; a critic of four (down, down, plain, plain) and the mean over pixels."""

    z_dim: int = 128
    dim: int = 128
    generator_norm: GeneratorNorm = "batch"
    critic_norm: CriticNorm = "none"

    def __post_init__(self) -> None:
        require("resnet", z_dim=self.z_dim, dim=self.dim)

    @property
    def critic_mixes_samples(self) -> bool:
        return self.critic_norm == "batch"

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises: UserError unless `shape` is (C, 32, 32)."""
        check_size("resnet", shape, 32)

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """(N, z_dim) -> (N, *shape) in [-1, 1]."""
        self.check(shape)
        dim = self.dim
        layers: dict[str, nn.Module] = {"input": Linear(self.z_dim, 16 * dim), "features": nn.Unflatten(1, (dim, 4, 4))}
        for size in (8, 16, 32):
            layers[f"block{size}"] = Block(dim, dim, "up", self.generator_norm)
        layers |= {"norm": norm(self.generator_norm, dim), "activation": Apply(relu)}
        return nn.Sequential(OrderedDict({**layers, "output": Conv(dim, shape[0], 3, he=False), "tanh": nn.Tanh()}))

    def critic(self, shape: tuple[int, ...]) -> Critic:
        """(N, *shape) -> (N,)."""
        self.check(shape)
        dim, kind = self.dim, self.critic_norm
        blocks = {
            "block1": Block(shape[0], dim, "down", kind, first=True),
            "block2": Block(dim, dim, "down", kind),
            "block3": Block(dim, dim, "none", kind),
            "block4": Block(dim, dim, "none", kind),
        }
        mean = Apply(partial(torch.mean, dim=(2, 3)))
        output = Linear(dim, 1, spectral=kind == "spectral")
        return Critic({**blocks, "activation": Apply(relu), "mean": mean, "output": output})


class Block(nn.Module):
    """shortcut(x) + conv(relu(norm(conv(relu(norm(x)))))), 3x3, pre-activation.

    The `first` block of a critic has no norm and no opening ReLU, which would cut off the image's negative half
    (OptimizedResBlockDisc1).
    """

    def __init__(
        self, inputs: int, outputs: int, resample: Resample, norm_kind: CriticNorm, *, first: bool = False
    ) -> None:
        super().__init__()
        spectral = norm_kind == "spectral"
        conv1, conv2 = CONVOLUTIONS[resample]
        body: dict[str, nn.Module] = {} if first else {"norm1": norm(norm_kind, inputs), "activation1": Apply(relu)}
        body["conv1"] = conv1(inputs, outputs, 3, spectral=spectral)
        body["norm2"] = norm("none" if first else norm_kind, outputs)
        body["activation2"] = Apply(relu)
        body["conv2"] = conv2(outputs, outputs, 3, spectral=spectral)
        self.body = nn.Sequential(OrderedDict(body))
        through = Conv(inputs, outputs, 1, he=False, spectral=spectral)
        shortcuts: dict[Resample, nn.Module] = {
            "up": nn.Sequential(OrderedDict(conv=through, upsample=Apply(upsample))),
            "down": nn.Sequential(OrderedDict(pool=Apply(mean_pool), conv=through)),
            "none": nn.Identity() if inputs == outputs else through,
        }
        self.shortcut = shortcuts[resample]

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.body(x)
