"""Fingerprints of reference numerics on a CPU: what this processor computes, held against a committed table.

A fingerprint is a hash of the bits that one operation gives on fixed inputs (`operations`), that the scores give on
fixed samples (`scores`), or that a few iterations of training leave in both nets (`cells`). Where a processor differs,
the name of the fingerprint says in what. The table holds for the versions of torch and NumPy that it names.

    python -m gan_zoo.fingerprints [NAME ...]       compare, and name what differs
    python -m gan_zoo.fingerprints --write          put this processor's into the table
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_zoo.fingerprints.cells import CELLS
from gan_zoo.fingerprints.operations import OPERATIONS
from gan_zoo.fingerprints.scores import SCORES

TABLE = Path(__file__).parent / "table.json"
ALL: dict[str, Callable[[], str]] = {**OPERATIONS, **SCORES, **CELLS}


def versions() -> dict[str, str]:
    """The versions that bits depend on beside the processor."""
    return {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__}


def table() -> dict[str, Any]:
    """The committed table: `versions`, and `fingerprints` by name."""
    content: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return content


def selected(words: Sequence[str]) -> list[str]:
    """The names that begin with one of `words`, or all of them."""
    return [name for name in ALL if not words or name.startswith(tuple(words))]


def differences(words: Sequence[str] = ()) -> Iterator[str]:
    """The names of the fingerprints that are others here than in the table, as they are found."""
    known = table()["fingerprints"]
    for name in selected(words):
        if ALL[name]() != known.get(name):
            yield name


def write() -> None:
    """Replace the table by what is computed here."""
    content = {"versions": versions(), "fingerprints": {name: compute() for name, compute in ALL.items()}}
    TABLE.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
