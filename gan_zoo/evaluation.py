"""Measurements of a training state: the scores of its samples, how its critic behaves, and pictures of both."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Protocol, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import vmap

from gan_zoo.diagnostics import Probes, diagnose, diagnose_rows, weight_histogram
from gan_zoo.engine import TrainState, Weights
from gan_zoo.exact import arithmetic
from gan_zoo.losses import Loss
from gan_zoo.losses.base import input_gradient
from gan_zoo.metrics import CriticEvaluator, Evaluator
from gan_zoo.rng import Rng
from gan_zoo.step import Bound
from gan_zoo.trainer import LATENTS, PASS, Run, sampler, sampler_of_rows

PROBE = 1000
"""Real and fake samples that the critic is probed on."""

SHOWN_IMAGES, SHOWN_POINTS = 64, 2500
CONTOUR_SIDE = 128
Square = tuple[float, float, float]
"""A square of the plane: the coordinates of its middle, and half of a side."""
USUAL: Square = (0.0, 0.0, 3.0)
"""Critic contours are drawn from scores on a 128 x 128 grid over [-3, 3]^2, as in Gulrajani et al. 2017, figure 1."""
LEAST_SPAN = 0.6  # of data in the usual square: of smaller ones nothing would be seen
MARGIN = 1.5  # half a side of any other square, in lengths of half the data's larger span


Scores = Callable[[Tensor], Mapping[str, float]]

LARGEST = 2**22
"""Numbers in the samples that several generators make in one pass, so that memory stays bounded."""


class HeldOut(Protocol):
    """The part of a data set that an evaluation needs."""

    kind: str
    shape: tuple[int, ...]

    def to(self, device: torch.device | str) -> Self: ...
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
class Seen:
    """A state as an evaluation has seen it on its device: training may go on while the CPU works the rest out.

    `critic`: what the critic does with samples (`gan_zoo.diagnostics`); `values`: all numbers, in whatever thread.
    """

    critic: Mapping[str, float]
    values: Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Picture:
    """Samples to show, points (2500, 2) float32 or images (64, C, H, W) uint8; on points the critic's scores, as
    `Evaluation.critic_contour` has them."""

    samples: np.ndarray
    critic: np.ndarray | None


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
        (seen,) = see([self], [state])
        return seen.values()

    def draws(self, step: int) -> Iterator[tuple[str, Tensor, Scores]]:
        """What is scored at a step: by the form of their scores' names the latents, and what scores their samples."""
        asked = self.run.spec.evaluate
        assert not isinstance(self.scores, CriticEvaluator)
        yield "{}", self.inputs(asked.samples), self.scores
        if self.validation is not None:
            yield "apart/{}", self._inputs(self._rng("latents apart"), asked.samples), self.validation
            if step == self.run.spec.train.steps:
                for i in range(asked.repeats):
                    yield f"sampling/{{}}/{i}", self.inputs(asked.samples, asked.seed + i), self.scores

    def score_critic(self, state: TrainState, scores: CriticEvaluator) -> dict[str, float]:
        """The scores of a critic that trains alone, and at the end what exact transport of batches says instead."""
        run = self.run
        with arithmetic(run.numerics):
            values = scores(Scored(Bound(run.players.critic, state.critic), run.players.loss, run.dtype))
            return values | (scores.of_batches(run.spec.seed) if state.step == run.spec.train.steps else {})

    def probes(self, fakes: Tensor) -> Probes:
        """Samples to probe critics on, with `fakes` (S, N, ...) as many real ones, or all held-out ones."""
        run = self.run
        real = self.data.held_out(self._rng("held-out"), fakes.shape[1]).to(run.device, run.dtype)
        trained_on = self.data.trained_on(self._rng("trained on"), len(real)).to(run.device, run.dtype)
        n = len(trained_on)
        return Probes(real[:n], trained_on, fakes[:, :n].to(run.dtype))

    def samples(self, state: TrainState) -> np.ndarray:
        """Samples to show: points (2500, 2) float32, or images (64, C, H, W) uint8."""
        return showable(sampler(self.run, state)(self.inputs(self._shown)))

    def real_samples(self) -> np.ndarray:
        """Held-out real samples in the form of `samples`."""
        with arithmetic(self.run.numerics):
            return showable(self.data.held_out(self._rng("shown"), self._shown))

    @property
    def on_plane(self) -> bool:
        """Whether samples are points that the critic's scores can be drawn under."""
        return self.data.kind == "points" and self.data.shape == (2,)

    @cached_property
    def square(self) -> Square:
        """The square of the plane that pictures of points show: [-3, 3]^2, or where data reach out of it, or are small
        in it, one around them. It is of the data alone, whatever the device or the seed."""
        if self.data.kind != "points":
            return USUAL
        rng = Rng(0, "evaluation", "square")
        with arithmetic(self.run.numerics):
            return square_around(showable(self.data.to("cpu").trained_on(rng, SHOWN_POINTS)))

    def critic_contour(self, state: TrainState, side: int = CONTOUR_SIDE) -> np.ndarray:
        """The critic's scores on a grid over `square`: (side, side) float32, row = second coordinate, ascending."""
        with torch.no_grad(), arithmetic(self.run.numerics):
            scores = Bound(self.run.players.critic, state.critic)(self._grid(side))
        return scores.reshape(side, side).float().cpu().numpy()

    def weight_histogram(self, state: TrainState) -> np.ndarray:
        """How the critic's weights are spread: (2, 65) float32, bins' centres and counts."""
        return weight_histogram(state.critic)

    def _grid(self, side: int) -> Tensor:
        across, up, half = self.square
        of = {"device": self.run.device, "dtype": self.run.dtype}
        y = torch.linspace(up - half, up + half, side, **of)
        x = torch.linspace(across - half, across + half, side, **of)
        y, x = torch.meshgrid(y, x, indexing="ij")
        return torch.stack([x, y], -1).flatten(0, 1)

    @property
    def _shown(self) -> int:
        return SHOWN_POINTS if self.data.kind == "points" else SHOWN_IMAGES

    def _rng(self, purpose: str) -> Rng:
        return Rng(self.run.spec.evaluate.seed, "evaluation", purpose, device=self.run.draws_on)

    def inputs(self, n: int, seed: int | None = None) -> Tensor:
        """What the generator makes the samples of the evaluation's seed from, or of another: latents (n, z_dim)."""
        seed = self.run.spec.evaluate.seed if seed is None else seed
        return self._inputs(Rng(seed, *LATENTS, device=self.run.draws_on), n)

    def _inputs(self, rng: Rng, n: int) -> Tensor:
        with arithmetic(self.run.numerics):
            return self.run.latents(rng, n)


def at_once(run: Run) -> int:
    """How many rows of a stack of runs like this one are seen in one pass: several on a GPU, which one leaves idle.

    On a CPU it is one: products of several rows round in another order, and there a row is to have the scores of a run
    alone to the last bit.
    """
    if run.device.type == "cpu":
        return 1
    return max(1, LARGEST // (PASS * math.prod(run.data.shape)))


def see(evaluations: Sequence[Evaluation], states: Sequence[TrainState]) -> list[Seen]:
    """What evaluations see of the states of S runs of one structure, at the same step, in one pass over all of them."""
    first, step = evaluations[0], states[0].step
    sample = _rows_sampler([each.run for each in evaluations], states)
    scores: list[list[tuple[str, Later]]] = [[] for _ in states]
    critics: list[dict[str, float]] = []
    if isinstance(first.scores, CriticEvaluator):
        return _see_critics(evaluations, states, sample)
    for form, z, scorer in first.draws(step):
        fakes = sample(z)
        if not critics:
            critics = _probe_critics(evaluations, states, fakes)
        for own, fake in zip(scores, fakes, strict=True):
            own.append((form, later(scorer, fake)))
    return [Seen(critic, partial(_all_values, own, critic)) for own, critic in zip(scores, critics, strict=True)]


Later = Callable[[], Mapping[str, float]]


def later(scorer: Scores, samples: Tensor) -> Later:
    """The scores of samples, worked out when called but for what an evaluator does on a GPU."""
    return scorer.read(samples) if isinstance(scorer, Evaluator) else partial(scorer, samples)


def _all_values(scores: Sequence[tuple[str, Later]], critic: Mapping[str, float]) -> dict[str, float]:
    """The scores by their names in the record, and after those that are reported what the critic does."""
    values: dict[str, float] = {}
    for form, worked_out in scores:
        values |= {form.format(name): value for name, value in worked_out().items()}
        values |= critic
    return values


def _see_critics(
    evaluations: Sequence[Evaluation], states: Sequence[TrainState], sample: Callable[[Tensor], Tensor]
) -> list[Seen]:
    """As `see` where critics train alone: their own scores are worked out at once, of the states as they are."""
    fakes = sample(evaluations[0].inputs(evaluations[0].run.spec.evaluate.samples))
    found = []
    for own, state, critic in zip(evaluations, states, _probe_critics(evaluations, states, fakes), strict=True):
        assert isinstance(own.scores, CriticEvaluator)
        values = {**own.score_critic(state, own.scores), **critic}
        found.append(Seen(critic, partial(dict, values)))
    return found


def _probe_critics(
    evaluations: Sequence[Evaluation], states: Sequence[TrainState], fakes: Tensor
) -> list[dict[str, float]]:
    """Diagnostics of the critics on their own `fakes` (S, N, ...), or on NaN where one of a row is not finite."""
    first = evaluations[0]
    finite = fakes.flatten(1).isfinite().all(1)
    shown = fakes[:, :PROBE]
    shown = torch.where(finite.view(-1, *[1] * (fakes.ndim - 1)), shown, torch.nan)
    with arithmetic(first.run.numerics):
        probes, rng = first.probes(shown), first._rng("critic")
        if len(states) == 1:
            critic = Bound(first.run.players.critic, states[0].critic)
            return [diagnose(first.run.players.loss, critic, replace(probes, fake=probes.fake[0]), rng)]
        critics = Weights.stacked([state.critic for state in states])
        return diagnose_rows([each.run.players for each in evaluations], dict(critics), probes, rng)


def picture(evaluations: Sequence[Evaluation], states: Sequence[TrainState], side: int) -> list[Picture]:
    """The pictures of the states of S runs of one structure, of critics on grids of `side`, in one pass over all."""
    first = evaluations[0]
    sample = _rows_sampler([each.run for each in evaluations], states)
    samples = [showable(each) for each in sample(first.inputs(first._shown))]
    if not first.on_plane:
        return [Picture(each, None) for each in samples]
    if len(states) == 1:
        return [Picture(samples[0], first.critic_contour(states[0], side))]
    critics = dict(Weights.stacked([state.critic for state in states]))
    grid, net = first._grid(side), first.run.players.critic
    with torch.no_grad():
        scores = vmap(lambda weights: Bound(net, weights)(grid))(critics)
    contours = scores.reshape(-1, side, side).float().cpu().numpy()
    return [Picture(*pair) for pair in zip(samples, contours, strict=True)]


def _rows_sampler(runs: Sequence[Run], states: Sequence[TrainState]) -> Callable[[Tensor], Tensor]:
    """The generators of S runs at these states: latents (N, z_dim) -> samples (S, N, ...)."""
    if len(states) > 1:
        return sampler_of_rows(runs[0], states)
    sample = sampler(runs[0], states[0])
    return lambda z: sample(z)[None]


def square_around(points: np.ndarray) -> Square:
    """The square of the plane to show points (n, 2) in. Numbers of it have two digits, so that a difference of rounding
    between devices moves it nowhere."""
    low, high = points.min(0).astype(float), points.max(0).astype(float)
    span = float((high - low).max())
    is_seen = span == 0 or span >= LEAST_SPAN
    if not math.isfinite(span) or (is_seen and np.abs([low, high]).max() <= USUAL[2]):
        return USUAL
    middle = (low + high) / 2
    half = max(MARGIN * span / 2, 1e-4 * float(np.abs(middle).max()))  # more than numbers that large can tell apart
    unit = 10.0 ** (math.floor(math.log10(half)) - 1)
    across, up = (round(float(part) / unit) * unit for part in middle)
    return across, up, math.ceil(half / unit - 1e-3) * unit


def showable(samples: Tensor) -> np.ndarray:
    """Samples as arrays: points as float32 by their first two coordinates (numbers as points of the first axis), images
    from [-1, 1] to uint8."""
    samples = samples.detach().cpu()
    if samples.ndim == 2:
        return F.pad(samples, (0, 1))[:, :2].float().numpy()
    return ((samples.nan_to_num(-1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
