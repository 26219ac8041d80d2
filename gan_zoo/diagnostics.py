"""Diagnostics of the critic: the quantities that the papers argue with, as named numbers.

Looked at on held-out real samples x, fakes x~ and points between them, x^ = eps x + (1 - eps) x~; f is the critic.

    critic/wasserstein_estimate   E f(x) - E f(x~)
    critic/grad_norm              E ‖∇f(x^)‖, 1 at WGAN-GP's optimum (Gulrajani et al. 2017, proposition 1)
    critic/loss_train             the critic's objective on samples that it was trained on, and
    critic/loss_held_out          on held-out ones, both against x~ (same, figure 5: the gap is overfitting)
    critic/weights_at_bound       share of weights at ±c, under weight clipping (same, figure 1b)

    diagnostics/grad_norm_real/q05 q50 q95 above_1    quantiles of ‖∇f(x)‖ and the share of x where it exceeds 1;
    .../grad_norm_fake, .../grad_norm_between         the same at x~ and at x^
    diagnostics/layer_grad_norm/01_<layer> ...        E ‖∂f(x^)/∂h‖, h the output of each layer with weights in the
                                                      order of the forward pass (same, figure 1b)

The gradient by a layer's output is what explodes or vanishes on the way back. That by its weights W would not show it:
where f is homogeneous in every layer, as a ReLU net without biases, <W, ∂f/∂W> = f in all of them.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad_and_value, vmap

from gan_zoo.architectures.layers import Weighted
from gan_zoo.engine import Players
from gan_zoo.engine.rows import Rows
from gan_zoo.losses import Loss
from gan_zoo.losses.numbers import with_numbers
from gan_zoo.losses.penalties import interpolate
from gan_zoo.rng import Rng
from gan_zoo.step import Bound, Parameters, total

PART = 250
"""Samples that a critic is shown at once, so that memory stays bounded."""

QUANTILES = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
BINS = 65  # odd, so that one bin lies about 0


@dataclass(frozen=True)
class GradientNorms:
    """A critic at N points: its scores f, ‖∇f‖ by the input, and ‖∂f/∂h‖ by the output h of each layer; all (N,)."""

    scores: Tensor
    inputs: Tensor
    layers: dict[str, Tensor]


@dataclass(frozen=True)
class Probes:
    """Samples to probe a critic on, each (N, ...): held-out real ones, others that it was trained on, and fakes."""

    real: Tensor
    trained_on: Tensor
    fake: Tensor


@dataclass(frozen=True)
class Noise:
    """The draws of a diagnosis: eps (N,) of the points between, and the noise of the loss's penalties (N, ...)."""

    eps: Tensor
    penalties: tuple[Tensor, ...]

    @classmethod
    def of(cls, loss: Loss, real: Tensor, rng: Rng) -> "Noise":
        """Those for these real samples (N, ...)."""
        penalties = tuple(draw.to(real.device) for draw in loss.noise(rng.child("noise"), real))
        return cls(rng.child("eps").uniform(len(real)).to(real), penalties)


def diagnose(loss: Loss, critic: Bound, probes: Probes, rng: Rng) -> dict[str, float]:
    """All numbers at the head of this file; eps and the loss's own noise are drawn from `rng`."""
    found = measured(loss, critic, probes, Noise.of(loss, probes.real, rng))
    return dict(zip(found, torch.stack(list(found.values())).tolist(), strict=True))


def diagnose_rows(players: Sequence[Players], critics: Parameters, probes: Probes, rng: Rng) -> list[dict[str, float]]:
    """As `diagnose` of S critics of one structure, with the rows as first axis of `critics` and of the fakes."""
    loss, net, rows = players[0].loss, players[0].critic, Rows(players, probes.fake)
    noise, clip = Noise.of(loss, probes.real, rng), rows.clip
    clips = {"c": clip.squeeze(1)} if isinstance(clip, Tensor) else {}

    def row(weights: Parameters, fake: Tensor, own: Mapping[str, Tensor], bound: Mapping[str, Tensor]) -> Parameters:
        its = replace(with_numbers(loss, own), weight_clip=bound.get("c", clip))
        return measured(its, Bound(net, weights), replace(probes, fake=fake), noise)

    found = vmap(row)(critics, probes.fake, rows.loss, clips)
    values = torch.stack(list(found.values()), 1).tolist()
    return [dict(zip(found, each, strict=True)) for each in values]


def measured(loss: Loss, critic: Bound, probes: Probes, noise: Noise) -> Parameters:
    """The numbers of a diagnosis as scalars in float64 on the device, which is not waited for."""
    real, fake = probes.real, probes.fake
    at = {
        "real": gradient_norms(critic, real),
        "fake": gradient_norms(critic, fake),
        "between": gradient_norms(critic, interpolate(real, fake, noise.eps)),
    }
    values = {
        "critic/wasserstein_estimate": at["real"].scores.mean() - at["fake"].scores.mean(),
        "critic/grad_norm": at["between"].inputs.mean(),
        "critic/loss_train": objective(loss, critic, probes.trained_on, fake, noise.penalties),
        "critic/loss_held_out": objective(loss, critic, real, fake, noise.penalties),
        **bound_share(critic.parameters, loss.weight_clip),
    }
    for where, found in at.items():
        for name, value in norm_summary(found.inputs).items():
            values[f"diagnostics/grad_norm_{where}/{name}"] = value
    for name, norm in at["between"].layers.items():
        values[f"diagnostics/layer_grad_norm/{name}"] = norm.mean()
    return {name: value.double() for name, value in values.items()}


def gradient_norms(critic: Bound, x: Tensor) -> GradientNorms:
    """Scores and gradient norms at the points x (N, ...), by one pass forward and one back."""
    with torch.no_grad():
        shapes = {name: output.shape[1:] for name, output in outputs(critic, x[:2]).items()}
    if not critic.per_sample:  # in parts, its batch statistics would be others
        return _gradient_norms(critic, x, shapes)
    return joined([_gradient_norms(critic, part, shapes) for part in x.split(PART)])


def joined(parts: Sequence[GradientNorms]) -> GradientNorms:
    """The norms of all points of `parts`, in order."""
    layers = {}
    for name in parts[0].layers:
        layers[name] = torch.cat([part.layers[name] for part in parts])
    return GradientNorms(torch.cat([part.scores for part in parts]), torch.cat([part.inputs for part in parts]), layers)


def _gradient_norms(critic: Bound, x: Tensor, shapes: Mapping[str, Sequence[int]]) -> GradientNorms:
    """The gradient by a layer's output, whose `shapes` are given for one sample, is that by a shift of it by zero."""
    shifts = {name: x.new_zeros(len(x), *shape) for name, shape in shapes.items()}

    def shifted(x: Tensor, shifts: Parameters) -> tuple[Tensor, Tensor]:
        scores = _with_layers(critic, x, lambda name, output: output + shifts[name])
        return scores.sum(), scores

    (by_input, by_layers), (_, scores) = grad_and_value(shifted, argnums=(0, 1), has_aux=True)(x, shifts)
    norms = {name: gradient.flatten(1).norm(dim=1) for name, gradient in by_layers.items()}
    return GradientNorms(scores.detach(), by_input.flatten(1).norm(dim=1), norms)


def outputs(critic: Bound, x: Tensor) -> Parameters:
    """The output of each layer with weights at the points x (N, ...)."""
    found: Parameters = {}

    def keep(name: str, output: Tensor) -> Tensor:
        found[name] = output
        return output

    _with_layers(critic, x, keep)
    return found


def _with_layers(critic: Bound, x: Tensor, through: Callable[[str, Tensor], Tensor]) -> Tensor:
    """Scores (N,) at the points x (N, ...), where the output of each layer with weights goes `through` a function."""
    names = {layer: name for name, layer in critic.net.named_modules() if isinstance(layer, Weighted)}
    order = itertools.count(1)

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return through(f"{next(order):02d}_{names[layer]}", output)

    hooks = [layer.register_forward_hook(hook) for layer in names]
    try:
        return critic(x)
    finally:
        for each in hooks:
            each.remove()


def objective(loss: Loss, critic: Bound, real: Tensor, fake: Tensor, noise: tuple[Tensor, ...]) -> Tensor:
    """The critic's objective on real and fake samples (N, ...), a scalar: the mean over parts of the batch."""
    sums = real.new_zeros((), dtype=torch.float64)
    with torch.no_grad():
        for part in range(0, len(real), PART):
            rows = slice(part, part + PART)
            terms = loss.critic_terms(critic, real[rows], fake[rows], tuple(draw[rows] for draw in noise))
            sums = sums + total(terms).double() * len(real[rows])
    return sums / len(real)


def norm_summary(norms: Tensor) -> Parameters:
    """Quantiles of norms (N,), and the share above 1, as scalars."""
    values = quantiles(norms.double())
    return {**dict(zip(QUANTILES, values, strict=True)), "above_1": (norms > 1).double().mean()}


def quantiles(values: Tensor) -> Tensor:
    """The QUANTILES of values (N,), to the bit as `torch.quantile`, which vmap knows no rule for."""
    ranks = torch.tensor(list(QUANTILES.values()), device=values.device).double() * (len(values) - 1)
    ordered, below = values.sort().values, ranks.long()
    found = torch.lerp(ordered[below], ordered[ranks.ceil().long()], ranks - below)
    return torch.where(values.isnan().any(), torch.nan, found)


def bound_share(weights: Mapping[str, Tensor], c: float | None) -> Parameters:
    """The share of all weights at ±c, by its name; nothing without a c."""
    if c is None:
        return {}
    at_bound = torch.stack([(weight.abs() >= c).sum() for weight in weights.values()]).sum()
    return {"critic/weights_at_bound": at_bound.double() / sum(weight.numel() for weight in weights.values())}


def weight_histogram(weights: Mapping[str, Tensor]) -> np.ndarray:
    """All weights in 65 bins of one width from -max|w| to max|w|: (2, 65) float32, the bins' centres and counts."""
    values = torch.cat([weight.flatten() for weight in weights.values()]).float().cpu().numpy()
    reach = float(np.abs(values).max()) or 1.0
    counts, edges = np.histogram(values, bins=BINS, range=(-reach, reach))
    return np.stack([(edges[:-1] + edges[1:]) / 2, counts]).astype(np.float32)
