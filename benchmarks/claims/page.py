"""The page of the ledger: every claim with its verdict in one table, and below what each rests on."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.claims.claim import Criterion
from benchmarks.claims.measure import Measurement
from benchmarks.claims.verdicts import CANNOT_TELL, OPEN, REFUTED, REPRODUCED, Finding, Judgement
from benchmarks.markup.blocks import (
    DASH,
    Block,
    Code,
    Entry,
    Heading,
    Items,
    Mark,
    Table,
    Text,
    columns_of,
    entries_of,
    number,
)
from benchmarks.markup.latex import latex
from benchmarks.markup.markdown import markdown
from benchmarks.markup.page import page
from benchmarks.report.names import write_pages

ROWS = 14
"""Of a table that is a page of a paper."""
TITLE = "Claims of the literature, held to runs"
RULE = (
    "A claim is about the true value of a statistic over training seeds, or over repeats where nothing is trained. It "
    "is reproduced where the simultaneous 95 % interval (Student's, corrected for the criteria of a claim; of the "
    "median, from the least value to the greatest, where a ratio reads exactly 0 in some seed) lies in the range that "
    "its criterion gives, refuted where it lies outside, and cannot be told where it crosses an end or a run has no "
    "value. Ends of ranges are where effects of interest begin; they were written before the runs, unless a note says "
    "otherwise, and sweeps record them. `seen` is the effect beyond the range's end that as many seeds show with a "
    "probability of 0.8."
)


def write_ledger(judgements: Sequence[Judgement], out: Path) -> list[Path]:
    """Writes report.md, report.html, table.tex and figures/ into `out`; the files."""
    from benchmarks.claims.figures import drawings
    from benchmarks.report.figures.plan import draw_all

    plan = drawings(judgements)
    figures = {item.block.name: item.block for item in plan}
    drawn = draw_all(plan, out / "figures")
    blocks = _ledger_blocks(judgements, figures)
    pages = {
        "report.md": markdown(TITLE, blocks),
        "report.html": page(TITLE, blocks, out / "figures"),
        "table.tex": latex(_of_a_page(_judged(judgements)), "claims"),
    }
    return [*write_pages(out, pages), *drawn]


def _ledger_blocks(judgements: Sequence[Judgement], figures: Mapping[str, Block]) -> list[Block]:
    """All of the page."""
    left = [judgement for judgement in judgements if not judgement.findings]
    blocks: list[Block] = [Text(counts(judgements)), _overview(_judged(judgements), "claims")]
    if left:
        blocks += [Heading("Ready to run"), _not_run(left)]
    blocks += [Heading("The rule"), Text(RULE)]
    for judgement in judgements:
        blocks += details(judgement, figures.get(judgement.claim.name))
    return blocks


def counts(judgements: Sequence[Judgement]) -> str:
    """How many claims have which verdict."""
    verdicts = [judgement.verdict for judgement in judgements]
    said = [f"{verdicts.count(verdict)} {verdict}" for verdict in (REPRODUCED, REFUTED, CANNOT_TELL, OPEN)]
    return f"{len(judgements)} claims: {', '.join(said)}."


def _judged(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Those of claims that were run."""
    return [judgement for judgement in judgements if judgement.findings]


def _of_a_page(judgements: Sequence[Judgement]) -> list[Table]:
    """The overview as tables that each fit on a page of a paper."""
    parts = [judgements[first : first + ROWS] for first in range(0, len(judgements), ROWS)]
    return [_overview(part, f"claims-{place}") for place, part in enumerate(parts, 1)]


def _overview(judgements: Sequence[Judgement], name: str) -> Table:
    """One row a claim: its verdict and the finding that decides it."""
    titles = ["what is claimed", "verdict", "decided by", "effect [interval]", "holds if", "seeds", "seconds", "claim"]
    caption = (
        "Each claim with the finding that decides it. Runs at a smaller setting than the paper's are marked *; the "
        "sections below, to which the names lead, say what is smaller, and give source, figure and command. †: the "
        "section has a note or a warning without which the verdict is not to be read. Seconds: of training, all runs "
        "of the suite together, or of measuring where nothing is trained."
    )
    rows = [_overview_row(judgement) for judgement in judgements]
    return Table(name, caption, columns_of(titles, ("seeds", "seconds")), rows, paper=True)


def _overview_row(judgement: Judgement) -> list[Entry]:
    """A claim: statement, verdict, what it rests on, and its name."""
    content, finding, verdict = judgement.claim.content, judgement.deciding, judgement.verdict
    assert finding is not None
    signs = ("*" if content.smaller else "") + ("†" if judgement.remark or content.note else "")
    mark = Mark(verdict, signs, bold=verdict in (REPRODUCED, REFUTED))
    rests_on = [finding.criterion.says, _effect_text(finding), _range_text(finding.criterion), _seeds_text(finding)]
    seconds = Entry(_seconds_text(judgement.seconds), judgement.seconds)
    name = Entry(judgement.claim.name, section=judgement.claim.name)
    return [Entry(content.statement), Entry(verdict, mark=mark), *entries_of(rests_on), seconds, name]


def _not_run(judgements: Sequence[Judgement]) -> Table:
    """One row a claim that waits for a machine."""
    rows = []
    for judgement in judgements:
        claim = judgement.claim
        takes = claim.content.takes or DASH
        statement = Entry(claim.content.statement, section=claim.name)
        rows.append([statement, *entries_of([takes, f"gan-zoo claims run {claim.name}"])])
    caption = "Claims whose criteria are written and whose runs wait for a machine."
    return Table("not-run", caption, columns_of(["what is claimed", "takes", "command"]), rows)


def details(judgement: Judgement, figure: Block | None) -> list[Block]:
    """The section of a claim, with its figure where it has one."""
    claim, content = judgement.claim, judgement.claim.content
    facts = [f"Source: {content.paper}, {content.place}."]
    facts += [f"The paper printed: {content.printed}."] if content.printed else []
    facts += [f"At a smaller setting than the paper's: {content.smaller}."] if content.smaller else []
    facts += [f"Note: {content.note}."] if content.note else []
    facts += [f"Criteria: digest {claim.digest}."]
    blocks: list[Block] = [
        Heading(claim.name),
        Text(f"{content.statement} Verdict: {judgement.verdict}."),
        Items(facts),
    ]
    if judgement.remark:
        blocks.append(Items([judgement.remark], alert=True))
    blocks.append(_findings_table(judgement) if judgement.findings else _criteria_table(judgement))
    blocks += [figure] if figure else []
    return [*blocks, Code(f"gan-zoo claims run {claim.name}")]


def _findings_table(judgement: Judgement) -> Table:
    titles = ["criterion", "statistic", "holds if", "estimate [interval]", "seeds", "seen", "verdict"]
    rows = [
        entries_of(
            [
                found.criterion.says,
                _statistic_text(found.criterion),
                _range_text(found.criterion),
                _effect_text(found),
                _seeds_text(found),
                _seen_text(found),
                found.verdict,
            ]
        )
        for found in judgement.findings
    ]
    suite = judgement.claim.suite
    measured = isinstance(suite, Measurement)
    caption = "What the repeats say." if measured else f"What the runs of the suite {suite.name} say."
    return Table(f"criteria-{judgement.claim.name}", caption, columns_of(titles), rows)


def _criteria_table(judgement: Judgement) -> Table:
    """The criteria of a claim that was not run."""
    titles = ["criterion", "statistic", "holds if"]
    rows = []
    for criterion in judgement.claim.criteria:
        rows.append(entries_of([criterion.says, _statistic_text(criterion), _range_text(criterion)]))
    return Table(f"criteria-{judgement.claim.name}", "Not run yet.", columns_of(titles), rows)


def _statistic_text(criterion: Criterion) -> str:
    """ratio of X of one loss to Y of another"""
    name = criterion.statistic.replace("_", " ")
    if criterion.to is None:
        return f"{name} of {criterion.of}"
    return f"{name}, {criterion.of}, to {criterion.to}"


def _range_text(criterion: Criterion) -> str:
    if criterion.at_least is not None and criterion.at_most is not None:
        return f"{number(criterion.at_least)} to {number(criterion.at_most)}"
    return f"≥ {number(criterion.edges[0])}" if criterion.at_least is not None else f"≤ {number(criterion.edges[0])}"


def _effect_text(finding: Finding) -> str:
    if not finding.n:
        return DASH
    return f"{number(finding.estimate)} [{number(finding.low)}, {number(finding.high)}]"


def _seeds_text(finding: Finding) -> str:
    return str(finding.n) if finding.n == finding.planned else f"{finding.n} of {finding.planned}"


def _seen_text(finding: Finding) -> str:
    factor = "× " if finding.criterion.kind.logarithmic else ""
    return DASH if math.isnan(finding.seen) else f"{factor}{number(finding.seen)}"


def _seconds_text(seconds: float) -> str:
    return DASH if math.isnan(seconds) else number(round(seconds))


def line(judgement: Judgement) -> str:
    """A claim with its verdict for a terminal."""
    found = judgement.deciding
    effect = f": {_effect_text(found)}, holds if {_range_text(found.criterion)}" if found else ""
    if not found and judgement.claim.content.takes:
        effect = f", takes {judgement.claim.content.takes}"
    return f"{judgement.claim.name}: {judgement.verdict}{effect}\n    {judgement.claim.content.statement}"
