"""Runs the suites of claims, each sweep with the criteria as they stood when it began.

The description of a sweep, and so the export, has under `claims` each claim's terms at this sweep and at all before it
in the same record: criteria that were changed after a look at results are seen to be.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.claims.claim import Claim
from benchmarks.claims.ledger import Ledger
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
        plan = make_plan(suite, how, store, say)
        with Progress(plan) as progress:
            plan = run_suite(plan, store, progress, {"claims": _with_earlier(terms, suite, store)})
        store.record(suite.name).write(how.results / suite.name / "export")
        left += unfinished_text(plan)
    return left


def rehearse(claims: Sequence[Claim], how: Options) -> str:
    """The cells of the claims' suites, what stands of them, and a forecast for the rest."""
    with rehearsal(how) as scratch:
        store = Store(how.results)
        return "\n\n".join(plan_text(make_plan(suite, scratch, store, say)) for suite in _suites_of(claims))


def _suites_of(claims: Sequence[Claim]) -> list[Suite]:
    """The suites of the claims, each once."""
    return list({claim.suite.name: claim.suite for claim in claims}.values())


def _with_earlier(terms: Mapping[str, str], suite: Suite, store: Store) -> dict[str, list[str]]:
    """The terms of each claim at this sweep, after those of the sweeps before it that differ."""
    try:
        before: Mapping[str, Any] = store.record(suite.name).meta.get("claims", {})
    except UserError:  # there is none
        before = {}
    kept = {}
    for name, said in terms.items():
        kept[name] = [*(earlier for earlier in before.get(name, []) if earlier != said), said]
    return kept
