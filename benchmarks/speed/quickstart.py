"""The training work of the suite quickstart, loss by loss: the textbook loop against our engines, on its own settings.

On equal draws all of them end with equal weights (`tests/test_speed.py`, `tests/test_engines.py`). The textbook loop
computes in fast numerics, as people run it, our engines in reference numerics.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.record.environment import data_folder
from benchmarks.speed.bench import PINNED, Bench, Stretch, bench, interleave
from benchmarks.speed.measure import stretch_of, take
from benchmarks.speed.textbook import own_source, textbook, textbook_nets
from benchmarks.suites.suite import load_suite
from gan_zoo.datasets import load_dataset
from gan_zoo.engine import choose_for_one, plain
from gan_zoo.numerics import Numerics
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.trainer import Run, initial_state, prepare, train

ITERATIONS, ROUNDS = 16, 5


@dataclass(frozen=True)
class Gain:
    """CPU milliseconds of an iteration on one pinned thread: medians of interleaved rounds."""

    loss: str
    dataset: str
    steps: int
    textbook: float
    plain: float
    auto: float
    engine: str
    """that `auto` chose"""


def times_faster(gains: Sequence[Gain]) -> dict[str, float]:
    """By how many times plain and auto are faster than the textbook loop, in all iterations of these cells."""
    seconds = {name: sum(getattr(g, name) * g.steps for g in gains) for name in ("textbook", "plain", "auto")}
    return {name: seconds["textbook"] / seconds[name] for name in ("plain", "auto")}


def gains() -> Iterator[Gain]:
    """Every loss on every data set of quickstart."""
    suite, root = load_suite("quickstart"), data_folder()
    with bench("fast", PINNED, convolves=False) as fast, bench("reference", PINNED, convolves=False) as reference:
        for spec in suite.cells:
            if spec.seed == suite.seeds[0]:
                yield gain(spec, root, fast, reference)


def gain(spec: RunSpec, root: Path, fast: Bench, reference: Bench) -> Gain:
    """The gain of `spec`, of rounds in which all three run in turn. Raises: RuntimeError where one does not run."""
    content = spec.to_dict()
    reasons = fast.hold(candidates, content, root, ("textbook",), "fast")
    reasons |= reference.hold(candidates, content, root, ("plain", "auto"), "reference")
    for name, reason in reasons.items():
        if reason:
            raise RuntimeError(f"{spec.label}: {name}: {reason}")
    runners = {name: partial((fast if name == "textbook" else reference).seconds, name) for name in reasons}
    seconds = interleave(runners, ROUNDS)
    cost = {name: 1000 * median(each) / ITERATIONS for name, each in seconds.items()}
    run = run_of(content, root, "reference")
    chosen = choose_for_one("auto", run.players, run.device).name
    return Gain(spec.loss_name, spec.dataset.name, spec.train.steps, **cost, engine=chosen)


def candidates(content: dict[str, Any], root: Path, names: Sequence[str], numerics: Numerics) -> dict[str, Stretch]:
    """Stretches of ITERATIONS iterations of the cell whose spec is `content`."""
    run = run_of(content, root, numerics)
    found: dict[str, Stretch] = {}
    for name in names:
        if name == "textbook":
            found[name] = partial(take, textbook(run, *textbook_nets(run), own_source(run)), ITERATIONS)
        else:
            engine = plain if name == "plain" else choose_for_one(name, run.players, run.device)
            found[name] = stretch_of(train(run, initial_state(run), engine), ITERATIONS)
    return found


def run_of(content: dict[str, Any], root: Path, numerics: Numerics) -> Run:
    spec = run_spec(content)
    return prepare(spec, load_dataset(spec.dataset.name, root=root), numerics=numerics)
