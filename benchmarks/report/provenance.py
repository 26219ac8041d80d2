"""The end of every report: versions, machine and runs, and the commands that make each table and figure again."""

import json
import shlex
from typing import Any

from benchmarks.markup.blocks import (
    Block,
    Code,
    Figure,
    Heading,
    Items,
    Slider,
    Table,
    Text,
    columns_of,
    entries_of,
    unfolded,
)
from benchmarks.report.captions import hardware
from benchmarks.report.results import Results
from benchmarks.report.tables import run_table


def provenance(results: Results, parts: list[Block]) -> list[Block]:
    """Versions, machine, runs, and how to make all `parts` again."""
    environment = []
    for key, value in results.environment.items():
        environment.append(entries_of((str(key), _plain(value))))
    columns = columns_of(("what", "value"))
    sweep: list[Block] = [
        Heading("Provenance"),
        Text(f"Suite {results.meta['suite']}; {len(results.runs)} runs. {hardware(results)}."),
        Table("environment", "Versions and machine.", columns, environment),
        run_table(results),
    ]
    return sweep + _rebuilding(results, parts + sweep)


def _rebuilding(results: Results, parts: list[Block]) -> list[Block]:
    commands = [*map(str, results.meta.get("commands", [])), rebuild_command(results, "NAME")]
    tables: dict[str, None] = {}
    figures: dict[str, None] = {}
    for part in unfolded(parts):
        # A table and the figure that draws it may share a name, and then it is named once in each list.
        if isinstance(part, Table):
            tables[part.name] = None
        elif isinstance(part, Figure | Slider):
            figures[part.name] = None
    names = []
    for kind, known in (("tables", tables), ("figures", figures)):
        if known:
            names.append(f"NAME of {kind}: {', '.join(known)}")
    return [
        Heading("Rebuilding"),
        Text(
            "The commands that made this sweep, its tables and its figures; the last one makes one table (as LaTeX, "
            "Markdown, HTML and CSV) or one figure from the export alone:"
        ),
        Code("\n".join(commands)),
        Items(names),
        Text("All tables and figures are made from the export beside this report alone, the same bytes each time."),
    ]


def rebuild_command(results: Results, name: str) -> str:
    """The command that makes one table or figure again, with whatever this report was narrowed to."""
    words = ["gan-zoo", "report", _place_of(results), "--from-export"]
    for key, value in results.asked.items():
        words += [f"--{key}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return shlex.join([*words, "--only", name])


def _place_of(results: Results) -> str:
    """What `gan-zoo report` is to be given: the suite, or the folder that a first look has for itself."""
    for command in results.meta.get("commands", []):
        words = shlex.split(str(command))
        if words[:2] == ["gan-zoo", "report"] and len(words) == 3:
            return words[2]
    return str(results.meta["suite"])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
