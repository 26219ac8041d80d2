"""The command that searches settings: tune."""

import argparse
import sys
from typing import TYPE_CHECKING

from benchmarks.cli.options import add_suite, add_workers, folder, whole_number
from benchmarks.cli.training import UNFINISHED, add_how, parse_settings, runner_options

if TYPE_CHECKING:
    from benchmarks.cli.options import Commands

MOST_SETTINGS = 4096
EXAMPLES = """\
Every loss gets as many settings of the same space, each run once, with one training budget for all. The best score on
the validation split chooses; SUITE-tuned.yaml has what was chosen, for `gan-zoo run`. The same command goes on where it
was broken off, and a larger --budget keeps the settings of a smaller one. Ranges: see docs/method.md.

examples:
  gan-zoo tune quickstart --budget 50 --datasets digits --dry-run
  gan-zoo tune my.yaml --budget 30 --set budget.images=200k
  gan-zoo tune my.yaml --budget 100 --losses wgan-gp --adaptive
"""


def add_commands(commands: "Commands") -> None:
    tune = commands.add_parser("tune", help="search settings with equal care for every loss", epilog=EXAMPLES)
    add_suite(tune)
    tune.add_argument(
        "--budget",
        type=whole_number(1, MOST_SETTINGS),
        required=True,
        metavar="K",
        help="settings of each loss on each data set, a run each",
    )
    tune.add_argument(
        "--seed",
        type=whole_number(0, 2**63 - 1),
        default=0,
        metavar="N",
        help="of the settings' Sobol sequences (default: %(default)s)",
    )
    tune.add_argument("--losses", nargs="+", default=[], metavar="NAME", help="only these losses of the suite")
    tune.add_argument("--datasets", nargs="+", default=[], metavar="NAME", help="only these data sets")
    tune.add_argument(
        "--out",
        type=folder,
        metavar="FILE",
        help="where the tuned suite goes (default: SUITE-tuned.yaml, SUITE-adaptive-tuned.yaml)",
    )
    tune.add_argument(
        "--dry-run", action="store_true", help="show the trials, what is done of them and a time estimate"
    )
    tune.add_argument(
        "--adaptive",
        action="store_true",
        help="the best setting rather than a fair one: each follows from the scores before it, by Optuna "
        "(pip install gan-zoo[optuna]); report and suite are marked as not a fair comparison",
    )
    add_workers(tune, None, "one per core, or up to four per GPU")
    add_how(tune)
    tune.set_defaults(command=_tune_suite)


def _tune_suite(options: argparse.Namespace) -> int:
    from benchmarks.tools.tune import Request, rehearse, tune

    what = parse_settings(options.settings), options.losses, options.datasets, options.out, options.adaptive
    request = Request(options.suite, options.budget, options.seed, *what)
    how = runner_options(options, options.workers)
    if options.dry_run:
        print(rehearse(request, how))
        return 0
    left = tune(request, how)
    print(*left, sep="\n", end="\n" if left else "", file=sys.stderr)
    return UNFINISHED if left else 0
