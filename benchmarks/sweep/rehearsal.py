"""A sweep planned without a trace: nothing is downloaded, and whatever is worked out vanishes with the plan."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.sweep.plan import Options


@contextmanager
def rehearsal(options: Options) -> Iterator[Options]:
    """The same options with a scratch folder in place of the data sets', where links stand for what is there."""
    with tempfile.TemporaryDirectory(prefix="gan-zoo-") as name:
        scratch = Path(name)
        for path in filter(Path.is_file, options.data.rglob("*")):
            link = scratch / path.relative_to(options.data)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
        yield replace(options, scratch=scratch)
