"""Notes that the UI shows beside the numbers, as Markdown: those of an experiment, of its sweeps, and of cells."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.record.views import OF, TRAINING_RUNS, View, address, view_id

NOTE = "mlflow.note.content"
LIMIT = 5000  # characters that MLflow takes
MOST_ROWS = 8
"""Data sets whose views a note links to: the menu of saved views has all."""

RUN = f"#/experiments/{{experiment}}/runs/{{run}}?{TRAINING_RUNS}"
REPORT = f"#/experiments/{{experiment}}/runs/{{run}}/artifacts/report/report.html?{TRAINING_RUNS}"
GUIDE = """\
## Looking around

- [The whole report]({report}) of the latest sweep, with tables and figures beside it.
{views}
- These are saved views, in the menu of that name; save your own beside them.
- A run's *Model metrics* begin with the score that reports call primary and with samples over training steps.
- A sweep's *System metrics* are of the whole machine while it ran."""


def view_links(experiment: str, views: Iterable[View]) -> str:
    """A line for each data set, and one for the rest, with links to their views."""
    rows: dict[str, list[str]] = {}
    for view in views:
        dataset, _, name = view.name.rpartition(OF)
        rows.setdefault(dataset, []).append(f"[{name}]({address(experiment, view.id)})")
    others = rows.pop("", [])
    lines = [f"- {dataset}: {', '.join(links)}" for dataset, links in list(rows.items())[:MOST_ROWS]]
    return "\n".join(lines + ([f"- {', '.join(others)}"] if others else []))


def cell_note(experiment: str, tags: Mapping[str, Any], status: str, primary: str, scores: Mapping[str, float]) -> str:
    """What a run says of itself when it has ended: its last scores, the primary one first, and where to look next."""
    named = sorted(scores, key=lambda name: (name != primary, name))
    lines = [f"- `{name}`: {scores[name]:.6g}" + (" (primary score)" if name == primary else "") for name in named]
    links = []
    if "mlflow.parentRunId" in tags:
        links.append(f"[the sweep]({RUN.format(experiment=experiment, run=tags['mlflow.parentRunId'])})")
    if dataset := tags.get("dataset"):
        links.append(f"[scores by loss on {dataset}]({address(experiment, view_id('scores', dataset))})")
        links.append(f"[all runs on {dataset}]({address(experiment, view_id('runs', dataset))})")
    return "\n".join([f"Last scores of a run that is {status}:", "", *lines, "", f"See {', '.join(links)}."])


def report_note(report: str, guide: str = "") -> str:
    """A report's description, cautions and summary, that is `report` less its title and its later sections.

    The end is left out where all would be too long, never the `guide` that follows it.
    """
    body = report.partition("\n")[2]
    opening = "\n## ".join(body.split("\n## ")[:2]).strip()
    room = LIMIT - len(guide) - 2
    if len(opening) > room:
        opening = opening[: room - 3].rpartition("\n")[0] + "\n\n\u2026"
    return f"{opening}\n\n{guide}".strip()
