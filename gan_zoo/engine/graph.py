"""One CUDA graph for the whole iteration: the host hands over the draws and launches once instead of a thousand times.

On a CPU there is nothing to capture: the same static buffers are filled and the iteration runs as it is.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gan_zoo.engine.plain import eager_steps, iterate
from gan_zoo.engine.stacked import stack, stacked_iteration
from gan_zoo.engine.state import Draws, Iteration, Players, TrainState, vector_of
from gan_zoo.errors import UserError
from gan_zoo.losses.base import Terms

WARM_UP = 3
"""Iterations before the capture, as torch asks for; their effect on the state is undone."""


def graph(players: Players, state: TrainState) -> Iteration:
    """The plain iteration, captured at its first call. Errors: UserError where the learning rate is not constant."""
    refuse_decay(players)
    return captured(iterate(eager_steps(players, state), players, state), state, [state])


def stacked_graph(players: Players, states: Sequence[TrainState]) -> Iteration:
    """The iteration of stacked seeds, captured at its first call; otherwise as `stacked` and `graph`."""
    refuse_decay(players)
    whole = stack(players, states)
    return captured(stacked_iteration(players, states, whole), whole, [whole, *states])


def refuse_decay(players: Players) -> None:
    """UserError where a graph, which repeats the numbers it was captured with, would freeze the learning rate."""
    if players.train.lr_decay != "none":
        raise UserError(
            f"engine graph: a captured learning rate cannot decay (train.lr_decay {players.train.lr_decay}); use plain"
        )


def captured(iteration: Iteration, state: TrainState, counters: Sequence[TrainState]) -> Iteration:
    """`iteration` with its draws in buffers of their own, replayed as a CUDA graph where `state` is on such a device.

    `counters` are the states whose step an iteration advances on the host, where a graph does not reach.
    """
    buffers: list[Tensor] = []
    replays: list[Callable[[], Terms]] = []

    def run() -> Terms:
        return iteration(Draws.of(buffers))

    def call(draws: Draws) -> Terms:
        if not replays:
            buffers.extend(tensor.clone() for tensor in draws.tensors)
            replays.append(capture(run, state, counters) if on_gpu(state) else run)
        for buffer, tensor in zip(buffers, draws.tensors, strict=True):
            buffer.copy_(tensor)
        return replays[0]()

    return call


def on_gpu(state: TrainState) -> bool:
    return vector_of(state.critic_optimizer).is_cuda


def capture(run: Callable[[], Terms], state: TrainState, counters: Sequence[TrainState]) -> Callable[[], Terms]:
    """`run` as a replay that gives fresh terms each time and advances the steps of `counters`.

    As torch asks: a warm-up on another stream, fixed addresses for all that goes in (the draws' buffers, the state), no
    random draw and no reading of the device inside, optimisers that count their steps on the device. The stream is the
    graph's own because cuBLAS has one workspace a stream, which graphs recorded on the same one would share
    (pytorch/pytorch issue 193402).
    """
    before = [(tensor, tensor.clone()) for tensor in contents(state)]
    step = state.step
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    recording = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recording, stream=stream):
        terms = run()
    for tensor, value in before:
        tensor.copy_(value)
    set_steps(counters, step)

    def replay() -> Terms:
        recording.replay()
        set_steps(counters, counters[0].step + 1)
        return {name: value.clone() for name, value in terms.items()}

    return replay


def set_steps(states: Sequence[TrainState], step: int) -> None:
    for state in states:
        state.step = step


def contents(state: TrainState) -> list[Tensor]:
    """Every tensor that an iteration changes: parameters, moments, the optimisers' counts."""
    vectors = [vector_of(optimizer) for optimizer in state.optimizers]
    moments = [
        tensor
        for optimizer, vector in zip(state.optimizers, vectors, strict=True)
        for tensor in optimizer.state[vector].values()
    ]
    return [*vectors, *moments]
