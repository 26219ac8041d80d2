"""Cells as tasks of a Ray cluster: this process is the only driver, its record the only one, Ray knows where is room.

A task is one stack of cells (`benchmarks.sweep.cluster_worker`); what its worker has to say comes as the task's stream
of results. Where a process or a machine dies, the cells that it was at are freed and run elsewhere: a cell fails with
its third death, and a node at which three stacks in a row died gets no more.
"""

import os
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.record.patience import Away, first_line
from benchmarks.record.store import Store
from benchmarks.sweep.cluster_worker import Word, WorkerHost, words_of
from benchmarks.sweep.context import Sweep
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.workers import THREAD_VARIABLES, Heard, pass_on, stacks
from gan_zoo.errors import UserError, brief
from gan_zoo.numerics.environment import CHOICE, SETTINGS
from gan_zoo.plugins import loaded
from gan_zoo.spec import RunSpec

MOST_DEATHS = 3
"""Of a cell before it has failed, and of stacks in a row before their node gets no more."""
NODES_SECONDS = 1.0
"""Ray is asked for its nodes no oftener."""
ANSWER_SECONDS = 10.0
SECRETS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
"""What Ray must show nobody: it goes with the tasks, and not into the runtime environment."""


@dataclass
class Task(Heard):
    """A stack at a worker: the cells that have not ended, by key, and where it is, once it is anywhere."""

    left: dict[str, RunSpec]
    place: WorkerHost | None = None


@dataclass
class Crew:
    """The workers of a Ray cluster that was connected to; at most `limit` stacks at a time, where there is one.

    `deaths` counts those of cells, by key, `in_a_row` those of a node's stacks since one that ended well.
    """

    limit: int | None = None
    deaths: Counter[str] = field(default_factory=Counter)
    in_a_row: Counter[str] = field(default_factory=Counter)
    _nodes: list[dict[str, Any]] = field(default_factory=list)
    _asked: float = -NODES_SECONDS

    def run_cells(
        self, sweep: Sweep, cells: Sequence[RunSpec], listener: Listener
    ) -> Iterator[tuple[RunSpec, Outcome]]:
        """Runs `cells` and yields each with its outcome as it ends, as `workers.run_cells` does on this machine."""
        import ray

        sweep = sweep.moved(absolute(sweep.context))
        together = sweep.context.engine == "stacked"
        parts = stacks(cells, self.room(sweep)) if together else [[spec] for spec in cells]
        waiting = deque[Sequence[RunSpec]](parts)
        tasks: dict[Any, Task] = {}
        try:
            while waiting or tasks:
                if not self.good_nodes():
                    yield from _none_left(waiting)
                while waiting and len(tasks) < self.room(sweep):
                    stack = waiting.popleft()
                    tasks[self.start(sweep, stack)] = Task({spec.key: spec for spec in stack})
                ready, _ = ray.wait(list(tasks), timeout=1.0) if tasks else ([], [])
                for stream in ready:
                    yield from self.listen(sweep, stream, tasks, waiting, listener)
                for stream, task in list(tasks.items()):
                    if task.place and task.silent_for > task.quiet:
                        ray.cancel(stream, force=True)
                        yield from self.bury(
                            sweep, tasks.pop(stream), "it said nothing for too long", waiting, listener
                        )
        finally:
            for stream in tasks:
                ray.cancel(stream, force=True)

    def good_nodes(self) -> list[dict[str, Any]]:
        """The nodes that are there, but for those where too many died."""
        import ray

        if time.monotonic() > self._asked + NODES_SECONDS:
            self._nodes, self._asked = ray.nodes(), time.monotonic()
        return [node for node in self._nodes if node["Alive"] and self.in_a_row[node["NodeID"]] < MOST_DEATHS]

    def room(self, sweep: Sweep) -> int:
        """How many stacks there is room for: at least one, so that a cluster that grows on demand does."""
        count = 0
        for node in self.good_nodes():
            count += min(int(node["Resources"].get(what, 0) // share) for what, share in needs(sweep).items())
        return max(1, count if self.limit is None else min(count, self.limit))

    def start(self, sweep: Sweep, stack: Sequence[RunSpec]) -> Any:
        """The stream of words of a task that is at `stack`, on none of the bad nodes."""
        import ray

        bad = [node for node, count in self.in_a_row.items() if count >= MOST_DEATHS]
        elsewhere = {"label_selector": {"ray.io/node-id": f"!in({', '.join(bad)})"}} if bad else {}
        share = needs(sweep)
        room = {"num_cpus": share["CPU"], "num_gpus": share.get("GPU", 0)}
        task = ray.remote(max_retries=0, num_returns="streaming", **room, **elsewhere)(_run_there)
        secrets = {name: os.environ[name] for name in SECRETS if name in os.environ}
        return task.remote(sweep, loaded(), [spec.to_dict() for spec in stack], secrets)

    def listen(
        self, sweep: Sweep, stream: Any, tasks: dict[Any, Task], waiting: deque[Sequence[RunSpec]], listener: Listener
    ) -> Iterator[tuple[RunSpec, Outcome]]:
        """Hears the next word of a stream, which may be that its worker died."""
        import ray

        task = tasks[stream]
        try:
            key, message = ray.get(next(stream))
        except StopIteration:
            del tasks[stream]
            if task.left:
                yield from self.bury(sweep, task, "its worker ended before it", waiting, listener)
            return
        except ray.exceptions.RayError as failure:
            del tasks[stream]
            yield from self.bury(sweep, task, reason(failure), waiting, listener)
            return
        if isinstance(message, Away):
            raise message
        if isinstance(message, WorkerHost):
            task.place = message
            if other := message.differs():
                ray.cancel(stream, force=True)
                del tasks[stream]
                yield from self.bury(sweep, task, other, waiting, listener)
            return
        task.hear(message)
        if isinstance(message, Outcome):
            if task.place:
                self.in_a_row[task.place.node] = 0
            yield task.left.pop(key), message
        else:
            pass_on(listener, task.left.get(key), message)

    def bury(
        self, sweep: Sweep, task: Task, why: str, waiting: deque[Sequence[RunSpec]], listener: Listener
    ) -> Iterator[tuple[RunSpec, Outcome]]:
        """Frees the cells that a dead worker was at, to be run again; those that have failed now."""
        place = task.place
        if place:
            self.in_a_row[place.node] += 1
            sweep.store.end_leases(sweep.suite, place.process)
            if self.in_a_row[place.node] == MOST_DEATHS:
                listener.say(f"node {place.node[:12]} ({place.process}): {MOST_DEATHS} in a row died: it gets no more")
        self.deaths.update(task.left.keys())
        again = [spec for spec in task.left.values() if self.deaths[spec.key] < MOST_DEATHS]
        for spec in task.left.values():
            listener.say(f"{spec.label}: {why}" + ("; it is run again" if spec in again else ""))
            if spec not in again:
                yield spec, Outcome("failed", f"{why}, {MOST_DEATHS} times")
        if again:
            waiting.append(again)


def _run_there(*words: Any) -> Iterator[Word]:
    """The task of a worker: `words_of`, with the node that it is on."""
    import ray

    yield from words_of(ray.get_runtime_context().get_node_id(), *words)


def _none_left(waiting: deque[Sequence[RunSpec]]) -> Iterator[tuple[RunSpec, Outcome]]:
    """Every cell that waits, as failed."""
    for stack in waiting:
        for spec in stack:
            yield spec, Outcome("failed", "no node of the cluster is left to run it")
    waiting.clear()


def needs(sweep: Sweep) -> dict[str, int]:
    """What a stack needs of a node, in Ray's words."""
    return {"CPU": sweep.context.threads} | ({} if sweep.context.device == "cpu" else {"GPU": 1})


def reason(failure: Exception) -> str:
    """Why a worker died, in one line: what it raised, or the first sentence of how it or its node ended."""
    cause = getattr(failure, "cause", None)
    text = str(cause) if isinstance(cause, Exception) else str(failure).partition(". ")[0]
    kind = "" if isinstance(cause, UserError) else f"{type(cause or failure).__name__}: "
    return kind + first_line(RuntimeError(text))


def absolute(context: Any) -> Any:
    """`context` as it is from any folder, on the device that Ray gives."""
    device = "cpu" if context.device == "cpu" else "cuda:0"
    return replace(context, runs=context.runs.resolve(), data=context.data.resolve(), device=device)


def refuse_file(store: Store) -> None:
    """Raises: UserError where the record is a file and the cluster that is connected has more than one machine."""
    import ray

    machines = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
    if store.database is not None and len(machines) > 1:
        raise UserError(
            f"{store.place}: a file is no record for {len(machines)} machines: set MLFLOW_TRACKING_URI to a tracking "
            "server, see docs/cluster.md"
        )


@contextmanager
def connected(address: str, limit: int | None, threads: int) -> Iterator[Crew]:
    """The workers of the Ray cluster at `address`, that of this machine where it is "auto".

    Raises: UserError where there is none, or one that this Ray does not talk to.
    """
    for name in ("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "RAY_USAGE_STATS_ENABLED"):
        os.environ.setdefault(name, "0")
    try:
        import ray
    except ImportError:
        raise UserError("--ray: Ray is not installed: python -m pip install 'gan-zoo[ray]'") from None
    refuse_address(address)
    names = (*THREAD_VARIABLES, *SETTINGS, CHOICE, "GAN_ZOO_PATIENCE")
    inherited = {name: os.environ[name] for name in names if name in os.environ}
    inherited |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    try:
        ray.init(address, runtime_env={"env_vars": inherited}, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, OSError) as failure:
        where, why = "here" if address == "auto" else f"at {address}", " ".join(str(failure).split())[:300]
        raise UserError(
            f"--ray: there is no Ray {where} to work with ({why}): ray start --head, or another address"
        ) from None
    try:
        yield Crew(limit)
    finally:
        ray.shutdown()


def refuse_address(address: str) -> None:
    """Raises: UserError where nothing answers at `address`; Ray itself would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and "//" not in host):
        raise UserError(f"--ray {brief(address)}: give HOST:PORT of the cluster's head, from a machine of the cluster")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError) as failure:
        raise UserError(
            f"--ray {brief(address)}: nothing answers there ({first_line(failure)}): ray start --head"
        ) from None
