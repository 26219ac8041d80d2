"""Stops of training: what is taken from the device there, so that it may go on before all of it is recorded."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from benchmarks.record.vocabulary import is_player_term
from benchmarks.sweep.beside import AtOnce
from benchmarks.sweep.messages import Quiet, Tell
from gan_zoo.engine import Chosen
from gan_zoo.evaluation import Picture, at_once, picture, see
from gan_zoo.spec import RunSpec

if TYPE_CHECKING:
    from benchmarks.sweep.cell_run import CellRun

LOGGED_POINTS = 100
"""Points of a training curve: terms are logged as means over windows of a hundredth of the run."""
FIELD_SIDE = 33
"""Of the grid of the critic's scores kept of each evaluation on points."""
FIRST, SHORTEST, LENGTHS = 3600.0, 300.0, 20.0
"""How long an evaluation may take: the first one in seconds, each later one SHORTEST or in lengths of the longest."""


@dataclass(frozen=True)
class Look:
    """One evaluation: what the critic does, what gives all values, a picture, and the seconds of the device's part."""

    values: Callable[[], Mapping[str, float]]
    critic: Mapping[str, float] = field(default_factory=dict)
    picture: Picture | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Stop:
    """A run at a step, whatever its state has become since: the mean `terms` of the steps before, which took so many
    `seconds` by an engine, with so many runs at once; and a look where an evaluation is due."""

    step: int
    terms: Mapping[str, float]
    seconds: float
    engine: Chosen[Any]
    stacked: int
    look: Look | None = None

    @property
    def bad(self) -> str | None:
        """The first of the players' terms that is not finite."""
        values = {**self.terms, **(self.look.critic if self.look else {})}
        return next((name for name, value in values.items() if is_player_term(name) and not isfinite(value)), None)


def next_stop(spec: RunSpec, step: int) -> int:
    """The next step at which training is interrupted: to log, to evaluate or to end."""
    window = max(1, spec.train.steps // LOGGED_POINTS)
    return min((step // every + 1) * every for every in (window, spec.evaluate.every, spec.train.steps))


def is_due(spec: RunSpec, step: int) -> bool:
    """Whether an evaluation is due at a step."""
    return step % spec.evaluate.every == 0 or step == spec.train.steps


def silence(longest: float) -> Quiet:
    """For how long an evaluation may be silent, after one that took so many seconds, or none."""
    return Quiet(max(SHORTEST, LENGTHS * longest) if longest else FIRST)


Pass = Callable[[Sequence["CellRun"]], list[Look]]


def look_at(runs: Sequence["CellRun"], desk: AtOnce, tell: Tell) -> list[Look]:
    """A look at each of these runs, in as few passes as may be; one that fails does so when its values are wanted."""
    return _in_passes(runs, partial(_whole_looks, desk=desk), tell)


def first_look_at(runs: Sequence["CellRun"], tell: Tell) -> list[Look]:
    """As `look_at` before the first step, for pictures alone."""
    return _in_passes(runs, _picture_looks, tell)


def _in_passes(runs: Sequence["CellRun"], over: Pass, tell: Tell) -> list[Look]:
    size, found = at_once(runs[0].run), list[Look]()
    for start in range(0, len(runs), size):
        group = runs[start : start + size]
        tell(group[0].cell.spec, silence(max(run.longest for run in group)))
        found += _in_one_or_each(group, over)
    return found


def _in_one_or_each(group: Sequence["CellRun"], over: Pass) -> list[Look]:
    """What one pass gives, or where that fails, whichever of the group it is for, a pass for each."""
    try:
        return over(group)
    except Exception as error:
        if len(group) == 1:
            return [Look(failing(error))]
    found: list[Look] = []
    for run in group:
        found += _in_one_or_each([run], over)
    return found


def failing(error: Exception) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


def _whole_looks(runs: Sequence["CellRun"], desk: AtOnce) -> list[Look]:
    """One pass over all of these runs; its seconds are theirs in equal shares."""
    started = time.perf_counter()
    seen = see([run.evaluation for run in runs], [run.state for run in runs])
    pictures = [each.picture for each in _picture_looks(runs)]
    share = (time.perf_counter() - started) / len(runs)
    return [
        Look(desk.begin(each.values), each.critic, shown, share) for each, shown in zip(seen, pictures, strict=True)
    ]


def _picture_looks(runs: Sequence["CellRun"]) -> list[Look]:
    """The pictures of all of these runs by one pass."""
    pictures = picture([run.evaluation for run in runs], [run.state for run in runs], FIELD_SIDE)
    return [Look(dict, picture=each) for each in pictures]
