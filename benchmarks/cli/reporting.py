"""The commands about what was recorded: report, diff."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli.options import add_results, folder, whole_number
from gan_zoo.errors import UserError, brief

if TYPE_CHECKING:
    from benchmarks.cli.options import Commands


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


def add_commands(commands: "Commands") -> None:
    report = commands.add_parser("report", help="rebuild a suite's report from the record, or compare two records")
    report.add_argument(
        "suites",
        nargs="*",
        default=["quickstart"],
        metavar="SUITE",
        help="a suite, or two to set side by side; names or folders with an export",
    )
    report.add_argument("--from-export", action="store_true", help="from your own export alone, or else the published")
    report.add_argument("--check", action="store_true", help="rebuild from the export elsewhere and compare every byte")
    report.add_argument(
        "--out",
        type=folder,
        metavar="DIR",
        help="write there instead of results/SUITE, or results/SUITE/views/CHOICE for choices other than the suite's",
    )
    for option, key, what in (("--losses", "rows", "losses"), ("--datasets", "columns", "data sets")):
        report.add_argument(
            option, f"--{key}", nargs="+", dest=key, metavar="NAME", help=f"only these {what}, in this order"
        )
    seed = whole_number(0, 2**63 - 1)
    report.add_argument("--seeds", nargs="+", type=seed, metavar="N", help="only these seeds")
    report.add_argument("--metrics", nargs="+", metavar="NAME", help="only these metrics, in this order")
    report.add_argument("--baseline", metavar="LOSS", help="the loss that the others are compared with")
    report.add_argument(
        "--checkpoint",
        metavar="RULE",
        help="what gives a run's score: last, best (chosen on the validation split) or mean-K (default: the suite's)",
    )
    report.add_argument(
        "--margin",
        type=float,
        metavar="SHARE",
        help="the smallest difference of interest, as 0.1 for 10 %%, that verdicts are about (default: the suite's)",
    )
    report.add_argument(
        "--width",
        type=_width,
        metavar="PAPER",
        help="figures for a paper, at the width and with the text that it prints: neurips (14.0 cm), icml (17.1 cm), "
        "one-column (8.3 cm, of two), or centimetres",
    )
    report.add_argument("--only", nargs="+", metavar="TABLE|FIGURE", help="make only these, into tables/ and figures/")
    report.set_defaults(command=_make_report)

    diff = commands.add_parser("diff", help="what differs between two runs: specs, environments, scores")
    diff.add_argument("runs", nargs=2, metavar="SUITE/KEY", help="a suite and a run key, which may be shortened")
    diff.set_defaults(command=diff_runs)
    for command in (report, diff):
        add_results(command)


def _width(text: str) -> str:
    """The type of --width: the name of a paper, or centimetres."""
    from benchmarks.report.figures.style import paper

    try:
        paper(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _make_report(options: argparse.Namespace) -> int:
    from benchmarks.report.commands import report

    for suite in options.suites:
        _check_place(suite)
    if options.check and options.from_export:
        raise UserError("--from-export: does nothing beside --check, which always rebuilds from the export")
    return report(options)


def _check_place(suite: str) -> None:
    """Raises: UserError unless `suite` may be a suite's name, or is a folder that is there."""
    folder = Path(suite)
    if folder.suffix in (".yaml", ".yml") and folder.is_file():
        raise UserError(f"{brief(suite)}: is a suite file: give the suite's name, which is the key `name` in it")
    is_report = suite.isprintable() and ((folder / "export").is_dir() or (folder / "meta.json").is_file())
    if not (NAME.fullmatch(suite) or is_report):
        raise UserError(f"{brief(suite)}: expected the name of a suite, or the folder of a report with its export")


def diff_runs(options: argparse.Namespace) -> int:
    from benchmarks.report.commands import diff

    return diff(options)
