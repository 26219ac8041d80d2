"""The command line `gan-zoo`: words into typed calls, nothing else."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # 128 + SIGINT, as a shell says it
AGAIN = 0.05  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code: 0 done, 1 some cells failed or the output is lost, 2 bad input, 130 interrupted.

    Nothing is imported before, so that Ctrl-C finds this handler in the first seconds too. Without `arguments` it is
    all that this process does: afterwards Ctrl-C has nothing to stop, and is not heard.
    """
    with noted_interrupts(last=arguments is None) as interrupts:
        try:
            from benchmarks.cli.program import run

            return run(list(sys.argv[1:] if arguments is None else arguments))
        except KeyboardInterrupt:
            pass
        except Exception:  # a library that is being loaded makes another error of Ctrl-C, as numpy does
            if not interrupts:
                raise
    print("gan-zoo: interrupted; the same command goes on from here", file=sys.stderr)
    return INTERRUPTED


@contextmanager
def noted_interrupts(last: bool = False) -> Iterator[list[int]]:
    """Ctrl-C as ever, and a list that has an entry for each; afterwards as before, or where this is the `last` that a
    process does, not heard any more: libraries that are being left would end in a traceback, or by the signal."""
    interrupts: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # whoever called has arranged it otherwise
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupt)
    hook, sys.unraisablehook = sys.unraisablehook, _raised_again(sys.unraisablehook)
    try:
        yield interrupts
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, signal.SIG_IGN if last else before)


def _raised_again(
    otherwise: Callable[["sys.UnraisableHookArgs"], object],
) -> Callable[["sys.UnraisableHookArgs"], None]:
    """What hears of errors that Python lets out of no finaliser: a Ctrl-C among them comes again in a moment, and is
    not lost; any other goes to `otherwise`."""

    def hook(lost: "sys.UnraisableHookArgs") -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            otherwise(lost)
            return
        import threading

        threading.Timer(AGAIN, signal.raise_signal, (signal.SIGINT,)).start()

    return hook
