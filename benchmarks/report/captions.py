"""Sentences of captions: how many seeds, which checkpoint, the meaning of marks, how and where it was measured."""

import math
from typing import Any

import pandas as pd

from benchmarks.markup.blocks import Mark, amount, listed, number
from benchmarks.report.dataset_results import FLOOR, TRANSPORT, DatasetResults
from benchmarks.report.health import TOLERANCE, unhealthy_losses
from benchmarks.report.names import shown
from benchmarks.report.results import Results
from benchmarks.report.summary import Summary
from benchmarks.suites.checkpoint import Checkpoint

BEST = Mark("best", bold=True)
EQUIVALENT = Mark("equivalent", "\u2248")
UNDECIDED = Mark("undecided", "?")
WORSE = Mark("worse")
MARKS = {mark.word: mark for mark in (BEST, EQUIVALENT, UNDECIDED, WORSE)}
"""How verdicts against the best loss look, in any renderer, without colour; a better one has no symbol either."""


UNHEALTHY = "\u2020"


def remarks(scored: list[tuple[DatasetResults, str]]) -> list[str]:
    """Notes on the last row of a table of these metrics, where it has a floor, and on unhealthy critics."""
    counts: dict[str, set[int]] = {FLOOR: set(), TRANSPORT: set()}
    is_unhealthy = False
    for dataset, metric in scored:
        floor = dataset.floor(metric)
        if floor is not None:
            counts[dataset.floor_name(metric)].add(len(floor[0]))
        is_unhealthy |= bool(unhealthy_losses(dataset))
    texts = []
    if counts[FLOOR]:
        texts.append(
            f"{FLOOR.capitalize()}: held-out real data scored as if generated, {_over_draws(counts[FLOOR])}: what a "
            "score means is its distance from it; no part of any ranking."
        )
    if counts[TRANSPORT]:
        texts.append(
            f"{TRANSPORT.capitalize()}: what the optimal transport between samples of both distributions has in a "
            f"critic's place, {_over_draws(counts[TRANSPORT])}; no part of any ranking."
        )
    if is_unhealthy:
        texts.append(
            f"{UNHEALTHY}: unhealthy critic, whose gradient norm is over {TOLERANCE:g} times what its loss asks for, "
            f"or whose estimate is over {TOLERANCE:g} times the exact distance (medians over seeds, last checkpoint)."
        )
    return texts


def _over_draws(counts: set[int]) -> str:
    """What is shown of so many draws."""
    if counts == {1}:
        return "one draw"
    return f"mean ± half-width of the 95 % t-interval over {' or '.join(map(str, sorted(counts)))} draws"


def health_sentence(dataset: DatasetResults) -> str:
    """Which critics are unhealthy on a data set and why; nothing where none is known to be."""
    faults = unhealthy_losses(dataset)
    named = "; ".join(f"that of {shown(loss, 48)}: {fault}" for loss, fault in faults.items())
    return f"Unhealthy critics on {dataset.title} ({UNHEALTHY}): {named}." if faults else ""


def planned_images(run: Any) -> float:
    """How many real images the critic sees in a run that comes to its end; NaN where that is not recorded."""
    return float(run.steps * run.n_critic * run.batch_size) if pd.notna(run.steps * run.n_critic) else float("nan")


def budget_sentence(results: Results) -> str:
    """How much the losses were trained on each data set, and in what that is the same for all; empty without runs."""
    images: dict[str, str] = {}
    critic_steps: set[float] = set()
    same = same_images = True
    for dataset in results.each_dataset:
        known = [dataset.cell_runs(loss).dropna(subset=["steps", "n_critic"]) for loss in results.losses]
        runs = [run for each in known for run in each[:1].itertuples()]
        if not runs:
            continue
        seen = [planned_images(run) for run in runs]
        images[dataset.title] = _span(seen)
        critic_steps |= {float(run.n_critic) for run in runs}
        same_images &= len(set(seen)) < 2
        same &= len({(run.steps, run.n_critic, run.batch_size) for run in runs}) < 2
    if not images:
        return ""
    amounts = set(images.values())
    each = [f"{amount} real images on {title}" for title, amount in images.items()]
    text = f"{amounts.pop()} real images" if len(amounts) == 1 else listed(each)
    if not same_images:
        return f"Budgets differ: {text} (table recipes)."
    if same:
        return f"All losses see {text}, in as many steps (table recipes)."
    ratio = f"{_span(list(critic_steps))} critic steps to a generator step"
    return f"All losses see {text}, in unlike steps: {ratio} (table recipes)."


def _span(values: list[float]) -> str:
    """The least and the greatest of some counts; one where they are equal."""
    return " to ".join(dict.fromkeys(amount(end) for end in (min(values), max(values))))


def tuning_sentence(results: Results) -> str:
    """How the settings of a tuned suite were found; empty for any other."""
    tuned = results.meta.get("tuned") or {}
    if not tuned:
        return ""
    adaptive = tuned.get("adaptive")
    search = f"an adaptive search ({adaptive})" if adaptive else "a random search"
    return (
        f"Settings: the best of {tuned['settings']} of {search} for each loss on each data set, by "
        f"{tuned.get('chosen_by') or 'validation scores'}, on seeds other than these (suite {tuned['source']})."
    )


def seeds(results: Results) -> str:
    """How many runs a cell has."""
    return f"{len(results.seeds)} training seed{'s' if len(results.seeds) > 1 else ''}"


def means(results: Results) -> str:
    """What a cell of scores is."""
    return f"mean ± half-width of the 95 % t-interval over the finished of {seeds(results)}"


def checkpoints(datasets: list[DatasetResults]) -> str:
    """Which checkpoint gives the scores of these data sets; what they share is said once."""
    rules = dict.fromkeys(rule(dataset, dataset.results.checkpoint) for dataset in datasets)
    return "; ".join(rules)


def steps_sentence(dataset: DatasetResults) -> str:
    """After how many generator steps runs on a data set end."""
    steps = " or ".join(map(str, sorted(dataset.runs.steps.dropna().unique())))
    return f"Runs end after {steps} generator steps." if steps else ""


def rule(dataset: DatasetResults, checkpoint: Checkpoint) -> str:
    """A checkpoint rule in words."""
    if checkpoint.rule == "best":
        chosen = dataset.results.metrics[dataset.primary].label
        return f"best checkpoint of each run, chosen by {chosen} on latents and data other than those scored"
    return f"mean of the last {checkpoint.count} checkpoints" if checkpoint.rule == "mean" else "last checkpoint"


def marks_key(datasets: list[DatasetResults]) -> str:
    """The marks in columns of scores on these data sets, in a line."""
    results = datasets[0].results
    if len(results.seeds) < 2:
        return "One seed: no interval and no verdict, so nothing is bold."
    unhealthy = f"; {UNHEALTHY}: unhealthy critic" if any(map(unhealthy_losses, datasets)) else ""
    return (
        f"Bold: best; {EQUIVALENT.symbol}: equivalent to it within {100 * results.margin:g} %; {UNDECIDED.symbol}: "
        f"undecided; no mark: worse{unhealthy}."
    )


def verdict_rule(results: Results, summaries: list[Summary]) -> str:
    """How verdicts in columns of these summaries come about, and how probable it is that a repeat contradicts one;
    empty where there are none."""
    if len(results.seeds) < 2:
        return ""
    share, margin = results.margin, f"{100 * results.margin:g} %"
    within = f"within {number(1 / (1 + share))} to {number(1 + share)}, a margin of {margin}"
    marks = (
        "Verdicts: best is the best mean of a loss that mostly finished. The others against it, by the 95 % interval "
        f"of {ratio(summaries)}, paired by seed and simultaneous over all pairs: {EQUIVALENT.symbol} equivalent "
        f"(it is {within}); no mark: worse (it is beyond); {UNDECIDED.symbol} undecided (neither, which is no tie)."
        " A loss that failed more often is never equivalent."
    )
    odd = (
        f"Where a score is not positive: differences, and {margin} of the metric's range; without a range, worse "
        "begins at 0 and nothing is equivalent."
    )
    every = all(summary.column.is_log for summary in summaries)
    return sentences([marks, "" if every else odd, _repeat_sentence(summaries)])


def sentences(texts: list[str]) -> str:
    """Those that are not empty, one after the other."""
    return " ".join(filter(None, texts))


def ratio(summaries: list[Summary]) -> str:
    """The quantity judged in these columns."""
    return "the ratio of scores" if any(summary.column.is_log for summary in summaries) else "the difference of scores"


def _repeat_sentence(summaries: list[Summary]) -> str:
    """The probability that a repeat of the sweep contradicts a verdict in one of these columns: at most the sum."""
    rates = []
    for summary in summaries:
        rate = summary.contradiction()
        if not math.isnan(rate):
            rates.append(rate)
    if not rates:
        return ""
    total = min(1.0, sum(rates))
    text = "below 0.1 %" if total < 0.001 else f"at most {100 * total:.1f} %"
    return (
        "The probability that a sweep with as many other seeds contradicts one of these verdicts (equivalent for "
        f"worse, or the like) is {text}, by simulation from the spread over seeds."
    )


def hardware(results: Results) -> str:
    """Where the runs ran and in which precision, in a few words."""
    machines: set[str] = set()
    for run in results.runs[results.runs.status == "done"].itertuples():
        if run.device:
            parts = (run.device, _threads(run.threads), run.numerics)
            machines.add(", ".join(filter(None, parts)))
    named = sorted(machines)
    of_sweep = str(results.environment.get("device", ""))
    if of_sweep and not any(of_sweep in machine for machine in machines):
        named.insert(0, of_sweep)
    return f"Hardware: {'; '.join(named) or 'not recorded'}"


def _threads(threads: object) -> str:
    return "threads not recorded" if pd.isna(threads) else f"{threads} thread{'s' if threads != 1 else ''}"


def measured_by(dataset: DatasetResults, metrics: list[str]) -> list[str]:
    """The protocols of metrics, a sentence for those that share it; what several share is said once."""
    holders: dict[tuple[str, str], list[str]] = {}
    for metric in metrics:
        for part in dataset.protocol(metric).items():
            holders.setdefault(part, []).append(dataset.results.metrics[metric].label)
    groups: dict[str, list[str]] = {}
    # What most metrics share comes first.
    for (key, value), names in sorted(holders.items(), key=lambda held: -len(held[1])):
        everyone = len(names) == len(metrics) > 1
        whose = "All scores" if everyone else listed(names)
        said = value if key == "measure" else f"{key} {value}".strip()
        groups.setdefault(whose, []).append(said)
    return [f"{whose}: {'; '.join(parts)}." for whose, parts in groups.items()]


def paragraphs(texts: list[str]) -> tuple[str, ...]:
    """Those that are not empty, each a paragraph of a protocol."""
    return tuple(filter(None, texts))
