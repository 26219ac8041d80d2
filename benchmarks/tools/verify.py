"""`gan-zoo verify`: the conformance checks on losses, as a table of measured deviations."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from gan_zoo.errors import UserError, suggestion
from gan_zoo.losses import LOSSES, Loss
from gan_zoo.plugins import loaded
from gan_zoo.verify import CHECKS, Result, verify


def choose(names: Sequence[str]) -> dict[str, Loss]:
    """The named losses; without names those of plugins, or all where there are no plugins.

    Raises: UserError for an unknown name, and for plugins that bring no loss.
    """
    for name in names:
        if name not in LOSSES:
            raise UserError(f"verify {name}: unknown loss ({suggestion(name, LOSSES)})")
    plugins = [plugin.module for plugin in loaded()]
    own = [name for name in LOSSES if LOSSES.module_of(name) in plugins]
    if plugins and not (names or own):
        raise UserError("verify --plugin: there is no loss in it (LOSSES), and verify checks nothing else")
    return {name: LOSSES[name] for name in names or own or LOSSES}


def check_all(losses: Mapping[str, Loss], say: Callable[[str], None] = print) -> int:
    """Says the table, row by row as each loss is checked, and what failed; the number of failures."""
    width = max(map(len, losses)) + 2
    say(row("", CHECKS, width))
    failed: list[str] = []
    for name, loss in losses.items():
        results = verify({name: loss})[name]
        say(row(name, map(entry, results.values()), width))
        for check, result in results.items():
            if not result.passed:
                failed.append(f"FAILED {name}: {check}: {reason(result)}")
    say("\nThe worst deviation of each check from its known answer; - where it has nothing to say of a loss.")
    for name, known in CHECKS.items():
        say(f"{name:12}{known.about}; within {known.tolerance:g}")
    say("")
    for line in failed:
        say(line)
    say(f"{len(losses)} losses, {len(failed)} failed checks")
    return len(failed)


def row(name: str, entries: Iterable[str], width: int) -> str:
    """A line of the table, whose first column is so wide."""
    return f"{name:{width}}" + "".join(f"{text:>11}" for text in entries)


def reason(result: Result) -> str:
    return f"deviation {result.deviation:.2g}, allowed {result.tolerance:g}: {result.where}"


def entry(result: Result) -> str:
    """The worst deviation, marked where it fails."""
    if result.deviation is None:
        return "-"
    return f"{result.deviation:.0e}".replace("0e+00", "0") + "!" * (not result.passed)
