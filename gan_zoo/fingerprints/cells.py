"""A few iterations of training: every loss on points and on digits, and a net of each kind."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.datasets import load_dataset
from gan_zoo.diagnostics import Probes, diagnose
from gan_zoo.engine import ENGINES, TrainState
from gan_zoo.fingerprints.hashing import fingerprint, numbers
from gan_zoo.losses import LOSSES
from gan_zoo.rng import Rng
from gan_zoo.spec import Adam, DatasetSpec, EvaluateSpec, RMSprop, RunSpec, TrainSpec
from gan_zoo.step import Bound
from gan_zoo.trainer import Run, initial_state, prepare, train, train_stack

ITERATIONS = 3
POINTS: dict[str, Any] = {"width": 64}
DIGITS: dict[str, Any] = {"width": 128, "z_dim": 16}
NETS: dict[str, tuple[str, dict[str, Any], str, tuple[int, ...]]] = {  # architecture, options, loss, shape of an image
    "mlp with layer normalisation": ("mlp", {"critic_norm": "layer"}, "wgan-gp", (2,)),
    "mlp of tanh": ("mlp", {"activation": "tanh"}, "wgan-gp", (2,)),
    "mlp 4x512": ("mlp", {"width": 512}, "wgan-gp", (2,)),
    "dcgan": ("dcgan", {"dim": 16}, "wgan-gp", (1, 28, 28)),
    "dcgan with batch normalisation": (
        "dcgan",
        {"dim": 8, "generator_norm": "batch", "critic_norm": "batch"},
        "non-saturating",
        (1, 28, 28),
    ),
    "dcgan with spectral normalisation": ("dcgan", {"dim": 8, "critic_norm": "spectral"}, "sngan", (1, 28, 28)),
    "resnet": ("resnet", {"dim": 16}, "wgan-gp", (3, 32, 32)),
    "resnet with layer normalisation": ("resnet", {"dim": 16, "critic_norm": "layer"}, "wgan-gp", (3, 32, 32)),
    "figure 2": ("figure2-baseline", {"dim": 8}, "wgan-gp", (3, 64, 64)),
    "figure 2, gated": ("figure2-gated", {"dim": 8}, "wgan-gp", (3, 64, 64)),
    "figure 2, tanh": ("figure2-tanh", {"dim": 8}, "wgan-gp", (3, 64, 64)),
    "table 1": ("table1", {}, "wgan-gp", (3, 32, 32)),
}


class Noise:
    """Samples of a shape to train on, the same everywhere."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def stream(self, seed: int, block: int, count: int) -> torch.Tensor:
        return numbers(count, *self.shape, key=f"{seed} {block}") / 2


def run_of(loss: str, data: Any, architecture: str, options: dict[str, Any], batch: int, seed: int = 0) -> Run:
    """A run of the loss with a learning rate that falls, as quickstart's."""
    norm = LOSSES[loss].critic_norm
    net = ARCHITECTURES[architecture](
        **options, **({"critic_norm": norm} if norm and "critic_norm" not in options else {})
    )
    optimizer = RMSprop(1e-3) if LOSSES[loss].weight_clip else Adam(1e-3, (0.5, 0.9))
    training = TrainSpec(100, batch, optimizer, n_critic=2, lr_decay="linear")
    spec = RunSpec(loss, LOSSES[loss], DatasetSpec("data"), net, training, EvaluateSpec(every=100, samples=10), seed)
    return prepare(spec, data)


def known(dataset: str) -> Any:
    return load_dataset(dataset, root=Path())


def bits(state: TrainState) -> str:
    return fingerprint([*state.generator.values(), *state.critic.values()])


def trained(
    loss: str, data: Callable[[], Any], architecture: str, options: dict[str, Any], batch: int, engine: str
) -> str:
    """The weights of both nets after some iterations."""
    run = run_of(loss, data(), architecture, options, batch)
    state = initial_state(run)
    iterations = train(run, state, ENGINES[engine])
    for _ in range(ITERATIONS):
        next(iterations)
    return bits(state)


def stacked() -> str:
    """The weights of two seeds that are trained together."""
    runs = [run_of("wgan-gp", known("8gaussians"), "mlp", POINTS, 64, seed) for seed in (0, 1)]
    states = [initial_state(run) for run in runs]
    iterations = train_stack(runs, states)
    for _ in range(ITERATIONS):
        next(iterations)
    return "".join(map(bits, states))


def _diagnosed() -> str:
    """The diagnostics of a critic."""
    run = run_of("wgan-gp", known("8gaussians"), "mlp", POINTS, 64)
    critic = Bound(run.players.critic, initial_state(run).critic)
    probes = Probes(*(numbers(500, 2, key=key) for key in ("real", "trained on", "fake")))
    values = diagnose(run.players.loss, critic, probes, Rng(0, "diagnosed"))
    return fingerprint([torch.tensor(list(values.values()), dtype=torch.float64)])


def cells() -> Iterator[tuple[str, Callable[[], str]]]:
    for data, options in (("8gaussians", POINTS), ("digits", DIGITS)):
        for loss in LOSSES:
            yield f"cell {loss} {data}", partial(trained, loss, partial(known, data), "mlp", options, 64, "plain")
        for loss in ("minimax", "wgan-clip", "wgan-gp", "r1-r2"):
            name = f"cell {loss} {data}, closed-form"
            yield name, partial(trained, loss, partial(known, data), "mlp", options, 64, "closed-form")
    for name, (architecture, options, loss, shape) in NETS.items():
        yield f"net {name}", partial(trained, loss, partial(Noise, shape), architecture, options, 16, "plain")
    yield "stacked seeds", stacked
    yield "diagnostics", _diagnosed


CELLS = dict(cells())
