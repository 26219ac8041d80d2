"""Stacks of cells run in this process, or in one process per core or GPU that is fed stack after stack.

A worker that dies takes only its stack with it: its cells are reported as failed, a fresh worker takes its context and
the sweep goes on.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmarks.record.store import Store
from benchmarks.sweep.cell_run import Outcome
from benchmarks.sweep.context import Context
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.stack import run_together
from gan_zoo.device import configure_process
from gan_zoo.spec import RunSpec, run_spec

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numerical libraries read at import; workers inherit them."""


@dataclass(frozen=True)
class Sweep:
    """What the cells of one sweep share."""

    suite: str
    run_id: str
    store: Store
    context: Context


def run_cells(
    sweep: Sweep, cells: Sequence[RunSpec], devices: Sequence[str], listener: Listener
) -> Iterator[tuple[RunSpec, Outcome]]:
    """Runs `cells`, one worker per entry of `devices`, and yields each with its outcome as it ends."""
    waiting = stacks(cells, len(devices)) if sweep.context.engine == "stacked" else [[spec] for spec in cells]
    if len(devices) == 1:
        return in_place(sweep, waiting, devices[0], listener)
    return in_processes(sweep, waiting, devices, listener)


def stacks(cells: Sequence[RunSpec], workers: int) -> list[list[RunSpec]]:
    """The seeds of each cell together, in more parts than one where else a worker would stand idle."""
    groups: dict[RunSpec, list[RunSpec]] = {}
    for spec in cells:
        groups.setdefault(replace(spec, seed=0), []).append(spec)
    parts = -(-workers // len(groups))
    return [list(part) for group in groups.values() for part in batched(group, -(-len(group) // parts))]


def pass_on(listener: Listener, spec: RunSpec, message: int | str) -> None:
    """A word of a cell that still runs."""
    if isinstance(message, str):
        listener.say(message)
    else:
        listener.step(spec, message)


def batched(group: Sequence[RunSpec], size: int) -> Iterator[Sequence[RunSpec]]:
    return (group[i : i + size] for i in range(0, len(group), size))


def in_place(
    sweep: Sweep, waiting: Sequence[Sequence[RunSpec]], device: str, listener: Listener
) -> Iterator[tuple[RunSpec, Outcome]]:
    """One stack after the other in this process."""
    context = replace(sweep.context, device=device)
    configure_process(device, context.threads, context.numerics)
    ended: list[tuple[RunSpec, Outcome]] = []

    def tell(spec: RunSpec, message: int | str | Outcome) -> None:
        if isinstance(message, Outcome):
            ended.append((spec, message))
        else:
            pass_on(listener, spec, message)

    for stack in waiting:
        run_together(stack, context, sweep.store, sweep.suite, sweep.run_id, tell)
        yield from ended
        ended.clear()


@dataclass
class Worker:
    """A process and the cells it is at, by key."""

    process: BaseProcess
    pipe: Connection
    device: str
    left: dict[str, RunSpec]

    @classmethod
    def start(cls, sweep: Sweep, device: str, stack: Sequence[RunSpec]) -> "Worker":
        """A fresh process that is at its first stack."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        sweep = replace(sweep, context=replace(sweep.context, device=device))
        process = context.Process(target=work, args=(sweep, theirs), daemon=True)
        process.start()
        theirs.close()
        worker = cls(process, ours, device, {})
        worker.give(stack)
        return worker

    def give(self, stack: Sequence[RunSpec]) -> None:
        """Hands over the next stack."""
        self.left = {spec.key: spec for spec in stack}
        self.pipe.send([spec.to_dict() for spec in stack])


def work(sweep: Sweep, pipe: Connection) -> None:
    """The life of a worker: stacks in; steps and outcomes of their cells out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_process(sweep.context.device, sweep.context.threads, sweep.context.numerics)

    def tell(spec: RunSpec, message: int | str | Outcome) -> None:
        pipe.send((spec.key, message))

    with suppress(EOFError, BrokenPipeError):  # the sweep is gone; the record will show the cells as interrupted
        while (content := pipe.recv()) is not None:
            stack = [run_spec(each) for each in content]
            run_together(stack, sweep.context, sweep.store, sweep.suite, sweep.run_id, tell)


def in_processes(
    sweep: Sweep, stacks: Sequence[Sequence[RunSpec]], devices: Sequence[str], listener: Listener
) -> Iterator[tuple[RunSpec, Outcome]]:
    """One worker process per device until all cells have ended."""
    os.environ.update({name: str(sweep.context.threads) for name in THREAD_VARIABLES})
    waiting = deque(stacks)
    workers: list[Worker] = []
    try:
        for device in devices[: len(stacks)]:
            workers.append(Worker.start(sweep, device, waiting.popleft()))
        while workers:
            for pipe in wait([worker.pipe for worker in workers]):
                worker = next(each for each in workers if each.pipe is pipe)
                for spec, message in receive(worker):
                    if isinstance(message, Outcome):
                        del worker.left[spec.key]
                        yield spec, message
                    else:
                        pass_on(listener, spec, message)
                if not worker.left:
                    workers.remove(worker)
                    if waiting:
                        workers.append(next_turn(sweep, worker, waiting.popleft()))
                    else:
                        dismiss(worker)
    finally:
        for worker in workers:
            worker.process.kill()


def next_turn(sweep: Sweep, worker: Worker, stack: Sequence[RunSpec]) -> Worker:
    """The worker at its next stack, or a fresh one in the context of a dead one."""
    if not worker.process.is_alive():
        return Worker.start(sweep, worker.device, stack)
    worker.give(stack)
    return worker


def receive(worker: Worker) -> list[tuple[RunSpec, int | str | Outcome]]:
    """A worker's next word: a step that a cell reached or how it ended; or its own death, which ends all its cells."""
    try:
        key, message = worker.pipe.recv()
        return [(worker.left[key], message)]
    except (EOFError, OSError):
        worker.process.join()
        died = Outcome("failed", f"the worker process died (exit code {worker.process.exitcode})")
        return [(spec, died) for spec in worker.left.values()]


def dismiss(worker: Worker) -> None:
    """Sends a worker home, if it is still there, and waits for it."""
    if worker.process.is_alive():
        worker.pipe.send(None)
    worker.process.join()
