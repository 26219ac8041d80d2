"""How an iteration is executed: `n_critic` critic steps and one generator step, by one of several engines.

Every engine is the same function of (state, draws): `plain` runs one operation after the other and is what the others
are tested against. An engine is a circumstance of a run, not part of its spec.
"""

from gan_zoo.engine.chosen import Chosen
from gan_zoo.engine.closed_form import closed_form
from gan_zoo.engine.compiled import compiled
from gan_zoo.engine.graph import graph, stacked_graph
from gan_zoo.engine.plain import plain
from gan_zoo.engine.stacked import StackEngine, stack_draws, stacked
from gan_zoo.engine.state import Draws, Engine, Iteration, Numerics, Players, TrainState
from gan_zoo.errors import UserError

__all__ = [
    "ENGINES",
    "STACK_ENGINES",
    "Chosen",
    "Draws",
    "Engine",
    "Iteration",
    "Numerics",
    "Players",
    "StackEngine",
    "TrainState",
    "choose",
    "plain",
    "stack_draws",
    "stacked",
]

ENGINES: dict[str, Engine] = {"plain": plain, "closed-form": closed_form, "compiled": compiled, "graph": graph}


def choose(name: str) -> Chosen:
    """The engine of this name. Errors: UserError that lists the names."""
    if name not in ENGINES:
        raise UserError(f"--engine {name}: unknown engine (there are: {', '.join(ENGINES)})")
    return Chosen(name, ENGINES[name])


STACK_ENGINES: dict[str, StackEngine] = {"stacked": stacked, "stacked-graph": stacked_graph}
"""Several seeds of one cell at once."""
