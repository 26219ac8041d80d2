"""What captions say: how many seeds, which checkpoint, what bold means, measured how, where, and what is quoted."""

import pandas as pd

from benchmarks.markup.blocks import listed
from benchmarks.report.published import facts_of
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array, comparable_scale
from benchmarks.suites.checkpoint import Checkpoint


def seeds(results: Results) -> str:
    """How many runs a cell has."""
    return f"{len(results.seeds)} training seed{'s' if len(results.seeds) > 1 else ''}"


def checkpoint_rule(results: Results, dataset: str) -> str:
    """Which checkpoint gives the scores of a data set, and after how many generator steps it stands."""
    asked = results.runs[results.runs.dataset == dataset].steps.dropna()
    steps = " or ".join(str(steps) for steps in sorted(asked.unique()))
    return rule(results, dataset, results.checkpoint) + (f" (of {steps} generator steps)" if steps else "")


def rule(results: Results, dataset: str, checkpoint: Checkpoint) -> str:
    """A checkpoint rule in words."""
    if checkpoint.rule == "best":
        chosen = results.label(results.meta["primary"][dataset], arrow=False)
        return f"best checkpoint of each run, chosen by {chosen} on latents and data other than those scored"
    return f"mean of the last {checkpoint.count} checkpoints" if checkpoint.rule == "mean" else "last checkpoint"


def bold_rule(results: Results, scores: list[Array]) -> str:
    """What is bold in columns of `scores` and why."""
    if len(results.seeds) < 2:
        return "One seed: no interval and no test, so nothing is bold."
    return (
        "Bold: the best mean of a loss that mostly finished, and every loss with no more failed runs that a paired "
        f"t-test on {scale(scores)} over seeds (5 %, Holm within the column) cannot tell from it."
    )


def scale(scores: list[Array]) -> str:
    """On what the tests of these columns are made."""
    logs = [comparable_scale(column)[1] for column in scores]
    return "log scores" if all(logs) else "log scores (scores, where one is not positive)" if any(logs) else "scores"


def hardware(results: Results) -> str:
    """Where the runs ran and in which precision, in a few words."""
    done = results.runs[results.runs.status == "done"]
    places = {
        ", ".join(part for part in (run.device, _threads(run.threads), run.numerics) if part)
        for run in done.itertuples()
        if run.device
    }
    name = str(results.environment().get("device", ""))
    parts = [name] if name and not any(name in place for place in places) else []
    return f"Hardware: {'; '.join([*parts, *sorted(places)]) or 'not recorded'}"


def _threads(threads: object) -> str:
    return "threads not recorded" if pd.isna(threads) else f"{threads} thread{'s' if threads != 1 else ''}"


def measured_by(results: Results, dataset: str, metrics: list[str]) -> str:
    """The protocols of metrics in sentences; what several share is said once."""
    holders: dict[str, list[str]] = {}
    for metric in metrics:
        for part in filter(None, results.protocol(dataset, metric).split("; ")):
            holders.setdefault(part, []).append(results.label(metric, arrow=False))
    groups: dict[str, list[str]] = {}
    for part, names in sorted(holders.items(), key=lambda held: -len(held[1])):
        everyone = len(names) == len(metrics) > 1
        what = "All scores" if everyone else listed(names)
        groups.setdefault(what, []).append(part.removeprefix("measure=").replace("=", " ", 1))
    return " ".join(f"{names}: {'; '.join(parts)}." for names, parts in groups.items())


def quoted(results: Results, dataset: str) -> str:
    """What published columns hold and where it is from; nothing where there are none."""
    facts = [f for metric in results.metric_names(dataset) for f in facts_of(dataset, metric, results.losses)]
    if not facts:
        return ""
    return (
        "Published: printed by others, by Inception's features, of other nets, budgets and sample counts, and not "
        "comparable with our columns (with several: least to largest, and how many): "
        f"{'; '.join(dict.fromkeys(fact.source for fact in facts))}."
    )
