"""Cells run in this process, or in one process per core or GPU that is fed cell after cell.

A worker that dies takes only its cell with it: the cell is reported as failed, a fresh worker takes its place and the
sweep goes on.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmarks.cell import Outcome, Place, run_cell
from benchmarks.tracking import Store
from gan_zoo.device import configure_process
from gan_zoo.spec import RunSpec, run_spec

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numerical libraries read at import; workers inherit them."""

Progress = Callable[[RunSpec, int], None]


@dataclass(frozen=True)
class Sweep:
    """What the cells of one sweep share."""

    suite: str
    run_id: str
    store: Store
    place: Place


def run_cells(
    sweep: Sweep, cells: Sequence[RunSpec], devices: Sequence[str], progress: Progress
) -> Iterator[tuple[RunSpec, Outcome]]:
    """Runs `cells`, one worker per entry of `devices`, and yields each with its outcome as it ends."""
    if len(devices) == 1:
        return in_place(sweep, cells, devices[0], progress)
    return in_processes(sweep, cells, devices, progress)


def in_place(
    sweep: Sweep, cells: Sequence[RunSpec], device: str, progress: Progress
) -> Iterator[tuple[RunSpec, Outcome]]:
    """One cell after the other in this process."""
    place = replace(sweep.place, device=device)
    configure_process(device, place.threads)
    for spec in cells:
        yield spec, run_cell(spec, place, sweep.store, sweep.suite, sweep.run_id, partial(progress, spec))


@dataclass
class Worker:
    """A process and the cell it is at."""

    process: BaseProcess
    pipe: Connection
    device: str
    spec: RunSpec

    @classmethod
    def start(cls, sweep: Sweep, device: str, spec: RunSpec) -> "Worker":
        """A fresh process that is at its first cell."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        sweep = replace(sweep, place=replace(sweep.place, device=device))
        process = context.Process(target=work, args=(sweep, theirs), daemon=True)
        process.start()
        theirs.close()
        worker = cls(process, ours, device, spec)
        worker.give(spec)
        return worker

    def give(self, spec: RunSpec) -> None:
        """Hands over the next cell."""
        self.spec = spec
        self.pipe.send(spec.to_dict())


def work(sweep: Sweep, pipe: Connection) -> None:
    """The life of a worker: cells in; steps and outcomes out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_process(sweep.place.device, sweep.place.threads)
    with suppress(EOFError, BrokenPipeError):  # the sweep is gone; the record will show the cell as interrupted
        while (content := pipe.recv()) is not None:
            spec = run_spec(content)
            pipe.send(run_cell(spec, sweep.place, sweep.store, sweep.suite, sweep.run_id, pipe.send))


def in_processes(
    sweep: Sweep, cells: Sequence[RunSpec], devices: Sequence[str], progress: Progress
) -> Iterator[tuple[RunSpec, Outcome]]:
    """One worker process per device until all cells have ended."""
    os.environ.update({name: str(sweep.place.threads) for name in THREAD_VARIABLES})
    waiting = deque(cells)
    workers: list[Worker] = []
    try:
        for device in devices[: len(cells)]:
            workers.append(Worker.start(sweep, device, waiting.popleft()))
        while workers:
            for pipe in wait([worker.pipe for worker in workers]):
                worker = next(each for each in workers if each.pipe is pipe)
                spec, message = worker.spec, receive(worker)
                if isinstance(message, int):
                    progress(spec, message)
                    continue
                workers.remove(worker)
                if waiting:
                    workers.append(next_turn(sweep, worker, waiting.popleft()))
                else:
                    dismiss(worker)
                yield spec, message
    finally:
        for worker in workers:
            worker.process.kill()


def next_turn(sweep: Sweep, worker: Worker, spec: RunSpec) -> Worker:
    """The worker at its next cell, or a fresh one in the place of a dead one."""
    if not worker.process.is_alive():
        return Worker.start(sweep, worker.device, spec)
    worker.give(spec)
    return worker


def receive(worker: Worker) -> int | Outcome:
    """A worker's next word: a step it reached or how its cell ended, its own death included."""
    try:
        message: int | Outcome = worker.pipe.recv()
        return message
    except (EOFError, OSError):
        worker.process.join()
        return Outcome("failed", f"the worker process died (exit code {worker.process.exitcode})")


def dismiss(worker: Worker) -> None:
    """Sends a worker home, if it is still there, and waits for it."""
    if worker.process.is_alive():
        worker.pipe.send(None)
    worker.process.join()
