"""Stacks of cells run in one process per core or GPU that is fed stack after stack, or in this process if so wished.

A worker that dies takes only its stack with it: its cells are reported as failed, a fresh worker takes its context and
the sweep goes on. One that says nothing for longer than it announced, or than its own pace explains, is ended, and its
stack is run once more.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmarks.record.patience import Away
from benchmarks.sweep.context import Sweep
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Message, Outcome, Quiet, Scored
from benchmarks.sweep.stack import run_together
from gan_zoo.device import configure_process
from gan_zoo.engine import company, makes_stacks
from gan_zoo.numerics.environment import free_onednn
from gan_zoo.plugins import Plugin, load, loaded
from gan_zoo.spec import RunSpec, run_spec

STARTING = 1800.0
"""Seconds that a worker may take to its first word: it imports torch, loads data, compiles."""
SHORTEST_LIMIT = 300.0
PACES = 20.0
"""A worker is hung that is silent for SHORTEST_LIMIT seconds and PACES times its longest silence so far."""
MOST_ROWS = 64
"""Of one stack, all of whose weights and draws are in memory at once."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What numerical libraries read at import; workers inherit them."""


def run_cells(sweep: Sweep, cells: Sequence[RunSpec], listener: Listener) -> Iterator[tuple[RunSpec, Outcome]]:
    """Runs `cells`, one worker per device of the sweep's, and yields each with its outcome as it ends.

    Without any device they run in this process, where nothing ends a cell that hangs.
    """
    context, devices = sweep.context, sweep.context.devices
    if makes_stacks(context.engine, context.numerics, context.device):
        # several workers on one GPU are for what is beside training: no stack is split for them
        waiting = stacks(cells, len(devices if context.device == "cpu" else set(devices)) or 1)
    else:
        waiting = [[spec] for spec in cells]
    if devices:
        return _in_processes(sweep, waiting, devices, listener)
    return _in_place(sweep, waiting, listener)


def stacks(cells: Sequence[RunSpec], workers: int) -> list[list[RunSpec]]:
    """Cells of one structure together, in more parts than one where else a worker would stand idle, or a stack be
    larger than MOST_ROWS."""
    groups: dict[Hashable, list[RunSpec]] = {}
    for spec in cells:
        groups.setdefault(company(spec), []).append(spec)
    parts = -(-workers // len(groups))
    found: list[list[RunSpec]] = []
    for group in groups.values():
        size = min(MOST_ROWS, -(-len(group) // parts))
        found += _batched(group, size)
    return found


def pass_on(listener: Listener, spec: RunSpec | None, message: Message) -> None:
    """A word of a cell that still runs, or one that is about no cell; an empty line says only that a worker lives."""
    if isinstance(message, str):
        if message:
            listener.say(message)
    elif isinstance(message, int) and spec is not None:
        listener.step(spec, message)
    elif isinstance(message, Scored) and spec is not None:
        listener.scored(spec, message)


def _batched(group: list[RunSpec], size: int) -> Iterator[list[RunSpec]]:
    return (group[i : i + size] for i in range(0, len(group), size))


def _in_place(
    sweep: Sweep, waiting: Sequence[Sequence[RunSpec]], listener: Listener
) -> Iterator[tuple[RunSpec, Outcome]]:
    """One stack after the other in this process."""
    configure_process(sweep.context.device, sweep.context.threads, sweep.context.numerics)
    ended: list[tuple[RunSpec, Outcome]] = []

    lock = threading.RLock()

    sweep.store.say = lambda line: pass_on(listener, None, line)

    def tell(spec: RunSpec, message: Message) -> None:
        with lock:  # what is done beside training has something to say as well
            if isinstance(message, Outcome):
                ended.append((spec, message))
            else:
                pass_on(listener, spec, message)

    for stack in waiting:
        run_together(stack, sweep, tell)
        yield from ended
        ended.clear()


@dataclass(kw_only=True)
class Heard:
    """When a worker was heard last, and for how long it may be silent."""

    heard: float = field(default_factory=time.monotonic)
    pace: float = 0.0
    quiet: float = STARTING

    def hear(self, message: Message) -> None:
        """Notes that it lives, and how long it may be silent now: as it said, or many times its longest silence."""
        now = time.monotonic()
        if isinstance(message, Quiet):
            self.quiet = message.seconds
        else:
            if self.quiet != STARTING:
                self.pace = max(self.pace, now - self.heard)
            self.quiet = max(SHORTEST_LIMIT, self.pace * PACES)
        self.heard = now

    @property
    def silent_for(self) -> float:
        return time.monotonic() - self.heard


@dataclass
class Worker(Heard):
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
        sweep = sweep.moved(replace(sweep.context, device=device))
        process = context.Process(target=work, args=(sweep, loaded(), theirs), daemon=True)
        with _no_interrupts():  # the child inherits it: Ctrl-C is for the sweep, which ends its workers
            process.start()
        theirs.close()
        worker = cls(process, ours, device, {})
        worker.give(stack)
        return worker

    def give(self, stack: Sequence[RunSpec]) -> None:
        """Hands over the next stack."""
        self.left = {spec.key: spec for spec in stack}
        self.heard, self.pace, self.quiet = time.monotonic(), 0.0, STARTING
        self.pipe.send([spec.to_dict() for spec in stack])


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Holds Ctrl-C back, for this thread and for processes started by it; what came meanwhile is heard afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(sweep: Sweep, plugins: Sequence[Plugin], pipe: Connection) -> None:
    """The life of a worker: stacks in; steps and outcomes of their cells out, and what a person should know."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()
    prepare_worker(sweep, plugins)
    lock = threading.Lock()

    def send(key: str, message: Message | Away) -> None:
        with lock:  # leases are renewed in a thread that has something to say as well
            pipe.send((key, message))

    sweep.store.say = lambda line: send("", line)
    with suppress(EOFError, BrokenPipeError):  # the sweep is gone; the record will show the cells as interrupted
        try:
            while (content := pipe.recv()) is not None:
                stack = [run_spec(each) for each in content]
                run_together(stack, sweep, lambda spec, message: send(spec.key, message))
        except Away as away:
            send("", away)


def prepare_worker(sweep: Sweep, plugins: Sequence[Plugin]) -> None:
    """Makes a fresh process what a worker is: its arithmetic, and the plugins of its sweep."""
    context = sweep.context
    if not sweep.convolves:
        free_onednn()
    configure_process(context.device, context.threads, context.numerics)
    for plugin in plugins:
        load(plugin)


def die_with_parent() -> None:
    """Ends this worker at once, whatever it is doing, when the sweep's own process is gone: its cells are then free."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _in_processes(
    sweep: Sweep, stacks: Sequence[Sequence[RunSpec]], devices: Sequence[str], listener: Listener
) -> Iterator[tuple[RunSpec, Outcome]]:
    """One worker process per device until all cells have ended."""
    os.environ.update({name: str(sweep.context.threads) for name in THREAD_VARIABLES})
    waiting = deque(stacks)
    workers: list[Worker] = []
    hung: set[str] = set()
    try:
        for device in devices[: len(stacks)]:
            workers.append(Worker.start(sweep, device, waiting.popleft()))
        while workers:
            yield from listen(workers, listener)
            for worker in workers:
                if worker.left and worker.silent_for > worker.quiet:
                    yield from _end_hung(sweep, worker, waiting, hung, listener)
            for worker in [each for each in workers if not each.left]:
                workers.remove(worker)
                if waiting:
                    workers.append(_next_turn(sweep, worker, waiting.popleft()))
                else:
                    _dismiss(worker)
    finally:
        for worker in workers:
            worker.process.kill()


def listen(workers: Sequence[Worker], listener: Listener) -> Iterator[tuple[RunSpec, Outcome]]:
    """The cells that ended, by listening until the next worker may have been silent for too long.

    Raises: Away where a worker waited for the record in vain.
    """
    patience = min(worker.quiet - worker.silent_for for worker in workers)
    for pipe in wait([worker.pipe for worker in workers], timeout=max(0.0, patience)):
        worker = next(each for each in workers if each.pipe is pipe)
        for spec, message in receive(worker):
            if isinstance(message, Away):
                raise message
            if isinstance(message, Outcome) and spec is not None:
                del worker.left[spec.key]
                yield spec, message
            else:
                pass_on(listener, spec, message)


def _end_hung(
    sweep: Sweep, worker: Worker, waiting: deque[Sequence[RunSpec]], hung: set[str], listener: Listener
) -> Iterator[tuple[RunSpec, Outcome]]:
    """Ends a worker that is silent for too long; its cells are run once more, and have failed the second time."""
    worker.process.kill()
    worker.process.join()
    silence = f"its worker said nothing for {worker.silent_for:.0f} s and was ended"
    again = [spec for spec in worker.left.values() if spec.key not in hung]
    for spec in worker.left.values():
        listener.say(f"{spec.label}: {silence}" + ("; it is run once more" if spec.key not in hung else ""))
        sweep.store.note(sweep.run_id, f"hung.{spec.key}", silence)
        if spec.key in hung:
            yield spec, Outcome("failed", f"{silence}, twice")
    hung |= {spec.key for spec in again}
    worker.left = {}
    if again:
        waiting.append(again)


def _next_turn(sweep: Sweep, worker: Worker, stack: Sequence[RunSpec]) -> Worker:
    """The worker at its next stack, or a fresh one in the context of a dead one."""
    if not worker.process.is_alive():
        return Worker.start(sweep, worker.device, stack)
    worker.give(stack)
    return worker


def receive(worker: Worker) -> list[tuple[RunSpec | None, Message | Away]]:
    """A worker's next word: of a cell or of none; or its own death, which ends all its cells."""
    try:
        key, message = worker.pipe.recv()
        worker.hear(message)
        return [(worker.left.get(key), message)]
    except (EOFError, OSError):
        worker.process.join()
        died = Outcome("failed", f"the worker process died (exit code {worker.process.exitcode})")
        return [(spec, died) for spec in worker.left.values()]


def _dismiss(worker: Worker) -> None:
    """Sends a worker home, if it is still there, and waits for it."""
    if worker.process.is_alive():
        worker.pipe.send(None)
    worker.process.join()
