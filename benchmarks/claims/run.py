"""Runs the suites of claims, and what is measured for others, each with the criteria as they stood when it began.

The description of a sweep, and so the export, has under `claims` each claim's terms at this sweep and at all before it
in the same record: criteria that were changed after a look at results are seen to be.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.claims.claim import Claim
from benchmarks.claims.ledger import Ledger
from benchmarks.claims.measure import Measurement, measure, rehearsed
from benchmarks.record.export import Record
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.progress import Progress, plan_text, say, unfinished_text
from benchmarks.sweep.rehearsal import rehearsal
from benchmarks.sweep.run import run_suite
from gan_zoo.errors import UserError


def run_claims(ledger: Ledger, claims: Sequence[Claim], how: Options) -> list[str]:
    """Runs what is not done of the claims' suites and exports it; lines about what has no result even so."""
    store = Store(how.results)
    left: list[str] = []
    for suite in _suites_of(claims):
        terms = {claim.name: claim.terms for claim in ledger.sharing(suite.name)}
        if isinstance(suite, Measurement):
            export = how.results / suite.name / "export"
            measure(suite, how, {"claims": _with_earlier(terms, partial(Record.read, export))})
            continue
        plan = make_plan(suite, how, store, say)
        notes = {"claims": _with_earlier(terms, partial(store.record, suite.name))}
        with Progress(plan) as progress:
            plan = run_suite(plan, store, progress, notes)
        store.record(suite.name).write(how.results / suite.name / "export")
        left += unfinished_text(plan)
    return left


def rehearse(claims: Sequence[Claim], how: Options) -> str:
    """The cells of the claims' suites, what stands of them, and a forecast for the rest."""
    with rehearsal(how) as scratch:
        store = Store(how.results)
        said = []
        for suite in _suites_of(claims):
            if isinstance(suite, Measurement):
                said.append(rehearsed(suite, how.results))
            else:
                said.append(plan_text(make_plan(suite, scratch, store, say)))
        return "\n\n".join(said)


def _suites_of(claims: Sequence[Claim]) -> list[Suite | Measurement]:
    """What settles the claims, each once."""
    return list({claim.suite.name: claim.suite for claim in claims}.values())


def _with_earlier(terms: Mapping[str, str], read: Callable[[], Record]) -> dict[str, list[str]]:
    """The terms of each claim at this sweep, after those of the sweeps before it that differ, of which `read` has the
    record."""
    try:
        before: Mapping[str, Any] = read().meta.get("claims", {})
    except UserError:  # there is none
        before = {}
    kept = {}
    for name, said in terms.items():
        kept[name] = [*(earlier for earlier in before.get(name, []) if earlier != said), said]
    return kept
