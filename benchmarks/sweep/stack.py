"""Cells of one structure, which differ in seed and numbers, run or resumed at once; a single cell is the stack of one.

Each has its own record, checkpoint and end: one that diverges or fails ends alone, and the others go on. Those that
stand at the same step train as a stack. Whenever its company changes a stack is made anew and every checkpoint written,
so that a resumed run is in the same company at every step.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks.record.lease import Held
from benchmarks.record.patience import Away
from benchmarks.sweep.beside import AtOnce, desk
from benchmarks.sweep.cell_run import CellRun, OpenCell
from benchmarks.sweep.context import Shelf, Sweep
from benchmarks.sweep.messages import Outcome, Tell, reason_of
from benchmarks.sweep.stops import Stop, first_look_at, is_due, look_at, next_stop, silence
from gan_zoo.device import ran_out_of_memory
from gan_zoo.engine import CannotRun, Chosen, choose_for_one, choose_for_stack
from gan_zoo.evaluation import Evaluation
from gan_zoo.losses.base import Terms
from gan_zoo.memory import free_what_is_unused, rows_that_fit
from gan_zoo.metrics import AnyEvaluator
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import advance, advance_stack, initial_state, prepare, train, train_stack

BEAT_SECONDS = 10.0  # far within the silence after which a worker is taken for hung
SAVE_SECONDS = 30.0
SAVE_SHARE = 0.01
"""Checkpoints and the metrics sent with them are SAVE_SECONDS apart, or more where they would take a larger share."""


def run_together(specs: Sequence[RunSpec], sweep: Sweep, tell: Tell) -> None:
    """Runs or resumes the cells `specs`, which share their structure, and records the end of each."""
    shelf = sweep.shelf
    cells = open_cells(specs, sweep, shelf.data(specs[0]), tell)
    running: list[CellRun] = []
    try:
        with _guarded(cells, tell):
            evaluator = shelf.evaluator(specs[0])
            validation = validation_of(specs[0], shelf)
            for cell in cells:
                with _guarded([cell], tell):
                    running.append(CellRun.start(cell, shelf.data(cell.spec), evaluator, validation))
            company = Company(sweep, _limit_of(running, sweep))
        while active := [run for run in running if run.cell.outcome is None]:
            company.advance(active, tell)
    except (KeyboardInterrupt, BrokenPipeError, Away):  # broken off here, or who listens or keeps the record is gone
        for cell in cells:
            if cell.outcome is None:
                cell.log.interrupt()
        raise


def _limit_of(running: Sequence[CellRun], sweep: Sweep) -> int:
    """How many of these cells train at once. Raises: UserError where the device's memory does not hold one."""
    wanted = max(1, len(running))
    return rows_that_fit(running[0].run, wanted, sweep.context.sharers) if running else wanted


@dataclass
class Company:
    """The cells that train as one stack: no more than `limit` at once."""

    sweep: Sweep
    limit: int

    def advance(self, active: Sequence[CellRun], tell: Tell) -> None:
        """Trains those that are furthest behind, until one ends or they come to where others stand.

        Where memory runs out half as many train from then on. Where they cannot be stacked for another reason, and
        nobody asked for it, each trains alone.
        """
        steps = sorted({run.state.step for run in active})
        behind = [run for run in active if run.state.step == steps[0]]
        together, until = behind[: self.limit], steps[1] if len(steps) > 1 else active[0].cell.spec.train.steps
        with _guarded([run.cell for run in together], tell):
            try:
                advance_together(together, until, tell)
            except CannotRun as error:
                short = ran_out_of_memory(error)
                if len(together) == 1 or not (short or self.sweep.context.engine == "auto"):
                    raise
                self.shrink(together, len(together) // 2 if short else 1, error, tell)
        if self.limit < len(together):
            free_what_is_unused()

    def shrink(self, together: Sequence[CellRun], limit: int, error: CannotRun, tell: Tell) -> None:
        """No more than `limit` at once from now on; the record says so."""
        self.limit, spec = limit, together[0].cell.spec
        line = f"{spec.label}: {len(together)} cells at once: {error}; {limit} from here on"
        tell(spec, line)
        self.sweep.store.note(self.sweep.run_id, f"stack.{spec.key}", line)


def open_cells(specs: Sequence[RunSpec], sweep: Sweep, data: Any, tell: Tell) -> list[OpenCell]:
    """The cells that are this process's to run; of any other `tell` hears who has it, or what is wrong."""
    cells = []
    for spec in specs:
        try:
            cell = OpenCell.open(spec, sweep, data, tell)
            if cell.outcome is None:
                cells.append(cell)
            else:
                tell(spec, cell.outcome)
        except Held as other:
            tell(spec, Outcome("held", str(other)))
        except Away:
            raise
        except Exception as error:  # it fails alone: the sweep goes on, and the next command runs it again
            tell(spec, Outcome("failed", reason_of(error)))
    return cells


@contextmanager
def _guarded(cells: Sequence[OpenCell], tell: Tell) -> Iterator[None]:
    """Within it, whatever goes wrong ends `cells` alone: the sweep goes on, each run ends in a recorded state."""
    try:
        yield
    except (BrokenPipeError, Away):
        raise
    except Held as other:
        for cell in cells:
            if cell.outcome is None:
                cell.outcome = Outcome("held", str(other))
                tell(cell.spec, cell.outcome)
    except Exception as error:
        for cell in cells:
            if cell.outcome is None:
                tell(cell.spec, cell.fail(error))


def advance_together(runs: Sequence[CellRun], until: int, tell: Tell) -> None:
    """Trains cells that stand at the same step until one of them ends, or all have come to the step `until`."""
    engine, go = training(runs, tell)
    state, save_at = runs[0].state, time.monotonic() + SAVE_SECONDS
    with desk(runs[0].cell.context) as at:
        if state.step == 0:
            _show_first(runs, at, tell)
        while state.step < until and all(run.cell.outcome is None for run in runs):
            started = time.perf_counter()
            rows = go(next_stop(runs[0].cell.spec, state.step) - state.step)
            seconds = (time.perf_counter() - started) / len(runs)
            stop(runs, [Stop(state.step, values, seconds, engine, len(runs)) for values in rows], at, tell)
            if time.monotonic() > save_at:
                at.wait()
                save_at = save(runs)
    save(runs)


def _show_first(runs: Sequence[CellRun], at: AtOnce, tell: Tell) -> None:
    """Has pictures of the cells kept as they are before the first step."""
    for run, look in zip(runs, first_look_at(runs, tell), strict=True):
        at.do(partial(_on_one, run, partial(run.begin, look), tell))


def stop(runs: Sequence[CellRun], stops: Sequence[Stop], at: AtOnce, tell: Tell) -> None:
    """Has stops of cells at one step recorded. Those that end there, and need their states for it, end at once."""
    spec, step = runs[0].cell.spec, stops[0].step
    if is_due(spec, step):
        tell(spec, silence(max(run.longest for run in runs)))
        at.wait()
        looks = look_at(runs, at, tell)
        stops = [replace(each, look=look) for each, look in zip(stops, looks, strict=True)]
    ends = step == spec.train.steps or any(each.bad is not None for each in stops)
    if ends:
        at.wait()
    for run, each in zip(runs, stops, strict=True):
        arrival = partial(_on_one, run, partial(run.arrive, each), tell, each.step)
        if ends:
            arrival()
        else:
            at.do(arrival)


def _on_one(run: CellRun, action: Callable[[], None], tell: Tell, step: int | None = None) -> None:
    """Does something for a cell that may end by it, and tells that it came to a step, or its end."""
    cell = run.cell
    if cell.outcome is not None:
        return
    with _guarded([cell], tell):
        action()
        if step is not None:
            tell(cell.spec, cell.outcome or step)


def training(runs: Sequence[CellRun], tell: Tell) -> tuple[Chosen[Any], Callable[[int], list[dict[str, float]]]]:
    """The engine of these cells, and what takes n steps by it and gives the mean terms of each cell."""
    first, context = runs[0].run, runs[0].cell.context
    if len(runs) == 1:
        engine = choose_for_one(context.engine, first.players, first.device)
        single = _beating(train(first, runs[0].state, engine), runs[0], tell)
        return engine, lambda n: [advance(single, n)]
    stack_engine = choose_for_stack(first.device)
    states = [each.state for each in runs]
    stack = _beating(train_stack([each.run for each in runs], states, stack_engine), runs[0], tell)
    return stack_engine, lambda n: advance_stack(stack, n)


def _beating(iterations: Iterator[Terms], run: CellRun, tell: Tell) -> Iterator[Terms]:
    """`iterations`, of which `tell` hears every BEAT_SECONDS: a worker is at work however long its steps take."""
    beat_at = time.monotonic() + BEAT_SECONDS
    for terms in iterations:
        if time.monotonic() > beat_at:
            tell(run.cell.spec, run.state.step)
            beat_at = time.monotonic() + BEAT_SECONDS
        yield terms


def save(runs: Sequence[CellRun]) -> float:
    """Writes the checkpoints of the cells that still run; when the next ones are due, by `time.monotonic`."""
    started = time.monotonic()
    for run in runs:
        if run.cell.outcome is None:
            run.save()
    ended = time.monotonic()
    return ended + max(SAVE_SECONDS, (ended - started) / SAVE_SHARE)


def validation_of(spec: RunSpec, shelf: Shelf) -> AnyEvaluator | None:
    """What scores against the validation split, where a spec asks for that."""
    return shelf.evaluator(spec, validation=True) if spec.evaluate.repeats > 1 else None


def trial_evaluation(spec: RunSpec, shelf: Shelf) -> float:
    """The seconds of one evaluation of `spec`, of its state before the first step."""
    context, data = shelf.context, shelf.data(spec)
    run = prepare(spec, data, context.device, context.numerics)
    evaluation = Evaluation(run, data, shelf.evaluator(spec), validation_of(spec, shelf))
    state = initial_state(run)
    started = time.perf_counter()
    evaluation(state)
    return time.perf_counter() - started


def trial_seconds(spec: RunSpec, shelf: Shelf, iterations: int = 3) -> float:
    """A forecast of the seconds that the training of `spec` takes, from a few iterations after a first one."""
    context = shelf.context
    run = prepare(spec, shelf.data(spec), context.device, context.numerics)
    steps = train(run, initial_state(run), choose_for_one(context.engine, run.players, run.device))
    advance(steps, 1)
    started = time.perf_counter()
    advance(steps, iterations)
    return (time.perf_counter() - started) / iterations * spec.train.steps
