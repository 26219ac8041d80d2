"""What an evaluation leaves to the CPU, done beside the training of the next steps where a GPU trains.

Scores are worked out in as many threads as there are cores to be had; one thread more keeps the books (record, files),
stop after stop. Neither touches the device. No more than one evaluation is behind: whoever comes with the next one
waits first, and so does whoever writes checkpoints, which hold that all up to their step is in the record.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from benchmarks.sweep.context import Context
from gan_zoo.device import core_count

T = TypeVar("T")


class AtOnce:
    """All is done when it is asked for, by who asks."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def begin(self, score: Callable[[], T]) -> Callable[[], T]:
        """The result of `score`, when it is called."""
        return score

    def do(self, job: Callable[[], None]) -> None:
        """Does a job, after all earlier ones."""
        job()

    def wait(self) -> None:
        """Returns when all jobs are done. Raises: the error of the first that failed."""


class Beside(AtOnce):
    """All is done in other threads, the jobs in order; what is still waiting at the end is done, after an error not."""

    def __init__(self, scorers: int) -> None:
        self._scorers = ThreadPoolExecutor(scorers, "score")
        self._keeper = ThreadPoolExecutor(1, "record")
        self._jobs: list[Future[None]] = []

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            for threads in (self._keeper, self._scorers):
                threads.shutdown(cancel_futures=True)

    def begin(self, score: Callable[[], T]) -> Callable[[], T]:
        return self._scorers.submit(score).result

    def do(self, job: Callable[[], None]) -> None:
        self._jobs.append(self._keeper.submit(job))
        while self._jobs and self._jobs[0].done():
            self._jobs.pop(0).result()

    def wait(self) -> None:
        while self._jobs:
            self._jobs.pop(0).result()


def desk(context: Context) -> AtOnce:
    """Where what is beside training is done in this context."""
    return Beside(max(1, core_count() // context.sharers)) if context.overlaps else AtOnce()
