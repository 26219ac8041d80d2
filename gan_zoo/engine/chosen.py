"""An engine by its name, with the way out: one that cannot run here gives way to `plain`, and says why."""

from dataclasses import dataclass
from typing import Any

from gan_zoo.engine.plain import plain
from gan_zoo.engine.state import Draws, Engine, Iteration, Players, TrainState
from gan_zoo.losses.base import Terms


@dataclass
class Chosen:
    """The engine that a run was asked to use. After its first iteration `name` is the one that runs and `reason`, where
    that is another one, the error that made it so."""

    name: str
    engine: Engine
    reason: str = ""

    def __call__(self, players: Players, state: TrainState) -> Iteration:
        before = state.to_dict()
        try:
            iteration = self.engine(players, state)
        except Exception as error:
            return self._give_way(error, players, state, before)
        tried = False

        def first(draws: Draws) -> Terms:
            nonlocal iteration, tried
            if tried:
                return iteration(draws)
            tried = True
            try:
                return iteration(draws)
            except Exception as error:
                iteration = self._give_way(error, players, state, before)
                return iteration(draws)

        return first

    def _give_way(self, error: Exception, players: Players, state: TrainState, before: dict[str, Any]) -> Iteration:
        """The plain iteration from the state as it was; what fails there as well is an error of the run."""
        self.reason = f"{self.name}: {type(error).__name__}: {error}".split("\n")[0]
        self.name, self.engine = "plain", plain
        state.load(before)
        return plain(players, state)
