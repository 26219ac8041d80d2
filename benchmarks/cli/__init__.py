"""The command line `gan-zoo`: words into typed calls, nothing else."""

import sys
from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code: 0 done, 1 some cells failed, 2 bad input, 130 interrupted.

    Nothing is imported before, so that Ctrl-C finds this handler in the first seconds too.
    """
    try:
        from benchmarks.cli.program import run

        return run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        print("gan-zoo: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
