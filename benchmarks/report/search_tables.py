"""The tables and sentences about a search: which loss with how many trials, how sure, and how sensitive each is."""

import math
from itertools import chain

from benchmarks.markup.blocks import DASH, Column, Entry, Mark, Table, columns_of, entries_of, listed, number
from benchmarks.report.budgets import budget_words
from benchmarks.report.captions import hardware, measured_by, paragraphs
from benchmarks.report.names import display, named, shown
from benchmarks.report.results import Results
from benchmarks.report.search import DatasetSearch, LossTrials

WITHIN = (0.1, 0.25, 1.0)
CROWDED = " Trials of an adaptive search crowd where scores are good: shares are of its path, not of the space."
LEADS = Mark("leads", bold=True)


def budget_text(results: Results) -> str:
    """How long each run was trained."""
    return budget_words(results) or "Every run has the steps of its suite."


def curve_table(search: DatasetSearch) -> Table:
    """By number of trials the expected score of what is chosen, and the chance that it is the best of all losses."""
    ks = search.shown()
    columns = [Column("Loss", False)]
    for k in ks:
        columns += [Column(f"best of {k}"), Column("chance")]
    chances = {k: search.chances(k) for k in ks}
    rows = []
    for each in search.losses:
        cells = [named(each.loss)]
        for k in ks:
            leads = search.leader(k) is each
            cells += [_expected_cell(search, each, k, leads), _share_cell(chances[k][each.loss])]
        rows.append([*cells, *_count_cells(each)])
    columns += [Column("failed /\u00a0n"), Column("all fail at 1 / 5")]
    caption = (
        f"{search.dataset.title}: expected {search.about.label} of the setting that validation chooses among k trials, "
        "with its 95 % interval. Bold: the best expectation; chance: that k new trials of every loss give this one the "
        "best score."
    )
    return Table(f"search-{search.dataset.slug}", caption, columns, rows, True, _curve_protocol(search))


def _expected_cell(search: DatasetSearch, each: LossTrials, k: int, leads: bool) -> Entry:
    expected = search.sign * each.expected(k)
    if not math.isfinite(expected):
        return Entry("failed")
    low, high = sorted(search.sign * end for end in each.interval(k))
    return Entry(f"{number(expected, 4)} [{number(low)}, {number(high)}]", expected, LEADS if leads else Mark(""))


def _share_cell(share: float) -> Entry:
    return Entry(DASH) if math.isnan(share) else Entry(f"{100 * share:.0f}\u00a0%", share)


def _count_cells(each: LossTrials) -> list[Entry]:
    """Failed trials of all, and the probability that the first one, or five, all fail."""
    chances = [f"{100 * each.all_fail(k):.0f}\u00a0%" if k <= each.count else DASH for k in (1, 5)]
    return [
        Entry(f"{each.failed}/{each.count}", each.failed / each.count if each.count else None),
        Entry(" / ".join(chances)),
    ]


def _curve_protocol(search: DatasetSearch) -> tuple[str, ...]:
    dataset, results = search.dataset, search.dataset.results
    return paragraphs(
        [
            "Expectation: over which k of the trials somebody has, in closed form, given that not all of them fail; "
            "the best validation score (other latents, other data) chooses. In brackets the 95 % interval over "
            "resampled trials, too narrow where k is near their number.",
            "Chance: by the distribution of the trials there are.",
            "Trials: one run of one setting each, on a seed of its own, so its luck is in all numbers.",
            budget_text(results),
            f"{hardware(results)}.",
            *measured_by(dataset, [search.metric]),
        ]
    )


def answers(search: DatasetSearch) -> list[str]:
    """Which loss to choose with so many trials, how sure that is, and where the order changes; of an adaptive search
    what it found, for its trials are no draws from one distribution."""
    if search.adaptive:
        return [_found(search)]
    label = search.about.label
    found = []
    for k in (1, 5, 20, 50):
        leader = search.leader(k) if k <= search.most else None
        if leader is None:
            continue
        chances = search.chances(k)
        sure = f"{100 * chances[leader.loss]:.0f} % chance of the best score"
        likelier = max(chances, key=lambda loss: chances[loss])
        other = "" if likelier == leader.loss else f"; {display(likelier)} has more, {100 * chances[likelier]:.0f} %"
        expected = number(search.sign * leader.expected(k))
        found.append(f"{_trials(k)}: {shown(leader.loss, 48)} (expected {label} {expected}; {sure}{other})")
    if not found:
        return []
    return [f"Which loss with how many trials? {'; '.join(found)}.", _changes(search)]


def _found(search: DatasetSearch) -> str:
    """The best score that an adaptive search of each loss found, which says nothing of the next one."""
    label = search.about.label
    texts = []
    for each in search.losses:
        if each.chosen is not None:
            best = number(search.sign * float(each.scores[each.chosen]))
            texts.append(f"{shown(each.loss, 48)} {best} (trial {each.numbers[each.chosen]} of {each.count})")
    return f"Adaptive search, not a fair comparison: {label} of the best by validation: {', '.join(texts) or 'none'}."


def _trials(k: int) -> str:
    return f"with {k} trial{'s' if k > 1 else ''}"


def _changes(search: DatasetSearch) -> str:
    """Where the first place, and where other places, change hands."""
    first, pairs = [], []
    for k, before, after in search.changes():
        first.append(f"from {k} trials on {display(after)} leads in place of {display(before)}")
    for one, other, at in search.crossings():
        pairs.append(f"{display(one)} and {display(other)} at {listed(list(map(str, at)))}")
    if not pairs:
        return f"The order of the losses is the same for 1 to {search.most} trials."
    lead = f"The first place changes: {'; '.join(first)}." if first else "The first place never changes."
    return f"{lead} Pairs whose order changes, and with how many trials: {'; '.join(pairs)}."


def sensitivity_table(search: DatasetSearch) -> Table:
    """How much of the space is near each loss's best, and which numbers matter."""
    titles = [f"within {100 * share:.0f} %" for share in WITHIN]
    numbers = list(dict.fromkeys(chain.from_iterable(each.searched() for each in search.losses)))
    rows = []
    for each in search.losses:
        shares = [_share_cell(each.share_within(share)) for share in WITHIN]
        failed = Entry(f"{each.failed}/{each.count}", each.failed / each.count if each.count else None)
        matter = [_correlation_cell(each, name) for name in numbers]
        rows.append([named(each.loss), *shares, failed, *matter])
    columns = [Column("Loss", False), *map(Column, titles), Column("failed /\u00a0n"), *map(Column, numbers)]
    label = search.about.label
    caption = (
        f"{search.dataset.title}: sensitivity of each loss. The share of its trials, failed ones among them, whose "
        f"{label} is within so much of the best of its own; and Spearman's rank correlation of each number with the "
        "score, signed so that above 0 more of the number is worse (failed trials rank last)."
        f"{CROWDED if search.adaptive else ''}"
    )
    return Table(f"sensitivity-{search.dataset.slug}", caption, columns, rows)


def _correlation_cell(each: LossTrials, name: str) -> Entry:
    value = each.correlation(name) if name in each.searched() else float("nan")
    return Entry(DASH) if math.isnan(value) else Entry(f"{value:+.2f}".replace("-", "\u2212"), value)


def chosen_table(search: DatasetSearch) -> Table:
    """The setting that was chosen of each loss."""
    rows = []
    for each in search.losses:
        chosen = each.chosen
        if chosen is None:
            rows.append([named(each.loss), *entries_of((DASH, DASH, DASH, "every trial failed"))])
            continue
        setting = ", ".join(f"{name} {value:g}" for name, value in each.settings[chosen].items())
        scores = [search.sign * float(values[chosen]) for values in (each.validation, each.scores)]
        cells = [Entry(number(score, 4), score) for score in scores]
        rows.append(
            [named(each.loss), Entry(str(each.numbers[chosen]), float(each.numbers[chosen])), *cells, Entry(setting)]
        )
    titles = ("Loss", "trial", "validation", "reported", "setting")
    caption = (
        f"{search.dataset.title}: the setting with the best validation score of each loss. Its validation score is the "
        "best of many and flatters; the reported one shares its seed and flatters a little; fresh seeds tell."
    )
    return Table(
        f"chosen-{search.dataset.slug}", caption, columns_of(titles, ("trial", "validation", "reported")), rows
    )


def space_table(results: Results) -> Table:
    """The ranges that settings were drawn from."""
    rows = []
    for pair, ranges in results.meta["search"].get("spaces", {}).items():
        loss, _, dataset = pair.rpartition("/")
        if loss in results.losses and dataset in results.datasets:
            rows += [[named(loss), named(dataset), *entries_of((name, text))] for name, text in ranges.items()]
    search = results.meta["search"]
    how = "The ranges that settings were drawn from, by a scrambled Sobol sequence a loss and data set "
    how += f"(seed {search.get('seed')})"
    if search.get("adaptive"):
        how += f", and later ones from the scores before them ({search['adaptive']})"
    caption = f"{how}; the same for all losses that have a number."
    return Table("spaces", caption, columns_of(("Loss", "data set", "number", "range")), rows)
