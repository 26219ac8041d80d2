"""`evaluate: {times: 4}` in a suite, in place of `every`: as many evaluations of each cell, evenly over its steps.
Steps between two are rounded up, so that there is never one more.

Where cells have a budget their steps differ, and with `every` one would be scored five times as often as another. A
cell's spec has the steps between two evaluations, as ever.
"""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from benchmarks.suites.budget import Budget
from gan_zoo.spec import RunSpec
from gan_zoo.validation import SpecError, validated

MOST_TIMES = 10_000
Times = Annotated[int, Field(gt=0, le=MOST_TIMES)]
PATH = ("evaluate", "times")


def take_times(content: dict[str, Any], budget: Budget | None) -> int | None:
    """Takes `evaluate.times` out of the settings of a cell and leaves an `every` there; None where it is not said.

    Raises: SpecError where it is no count, stands beside `every`, or where the steps are not known beforehand.
    """
    evaluate = content.get("evaluate")
    if not isinstance(evaluate, dict) or "times" not in evaluate:
        return None
    times: int = validated(Times, evaluate["times"], PATH)
    if "every" in evaluate:
        raise SpecError(PATH, "given beside every, which says the same: leave one of them out", ("evaluate", "every"))
    if budget is not None and budget.kind == "seconds":
        raise SpecError(PATH, "does not go with a budget of seconds, whose steps follow from the device: give every")
    others = {key: value for key, value in evaluate.items() if key != "times"}
    content["evaluate"] = {**others, "every": 1}
    return times


def evaluated(spec: RunSpec, times: int) -> RunSpec:
    """`spec` evaluated so many times, the last time at its end.

    Raises: SpecError where it has fewer steps.
    """
    steps = spec.train.steps
    if times > steps:
        raise SpecError(PATH, f"{times} evaluations are more than the {steps} steps of '{spec.loss_name}': take fewer")
    return replace(spec, evaluate=replace(spec.evaluate, every=-(-steps // times)))
