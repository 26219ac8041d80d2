"""The one trainer: from a spec and a data set to a sequence of training states. It never logs, prints or saves."""

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import vmap

from gan_zoo.architectures import calibrate, convolves, initialise
from gan_zoo.datasets.fakes import FAKES, check_fakes
from gan_zoo.device import tf32
from gan_zoo.engine import (
    Draws,
    Engine,
    Iteration,
    Numerics,
    Players,
    StackEngine,
    TrainState,
    Weights,
    plain,
    stack_draws,
    stacked,
    structure,
)
from gan_zoo.engine.other import check_optimizer
from gan_zoo.engine.weights import split
from gan_zoo.errors import UserError
from gan_zoo.exact import Exact, arithmetic, mean
from gan_zoo.losses.base import Terms
from gan_zoo.numerics.process import check_convolutions, compute_in
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec
from gan_zoo.step import Bound, Parameters

BLOCK = 16
"""Iterations whose draws are made at once; part of what a seed means."""

LATENTS = "evaluation", "latents"
"""The key of the latents of every evaluation."""

CALIBRATION_LATENTS = 1000
"""Latents whose batch statistics a generator with batch normalisation uses in evaluation."""

PASS = 500
"""Samples that a generator makes at once in evaluation, so that memory stays bounded."""


class Data(Protocol):
    """The part of a data set that the trainer needs; it lies on the device of the run."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def stream(self, seed: int, block: int, count: int) -> Tensor: ...


@dataclass(frozen=True)
class Run:
    """A spec made concrete: its players and data, on one device."""

    spec: RunSpec
    players: Players
    data: Data
    device: torch.device

    @property
    def dtype(self) -> torch.dtype:
        return getattr(torch, self.spec.train.precision)  # type: ignore[no-any-return]

    @property
    def numerics(self) -> Numerics:
        return self.players.numerics

    @property
    def draws_on(self) -> torch.device:
        """Where random numbers are drawn, and where the data lie: in exact numerics the CPU, whose generator is the
        same everywhere."""
        return torch.device("cpu") if self.numerics == "exact" else self.device

    @property
    def z_dim(self) -> int:
        return int(self.spec.architecture.z_dim)

    def latents(self, rng: Rng, *shape: int) -> Tensor:
        """Inputs of the generator: normal (*shape, z_dim), or where the critic trains alone the fakes (*shape, D)
        themselves, for then the generator hands on what it gets."""
        fakes = self.spec.train.fakes
        if fakes is None:
            return rng.normal(*shape, self.z_dim)
        return FAKES[fakes].sample(self.data, rng, prod(shape)).unflatten(0, shape)


def prepare(spec: RunSpec, data: Data, device: torch.device | str = "cpu", numerics: Numerics = "reference") -> Run:
    """The run that `spec` describes.

    Raises: UserError where the architecture cannot take the shape of the data, or the numerics are not to be had.
    """
    device = torch.device(device)
    check_numerics(spec, device, numerics)
    compute_in(numerics)
    dtype = getattr(torch, spec.train.precision)
    check_fakes(spec.train.fakes, data)
    nets = [net.to(device=device, dtype=dtype).requires_grad_(False) for net in _nets_of(spec, data.shape)]
    if any(map(convolves, nets)):
        check_convolutions()  # a process that was let free of oneDNN's bounds would round them as its processor does
    return Run(spec, Players(nets[0], nets[1], spec.loss, spec.train, numerics), data, device)


def _nets_of(spec: RunSpec, shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    """The generator and the critic of samples of `shape`. Where the critic trains alone, the generator's input is its
    output."""
    generator = nn.Identity() if spec.train.fakes else spec.architecture.generator(shape)
    return generator, spec.architecture.critic(shape)


def abstract_players(spec: RunSpec, shape: tuple[int, ...], numerics: Numerics) -> Players:
    """The players that `spec` has on data of `shape`, without memory for weights: to be asked about, not to be run."""
    with torch.device("meta"):  # a suite of thousands of cells asks this of each
        generator, critic = _nets_of(spec, shape)
    return Players(generator, critic, spec.loss, spec.train, numerics)


def check_numerics(spec: RunSpec, device: torch.device | str, numerics: Numerics) -> None:
    """Raises: UserError where `spec` cannot be trained in these numerics."""
    if numerics not in ("reference", "fast") and spec.train.precision != "float32":
        raise UserError(f"numerics {numerics}: for float32 only, not train.precision {spec.train.precision}")
    check_optimizer(spec.train.optimizer, numerics, device)
    if numerics == "tf32" and torch.device(device).type != "cuda":
        raise UserError("numerics tf32: only GPUs have it; use reference or bf16")


def initial_state(run: Run) -> TrainState:
    """The state before the first step: weights drawn from (seed, net, parameter), the same for all losses."""
    with arithmetic(run.numerics):
        generator = _initial_parameters(run.players.generator, Rng(run.spec.seed, "init", "generator"), run)
        critic = _initial_parameters(run.players.critic, Rng(run.spec.seed, "init", "critic"), run)
    return TrainState.new(generator, critic, run.spec.train.optimizer)


def _initial_parameters(net: nn.Module, rng: Rng, run: Run) -> Parameters:
    """Fresh weights for the structure of `net`, drawn on the CPU in float32 so that they are the same everywhere."""
    fresh = copy.deepcopy(net).to(device="cpu", dtype=torch.float32)
    initialise(fresh, rng)
    return {
        name: weight.detach().to(device=run.device, dtype=run.dtype, copy=True)
        for name, weight in fresh.named_parameters()
    }


def train(run: Run, state: TrainState, engine: Engine = plain) -> Iterator[Terms]:
    """Advances `state` in place to the last step of the spec, yielding the terms of each iteration after it.

    The terms are scalars on the device: reading one waits for it, so read them rarely. Stopping between two iterations
    and calling again with the same state, or one restored from a checkpoint, changes nothing.
    """
    iteration = under(run.players.numerics, engine(run.players, state))
    draws: list[Draws] = []
    while state.step < run.spec.train.steps:
        block, position = divmod(state.step, BLOCK)
        if position == 0 or not draws:  # a resumed run may begin within a block
            draws = block_draws(run, block)
        yield iteration(draws[position])


def train_stack(runs: Sequence[Run], states: Sequence[TrainState], engine: StackEngine = stacked) -> Iterator[Terms]:
    """As `train` for runs that share their structure and stand at the same step; terms are vectors (S,).

    Each run sees the draws that it would see alone, and its state can be evaluated or saved after any iteration.
    """
    spec = runs[0].spec
    if len({structure(run.spec) for run in runs}) != 1 or len({state.step for state in states}) != 1:
        raise ValueError("stacked runs share their structure and stand at the same step")
    iteration = under(runs[0].players.numerics, engine([run.players for run in runs], states))
    draws: list[tuple[Draws, ...]] = []
    while states[0].step < spec.train.steps:
        block, position = divmod(states[0].step, BLOCK)
        if position == 0 or not draws:
            draws = list(zip(*(block_draws(run, block) for run in runs), strict=True))
        yield iteration(stack_draws(draws[position]))


def under(numerics: Numerics, iteration: Iteration) -> Callable[[Draws], Terms]:
    """`iteration` in these numerics, as far as they are a context around it."""
    if numerics not in ("exact", "tf32"):
        return iteration
    exact = Exact()

    def within(draws: Draws) -> Terms:
        with exact if numerics == "exact" else tf32():
            return iteration(draws)

    return within


def block_draws(run: Run, block: int) -> list[Draws]:
    """Data, latents and penalty noise of the iterations block * BLOCK, ..., each kind from a generator of its own."""
    seed, train, n_critic, n = run.spec.seed, run.spec.train, run.spec.train.n_critic, run.spec.train.batch_size
    steps = min(BLOCK, train.steps - block * BLOCK)
    with arithmetic(run.numerics):
        # a whole block even where the run ends within it: a step's draws do not depend on the length of the run
        real = run.data.stream(seed, block, BLOCK * n_critic * n).to(run.dtype)
        z = run.latents(Rng(seed, "latents", block, device=run.draws_on), BLOCK, n_critic + 1, n).to(run.dtype)
        noise = run.spec.loss.noise(Rng(seed, "penalty", block, device=run.draws_on), real)
    z, real = z.to(run.device), real.to(run.device).unflatten(0, (BLOCK, n_critic, n))
    noise = tuple(draw.to(run.device).unflatten(0, (BLOCK, n_critic, n)) for draw in noise)
    draws = []
    for i in range(steps):
        noise_of_step = tuple(draw[i] for draw in noise)
        draws.append(Draws(real[i], z[i, :-1], z[i, -1], noise_of_step))
    return draws


def latents(spec: RunSpec, seed: int, n: int, device: torch.device | str) -> Tensor:
    """The latents (n, z_dim) of every evaluation with this seed."""
    return Rng(seed, *LATENTS, device=device).normal(n, int(spec.architecture.z_dim))


def sampler(run: Run, state: TrainState) -> Callable[[Tensor], Tensor]:
    """The generator at this state, for evaluation: latents (N, z_dim) -> samples (N, ...), each sample by itself."""
    net = trained_generator(run, state)

    def sample(z: Tensor) -> Tensor:
        with torch.no_grad(), arithmetic(run.numerics):
            # no sample depends on the others, for statistics are calibrated
            return torch.cat([net(part) for part in z.to(run.device, run.dtype).split(PASS)]).float()

    return sample


def sampler_of_rows(run: Run, states: Sequence[TrainState]) -> Callable[[Tensor], Tensor]:
    """The generators at S states of runs like `run`, in one pass: latents (N, z_dim) -> samples (S, N, ...)."""
    rows, like = Weights.stacked([state.generator for state in states]), states[0].generator
    batch = _calibration_latents(run)

    def sample(z: Tensor) -> Tensor:
        def row(vector: Tensor) -> Tensor:
            generator = Bound(copy.deepcopy(run.players.generator), split(vector, like))
            calibrate(generator.net, batch, generator)
            return torch.cat([generator(part) for part in z.to(run.device, run.dtype).split(PASS)])

        with torch.no_grad():
            return vmap(row)(rows.vector).float()

    return sample


def trained_generator(run: Run, state: TrainState) -> nn.Module:
    """A copy of the generator with the state's weights, its batch normalisation calibrated, in evaluation mode."""
    net = copy.deepcopy(run.players.generator)
    net.load_state_dict(state.generator, strict=False)  # statistics of batches are no weights: they are calibrated
    batch = _calibration_latents(run)
    with torch.no_grad(), arithmetic(run.numerics):
        calibrate(net, batch)
    return net


def _calibration_latents(run: Run) -> Tensor:
    rng = Rng(run.spec.evaluate.seed, "calibration latents", device=run.draws_on)
    with arithmetic(run.numerics):
        return run.latents(rng, CALIBRATION_LATENTS).to(run.device, run.dtype)


def advance(iterations: Iterator[Terms], n: int) -> dict[str, float]:
    """Runs `n` iterations and gives the mean of each term over them; the device is waited for once, at the end."""
    rows = [(tuple(terms), torch.stack(list(terms.values()))) for terms in itertools.islice(iterations, n)]
    means: list[float] = mean(torch.stack([row for _, row in rows]), 0).tolist()
    return dict(zip(rows[0][0], means, strict=True))


def advance_stack(iterations: Iterator[Terms], n: int) -> list[dict[str, float]]:
    """As `advance` for `train_stack`: the means of each run."""
    rows = [(tuple(terms), torch.stack(list(terms.values()), 1)) for terms in itertools.islice(iterations, n)]
    means: list[list[float]] = mean(torch.stack([row for _, row in rows]), 0).tolist()
    return [dict(zip(rows[0][0], values, strict=True)) for values in means]
