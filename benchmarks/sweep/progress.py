"""What a person sees while a sweep runs: a bar on a terminal; elsewhere one line for each cell that ended."""

import sys
from types import TracebackType

from tqdm import tqdm

from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep.cell_run import Outcome
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, Plan, make_plan, refuse_other_numerics
from benchmarks.sweep.run import prepare_shared
from gan_zoo.spec import RunSpec


class Progress(Listener):
    """Counts generator steps over all cells to be run, with their rate and the time left."""

    def __init__(self, plan: Plan) -> None:
        todo = plan.todo
        self._plan, self._left = plan, len(todo)
        self._reached: dict[str, int] = {}
        total = sum(spec.train.steps for spec in todo)
        self._bar = tqdm(
            total=total, unit=" steps", disable=not sys.stderr.isatty(), dynamic_ncols=True, smoothing=0.05
        )

    def __enter__(self) -> "Progress":
        done = len(self._plan.suite.cells) - self._left
        say(f"{self._plan.suite.name}: {self._left} of {len(self._plan.suite.cells)} cells to run, {done} stand")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def step(self, spec: RunSpec, step: int) -> None:
        self._bar.update(step - self._reached.get(spec.key, 0))
        self._reached[spec.key] = step

    def say(self, line: str) -> None:
        say(line)

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        self.step(spec, spec.train.steps)
        self._left -= 1
        say(f"{outcome.status:9} {spec.label}" + (f": {outcome.reason}" if outcome.reason else ""))


def plan_text(suite: Suite, options: Options, store: Store) -> str:
    """The cells of a suite, what stands of them, and a forecast for the rest."""
    plan, context, workers = make_plan(suite, store), options.context(suite.name), len(options.devices())
    refuse_other_numerics(plan, context)
    prepare_shared(plan, context, say)
    cells = [f"{plan.status(spec):12}{spec.label}" for spec in suite.cells]
    left = f"{len(plan.todo)} of {len(suite.cells)} cells to run"
    return "\n".join(
        [*cells, f"{left}, about {duration(plan.seconds(context, workers))} of training with {workers} workers"]
    )


def say(line: str) -> None:
    """A line above the bar, at once also where the output is a file."""
    tqdm.write(line)
    sys.stdout.flush()


def duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
