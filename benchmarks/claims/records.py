"""Where the records of claims lie, and the judgements that follow from them."""

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.claims.claim import Claim
from benchmarks.claims.ledger import Ledger, by_suite
from benchmarks.claims.page import write_ledger
from benchmarks.claims.verdicts import Judgement, judge
from benchmarks.record import places
from benchmarks.record.export import Record
from benchmarks.record.vocabulary import critic_scores, final_samples, real_data, square_shown
from benchmarks.report.figures.samples import shown_runs
from benchmarks.report.results import Results
from gan_zoo.errors import UserError

OWN = "verdicts"
"""Folder of the results with the page about one's own runs."""


def published() -> Path:
    """The folder of the published ledger: its page, and an export a suite."""
    return places.PUBLISHED.parent / "claims"


def _export_of(suite: str, results: Path | None) -> Path | None:
    """One's own export of a suite where there is one, else the published ledger's, else that of the published suite of
    this name, else None."""
    own = [results] if results else []
    for place in (*own, published(), places.PUBLISHED):
        folder = place / suite / "export"
        if (folder / "meta.json").is_file():
            return folder
    return None


def judgements(claims: Sequence[Claim], results: Path | None) -> list[Judgement]:
    """Each claim as the records that there are judge it. Without `results`, of the published ones alone."""
    found: dict[str, Judgement] = {}
    for suite, sharing in by_suite(claims).items():
        export = _export_of(suite, results)
        record = Record.read(export) if export else None
        for claim in sharing:
            found[claim.name] = judge(claim, record) if record else Judgement(claim)
    return [found[claim.name] for claim in claims]


def publish(ledger: Ledger, names: Sequence[str], results: Path) -> Path:
    """Puts the exports of these claims' suites into the published ledger and makes its page again; the page. Of what no
    claim draws or judges over the whole of a run, the last values alone are published; of samples what figures show.

    Raises: UserError where a suite is not finished, or was not run at one clean commit.
    """
    if not places.PUBLISHED.is_dir():
        raise UserError(f"{places.PUBLISHED}: there is no such folder: publish from a checkout")
    for suite in by_suite([ledger.claim(name) for name in names]):
        source = results / suite / "export"
        record = Record.read(source)
        reasons = refusals(record)
        if reasons:
            raise UserError(f"{source}: not published: {'; '.join(reasons)}")
        claims = ledger.sharing(suite)
        kept = samples_of(claims, Results(record))
        record.samples = {name: array for name, array in record.samples.items() if name in kept}
        record.metrics = cut(record.metrics, curves_of(claims))
        record.write(published() / suite / "export")
    return rebuild(ledger)


def curves_of(claims: Sequence[Claim]) -> set[str]:
    """The quantities that the criteria and the figures of claims are about."""
    from benchmarks.claims.figures import PICTURES

    found: set[str] = set()
    for claim in claims:
        found.update(quantity.metric for criterion in claim.criteria for quantity in criterion.quantities)
        found.update(PICTURES[claim.name].curves if claim.name in PICTURES else ())
    return found


def samples_of(claims: Sequence[Claim], results: Results) -> set[str]:
    """The arrays that the figures of claims show: real data, and the last samples and critic of a run a loss."""
    from benchmarks.claims.figures import PICTURES

    if not any(claim.name in PICTURES and PICTURES[claim.name].samples for claim in claims):
        return set()
    found: set[str] = set()
    for dataset in results.each_dataset:
        found.add(real_data(dataset.name))
        for run in shown_runs(dataset).values():
            samples = final_samples(run.key)
            found.update((samples, critic_scores(samples), square_shown(run.key)))
    return found


def cut(metrics: pd.DataFrame, whole: Collection[str]) -> pd.DataFrame:
    """The rows of the quantities in `whole`, and of any other the last one of each run."""
    last = metrics.groupby(["run_key", "name"]).step.transform("max")
    return metrics[metrics.name.isin(whole) | (metrics.step == last)]


def refusals(record: Record) -> list[str]:
    """Why a record cannot stand in the ledger; empty where it can."""
    runs, reasons = record.runs, []
    unfinished = int((~runs.status.isin(("done", "diverged"))).sum())
    if unfinished:
        reasons.append(f"{unfinished} cells have not ended with a result")
    if runs.dirty.fillna(True).any() or set(runs.commit) & {"", "unknown"}:
        reasons.append("runs were made with uncommitted changes: commit, and run them again")
    return reasons


def rebuild(ledger: Ledger) -> Path:
    """The page of the published ledger, made again from its exports."""
    write_ledger(judgements(ledger.claims(), None), published())
    return published() / "report.html"


def check(ledger: Ledger) -> list[str]:
    """The names of the published pages and figures that a rebuild from the exports changes; none where all agree."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = write_ledger(judgements(ledger.claims(), None), Path(folder))
        changed = []
        for path in fresh:
            name = path.relative_to(folder)
            kept = published() / name
            if not kept.is_file() or kept.read_bytes() != path.read_bytes():
                changed.append(name.as_posix())
    return changed
