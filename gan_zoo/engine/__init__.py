"""How an iteration is executed: `n_critic` critic steps and one generator step, by one of several engines.

Every engine is the same function of (state, draws): `plain` runs one operation after the other and is what the others
are tested against. An engine is a circumstance of a run, not part of its spec.
"""

from gan_zoo.engine.chosen import (
    ENGINE_NAMES,
    ENGINES,
    STACK_ENGINES,
    CannotRun,
    Chosen,
    check_engine,
    check_players,
    choose,
    choose_for_one,
    choose_for_stack,
    makes_stacks,
    name_of_chosen,
)
from gan_zoo.engine.plain import plain
from gan_zoo.engine.rows import company, structure
from gan_zoo.engine.stacked import StackEngine, stack_draws, stacked
from gan_zoo.engine.state import Draws, Engine, Iteration, Players, TrainState
from gan_zoo.engine.weights import Weights
from gan_zoo.numerics import Numerics

__all__ = [
    "ENGINES",
    "ENGINE_NAMES",
    "STACK_ENGINES",
    "CannotRun",
    "Chosen",
    "Draws",
    "Engine",
    "Iteration",
    "Numerics",
    "Players",
    "StackEngine",
    "TrainState",
    "Weights",
    "check_engine",
    "check_players",
    "choose",
    "choose_for_one",
    "choose_for_stack",
    "company",
    "makes_stacks",
    "name_of_chosen",
    "plain",
    "stack_draws",
    "stacked",
    "structure",
]
