"""What is measured of a training state: the scores of its samples, how its critic behaves, and pictures of both."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from gan_zoo.diagnostics import Probes, diagnose, weight_histogram
from gan_zoo.engine import TrainState
from gan_zoo.rng import Rng
from gan_zoo.step import Bound
from gan_zoo.trainer import Run, sampler, trained_generator

PROBE = 1000
"""Real and fake samples that the critic is probed on."""

SHOWN_IMAGES, SHOWN_POINTS = 64, 2500
CONTOUR_SIDE, CONTOUR_LIMIT = 128, 3.0
"""Critic contours are drawn from scores on a 128 x 128 grid over [-3, 3]^2, as in Gulrajani et al. 2017, figure 1."""


class HeldOut(Protocol):
    """What an evaluation asks of a data set."""

    kind: str

    def held_out(self, rng: Rng, n: int) -> Tensor: ...
    def trained_on(self, rng: Rng, n: int) -> Tensor: ...


@dataclass(frozen=True)
class Evaluation:
    """Measures states of `run` on the same latents each time. `scores` maps (N, ...) samples to named numbers."""

    run: Run
    data: HeldOut
    scores: Callable[[Tensor], Mapping[str, float]]

    def __call__(self, state: TrainState) -> dict[str, float]:
        """All scores of the generator's samples, and what the critic does with some of them (`gan_zoo.diagnostics`).

        Where a sample is not finite, scores, Wasserstein estimate and losses are NaN.
        """
        fake = sampler(self.run, state)(self._latents(self.run.spec.evaluate.samples))
        shown = fake[:PROBE] if fake.isfinite().all() else torch.full_like(fake[:PROBE], torch.nan)
        return {**self.scores(fake), **self.probe_critic(state, shown)}

    def probe_critic(self, state: TrainState, fake: Tensor) -> dict[str, float]:
        """What the critic does with `fake` (N, ...) and as many real samples, or all held-out ones."""
        real = self.data.held_out(self._rng("held-out"), len(fake)).to(self.run.dtype)
        trained_on = self.data.trained_on(self._rng("trained on"), len(real)).to(self.run.dtype)
        n = len(trained_on)
        probes = Probes(real[:n], trained_on, fake[:n].to(self.run.dtype))
        critic = Bound(self.run.players.critic, state.critic)
        return diagnose(self.run.players.loss, critic, probes, self._rng("critic"))

    def samples(self, state: TrainState) -> np.ndarray:
        """Samples to show: points (2500, 2) float32, or images (64, C, H, W) uint8."""
        n = SHOWN_POINTS if self.data.kind == "points" else SHOWN_IMAGES
        return showable(sampler(self.run, state)(self._latents(n)))

    def real_samples(self) -> np.ndarray:
        """Held-out real samples in the form of `samples`."""
        n = SHOWN_POINTS if self.data.kind == "points" else SHOWN_IMAGES
        return showable(self.data.held_out(self._rng("shown"), n))

    def critic_contour(self, state: TrainState) -> np.ndarray:
        """The critic's scores on the grid over [-3, 3]^2: (128, 128) float32, row = second coordinate, ascending."""
        axis = torch.linspace(-CONTOUR_LIMIT, CONTOUR_LIMIT, CONTOUR_SIDE, device=self.run.device, dtype=self.run.dtype)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        with torch.no_grad():
            scores = Bound(self.run.players.critic, state.critic)(torch.stack([x, y], -1).flatten(0, 1))
        return scores.reshape(CONTOUR_SIDE, CONTOUR_SIDE).float().cpu().numpy()

    def weight_histogram(self, state: TrainState) -> np.ndarray:
        """How the critic's weights are spread: (2, 65) float32, bins' centres and counts."""
        return weight_histogram(state.critic)

    def _rng(self, purpose: str) -> Rng:
        return Rng(self.run.spec.evaluate.seed, "evaluation", purpose, device=self.run.device)

    def _latents(self, n: int) -> Tensor:
        return self._rng("latents").normal(n, self.run.z_dim)


def showable(samples: Tensor) -> np.ndarray:
    """Samples as arrays: points as float32, images from [-1, 1] to uint8."""
    samples = samples.detach().cpu()
    if samples.ndim == 2:
        return samples.float().numpy()
    return ((samples.nan_to_num(-1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()


def final_weights(run: Run, state: TrainState) -> dict[str, Tensor]:
    """Weights to keep, on the CPU: `generator.*`, ready for evaluation, and `critic.*`."""
    nets = {"generator": trained_generator(run, state).state_dict(), "critic": state.critic}
    return {
        f"{net}.{name}": tensor.detach().cpu().clone()
        for net, tensors in nets.items()
        for name, tensor in tensors.items()
    }


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """16 hexadecimal digits that change with any bit of any weight."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()
