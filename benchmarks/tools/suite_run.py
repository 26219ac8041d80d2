"""A suite from its first cell to its report, as `gan-zoo run`, `gan-zoo train` and the Python API have it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record.store import Store
from benchmarks.report.commands import write_report
from benchmarks.suites.suite import Suite
from benchmarks.sweep.budget import within_seconds
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, Plan, make_plan
from benchmarks.sweep.progress import unfinished_text
from benchmarks.sweep.run import run_suite
from benchmarks.sweep.timing import time_suite

Say = Callable[[str], None]


@dataclass(frozen=True)
class Finished:
    """A suite that was run: the folder of its report, and a line for each thing that was asked for and is missing."""

    folder: Path
    missing: list[str]


def run_and_report(
    suite: Suite, how: Options, watch: Callable[[Plan], AbstractContextManager[Listener]], say: Say, timed: bool
) -> Finished:
    """Runs what is not done of `suite`, times its losses where `timed`, and writes the report.

    `watch` gives who hears of the cells of a plan, `say` hears what a person should know of the rest.

    Raises: UserError before anything runs, for what cannot be had.
    """
    store = Store(how.results)
    suite = within_seconds(suite, how, store, say)
    plan = make_plan(suite, how, store, say)
    with watch(plan) as listener:
        plan = run_suite(plan, store, listener)
    untimed = time_suite(suite, how, store, say) if timed else []
    folder, files = write_report(suite.name, store, how.results)
    store.log_report(suite.name, folder, files)
    return Finished(folder, [*unfinished_text(plan), *untimed])
