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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gan_zoo.architectures.layers import Weighted
from gan_zoo.losses import Loss
from gan_zoo.losses.penalties import interpolate
from gan_zoo.rng import Rng
from gan_zoo.step import Bound, total

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


def diagnose(loss: Loss, critic: Bound, probes: Probes, rng: Rng) -> dict[str, float]:
    """All numbers at the head of this file; eps and the loss's own noise are drawn from `rng`."""
    real, fake = probes.real, probes.fake
    eps = rng.child("eps").uniform(len(real)).to(real)
    at = {
        "real": gradient_norms(critic, real),
        "fake": gradient_norms(critic, fake),
        "between": gradient_norms(critic, interpolate(real, fake, eps)),
    }
    noise = tuple(draw.to(real.device) for draw in loss.noise(rng.child("noise"), real))
    values = {
        "critic/wasserstein_estimate": float(at["real"].scores.mean() - at["fake"].scores.mean()),
        "critic/grad_norm": float(at["between"].inputs.mean()),
        "critic/loss_train": objective(loss, critic, probes.trained_on, fake, noise),
        "critic/loss_held_out": objective(loss, critic, real, fake, noise),
        **bound_share(critic.parameters, loss.weight_clip),
    }
    for where, found in at.items():
        for name, value in spread(found.inputs).items():
            values[f"diagnostics/grad_norm_{where}/{name}"] = value
    for name, norm in at["between"].layers.items():
        values[f"diagnostics/layer_grad_norm/{name}"] = float(norm.mean())
    return values


def gradient_norms(critic: Bound, x: Tensor) -> GradientNorms:
    """Scores and gradient norms at the points x (N, ...), by one pass forward and one back."""
    if not critic.per_sample:  # in parts, its batch statistics would be others
        return _gradient_norms(critic, x)
    return joined([_gradient_norms(critic, part) for part in x.split(PART)])


def joined(parts: Sequence[GradientNorms]) -> GradientNorms:
    """The norms of all points of `parts`, in order."""
    layers = {}
    for name in parts[0].layers:
        layers[name] = torch.cat([part.layers[name] for part in parts])
    return GradientNorms(torch.cat([part.scores for part in parts]), torch.cat([part.inputs for part in parts]), layers)


def _gradient_norms(critic: Bound, x: Tensor) -> GradientNorms:
    outputs: dict[str, Tensor] = {}
    names = {layer: name for name, layer in critic.net.named_modules() if isinstance(layer, Weighted)}

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        outputs[f"{len(outputs) + 1:02d}_{names[layer]}"] = output

    hooks = [layer.register_forward_hook(keep) for layer in names]
    try:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            scores = critic(x)
            gradients = torch.autograd.grad(scores.sum(), [x, *outputs.values()])
    finally:
        for hook in hooks:
            hook.remove()
    norms = [gradient.flatten(1).norm(dim=1) for gradient in gradients]
    return GradientNorms(scores.detach(), norms[0], dict(zip(outputs, norms[1:], strict=True)))


def objective(loss: Loss, critic: Bound, real: Tensor, fake: Tensor, noise: tuple[Tensor, ...]) -> float:
    """The critic's objective on real and fake samples (N, ...): the mean over parts of the batch."""
    sums = 0.0
    with torch.no_grad():
        for part in range(0, len(real), PART):
            rows = slice(part, part + PART)
            terms = loss.critic_terms(critic, real[rows], fake[rows], tuple(draw[rows] for draw in noise))
            sums += float(total(terms)) * len(real[rows])
    return sums / len(real)


def spread(norms: Tensor) -> dict[str, float]:
    """Quantiles of norms (N,), and the share above 1."""
    values = torch.quantile(norms.double(), torch.tensor(list(QUANTILES.values()), device=norms.device).double())
    return {**dict(zip(QUANTILES, values.tolist(), strict=True)), "above_1": float((norms > 1).double().mean())}


def bound_share(weights: Mapping[str, Tensor], c: float | None) -> dict[str, float]:
    """The share of all weights at ±c, by its name; nothing without a c."""
    if c is None:
        return {}
    at_bound = sum(int((weight.abs() >= c).sum()) for weight in weights.values())
    return {"critic/weights_at_bound": at_bound / sum(weight.numel() for weight in weights.values())}


def weight_histogram(weights: Mapping[str, Tensor]) -> np.ndarray:
    """All weights in 65 bins of one width from -max|w| to max|w|: (2, 65) float32, the bins' centres and counts."""
    values = torch.cat([weight.flatten() for weight in weights.values()]).float().cpu().numpy()
    reach = float(np.abs(values).max()) or 1.0
    counts, edges = np.histogram(values, bins=BINS, range=(-reach, reach))
    return np.stack([(edges[:-1] + edges[1:]) / 2, counts]).astype(np.float32)
