"""One CUDA graph for the whole iteration: the host hands over the draws and launches once instead of a thousand times.

On a CPU there is nothing to capture: the same static buffers are filled and the iteration runs as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gan_zoo.engine.descent import new_clock
from gan_zoo.engine.plain import Alternating, eager_steps
from gan_zoo.engine.stacked import stack, stacked_iteration
from gan_zoo.engine.state import Draws, Iteration, Players, TrainState
from gan_zoo.losses.base import Terms

WARM_UP = 3
"""Iterations before the capture, as torch asks for; their effect on the state is undone."""


def graph(players: Players, state: TrainState) -> Iteration:
    """The plain iteration, captured at its first call."""
    clock = new_clock(players.train, state)
    return Captured(Alternating.of(eager_steps(players, state), players, state, clock), state, [state], clock)


def stacked_graph(players: Sequence[Players], states: Sequence[TrainState]) -> Iteration:
    """The iteration of a stack, captured at its first call; otherwise as `stacked` and `graph`."""
    whole = stack(players[0], states)
    clock = new_clock(players[0].train, whole)
    return Captured(stacked_iteration(players, states, whole, clock), whole, [whole, *states], clock)


@dataclass
class Captured:
    """`iteration` with its draws in buffers of their own, replayed as a CUDA graph where `state` is on such a device.

    `counters` are the states whose step an iteration advances on the host, where a graph does not reach; `clock` is the
    step on the device, where the iteration reads it.
    """

    iteration: Iteration
    state: TrainState
    counters: Sequence[TrainState]
    clock: Tensor | None
    buffers: list[Tensor] = field(default_factory=list)
    replay: Callable[[], Terms] | None = None

    def __call__(self, draws: Draws) -> Terms:
        if not self.buffers:
            self.rehearse(draws)
        for buffer, tensor in zip(self.buffers, draws.tensors, strict=True):
            buffer.copy_(tensor)
        return self._run() if self.replay is None else self.replay()

    def rehearse(self, draws: Draws) -> None:
        self.buffers = [tensor.clone() for tensor in draws.tensors]
        changing = contents(self.state)
        if self.clock is not None:
            self.clock.fill_(self.state.step)  # a resumed run does not begin at 0
            changing.append(self.clock)
        if on_gpu(self.state):
            self.replay = capture(self._run, changing, self.counters)

    def _run(self) -> Terms:
        terms = self.iteration(Draws.of(self.buffers))
        if self.clock is not None:
            self.clock.add_(1)
        return terms


def on_gpu(state: TrainState) -> bool:
    return state.critic.vector.is_cuda


def capture(
    run: Callable[[], Terms], changing: Sequence[Tensor], counters: Sequence[TrainState]
) -> Callable[[], Terms]:
    """`run` as a replay that gives fresh terms each time and advances the steps of `counters`.

    `changing` is all that a run changes on the device.

    As torch asks: a warm-up on another stream, fixed addresses for all that goes in (the draws' buffers, the state), no
    random draw and no reading of the device inside, optimisers that count their steps on the device, and no number from
    the host that changes by step. The stream is the graph's own because cuBLAS has one workspace a stream, which graphs
    recorded on the same one would share (pytorch/pytorch issue 193402).
    """
    with undone(changing, counters):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                run()
        torch.cuda.current_stream().wait_stream(stream)
        recording = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recording, stream=stream):
            terms = run()

    def replay() -> Terms:
        recording.replay()
        _set_steps(counters, counters[0].step + 1)
        return {name: value.clone() for name, value in terms.items()}  # the next replay writes into this memory

    return replay


@contextmanager
def undone(changing: Sequence[Tensor], counters: Sequence[TrainState]) -> Iterator[None]:
    """Puts the tensors `changing` and the steps of `counters` back to where they stood, also after an error."""
    step, before = counters[0].step, [(tensor, tensor.clone()) for tensor in changing]
    try:
        yield
    finally:
        for tensor, value in before:
            tensor.copy_(value)
        _set_steps(counters, step)


def _set_steps(states: Sequence[TrainState], step: int) -> None:
    for state in states:
        state.step = step


def contents(state: TrainState) -> list[Tensor]:
    """Every tensor that an iteration changes: weights, moments, the optimisers' counts."""
    tensors = [weights.vector for weights in state.weights]
    for moments in state.moments:
        tensors += moments.values()
    return tensors
