"""Cells of one structure, which differ in seed and numbers, run or resumed at once; a single cell is the stack of one.

Each has its own record, checkpoint and end: one that diverges or fails ends alone, and the others go on. Those that
stand at the same step train as a stack. Whenever its company changes a stack is made anew and every checkpoint written,
so that a resumed run is in the same company at every step.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.record.lease import Held
from benchmarks.record.patience import Away
from benchmarks.sweep.cell_run import CellRun, Outcome, Tell, next_stop, reason_of
from benchmarks.sweep.context import Context, Shelf, Sweep
from gan_zoo.engine import Chosen, choose_for_one, choose_for_stack
from gan_zoo.losses.base import Terms
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import advance, advance_stack, initial_state, prepare, train, train_stack

BEAT_SECONDS = 10.0
SAVE_SECONDS = 30.0
SAVE_SHARE = 0.01
"""Checkpoints and the metrics sent with them are SAVE_SECONDS apart, or more where they would take a larger share."""


def run_together(specs: Sequence[RunSpec], sweep: Sweep, shelf: Shelf, tell: Tell) -> None:
    """Runs or resumes the cells `specs`, which share their structure, and records the end of each."""
    cells = open_cells(specs, sweep, shelf.data(specs[0]), tell)
    try:
        with guarded(cells, tell):
            evaluator = shelf.evaluator(specs[0])
            apart = shelf.evaluator(specs[0], apart=True) if specs[0].evaluate.repeats > 1 else None
            for cell in cells:
                with guarded([cell], tell):
                    cell.start(shelf.data(cell.spec), evaluator, apart)
        while active := [cell for cell in cells if cell.outcome is None]:
            steps = sorted({cell.state.step for cell in active})
            together = [cell for cell in active if cell.state.step == steps[0]]
            with guarded(together, tell):
                advance_together(together, steps[1] if len(steps) > 1 else specs[0].train.steps, tell)
    except (KeyboardInterrupt, BrokenPipeError, Away):  # broken off here, or who listens or keeps the record is gone
        for cell in cells:
            if cell.outcome is None:
                cell.log.interrupt()
        raise


def open_cells(specs: Sequence[RunSpec], sweep: Sweep, data: Any, tell: Tell) -> list[CellRun]:
    """The cells that are this process's to run; of any other `tell` hears who has it."""
    cells = []
    for spec in specs:
        try:
            cells.append(CellRun.open(spec, sweep, data, tell))
        except Held as other:
            tell(spec, Outcome("held", str(other)))
        except Away:
            raise
        except Exception as error:  # it fails alone: the sweep goes on, and the next command runs it again
            tell(spec, Outcome("failed", reason_of(error)))
    return cells


@contextmanager
def guarded(cells: Sequence[CellRun], tell: Tell) -> Iterator[None]:
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


def advance_together(cells: Sequence[CellRun], until: int, tell: Tell) -> None:
    """Trains cells that stand at the same step until one of them ends, or all have come to the step `until`."""
    engine, go = training(cells, tell)
    state, save_at = cells[0].state, time.monotonic() + SAVE_SECONDS
    while state.step < until and all(cell.outcome is None for cell in cells):
        started = time.perf_counter()
        rows = go(next_stop(cells[0].spec, state.step) - state.step)
        seconds = (time.perf_counter() - started) / len(cells)
        for cell, values in zip(cells, rows, strict=True):
            with guarded([cell], tell):
                cell.arrive(values, seconds, engine, len(cells))
                tell(cell.spec, cell.outcome or state.step)
        if time.monotonic() > save_at:
            save_at = save(cells)
    save(cells)


def training(cells: Sequence[CellRun], tell: Tell) -> tuple[Chosen[Any], Callable[[int], list[dict[str, float]]]]:
    """The engine of these cells, and what takes n steps by it and gives the mean terms of each cell."""
    runs, states = [cell.run for cell in cells], [cell.state for cell in cells]
    if len(cells) == 1:
        engine = choose_for_one(cells[0].context.engine, runs[0].players, runs[0].device)
        single = beating(train(runs[0], states[0], engine), cells[0], tell)
        return engine, lambda n: [advance(single, n)]
    stack_engine = choose_for_stack(runs[0].device)
    stack = beating(train_stack(runs, states, stack_engine), cells[0], tell)
    return stack_engine, lambda n: advance_stack(stack, n)


def beating(iterations: Iterator[Terms], cell: CellRun, tell: Tell) -> Iterator[Terms]:
    """`iterations`, of which `tell` hears every BEAT_SECONDS: a worker is at work however long its steps take."""
    beat_at = time.monotonic() + BEAT_SECONDS
    for terms in iterations:
        if time.monotonic() > beat_at:
            tell(cell.spec, cell.state.step)
            beat_at = time.monotonic() + BEAT_SECONDS
        yield terms


def save(cells: Sequence[CellRun]) -> float:
    """Writes the checkpoints of the cells that still run; when the next ones are due, by `time.monotonic`."""
    started = time.monotonic()
    for cell in cells:
        if cell.outcome is None:
            cell.save()
    ended = time.monotonic()
    return ended + max(SAVE_SECONDS, (ended - started) / SAVE_SHARE)


def trial_seconds(spec: RunSpec, context: Context, iterations: int = 3) -> float:
    """A forecast of the seconds that the training of `spec` takes, from a few iterations after a first one."""
    run = prepare(spec, Shelf(context).data(spec), context.device, context.numerics)
    steps = train(run, initial_state(run), choose_for_one(context.engine, run.players, run.device))
    advance(steps, 1)
    started = time.perf_counter()
    advance(steps, iterations)
    return (time.perf_counter() - started) / iterations * spec.train.steps
