"""The compiled engine: each pure step as one function made by `torch.compile`; seconds to a minute before the first."""

import functools
import os
import tempfile
from collections.abc import Callable
from typing import Any

import torch

from gan_zoo.engine.functional import pure_steps
from gan_zoo.engine.plain import Alternating, Steps
from gan_zoo.engine.state import Iteration, Players, TrainState
from gan_zoo.errors import UserError


@functools.cache
def _private_folder() -> "tempfile.TemporaryDirectory[str]":
    """The process's own place for compiled code: a compilation killed half-way must not hurt another process."""
    folder = tempfile.TemporaryDirectory(prefix="gan-zoo-compiled-")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder.name
    return folder


def check_compiler(device: torch.device | str) -> None:
    """Raises: UserError where torch cannot compile for this device: a C++ compiler, or Triton, is not there."""
    _private_folder()
    # said before a sweep begins; else each of its cells would fail by it
    try:
        torch.compile(double, fullgraph=True)(torch.ones(1, device=device))
    except Exception as error:
        why = f"{type(error).__name__}: {error}".split("\n")[0]
        raise UserError(f"engine compiled: torch cannot compile here ({why}); use plain or auto") from error


def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


def compiled(players: Players, state: TrainState, backend: str | Callable[..., Any] = "inductor") -> Iteration:
    """The iteration with compiled steps; compilation happens, and fails where it must, in the first iteration.

    `backend` is one of torch's, or a function as `torch.compile` takes it: what generates code from the traced steps.
    """
    _private_folder()
    torch.use_deterministic_algorithms(torch.are_deterministic_algorithms_enabled())  # tells the compiler as well
    torch.compiler.reset()  # torch compiles one function a few times only; every run of a process is one more
    pure = pure_steps(players, state)
    # a break in the graph would be an engine half plain: an error instead; shapes never change within a run
    compile_step = functools.partial(torch.compile, backend=backend, fullgraph=True, dynamic=False)
    fakes, critic_step, generator_step = map(compile_step, (pure.fakes, pure.critic, pure.generator))
    generator, critic = state.generator.vector, state.critic.vector
    steps = Steps(
        lambda z: fakes(generator, z),
        lambda real, fake, noise: critic_step(critic, real, fake, noise),
        lambda real, z: generator_step(generator, critic, real, z),
    )
    return Alternating.of(steps, players, state)
