"""A classifier that computes in whole numbers, so that its features have the same bits wherever they are computed.

Pixels are 0..255. Each layer multiplies them by whole weights, adds a whole bias and hands on

a' = clamp(round(s / 2^shift), 0, 255),   s = max over 2x2 of (W * a + b),   |s| < 2^24

A sum of whole numbers that stays below 2^24 is exact in float32, and one below 2^53 in float64, in whatever order, by
whatever instructions and on however many threads it is added. Only the convolutions of a GPU might go through
transforms that are not exact: there float64 is used, and rounded.

The whole numbers are the weights of a trained net in fixed point: W = round(2^bits w), with as many bits as keep every
sum below its bound. Jacob et al. 2018 (arXiv 1712.05877) do the same in integer types, for speed.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PIXEL_BITS = 8
LARGEST = 2**PIXEL_BITS - 1
SUM_BITS, LOGIT_BITS = 24, 53  # up to which float32, and float64, hold every whole number
WEIGHT_BITS = 15
MOST_PLACES = 1000  # 2^-places is a float64
Layer = tuple[Tensor, Tensor, int]
"""Whole weights, whole bias, and how many binary places the sum has (hidden, head) or loses (a stage)."""


class Trained(Protocol):
    """The net that is put into whole numbers: stages of a convolution, a hidden one and a head, each with a bias."""

    stages: nn.ModuleList
    hidden: nn.Conv2d
    head: nn.Conv2d


class WholeNumberNet(nn.Module):
    """uint8 images (n, C, H, W) -> features (n, d) and logits (n, classes), both float32.

    `tensors` holds weight, bias and shift of stage0, stage1, ..., hidden and head, as `to_whole_numbers` makes them.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.depth = sum(name.startswith("stage") and name.endswith(".weight") for name in tensors)
        self.layers = [*(f"stage{i}" for i in range(self.depth)), "hidden", "head"]
        self.shifts = [int(tensors[f"{layer}.shift"]) for layer in self.layers]
        for layer in self.layers:
            self.register_buffer(f"{layer}_weight", tensors[f"{layer}.weight"].double())
            self.register_buffer(f"{layer}_bias", tensors[f"{layer}.bias"].double())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        *shifts, binary, places = self.shifts
        x = images.to(torch.float32 if images.device.type == "cpu" else torch.float64)
        for i, shift in enumerate(shifts):
            x = hand_on(_pooled_sums(x, self._weight(f"stage{i}", x), self._bias(f"stage{i}", x)), shift)
        hidden = F.conv2d(x, self._weight("hidden", x), self._bias("hidden", x)).round().clamp(min=0).flatten(1)
        logits = hidden.double() @ self.head_weight.flatten(1).T + self.head_bias
        return (hidden * 2.0**-binary).float(), (logits * 2.0**-places).float()

    def _weight(self, layer: str, x: Tensor) -> Tensor:
        return self.get_buffer(f"{layer}_weight").to(x.dtype)

    def _bias(self, layer: str, x: Tensor) -> Tensor:
        return self.get_buffer(f"{layer}_bias").to(x.dtype)


def _pooled_sums(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """s of a stage, of whole x (n, C, H, W): (n, C', H // 2, W // 2)."""
    return F.max_pool2d(F.conv2d(x, weight, bias, padding=1).round(), 2)


def hand_on(sums: Tensor, shift: int) -> Tensor:
    """The sums on the next layer's grid: whole numbers 0..255."""
    return (sums * 2.0**-shift).round().clamp(0, LARGEST)


@torch.no_grad()
def to_whole_numbers(net: Trained, images: Tensor) -> dict[str, Tensor]:
    """The tensors of `net`, which reads pixels as multiples of 1/256, in fixed point.

    What a stage hands on is scaled by what it finds on `images` uint8 (n, C, H, W); more than that is cut off.
    """
    x, places = images.float(), PIXEL_BITS
    tensors: dict[str, Tensor] = {}
    for i, stage in enumerate(net.stages):
        assert isinstance(stage, nn.Conv2d)
        weight, bias, bits = fixed_point(stage, places, LARGEST, SUM_BITS)
        sums = _pooled_sums(x, weight.float(), bias.float())
        shift = max(0, math.ceil(math.log2(max(sums.max().item(), 1) / LARGEST)))
        x, places = hand_on(sums, shift), places + bits - shift
        tensors |= _entry(f"stage{i}", weight, bias, shift)
    weight, bias, bits = fixed_point(net.hidden, places, LARGEST, SUM_BITS)
    places += bits
    tensors |= _entry("hidden", weight, bias, places)
    weight, bias, bits = fixed_point(net.head, places, 2**SUM_BITS, LOGIT_BITS)
    return tensors | _entry("head", weight, bias, places + bits)


def fixed_point(layer: nn.Conv2d, places: int, largest: int, sum_bits: int) -> Layer:
    """Weights and bias of `layer` as whole numbers, and the bits w that a weight is a multiple of 2^-w by.

    Its input is in multiples of 2^-places, at most `largest` of them; no sum reaches 2^sum_bits.
    """
    assert layer.bias is not None
    weight, bias = layer.weight.double(), layer.bias.double()
    bits = WEIGHT_BITS - math.ceil(math.log2(max(weight.abs().max().item(), 2.0**-WEIGHT_BITS)))
    while True:
        whole, offset = (weight * 2.0**bits).round(), (bias * 2.0 ** (bits + places)).round()
        if whole.abs().max() < 2**WEIGHT_BITS and most(whole, offset, largest) < 2**sum_bits:
            return whole, offset, bits
        bits -= 1


def most(weight: Tensor, bias: Tensor, largest: int) -> Tensor:
    """The largest sum, in absolute value, that inputs 0..largest can have."""
    return (weight.abs().flatten(1).sum(dim=1) * largest + bias.abs()).max()


def _entry(name: str, weight: Tensor, bias: Tensor, shift: int) -> dict[str, Tensor]:
    return {
        f"{name}.weight": weight.to(torch.int16),
        f"{name}.bias": bias.to(torch.int64),
        f"{name}.shift": torch.tensor(shift, dtype=torch.int64),
    }


def misfit(tensors: Mapping[str, Tensor], net: Trained) -> str:
    """What keeps `tensors` from being `net` in whole numbers; "" where nothing does. Of `net` the shapes are read."""
    layers = {**{f"stage{i}": stage for i, stage in enumerate(net.stages)}, "hidden": net.hidden, "head": net.head}
    wanted: dict[str, Tensor] = {}
    for name, layer in layers.items():
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        wanted |= _entry(name, layer.weight.detach(), layer.bias.detach(), 0)
    for name in sorted(wanted.keys() | tensors.keys()):
        found, asked = (_form(known.get(name)) for known in (tensors, wanted))
        if found != asked:
            return f"{name} is {found}, not {asked}"
    return next((f"{name} is out of bounds" for name in layers if not _within_bounds(tensors, name)), "")


def _form(tensor: Tensor | None) -> str:
    """The shape and type of a tensor in words."""
    if tensor is None:
        return "missing"
    return f"{str(tensor.dtype).removeprefix('torch.')} {'x'.join(map(str, tensor.shape)) or 'number'}"


def _within_bounds(tensors: Mapping[str, Tensor], layer: str) -> bool:
    """Whether no sum of a layer can round, and its shift is one that a float can have."""
    weight, bias, shift = (tensors[f"{layer}.{part}"].double() for part in ("weight", "bias", "shift"))
    largest, bits = (2**SUM_BITS, LOGIT_BITS) if layer == "head" else (LARGEST, SUM_BITS)
    return bool(most(weight, bias, largest) < 2**bits and shift.abs() <= MOST_PLACES)
