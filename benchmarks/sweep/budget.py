"""Budgets of seconds: the steps that fit follow from the timing pass on the device at hand, whose timings stand."""

from collections.abc import Callable, Hashable
from dataclasses import replace

from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep.plan import Options
from benchmarks.sweep.timing import name_of_timing, time_suite
from gan_zoo.engine import structure
from gan_zoo.errors import UserError
from gan_zoo.spec import RunSpec


def within_seconds(
    suite: Suite, options: Options, store: Store, say: Callable[[str], None], may_time: bool = True
) -> Suite:
    """`suite` with the steps that its budget of seconds pays for; any other suite as it is.

    What is not timed yet is timed and recorded first, one cell of each structure; where that was done the same steps
    follow each time, until `gan-zoo timing SUITE` times anew. Raises: UserError where something cannot be timed, or
    may not be now.
    """
    if suite.budget is None or suite.budget.kind != "seconds":
        return suite
    context = options.context(suite.name)
    alike: dict[Hashable, RunSpec] = {}
    for spec in suite.cells:
        alike.setdefault(structure(spec), spec)
    untimed = {name_of_timing(spec, context) for spec in alike.values()} - store.timed(suite.name)
    if untimed and not may_time:
        raise UserError(f"{suite.name}: budget.seconds: nothing is timed here yet: gan-zoo timing {suite.name} first")
    problems = time_suite(replace(suite, cells=tuple(alike.values())), options, store, say)
    if problems:
        raise UserError(f"{suite.name}: budget.seconds: {problems[0]}")
    paces = store.paces(suite.name)
    return suite.at_pace(lambda spec: paces[name_of_timing(alike[structure(spec)], context)])
