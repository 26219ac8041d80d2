"""The end of a Ray cluster where cells are run: a task is one stack of them, and what is said of it a stream of words.

A worker process keeps torch, the data and the record, opened once, for one task after the other.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

from benchmarks.record.environment import environment
from benchmarks.record.owner import owner_tags, process_text
from benchmarks.record.patience import Away
from benchmarks.record.store import Store
from benchmarks.sweep.context import Shelf, Sweep
from benchmarks.sweep.messages import Message
from benchmarks.sweep.stack import run_together
from benchmarks.sweep.workers import prepare_worker
from gan_zoo.plugins import Plugin
from gan_zoo.spec import run_spec

STEP_SECONDS = 1.0
"""The steps of a cell are told no oftener."""
Word = tuple[str, "Message | Away | WorkerHost"]
"""The key of a cell, or "" for none, and what is said of it."""


@dataclass(frozen=True)
class WorkerHost:
    """Where a task runs: Ray's id of the node, the process in the words of leases, and the versions there."""

    node: str
    process: str
    versions: Mapping[str, Any]

    def differs(self) -> str:
        """In what the software there is another than here, in words; "" where it is the same."""
        here = versions()
        names = [name for name in here.keys() | self.versions.keys() if here.get(name) != self.versions.get(name)]
        shown = [f"{name} {self.versions.get(name)}, here {here.get(name)}" for name in sorted(names)]
        return f"{self.process} has {'; '.join(shown)}" if shown else ""


def versions() -> dict[str, Any]:
    """What has to be the same here and at every worker."""
    return {name: value for name, value in environment("").items() if name not in ("system", "hardware", "dirty")}


_shelf: Shelf | None = None
_store: Store | None = None
"""The data of this worker process and its record, opened once, for one task after the other."""


def words_of(
    node: str, sweep: Sweep, plugins: Sequence[Plugin], stack: Sequence[dict[str, Any]], secrets: Mapping[str, str]
) -> Iterator[Word]:
    """Runs a stack at `node`: what is to be told of it meanwhile, first of all where that is."""
    os.environ.update(secrets)
    yield "", WorkerHost(node, process_text(owner_tags()), versions())
    words: SimpleQueue[Word | Exception | None] = SimpleQueue()
    thread = threading.Thread(target=_run_in_thread, args=(sweep, plugins, stack, words), daemon=True)
    thread.start()
    told: dict[str, float] = {}
    while (word := words.get()) is not None:
        if isinstance(word, Exception):
            raise word
        key, message = word
        if isinstance(message, int):
            if time.monotonic() < told.get(key, 0.0) + STEP_SECONDS:
                continue
            told[key] = time.monotonic()
        yield word


def _run_in_thread(
    sweep: Sweep, plugins: Sequence[Plugin], stack: Sequence[dict[str, Any]], words: "SimpleQueue[Any]"
) -> None:
    """Runs a stack and puts what it says into `words`; at last None, or the error that ended it."""
    global _shelf, _store
    try:
        if _shelf is None or _store is None:
            prepare_worker(sweep, plugins)
            _shelf, _store = sweep.shelf, sweep.store
        sweep = replace(sweep, store=_store, shelf=_shelf)
        sweep.store.say = lambda line: words.put(("", line))
        specs = [run_spec(each) for each in stack]
        run_together(specs, sweep, lambda spec, message: words.put((spec.key, message)))
        words.put(None)
    except Away as away:
        words.put(("", away))
        words.put(None)
    except Exception as failure:
        words.put(failure)
