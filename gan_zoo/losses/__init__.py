"""The registry of losses. A file of losses is a module with `LOSSES`, a Loss per published name, beside its formulas.

A new loss is one such file in this folder and its name in FAMILIES. An installed package adds its own by an entry point
of the group `gan_zoo.losses` that names such a module; `load_losses` reads one from any file.
"""

from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from gan_zoo.errors import UserError
from gan_zoo.losses.base import Loss, part_name

FAMILIES = (  # in the order of the reports
    "minimax",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
)


def losses_of(module: Any, place: str) -> dict[str, Loss]:
    """The losses of a module. Errors: UserError unless its LOSSES is a mapping of names to losses."""
    losses = getattr(module, "LOSSES", None)
    if not isinstance(losses, dict) or not all(isinstance(loss, Loss) for loss in losses.values()):
        raise UserError(f"{place}: expected LOSSES, a dictionary of gan_zoo.losses.Loss by name")
    return losses


def load_losses(path: Path) -> dict[str, Loss]:
    """The losses of a Python file, which is executed. Errors: UserError where it cannot be, or has none."""
    if not path.is_file() or path.suffix != ".py":
        raise UserError(f"{path}: no Python file; give a .py file with LOSSES")
    module = ModuleType(path.stem)
    try:  # compiled here, not imported: Python's bytecode cache misses an edit of equal length within a second
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except Exception as error:
        raise UserError(f"{path}: cannot be imported ({type(error).__name__}: {error})") from error
    return losses_of(module, str(path))


def installed_losses() -> dict[str, Loss]:
    """The losses of installed packages. Errors: UserError that names the entry point."""
    found: dict[str, Loss] = {}
    for entry in sorted(metadata.entry_points(group="gan_zoo.losses"), key=lambda entry: entry.name):
        found |= losses_of(entry.load(), f"entry point {entry.name} = {entry.value}")
    return found


LOSSES: dict[str, Loss] = {
    name: loss
    for family in FAMILIES
    for name, loss in losses_of(import_module(f"{__name__}.{family}"), f"gan_zoo/losses/{family}.py").items()
}
LOSSES |= {name: loss for name, loss in installed_losses().items() if name not in LOSSES}

ADVERSARIAL: dict[str, type] = {part_name(loss.adversarial): type(loss.adversarial) for loss in LOSSES.values()}
PENALTIES: dict[str, type] = {part_name(part): type(part) for loss in LOSSES.values() for part in loss.penalties}
