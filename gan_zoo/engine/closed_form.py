"""The closed form: both derivatives of a ReLU critic written out as matrix products, without autograd.

For the multilayer perceptron f(x) = W_L h_{L-1} + b_L, h_l = s(a_l), a_l = W_l h_{l-1} + b_l, h_0 = x with s a ReLU
or leaky ReLU, D_l = diag(s'(a_l)) is constant almost everywhere, so

    ∇f(x) = W_1' c_1,     c_l = D_l W_{l+1}' c_{l+1},    c_L = 1                     (backward)
    d‹∇f(x), u› / dW_l = c_l t_{l-1}',    t_l = D_l W_l t_{l-1},    t_0 = u          (forward again)
    d(v f(x)) / dW_l = v c_l h_{l-1}',    d(v f(x)) / db_l = v c_l

The loss is evaluated on scores and input gradients that are leaves of autograd; their small gradients v and u start
these chains.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from gan_zoo.architectures.functions import leaky_relu, relu
from gan_zoo.architectures.layers import Apply, Linear
from gan_zoo.engine.plain import Alternating, Steps, eager_steps
from gan_zoo.engine.state import Iteration, Players, TrainState
from gan_zoo.engine.weights import split
from gan_zoo.errors import UserError
from gan_zoo.losses.base import Terms
from gan_zoo.step import total

FEW_COLUMNS = 8
"""Below it BLAS takes several times longer for a product than for its transpose."""


@dataclass(frozen=True)
class Rectifier:
    """s and the mask of its derivative."""

    apply: Callable[[Tensor], Tensor]
    """a -> h = s(a), in place"""
    mask: Callable[[Tensor, Tensor], Tensor]
    """c, h -> D c, where h = s(a) has the sign of a"""


RECTIFIERS: dict[object, Rectifier] = {
    relu: Rectifier(torch.relu_, partial(torch.ops.aten.threshold_backward, threshold=0)),
    leaky_relu: Rectifier(
        partial(torch.ops.aten.leaky_relu_, negative_slope=0.2),
        partial(torch.ops.aten.leaky_relu_backward, negative_slope=0.2, self_is_result=False),
    ),
}


@dataclass(frozen=True)
class Layer:
    """Views of one layer's weight (outputs, inputs) and bias in the state, and of their places in the gradient."""

    weight: Tensor
    bias: Tensor
    weight_gradient: Tensor
    bias_gradient: Tensor


@dataclass
class Perceptron:
    """The critic of one step: gives scores and input gradients as leaves, and remembers what the chains need."""

    layers: list[Layer]
    rectifier: Rectifier
    scores: list[tuple[Tensor, list[Tensor]]] = field(default_factory=list)
    """leaf (N,), inputs of the layers"""
    gradients: list[tuple[Tensor, list[Tensor], list[Tensor]]] = field(default_factory=list)
    """leaf of x's shape, inputs of the layers, c_1, ..., c_{L-1}"""
    per_sample = True

    def __call__(self, x: Tensor) -> Tensor:
        inputs, last = self._inputs(x), self.layers[-1]
        score = torch.addmm(last.bias, inputs[-1], last.weight.t()).squeeze(1).requires_grad_()
        self.scores.append((score, inputs))
        return score

    def input_gradient(self, x: Tensor) -> Tensor:
        """∇f(x) of each sample, of x's shape (N, ...)."""
        inputs = self._inputs(x)
        c = self.rectifier.mask(self.layers[-1].weight.expand(len(x), -1), inputs[-1])
        chain = [c]
        for layer, h in zip(self.layers[-2:0:-1], inputs[-2:0:-1], strict=True):
            c = self.rectifier.mask(c @ layer.weight, h)
            chain.insert(0, c)
        gradient = (c @ self.layers[0].weight).view(x.shape).requires_grad_()
        self.gradients.append((gradient, inputs, chain))
        return gradient

    def backward(self, objective: Tensor) -> None:
        """Adds the gradient of `objective`, a function of the leaves given out, to the layers' gradients."""
        leaves = [entry[0] for entry in (*self.scores, *self.gradients)]
        starts = iter(torch.autograd.grad(objective, leaves))
        for _, inputs in self.scores:
            self._score_backward(next(starts), inputs)
        for _, inputs, chain in self.gradients:
            self._gradient_backward(next(starts), inputs, chain)

    def _inputs(self, x: Tensor) -> list[Tensor]:
        """h_0, ..., h_{L-1}"""
        inputs = [x.flatten(1)]
        for layer in self.layers[:-1]:
            a = torch.addmm(layer.bias, inputs[-1], layer.weight.t())
            inputs.append(self.rectifier.apply(a))
        return inputs

    def _score_backward(self, v: Tensor, inputs: list[Tensor]) -> None:
        c = v[:, None]
        for layer, h in zip(self.layers[:0:-1], inputs[:0:-1], strict=True):
            add_product(layer.weight_gradient, c.t(), h)
            layer.bias_gradient.add_(c.sum(0))
            c = self.rectifier.mask(c @ layer.weight, h)
        add_product(self.layers[0].weight_gradient, c.t(), inputs[0])
        self.layers[0].bias_gradient.add_(c.sum(0))

    def _gradient_backward(self, u: Tensor, inputs: list[Tensor], chain: list[Tensor]) -> None:
        t = u.flatten(1)
        for layer, h, c in zip(self.layers, inputs[1:], chain, strict=False):
            add_product(layer.weight_gradient, c.t(), t)
            t = self.rectifier.mask(t @ layer.weight.t(), h)
        self.layers[-1].weight_gradient.add_(t.sum(0))  # c_L = 1
        # no bias: it shifts where D switches and is in no factor of ∇f, so its derivative is 0 almost everywhere


def add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    """total += a b"""
    if b.shape[1] < FEW_COLUMNS:
        total.add_((b.t() @ a.t()).t())
    else:
        total.add_(a @ b)


def closed_form(players: Players, state: TrainState) -> Iteration:
    """The critic's steps by the closed form, the generator's as in `plain`.

    Raises: UserError where the critic is no plain multilayer perceptron of ReLUs.
    """
    eager = eager_steps(players, state)
    vector = torch.empty_like(state.critic.vector)
    rectifier, layers = read_layers(players, state.critic, vector)

    def critic_step(real: Tensor, fake: Tensor, noise: tuple[Tensor, ...]) -> tuple[Tensor, Terms]:
        vector.zero_()
        critic = Perceptron(layers, rectifier)
        terms = players.loss.critic_terms(critic, real, fake, noise)
        critic.backward(total(terms))
        return vector, terms

    return Alternating.of(Steps(eager.fakes, critic_step, eager.generator), players, state)


def read_layers(players: Players, weights: Mapping[str, Tensor], gradient: Tensor) -> tuple[Rectifier, list[Layer]]:
    """The activation and the layers of the critic. Raises: UserError where the closed form does not hold."""
    linear, functions = [], []
    for name, layer in players.critic.named_children():
        if isinstance(layer, Linear) and not layer.spectral:
            linear.append(name)
        elif isinstance(layer, Apply) and layer.function in RECTIFIERS:
            functions.append(layer.function)
        elif not isinstance(layer, nn.Flatten | nn.Identity):
            raise UserError(f"engine closed-form: no closed form for layer {name!r} of this critic; use plain or auto")
    if len(functions) != len(linear) - 1 or len(set(functions)) != 1 or players.numerics in ("tf32", "bf16"):
        raise UserError(
            "engine closed-form: only for critics of linear layers and ReLUs in float32 or float64; use plain or auto"
        )
    gradients = split(gradient, weights)
    keys = [(f"{name}.weight", f"{name}.bias") for name in linear]
    layers = [Layer(weights[weight], weights[bias], gradients[weight], gradients[bias]) for weight, bias in keys]
    return RECTIFIERS[functions[0]], layers
