"""Everything of one kind by name: what the package has, and what comes from outside of it.

A module brings dictionaries: LOSSES, ARCHITECTURES, DATASETS, METRICS, OPTIMIZERS. Those of installed packages are
named by entry points of the groups `gan_zoo.losses`, `gan_zoo.architectures`, ... and are read when a registry is first
asked; those of single files are added by `gan_zoo.plugins`. Neither can take a name that is there already.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module, metadata
from types import ModuleType
from typing import Any, TypeVar

from gan_zoo.errors import UserError, brief

T = TypeVar("T")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}"

Complain = Callable[[Mapping[str, Any], str, Any], str]
"""Gives the fault of a new entry from all that are known, its name and itself; "" where there is none."""


class Registry(Mapping[str, T]):
    """A mapping of names to things of one kind, in the order in which reports and lists show them.

    `attribute` is the name of the dictionary in a module that brings some, `what` one of them in words.
    """

    def __init__(self, attribute: str, what: str, own: Mapping[str, T], complain: Complain) -> None:
        self.attribute, self.what, self._complain = attribute, what, complain
        self._entries: dict[str, T] = {}
        self._modules: dict[str, str] = {}
        self._installed = False
        for name, entry in own.items():
            self._add(name, entry, "gan_zoo", "the package")

    def __getitem__(self, name: str) -> T:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def module_of(self, name: str) -> str:
        """The name of the module that brought `name`; "gan_zoo" where the package did."""
        return self._modules[name]

    def add(self, module: ModuleType, source: str) -> None:
        """All that `module`, found at `source`, has in its dictionary. Raises: UserError where it has none, or for
        an entry that cannot be or whose name is taken."""
        self._all()
        brought = getattr(module, self.attribute, None)
        if not isinstance(brought, Mapping) or not brought:
            raise UserError(f"{source}: expected {self.attribute}, a dictionary that has something by name")
        for name, entry in brought.items():
            self._add(name, entry, module.__name__, source)

    def forget(self, module: str) -> None:
        """Takes out what the module of this name brought."""
        for name in [name for name, known in self._modules.items() if known == module]:
            del self._entries[name], self._modules[name]

    def _add(self, name: str, entry: T, module: str, source: str) -> None:
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            allowed = "up to 60 letters, digits, '.', '_' and '-'"
            raise UserError(f"{source}: {self.attribute}: {brief(name)}: expected a name of {allowed}")
        if name.lower() in map(str.lower, self._entries):
            raise UserError(f"{source}: '{name}' is the name of another {self.what}: choose another")
        complaint = self._complain(self._entries, name, entry)
        if complaint:
            raise UserError(f"{source}: {self.attribute}: '{name}': {complaint}")
        self._entries[name], self._modules[name] = entry, module

    def _all(self) -> dict[str, T]:
        if not self._installed:
            self._installed = True  # before they are read: what an entry point imports may ask this registry
            try:
                self._add_installed()
            except UserError:
                self._installed = False
                raise
        return self._entries

    def _add_installed(self) -> None:
        group = f"gan_zoo.{self.attribute.lower()}"
        for entry in sorted(metadata.entry_points(group=group), key=lambda entry: entry.name):
            source = f"entry point {entry.name} = {entry.value} of {group}"
            try:
                module = entry.load()
            except Exception as error:
                raise UserError(f"{source}: cannot be imported ({type(error).__name__}: {error})") from error
            if module.__name__ not in self._modules.values():
                self.add(module, source)


def from_families(package: str, families: tuple[str, ...], attribute: str) -> dict[str, Any]:
    """The entries of the dictionaries in the modules `families` of a package, one after the other."""
    found: dict[str, Any] = {}
    for family in families:
        found |= getattr(import_module(f"{package}.{family}"), attribute)
    return found
