"""Names of files for data sets of any name."""

import re
from collections.abc import Sequence


def slug(name: str) -> str:
    """A file name for any data set's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "data"


def unique_slugs(names: Sequence[str]) -> dict[str, str]:
    """Name -> the part of file names that identifies it; unique, whatever the names are."""
    slugs = [slug(name) for name in names]
    unique = {}
    for position, (name, short) in enumerate(zip(names, slugs, strict=True)):
        unique[name] = short if slugs.count(short) == 1 else f"{short}-{position}"
    return unique
