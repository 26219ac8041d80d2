"""The timing pass: what one iteration of each cell takes, alone on the device, so that seconds can be compared.

Cells of a sweep share a machine, or a stack, and their own clocks show it. So apart from the sweep each distinct
configuration (a cell without its seed) is timed in one process. Round after round every loss of a data set trains for a
stretch of iterations, one after the other, so that what disturbs the machine meets all of them alike; the median over
rounds counts. On a GPU a stretch is timed by CUDA events, on a CPU by the wall clock, with its CPU time beside it.

How many iterations is said by `rounds_of` from the pace of each configuration, so that the pass takes SHARE of the
training seconds of the sweep, or LEAST seconds where that is more, and mostly much less; that engines are made ready
comes on top.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from socket import gethostname

import torch

from benchmarks.record.cells import RecordedCell
from benchmarks.record.environment import environment
from benchmarks.record.store import Store
from benchmarks.record.timings import Circumstances, Timing, configuration
from benchmarks.suites.suite import Suite
from benchmarks.sweep.columns import numerics_text
from benchmarks.sweep.context import Context, Shelf
from benchmarks.sweep.messages import reason_of
from benchmarks.sweep.plan import Options
from gan_zoo.device import configure_process, device_name
from gan_zoo.engine import Chosen, TrainState, choose_for_one
from gan_zoo.losses.base import Terms
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import BLOCK, Run, advance, initial_state, prepare, train

SHARE, LEAST = 0.05, 30.0  # of the seconds that the sweep took, and seconds
MOST_ROUNDS, FEWEST_ROUNDS = 20, 3  # quartiles need some; a round of each loss in turn, so that all share a slow minute
WARM = 3
"""Iterations that show the pace, after the first one, which makes the engine ready."""

Stretch = Callable[[], object]


@dataclass(frozen=True)
class Lap:
    """Seconds that a stretch took, and of CPU time where that is measured."""

    seconds: float
    cpu: float | None = None


@dataclass(frozen=True)
class Clock:
    """How a stretch is timed, and what the record calls it."""

    name: str
    lap: Callable[[Stretch], Lap]


def _by_process(stretch: Stretch) -> Lap:
    """The seconds of this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    stretch()
    return Lap(time.perf_counter() - wall, time.process_time() - cpu)


def by_events(stretch: Stretch) -> Lap:
    """The seconds of the current GPU."""
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    began.record()
    stretch()
    ended.record()
    ended.synchronize()
    return Lap(began.elapsed_time(ended) / 1000)


WALL, EVENTS = Clock("wall clock", _by_process), Clock("CUDA events", by_events)


@dataclass
class Candidate:
    """A configuration that is timed: its iterations, by the engine that it gets alone, and its laps."""

    spec: RunSpec
    engine: Chosen[TrainState]
    iterations: Iterator[Terms]
    laps: list[Lap] = field(default_factory=list)

    @classmethod
    def of(cls, spec: RunSpec, context: Context, shelf: Shelf) -> "Candidate":
        run = prepare(spec, shelf.data(spec), context.device, context.numerics)
        engine = choose_for_one(context.engine, run.players, run.device)
        return cls(spec, engine, _again_and_again(run, engine))

    def pace(self, clock: Clock) -> float:
        """Seconds of an iteration, once the engine is ready."""
        advance(self.iterations, 1)
        return self.lap(clock, WARM).seconds / WARM

    def lap(self, clock: Clock, iterations: int) -> Lap:
        """The time that a stretch of so many iterations takes."""
        return clock.lap(lambda: advance(self.iterations, iterations))


def _again_and_again(run: Run, engine: Chosen[TrainState]) -> Iterator[Terms]:
    """The iterations of a run, from its first one on; a run that is too short for the pass begins anew."""
    while True:
        yield from train(run, initial_state(run), engine)


def time_suite(
    suite: Suite, options: Options, store: Store, say: Callable[[str], None], anew: bool = False
) -> list[str]:
    """Times and records the configurations of a suite that have no timing in these circumstances, or all `anew`; a line
    for each that could not be timed."""
    context = options.context(suite.name)
    timed = set() if anew else store.timed(suite.name)
    cells = [spec for spec in distinct(suite.cells) if name_of_timing(spec, context) not in timed]
    keys = {spec.key for spec in suite.cells}
    recorded = [cell for cell in store.cells(suite.name) if cell.key in keys] if cells else []
    if any(_is_here(cell) for cell in recorded):
        return [f"not timed while cells are running here: gan-zoo timing {suite.name} when they have ended"]
    if not cells:
        return []
    budget = budget_of(recorded, len(context.devices) or 1)
    say(f"timing {len(cells)} configurations, each alone on the device, in {budget:.0f} s or less")
    store.experiment(suite.name, suite.description)
    configure_process(context.device, context.threads, context.numerics)
    tags, problems = environment(device_name(context.device)), []
    for timing in time_cells(cells, context, budget, WALL if context.device == "cpu" else EVENTS):
        if isinstance(timing, Timing):
            store.log_timing(suite.name, timing, tags)
        else:
            problems.append(timing)
    return problems


def budget_of(recorded: Iterable[RecordedCell], workers: int) -> float:
    """The seconds that the pass may take after a sweep of these cells by so many workers."""
    return max(LEAST, SHARE * sum(cell.seconds for cell in recorded) / workers)


def _is_here(cell: RecordedCell) -> bool:
    """Whether a process of this machine is at the cell."""
    return cell.holder is not None and cell.holder.host == gethostname()


def distinct(cells: Iterable[RunSpec]) -> list[RunSpec]:
    """One cell of each configuration."""
    first: dict[str, RunSpec] = {}
    for spec in cells:
        first.setdefault(configuration(spec.canonical), spec)
    return list(first.values())


def circumstances(spec: RunSpec, context: Context) -> Circumstances:
    """Those in which `spec` is timed in `context`."""
    numerics = numerics_text(spec, context)
    return Circumstances(device_name(context.device), gethostname(), context.engine, context.threads, numerics)


def name_of_timing(spec: RunSpec, context: Context) -> tuple[str, ...]:
    """By what a timing of `spec` in `context` is found again."""
    return configuration(spec.canonical), *circumstances(spec, context).texts


def time_cells(cells: Sequence[RunSpec], context: Context, budget: float, clock: Clock) -> Iterator[Timing | str]:
    """The timing of each cell, or a line that says why there is none; data set by data set, within `budget` seconds."""
    shelf, left, waiting = Shelf(context), budget, len(cells)
    for dataset in dict.fromkeys(spec.dataset for spec in cells):
        group = [spec for spec in cells if spec.dataset == dataset]
        problems: dict[RunSpec, str] = {}
        candidates, seconds = ready(group, context, shelf, clock, problems)
        steps = min(spec.train.steps for spec in group)
        rounds, iterations = rounds_of(seconds, steps, left * len(group) / waiting)
        interleave(candidates, rounds, iterations, clock, problems)
        for each in candidates:
            if each.spec not in problems:
                yield _timing_of(each, context, iterations, clock)
        for spec, problem in problems.items():
            yield f"not timed: {spec.loss_name} on {spec.dataset.name}: {problem}"
        for each in candidates:
            for lap in each.laps:
                left -= lap.seconds
        waiting -= len(group)


def ready(
    group: Sequence[RunSpec], context: Context, shelf: Shelf, clock: Clock, problems: dict[RunSpec, str]
) -> tuple[list[Candidate], float]:
    """The candidates with their engines ready, and the seconds that one iteration of all takes."""
    candidates, seconds = [], 0.0
    for spec in group:
        with noted(problems, spec):
            candidate = Candidate.of(spec, context, shelf)
            seconds += candidate.pace(clock)
            candidates.append(candidate)
    return candidates, seconds


def rounds_of(seconds: float, steps: int, budget: float) -> tuple[int, int]:
    """How many rounds of how many iterations, where one of all candidates takes so many `seconds`.

    At most MOST_ROUNDS of a block, whose draws are made at once; no more than `budget` seconds, nor than the `steps` of
    a run; at least one iteration.
    """
    most = min(MOST_ROUNDS * BLOCK, steps - 1 - WARM)
    affordable = max(1, min(most, int(budget / seconds) if seconds else most))
    iterations = min(BLOCK, max(1, affordable // FEWEST_ROUNDS))
    return affordable // iterations, iterations


def interleave(
    candidates: Sequence[Candidate], rounds: int, iterations: int, clock: Clock, problems: dict[RunSpec, str]
) -> None:
    """Round after round a lap of each, one after the other."""
    for _ in range(rounds):
        for each in candidates:
            if each.spec not in problems:
                with noted(problems, each.spec):
                    each.laps.append(each.lap(clock, iterations))


@contextmanager
def noted(problems: dict[RunSpec, str], spec: RunSpec) -> Iterator[None]:
    """Within it, what goes wrong with a configuration is noted: the others are timed all the same."""
    try:
        yield
    except Exception as error:
        problems[spec] = reason_of(error)


def _timing_of(candidate: Candidate, context: Context, iterations: int, clock: Clock) -> Timing:
    """A candidate's entry in the record, of its laps of so many iterations each."""
    spec, laps = candidate.spec, candidate.laps
    seconds = [lap.seconds / iterations for lap in laps]
    cpu = [lap.cpu / iterations for lap in laps if lap.cpu is not None]
    where, engine = circumstances(spec, context), candidate.engine.name
    of_cell = spec.loss_name, spec.dataset.name, spec.canonical
    return Timing(*of_cell, where, engine, clock.name, iterations, seconds, cpu)
