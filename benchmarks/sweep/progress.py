"""The progress of a sweep for a person: a bar on a terminal, and one line for each cell that ended."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Literal

from tqdm import tqdm

from benchmarks.record.cells import SETTLED, RecordedCell
from benchmarks.record.lease import Holder
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome, Scored
from benchmarks.sweep.plan import Plan
from benchmarks.sweep.shard import WHOLE
from gan_zoo.spec import RunSpec

Talk = Literal["quiet", "usual", "verbose"]


class Progress(Listener):
    """Counts generator steps over all cells to be run, with their rate and the time left, cells by how they ended, and
    the last score; a line for each cell that ended, and if `verbose` for each score. `quiet`: what went wrong alone."""

    def __init__(self, plan: Plan, talk: Talk = "usual") -> None:
        self._plan, self._talk = plan, talk
        self._reached = dict.fromkeys([spec.key for spec in plan.own_todo], 0)
        self._ended: Counter[str] = Counter(done=len(plan.suite.cells) - len(plan.unfinished))
        self._running: set[str] = set()
        self._scores: dict[str, str] = {}
        self._bar = tqdm(
            total=sum(spec.train.steps for spec in plan.own_todo),
            unit=" steps",
            disable=talk == "quiet" or not sys.stderr.isatty(),
            dynamic_ncols=True,
            smoothing=0.05,
        )

    def __enter__(self) -> "Progress":
        if self._talk != "quiet":
            for line in opening_text(self._plan):
                say(line)
        self._show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def extend(self, plan: Plan) -> None:
        """More cells are to be run."""
        self._bar.total += sum(spec.train.steps for spec in plan.todo)
        self._bar.refresh()

    def step(self, spec: RunSpec, step: int) -> None:
        if spec.key not in self._reached:  # taken from another shard
            self._bar.total += spec.train.steps
            self._reached[spec.key] = 0
        self._running.add(spec.key)
        self._bar.update(step - self._reached[spec.key])
        self._reached[spec.key] = step

    def scored(self, spec: RunSpec, score: Scored) -> None:
        known = self._plan.shared.metrics[score.metric]
        self._scores[spec.key] = f"{known['label']} {score.value:.3g}"
        # the value first: a narrow terminal cuts a bar at its right
        self._show(f", {score.value:.3g} {spec.label} ({known['label']})")
        if self._talk == "verbose":
            say(f"step {score.step:<8} {spec.label}: {self._scores[spec.key]}")

    def say(self, line: str) -> None:
        say(line)

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        self.step(spec, spec.train.steps)
        self._running.discard(spec.key)
        self._ended[outcome.status] += 1
        self._show()
        if outcome.status == "held" or (outcome.status == "done" and self._talk == "quiet"):
            return  # what others have is said at the end
        said = outcome.reason or self._scores.get(spec.key, "")
        say(f"{outcome.status:9} {spec.label}{because(said)}  ({time.strftime('%H:%M:%S')})")

    def _show(self, latest: str = "") -> None:
        """Sets the words beside the bar."""
        ended = [f"{self._ended[status]} {status}" for status in ("diverged", "failed") if self._ended[status]]
        counts = [f"{self._ended['done']} done", f"{len(self._running)} running", *ended]
        self._bar.set_postfix_str(", ".join(counts) + latest)


def opening_text(plan: Plan) -> list[str]:
    """How many cells are to be run, how many are done, which are stale and why, which another engine trained."""
    counts: Counter[str] = Counter()
    stale: Counter[str] = Counter()
    for spec in plan.suite.cells:
        status = plan.status(spec)
        counts[status] += 1
        if status == "stale":
            stale[plan.why(spec)] += 1
    done = sum(map(counts.__getitem__, SETTLED))
    others = f", {counts['running']} being run by others" if counts["running"] else ""
    share = "" if plan.shard == WHOLE else f", {len(plan.own_todo)} of them of {plan.shard}"
    cells = f"{len(plan.todo)} of {len(plan.suite.cells)} cells"
    lines = [*plan.suite.notes, f"{plan.suite.name}: {cells} to run{share}, {done} done{others}"]
    for reason, count in stale.items():
        lines.append(f"stale, run anew: {count} cells ({reason})")
    return lines + _engines_text(plan)


def _engines_text(plan: Plan) -> list[str]:
    """A line for each engine that trained cells of a mean in which cells of another one come now."""
    if plan.context.numerics == "exact":  # in which all engines have the same bits
        return []
    lines = []
    for (was, now), count in plan.other_engines().items():
        others = f"the others of their losses will be by {now}, which rounds in another order; --engine chooses"
        lines.append(f"{count} cells that stand were trained by engine {was}, {others}")
    return lines


def plan_text(plan: Plan) -> str:
    """The cells of a suite, what stands of them, and a forecast for those to run."""
    lines = [*plan.suite.notes]
    for spec in plan.suite.cells:
        lines.append(f"{plan.status(spec):12}{spec.label}{because(plan.why(spec))}")
    lines += _engines_text(plan)
    left = f"{len(plan.todo)} of {len(plan.suite.cells)} cells to run"
    if not plan.todo:
        return "\n".join([*lines, left])
    spent = f"about {_duration(plan.seconds())} of training and {_duration(plan.evaluation_seconds())} of evaluation"
    return "\n".join([*lines, f"{left}, {spent} with {len(plan.context.devices)} workers"])


def unfinished_text(plan: Plan) -> list[str]:
    """A line for each cell that has no result, and why, and one for each process that is at some."""
    lines = []
    for spec in plan.unfinished:
        status = plan.status(spec)
        if status != "running":
            lines.append(f"{status}: {spec.label}{because(plan.why(spec))}")
    return lines + others_text(plan.running)


def finished_text(plan: Plan) -> str:
    """How many cells have a result, and what to do when all have."""
    total = len(plan.suite.cells)
    done = f"{total - len(plan.unfinished)} of {total} cells have a result"
    return done if plan.unfinished else f"{done}: gan-zoo report {plan.suite.name}"


def others_text(running: Sequence[RecordedCell]) -> list[str]:
    """Who is at cells: a line a process."""
    holders: dict[str, list[Holder]] = {}
    for cell in running:
        if cell.holder:
            holders.setdefault(cell.holder.process, []).append(cell.holder)
    lines = []
    for own in holders.values():
        first, last = min(own, key=lambda each: each.since), max(own, key=lambda each: each.until)
        cells = "1 cell is" if len(own) == 1 else f"{len(own)} cells are"
        lines.append(f"{cells} being run by {replace(last, since=first.since)}")
    return lines


def because(reason: str) -> str:
    """A reason as the end of a line."""
    return f": {reason}" if reason else ""


def say(line: str) -> None:
    """A line above the bar, at once also where the output is a file."""
    tqdm.write(line)
    sys.stdout.flush()


def _duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
