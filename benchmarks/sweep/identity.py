"""The identity of a cell: what its numbers come from beside its spec. A recorded cell of another one is stale.

science    SCIENCE_VERSION, raised by hand where a change alters weights or scores
data       the fingerprint of the data set's content
numerics   what the run computes in, and on how many threads where that has a part in the numbers
code       the source of the loss's own files, comments and docstrings aside, so that a loss that is edited is another
           one; what of the science differs from the commit of a checkout, or from what was installed; and from outside
           the package the files of the cell's loss, architecture, data set and metrics, and of their own what these
           import
"""

import ast
import functools
import hashlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import gan_zoo
from benchmarks.record.environment import changed_files
from benchmarks.sweep.columns import numerics_text
from benchmarks.sweep.context import Context
from gan_zoo.losses import Loss, parts_of
from gan_zoo.plugins import sources
from gan_zoo.spec import SCIENCE_VERSION, RunSpec

LOSSES_FOLDER, OF_ALL_LOSSES = "losses", ("base.py", "config.py", "numbers.py")
"""The folder of all losses: of it a cell knows only the files of its own loss, and these."""
WITHOUT_NUMBERS = ("__init__.py", "verify")
"""Files and folders of the science that change no weight and no score: registries and tests of losses."""


@dataclass(frozen=True)
class Identity:
    """The identity of a cell, as the tags of its run in the record."""

    science: str
    data: str
    numerics: str
    code: str

    @property
    def tags(self) -> dict[str, str]:
        return asdict(self)

    def differences(self, recorded: Mapping[str, str]) -> str:
        """In what a recorded cell with these tags is another, in words; "" where it is this one."""
        if not any(recorded.get(name) for name in ("science", "data", "code")):
            return "recorded before cells had an identity"
        found = []
        for name, now in self.tags.items():
            was = recorded.get(name, "")
            if was == now:
                continue
            if name in ("data", "code"):  # hashes, of which a beginning tells them apart
                was, now = was[:12], now[:12]
            words = "version of the science" if name == "science" else name
            found.append(f"{words} {was}, now {now}")
        return ", ".join(found)


def identity(spec: RunSpec, fingerprint: str, context: Context) -> Identity:
    """That of `spec` on data of this fingerprint, run in `context` by the code that is there now."""
    numerics = numerics_text(spec, context)
    return Identity(str(SCIENCE_VERSION), fingerprint, numerics, code(spec.loss, sources(spec)))


def code(loss: Loss, outside: Iterable[tuple[str, str]] = ()) -> str:
    """16 hexadecimal digits of the source that a loss and, where it was edited, the science is, and of the files from
    `outside` the package, each by its name and text."""
    files = set(changed_science())
    for kind in map(type, parts_of(loss)):
        if kind.__module__.startswith("gan_zoo."):
            files.add(Path(inspect.getfile(kind)))
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(files):
        digest.update(f"{path.name}\n{source(path)}\n".encode())
    for name, text in sorted(outside):
        digest.update(f"{name}\n{_bare(text)}\n".encode())
    return digest.hexdigest()


@functools.cache
def changed_science() -> frozenset[Path]:
    """The edited files of a checkout or an installation that change numbers, whatever the loss."""
    science = Path(inspect.getfile(gan_zoo)).resolve().parent
    edited = {path.resolve() for path in changed_files() if path.suffix == ".py"}
    changed = {path for path in edited if path.is_relative_to(science)}
    return frozenset(path for path in changed if _has_part_in_all(path.relative_to(science)))


def _has_part_in_all(path: Path) -> bool:
    """Whether a file, by its path in the science, has a part in the numbers of every loss."""
    if path.parts[0] == LOSSES_FOLDER:
        return path.name in OF_ALL_LOSSES
    return not set(WITHOUT_NUMBERS) & set(path.parts)


@functools.cache
def source(path: Path) -> str:
    """A Python file without comments, docstrings and layout; "" where it is gone."""
    return _bare(path.read_bytes()) if path.is_file() else ""


def _bare(text: str | bytes) -> str:
    """Python source without comments, docstrings and layout."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a string alone: the docstring of what stands around or above it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
