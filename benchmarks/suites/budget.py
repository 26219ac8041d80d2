"""The training budget of a suite, from which the steps of each of its cells follow.

    budget: {images: 480k}           real images that the critic sees: steps = images / (n_critic x batch size)
    budget: {generator_steps: 1500}  steps, as they are
    budget: {critic_steps: 7500}     steps = critic steps / n_critic
    budget: {seconds: 60}            steps = seconds / what a step takes in the timing pass, on the device at hand

Steps are rounded down: no cell exceeds its budget.
"""

import re
from dataclasses import dataclass, fields, replace
from typing import Annotated

from pydantic import BeforeValidator, Field

from gan_zoo.errors import UserError, brief
from gan_zoo.spec import RunSpec
from gan_zoo.validation import Positive, SpecError, refusal, strict

UNITS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
MOST_STEPS = 1_000_000_000
PACED = 200
"""Steps of a cell whose budget is seconds until its pace is known."""


def _read_amount(value: object) -> object:
    """A count that may be written 480k, 1.5M or 2G as a whole number; anything else as it is, for others to refuse."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)([kMG]?)", value) if isinstance(value, str) else None
    if found is None:
        if isinstance(value, str):
            raise refusal(f"expected a whole number, as 480000 or 480k, got {brief(value)}")
        return value
    number = round(float(found[1]) * UNITS[found[2]], 6)
    if not number.is_integer():
        raise refusal(f"expected a whole number, as 480000 or 480k, got {brief(value)}")
    return int(number)


Amount = Annotated[int, BeforeValidator(_read_amount), Field(gt=0, le=10**15)]
WORDS = {
    "images": "real images seen by the critic",
    "generator_steps": "generator steps",
    "critic_steps": "critic steps",
    "seconds": "seconds of training, by the timing pass",
}


@strict
@dataclass(frozen=True)
class Budget:
    """How long each cell is trained, in one of four currencies."""

    images: Amount | None = None
    generator_steps: Amount | None = None
    critic_steps: Amount | None = None
    seconds: Positive | None = None

    def __post_init__(self) -> None:
        if len(self.content) != 1:
            known, given = ", ".join(WORDS), ", ".join(self.content) or "none"
            raise UserError(f"expected one of {known}, got {given}")

    @property
    def content(self) -> dict[str, float]:
        """The budget as plain data, as a suite says it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def kind(self) -> str:
        """The currency."""
        return next(iter(self.content))

    @property
    def amount(self) -> float:
        return self.content[self.kind]

    def price(self, spec: RunSpec) -> float:
        """The price of one generator step of `spec` with its critic steps; of seconds nothing is known here."""
        n_critic, batch = spec.train.n_critic, spec.train.batch_size
        return {"images": n_critic * batch, "generator_steps": 1, "critic_steps": n_critic}[self.kind]

    def spend(self, spec: RunSpec, price: float | None = None) -> RunSpec:
        """`spec` with as many steps as the budget pays for, at what a step costs, which of seconds is to be given:
        until then a cell has PACED steps, or those of an evaluation.

        Raises: SpecError where that is no step, or more than there can be.
        """
        if price is None:
            if self.kind == "seconds":
                return _with_steps(spec, max(PACED, spec.evaluate.every))
            price = self.price(spec)
        steps = int(self.amount / price)
        if not 0 < steps <= MOST_STEPS:
            cost = f"a generator step of '{spec.loss_name}' on {spec.dataset.name} takes {price:.6g}"
            wrong = "gives no step" if steps <= 0 else f"gives more than {MOST_STEPS} steps"
            raise SpecError(("budget", self.kind), f"{self.amount:.12g} {wrong}: {cost}")
        return _with_steps(spec, steps)


def _with_steps(spec: RunSpec, steps: int) -> RunSpec:
    """`spec` of another length."""
    return replace(spec, train=replace(spec.train, steps=steps))


def refuse_idle_evaluation(spec: RunSpec, budget: Budget | None) -> None:
    """Raises: SpecError where a run would end before its first evaluation is due."""
    every, steps = spec.evaluate.every, spec.train.steps
    if every > steps:
        whose = f"train.steps {steps}" if budget is None else f"the {steps} of '{spec.loss_name}' in the budget"
        reason = f"{every} steps are more than {whose}: set it to at most that"
        raise SpecError(("evaluate", "every"), reason, ("train", "steps") if budget is None else ("budget",))
