"""Measurements of a training state: the scores of its samples, how its critic behaves, and pictures of both."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gan_zoo.diagnostics import Probes, diagnose, weight_histogram
from gan_zoo.engine import TrainState
from gan_zoo.errors import UserError
from gan_zoo.exact import arithmetic
from gan_zoo.files import reason, shown
from gan_zoo.losses import Loss
from gan_zoo.losses.base import input_gradient
from gan_zoo.metrics import CriticEvaluator
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec
from gan_zoo.step import Bound
from gan_zoo.trainer import Run, sampler, trained_generator

PROBE = 1000
"""Real and fake samples that the critic is probed on."""

SHOWN_IMAGES, SHOWN_POINTS = 64, 2500
CONTOUR_SIDE, CONTOUR_LIMIT = 128, 3.0
"""Critic contours are drawn from scores on a 128 x 128 grid over [-3, 3]^2, as in Gulrajani et al. 2017, figure 1."""


LATENTS = "evaluation", "latents"
"""The key of the latents of every evaluation."""

HASH = "weights_hash"
"""The key in a file of weights under which it has the `weights_hash` of its content."""

Scores = Callable[[Tensor], Mapping[str, float]]


class HeldOut(Protocol):
    """The part of a data set that an evaluation needs."""

    kind: str
    shape: tuple[int, ...]

    def held_out(self, rng: Rng, n: int) -> Tensor: ...
    def trained_on(self, rng: Rng, n: int) -> Tensor: ...


@dataclass(frozen=True)
class Scored:
    """A critic as its metrics see it (`gan_zoo.metrics.critics.Critic`), with the loss that it was trained by."""

    critic: Bound
    loss: Loss
    dtype: torch.dtype

    def scores(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.critic(x.to(self.dtype))

    def gradient(self, x: Tensor) -> Tensor:
        return input_gradient(self.critic, x.to(self.dtype))

    def estimate(self, real: Tensor, fake: Tensor) -> float:
        with torch.no_grad():
            return float(self.loss.distance(self.critic, real.to(self.dtype), fake.to(self.dtype)))


@dataclass(frozen=True)
class Evaluation:
    """Measures states of `run` on the same latents each time. `scores` maps (N, ...) samples to named numbers, or where
    the critic trains alone it is a `CriticEvaluator`, which scores the critic.

    `validation` scores other samples against other data, under names `apart/<score>`: a checkpoint chosen by these
    numbers owes nothing to the luck of those that are reported. With it, the end is scored on samples of several seeds,
    under names `sampling/<score>/<repeat>`.
    """

    run: Run
    data: HeldOut
    scores: Scores | CriticEvaluator
    validation: Scores | None = None

    def __call__(self, state: TrainState) -> dict[str, float]:
        """All scores of the generator's samples, and what the critic does with some of them (`gan_zoo.diagnostics`).

        Where a sample is not finite, scores, Wasserstein estimate and losses are NaN.
        """
        sample, n = sampler(self.run, state), self.run.spec.evaluate.samples
        fake = sample(self.inputs(n))
        shown = fake[:PROBE] if fake.isfinite().all() else torch.full_like(fake[:PROBE], torch.nan)
        if isinstance(self.scores, CriticEvaluator):
            return {**self.score_critic(state, self.scores), **self.probe_critic(state, shown)}
        values = {**self.scores(fake), **self.probe_critic(state, shown)}
        if self.validation is not None:
            other = self._inputs(self._rng("latents apart"), n)
            values |= {f"apart/{name}": value for name, value in self.validation(sample(other)).items()}
            if state.step == self.run.spec.train.steps:
                values |= self.repeated(sample, self.scores)
        return values

    def score_critic(self, state: TrainState, scores: CriticEvaluator) -> dict[str, float]:
        """The scores of a critic that trains alone, and at the end what exact transport of batches says instead."""
        run = self.run
        with arithmetic(run.numerics):
            values = scores(Scored(Bound(run.players.critic, state.critic), run.players.loss, run.dtype))
            return values | (scores.of_batches(run.spec.seed) if state.step == run.spec.train.steps else {})

    def repeated(self, sample: Callable[[Tensor], Tensor], scores: Scores) -> dict[str, float]:
        """The scores on samples from the evaluation's seed, the next one, ..., as often as the spec says."""
        asked, values = self.run.spec.evaluate, {}
        for i in range(asked.repeats):
            latents = self.inputs(asked.samples, asked.seed + i)
            for name, value in scores(sample(latents)).items():
                values[f"sampling/{name}/{i}"] = value
        return values

    def probe_critic(self, state: TrainState, fake: Tensor) -> dict[str, float]:
        """Diagnostics of the critic on `fake` (N, ...) and as many real samples, or all held-out ones."""
        run = self.run
        with arithmetic(run.numerics):
            real = self.data.held_out(self._rng("held-out"), len(fake)).to(run.device, run.dtype)
            trained_on = self.data.trained_on(self._rng("trained on"), len(real)).to(run.device, run.dtype)
            n = len(trained_on)
            probes = Probes(real[:n], trained_on, fake[:n].to(run.dtype))
            critic = Bound(run.players.critic, state.critic)
            return diagnose(run.players.loss, critic, probes, self._rng("critic"))

    def samples(self, state: TrainState) -> np.ndarray:
        """Samples to show: points (2500, 2) float32, or images (64, C, H, W) uint8."""
        n = SHOWN_POINTS if self.data.kind == "points" else SHOWN_IMAGES
        return showable(sampler(self.run, state)(self.inputs(n)))

    def real_samples(self) -> np.ndarray:
        """Held-out real samples in the form of `samples`."""
        n = SHOWN_POINTS if self.data.kind == "points" else SHOWN_IMAGES
        with arithmetic(self.run.numerics):
            return showable(self.data.held_out(self._rng("shown"), n))

    @property
    def on_plane(self) -> bool:
        """Whether samples are points that the critic's scores can be drawn under."""
        return self.data.kind == "points" and self.data.shape == (2,)

    def critic_contour(self, state: TrainState, side: int = CONTOUR_SIDE) -> np.ndarray:
        """The critic's scores on a grid over [-3, 3]^2: (side, side) float32, row = second coordinate, ascending."""
        axis = torch.linspace(-CONTOUR_LIMIT, CONTOUR_LIMIT, side, device=self.run.device, dtype=self.run.dtype)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        with torch.no_grad(), arithmetic(self.run.numerics):
            scores = Bound(self.run.players.critic, state.critic)(torch.stack([x, y], -1).flatten(0, 1))
        return scores.reshape(side, side).float().cpu().numpy()

    def weight_histogram(self, state: TrainState) -> np.ndarray:
        """How the critic's weights are spread: (2, 65) float32, bins' centres and counts."""
        return weight_histogram(state.critic)

    def _rng(self, purpose: str) -> Rng:
        return Rng(self.run.spec.evaluate.seed, "evaluation", purpose, device=self.run.draws_on)

    def inputs(self, n: int, seed: int | None = None) -> Tensor:
        """What the generator makes the samples of the evaluation's seed from, or of another: latents (n, z_dim)."""
        seed = self.run.spec.evaluate.seed if seed is None else seed
        return self._inputs(Rng(seed, *LATENTS, device=self.run.draws_on), n)

    def _inputs(self, rng: Rng, n: int) -> Tensor:
        with arithmetic(self.run.numerics):
            return self.run.latents(rng, n)


def latents(spec: RunSpec, seed: int, n: int, device: torch.device | str) -> Tensor:
    """The latents (n, z_dim) of every evaluation with this seed."""
    return Rng(seed, *LATENTS, device=device).normal(n, int(spec.architecture.z_dim))


def showable(samples: Tensor) -> np.ndarray:
    """Samples as arrays: points as float32 by their first two coordinates, images from [-1, 1] to uint8."""
    samples = samples.detach().cpu()
    if samples.ndim == 2:
        return samples[:, :2].float().numpy()
    return ((samples.nan_to_num(-1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()


def final_weights(run: Run, state: TrainState) -> dict[str, Tensor]:
    """Weights to keep, on the CPU: `generator.*`, ready for evaluation, and `critic.*`."""
    nets = {"generator": trained_generator(run, state).state_dict(), "critic": state.critic}
    kept = {}
    for net, tensors in nets.items():
        for name, tensor in tensors.items():
            kept[f"{net}.{name}"] = tensor.detach().cpu().clone()
    return kept


def load_generator(spec: RunSpec, shape: tuple[int, ...], path: Path, device: torch.device | str) -> nn.Module:
    """The generator of samples of `shape` that a run of `spec` left at `path`, ready for use.

    Raises: UserError where there are no weights, damaged ones, or those of another net.
    """
    content = read_weights(path)
    weights = {name.removeprefix("generator."): w for name, w in content.items() if name.startswith("generator.")}
    if not weights:
        raise UserError(f"{path}: holds no weights named generator.*: give those that a run left")
    spec.architecture.check(shape)
    net = spec.architecture.generator(shape).to(next(iter(weights.values())).dtype)
    try:
        net.load_state_dict(weights)
    except RuntimeError as failure:
        reason = " ".join(str(failure).split())[:200]
        raise UserError(f"{path}: these weights are of another net than its spec says ({reason})") from None
    return net.to(device).eval().requires_grad_(False)  # type: ignore[no-any-return]


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights. Raises: UserError where it holds none, or is not what a run wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            said = (file.metadata() or {}).get(HASH)
    except (OSError, SafetensorError, ValueError, TypeError) as failure:
        raise UserError(f"cannot read weights from {shown(path)} ({reason(failure)})") from None
    if said is not None and said != weights_hash(weights):
        raise UserError(f"{shown(path)}: damaged or altered (its hash is another): take it from the record again")
    return weights


def make_samples(net: nn.Module, spec: RunSpec, n: int, seed: int, device: torch.device | str) -> Tensor:
    """The `n` samples that an evaluation of `spec` with this seed would score, of a generator ready for use."""
    z = latents(spec, seed, n, device).to(next(net.parameters()).dtype)
    return torch.cat([net(part) for part in z.split(500)]).float()


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """16 hexadecimal digits that change with any bit of any weight."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()
