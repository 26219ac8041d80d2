"""Losses, architectures, data sets, metrics and optimisers from single Python files.

A plugin is one .py file with any of LOSSES, ARCHITECTURES, DATASETS, METRICS and OPTIMIZERS, dictionaries as the
registries of the package are. It is code, and it is run when it is loaded. What it is belongs to the runs that use it:
`sources` has the texts that tell a run from those of other code.
"""

import ast
import functools
import hashlib
import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.datasets import DATASETS
from gan_zoo.errors import UserError
from gan_zoo.files import expanded, read_text
from gan_zoo.losses import LOSSES, parts_of
from gan_zoo.metrics.registry import METRICS
from gan_zoo.optimizers import OPTIMIZERS
from gan_zoo.registry import Registry
from gan_zoo.spec import RunSpec
from gan_zoo.validation import adapter

REGISTRIES: tuple[Registry[Any], ...] = (LOSSES, ARCHITECTURES, DATASETS, METRICS, OPTIMIZERS)
LARGEST_FILE = 1_000_000  # bytes
LIBRARY = sysconfig.get_path("stdlib")
INSTALLED = {"site-packages", "dist-packages"}
"""Folders of packages whose versions are theirs to tell."""


@dataclass(frozen=True)
class Plugin:
    """A plugin as it was read: other processes load this very text, whatever becomes of the file."""

    path: Path
    text: str

    @property
    def module(self) -> str:
        """The name of its module, which tells it from every other one."""
        mark = hashlib.sha256(f"{self.path}\n{self.text}".encode()).hexdigest()[:12]
        return f"gan_zoo_plugin_{re.sub(r'[^A-Za-z0-9_]', '_', self.path.stem)}_{mark}"


_loaded: dict[str, Plugin] = {}


def loaded() -> tuple[Plugin, ...]:
    """The plugins of this process, in the order in which they were loaded."""
    return tuple(_loaded.values())


def read_plugin(path: Path) -> Plugin:
    """The plugin at `path`. Raises: UserError where there is no Python file that can be read."""
    path = expanded(path)
    if path.suffix != ".py" or not path.is_file():
        attributes = ", ".join(registry.attribute for registry in REGISTRIES)
        raise UserError(f"{path}: no Python file; give a .py file with any of {attributes}")
    return Plugin(path.resolve(), read_text(path, LARGEST_FILE))


def load(plugin: Plugin) -> ModuleType:
    """Runs a plugin and registers what it brings; nothing where it is loaded already.

    Raises: UserError where it cannot be run, brings nothing, or brings what cannot be; then it leaves nothing behind.
    """
    if plugin.module not in _loaded:
        try:
            _register(_module(plugin), plugin)
        except UserError:
            _forget(plugin)
            raise
        _loaded[plugin.module] = plugin
        adapter.cache_clear()
    return sys.modules[plugin.module]


@contextmanager
def scope() -> Iterator[None]:
    """Forgets at its end the plugins that were loaded within it. Raises: UserError where the code of one fails."""
    before = set(_loaded)
    try:
        yield
    except Exception as error:
        if not isinstance(error, UserError) and (place := _place_in_plugin(error)):
            raise UserError(f"{place}: {_reason(error)}") from error
        raise
    finally:
        for name in [name for name in _loaded if name not in before]:
            _forget(_loaded.pop(name))


def sources(spec: RunSpec) -> set[tuple[str, str]]:
    """The files from outside the package that the loss, architecture, optimiser, data set and metrics of `spec` come
    from, and those of their own that these import: each one's name and its text as it was loaded."""
    names = {type(part).__module__ for part in (*parts_of(spec.loss), spec.architecture, spec.train.optimizer)}
    if spec.dataset.name in DATASETS:
        names.add(DATASETS.module_of(spec.dataset.name))
    names |= {METRICS.module_of(name) for name in METRICS if _scores(spec, name)}
    waiting = [name for name in names if not _is_ours(name)]
    found: dict[str, tuple[str, str]] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _file_of(name)
            waiting += _own_imports(name, found[name][1])
    return set(found.values())


def _file_of(name: str) -> tuple[str, str]:
    """The name and the text of a module's file."""
    if name in _loaded:
        return _loaded[name].path.name, _loaded[name].text
    path = Path(inspect.getfile(sys.modules[name]))
    return path.name, _first_read(path)


@functools.cache
def _first_read(path: Path) -> str:
    """A file as it was soon after it was imported, for what runs is that, whatever becomes of the file."""
    return path.read_text(encoding="utf-8")


def _own_imports(importer: str, text: str) -> list[str]:
    """The modules that a module from outside the package imports and that come with it: those of its own package, and
    files that are not installed."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = sys.modules[importer].__package__ or ""
            base = resolve_name("." * node.level + (node.module or ""), package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [name for name in names if _comes_with(importer, name)]


def _comes_with(importer: str, name: str) -> bool:
    path = Path(getattr(sys.modules.get(name), "__file__", None) or "")
    if path.suffix != ".py" or _is_ours(name):
        return False
    installed = path.is_relative_to(LIBRARY) or not INSTALLED.isdisjoint(path.parts)
    return not installed or name.split(".")[0] == importer.split(".")[0]


def _is_ours(module: str) -> bool:
    return module.split(".")[0] in ("gan_zoo", "benchmarks")


def _scores(spec: RunSpec, name: str) -> bool:
    """Whether `spec` is scored by this metric; of images its names go on with extractor, count and split."""
    asked = spec.evaluate.metrics
    return any(f"{metric}_".startswith(f"{name}_") for metric in asked) if asked else METRICS[name].default


def _place_in_plugin(error: Exception) -> str:
    """The last line of a plugin that an error came through; "" where it came through none."""
    ours = {str(plugin.path) for plugin in _loaded.values()}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in ours]
    return f"{frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name}" if frames else ""


def _reason(error: BaseException) -> str:
    """An error on one line."""
    first = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {first}".strip()


def _module(plugin: Plugin) -> ModuleType:
    """A plugin's module, run. It stands among the imported ones, where dataclasses and `inspect` look for it.

    Compiled here, not imported: Python's bytecode cache misses an edit of equal length within a second.
    """
    module = ModuleType(plugin.module)
    module.__file__ = str(plugin.path)
    sys.modules[plugin.module] = module
    try:
        exec(compile(plugin.text, str(plugin.path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{plugin.path}: cannot be imported ({reason})") from error
    return module


def _register(module: ModuleType, plugin: Plugin) -> None:
    brings = [registry for registry in REGISTRIES if hasattr(module, registry.attribute)]
    if not brings:
        attributes = ", ".join(registry.attribute for registry in REGISTRIES)
        raise UserError(f"{plugin.path}: brings nothing: expected any of {attributes}, dictionaries by name")
    for registry in brings:
        registry.add(module, str(plugin.path))


def _forget(plugin: Plugin) -> None:
    for registry in REGISTRIES:
        registry.forget(plugin.module)
    sys.modules.pop(plugin.module, None)
    adapter.cache_clear()
