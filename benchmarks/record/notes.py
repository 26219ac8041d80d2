"""Notes that the UI shows beside the numbers, as Markdown: those of an experiment and of its sweeps."""

NOTE = "mlflow.note.content"
LIMIT = 5000  # characters that MLflow takes

REPORT = "#/experiments/{experiment}/runs/{run}/artifacts/report/report.html?workflowType=machine_learning"
GUIDE = """\
## Looking around

- [The whole report]({report}) of the latest sweep, with tables and figures beside it.
- Losses compared on one data set: type `tags.kind = 'cell' and tags.dataset = '{dataset}'` into the search field, \
*Group by* `loss`, open the chart view, and search there for a score.
- Runs ranked: the same search, then *Sort* by a score. *Models* in the chart view shows the generators' last scores.
- A run's *Model metrics* have its `samples`, with a slider over training steps.
- A sweep's *System metrics* are of the whole machine while it ran."""


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
