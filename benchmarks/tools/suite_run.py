"""A suite from its first cell to its report, as `gan-zoo run`, `gan-zoo train` and the Python API have it."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record.store import Store
from benchmarks.report.commands import write_look, write_report
from benchmarks.suites.suite import Suite, look_name
from benchmarks.sweep.budget import within_seconds
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, Plan, make_plan
from benchmarks.sweep.progress import others_text, unfinished_text
from benchmarks.sweep.run import Train, run_suite
from benchmarks.sweep.shard import Shard
from benchmarks.sweep.timing import time_suite
from benchmarks.sweep.workers import run_cells

Say = Callable[[str], None]
Watch = Callable[[Plan], AbstractContextManager[Listener]]


@dataclass(frozen=True)
class Finished:
    """A suite that was run: the folder of its report, and a line for each thing that was asked for and is missing."""

    folder: Path
    missing: list[str]


def run_and_report(suite: Suite, how: Options, watch: Watch, say: Say, train: Train = run_cells) -> Finished:
    """Runs what is not done of `suite`, times its losses, and writes the report.

    `watch` gives who hears of the cells of a plan, `say` hears what a person should know of the rest; `train` runs the
    cells.

    Raises: UserError before anything runs, for what cannot be had.
    """
    store = Store(how.results)
    plan = _trained(suite, how, store, watch, say, train)
    untimed = time_suite(plan.suite, how, store, say)
    folder, files = write_report(suite.name, store, how.results)
    store.log_report(suite.name, folder, files)
    return Finished(folder, [*unfinished_text(plan), *untimed])


def first_look(suite: Suite, how: Options, watch: Watch, say: Say) -> Finished:
    """Runs what is not done of `suite`, a few cells, and writes a report of these alone beside those of other looks.

    Nothing is timed, and figures for a paper are left out: `gan-zoo report` makes them.

    Raises: UserError before anything runs, for what cannot be had.
    """
    store = Store(how.results)
    plan = _trained(suite, how, store, watch, say)
    folder = how.results / suite.name / look_name(plan.suite)
    files = write_look(suite.name, store, folder)
    store.log_report(suite.name, folder, [*files, *_handed_on(suite, how, folder / "export" / "extractors")])
    return Finished(folder, unfinished_text(plan))


def _trained(suite: Suite, how: Options, store: Store, watch: Watch, say: Say, train: Train = run_cells) -> Plan:
    """The plan of `suite` after what was not done of it was run, with steps for its budget."""
    plan = make_plan(within_seconds(suite, how, store, say), how, store, say)
    with watch(plan) as listener:
        return run_suite(plan, store, listener, train=train)


def _handed_on(suite: Suite, how: Options, folder: Path) -> list[Path]:
    """The classifiers of the suite's data sets that are not the package's, copied into `folder` for whoever gets it."""
    copies = []
    for name in suite.datasets:
        for path in how.context(suite.name).handed_on.glob(f"{name}-*"):
            folder.mkdir(exist_ok=True)
            copies.append(Path(shutil.copy(path, folder)))
    return copies


def run_shard(suite: Suite, how: Options, shard: Shard, watch: Watch, say: Say) -> Plan:
    """Runs a shard of `suite` and what other shards left; the plan as it stands then.

    Report and timing pass are left to commands of their own, for other shards may still be running.

    Raises: UserError before anything runs, for what cannot be had.
    """
    store = Store(how.results)
    plan = make_plan(suite, how, store, say, shard)
    with watch(plan) as listener:
        return run_suite(plan, store, listener)


def take_over(suite: str, store: Store, say: Say) -> None:
    """Ends the leases that other processes have on cells of a suite; `say` hears of whom."""
    running = [cell for cell in store.cells(suite) if cell.holder]
    for line in others_text(running):
        say(f"taken over: {line}")
    if running:
        store.take_over(suite, running)
