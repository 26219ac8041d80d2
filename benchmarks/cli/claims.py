"""The command about claims of the literature: claims list, run, report, publish."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli.options import add_data, add_results, add_workers, folder
from benchmarks.cli.training import UNFINISHED, add_arithmetic, runner_options

if TYPE_CHECKING:
    from benchmarks.claims.ledger import Ledger
    from benchmarks.cli.options import Commands

EXAMPLES = """\
A claim has a statement, its place in a paper, a suite, and criteria that were written before the runs. Its verdict
follows from them by rule: reproduced, refuted, or cannot tell.

examples:
  gan-zoo claims list
  gan-zoo claims run clip-weights-at-bounds
  gan-zoo claims report
"""


def add_commands(commands: "Commands") -> None:
    claims = commands.add_parser("claims", help="what papers claim, held to runs", epilog=EXAMPLES)
    actions = claims.add_subparsers(metavar="ACTION", required=True)

    shown = actions.add_parser("list", help="every claim, its source and verdict")
    shown.set_defaults(command=_list_claims)

    run = actions.add_parser("run", help="run what is not done of the suites of some claims, then judge them")
    run.add_argument("claims", nargs="+", metavar="NAME")
    run.add_argument("--dry-run", action="store_true", help="show the cells, what is done of them and a time estimate")
    add_workers(run, None, "one per core, or up to four per GPU")
    add_arithmetic(run)
    add_data(run)
    run.set_defaults(command=run_claims)

    report = actions.add_parser("report", help="write the ledger's page, from your runs or else the published ones")
    report.add_argument("--out", type=folder, metavar="DIR", help="where it goes (default: RESULTS/verdicts)")
    report.add_argument("--check", action="store_true", help="rebuild the published pages and compare every byte")
    report.set_defaults(command=_report_claims)

    publish = actions.add_parser("publish", help="for maintainers: put finished runs into results/claims")
    publish.add_argument("claims", nargs="*", metavar="NAME", help="none: make the pages again from what is there")
    publish.set_defaults(command=_publish_claims)
    for action in (shown, run, report, publish):
        add_results(action)


def open_ledger() -> "Ledger":
    """The ledger of the package."""
    from benchmarks.claims.ledger import Ledger

    return Ledger()


def _list_claims(options: argparse.Namespace) -> int:
    from benchmarks.claims.page import line
    from benchmarks.claims.records import judgements

    print(*map(line, judgements(open_ledger().claims(), options.results)), sep="\n")
    return 0


def run_claims(options: argparse.Namespace) -> int:
    from benchmarks.claims.page import line
    from benchmarks.claims.records import judgements
    from benchmarks.claims.run import rehearse, run_claims

    ledger = open_ledger()
    claims = ledger.claims(options.claims)
    how = runner_options(options, options.workers)
    if options.dry_run:
        print(rehearse(claims, how))
        return 0
    left = run_claims(ledger, claims, how)
    print(*map(line, judgements(claims, options.results)), sep="\n")
    print(*left, sep="\n", end="\n" if left else "", file=sys.stderr)
    return UNFINISHED if left else 0


def _report_claims(options: argparse.Namespace) -> int:
    from benchmarks.claims.page import write_ledger
    from benchmarks.claims.records import OWN, check, judgements, published

    ledger = open_ledger()
    if options.check:
        changed = check(ledger)
        for name in changed:
            print(f"{published() / name}: differs from what the exports give", file=sys.stderr)
        return 1 if changed else 0
    out: Path = options.out or options.results / OWN
    write_ledger(judgements(ledger.claims(), options.results), out)
    print(f"report: {out / 'report.html'}")
    return 0


def _publish_claims(options: argparse.Namespace) -> int:
    from benchmarks.claims.records import publish

    print(f"published: {publish(open_ledger(), options.claims, options.results)}")
    return 0
