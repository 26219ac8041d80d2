"""The command line `gan-zoo`. Heavy libraries are imported by the command that needs them."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record.environment import data_folder
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from benchmarks.suites.suite import Suite
    from benchmarks.sweep.plan import Options

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

USAGE_ERROR, FAILED_CELLS, INTERRUPTED = 2, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code: 0 done, 1 some cells failed, 2 bad input, 130 interrupted."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        return code
    except UserError as error:
        print(f"gan-zoo: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("gan-zoo: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="gan-zoo", description="A reproducible benchmark of GAN losses.")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="show losses, architectures, data sets, metrics and suites")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=list_all)
    for command in (*add_running(commands), *add_reporting(commands)):
        command.add_argument(
            "--results",
            type=Path,
            default=Path("results"),
            metavar="DIR",
            help="where records and reports are (default: %(default)s)",
        )
    add_checking(commands)
    add_scoring(commands)
    return top


def add_running(commands: "Commands") -> list[argparse.ArgumentParser]:
    """The commands that train: train, run."""
    train = commands.add_parser("train", help="train one run, for a first look")
    train.add_argument("--loss", required=True, help="a registered loss")
    train.add_argument("--dataset", required=True, help="a registered data set")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--suite", default="quickstart", help="the suite whose settings are used (default: %(default)s)")
    train.set_defaults(command=train_one)

    run = commands.add_parser("run", help="run what is not done of a suite, then report")
    run.add_argument(
        "suite", nargs="?", default="quickstart", help="a suite's name or a YAML file (default: %(default)s)"
    )
    run.add_argument("--dry-run", action="store_true", help="show the cells, what is done of them and a time estimate")
    run.add_argument("--workers", type=int, help="processes (default: one per core, or per GPU)")
    run.set_defaults(command=run_suite)

    for command in (train, run):
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            dest="settings",
            help="change the suite, e.g. --set train.steps=200 --set seeds=[7]; repeatable",
        )
        command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
        command.add_argument(
            "--engine",
            default="plain",
            help="plain, closed-form, compiled, graph, stacked (the seeds of a cell together) or auto, by rule "
            "(default: %(default)s)",
        )
        command.add_argument(
            "--numerics",
            choices=("reference", "tf32", "bf16"),
            default="reference",
            help="tf32 and bf16 are faster and change the numbers (default: %(default)s)",
        )
        command.add_argument("--threads", type=int, default=1, help="CPU threads a process (default: %(default)s)")
        command.add_argument(
            "--data", type=Path, default=data_folder(), metavar="DIR", help="data sets (default: %(default)s)"
        )
    return [train, run]


def add_reporting(commands: "Commands") -> list[argparse.ArgumentParser]:
    """The commands about what was recorded: report, diff."""
    report = commands.add_parser("report", help="rebuild a suite's report from the record, or compare two records")
    report.add_argument(
        "suites",
        nargs="*",
        default=["quickstart"],
        metavar="SUITE",
        help="a suite, or two to set side by side; names or folders with an export",
    )
    report.add_argument("--from-export", action="store_true", help="from SUITE/export alone, without the record")
    report.add_argument("--check", action="store_true", help="rebuild from the export elsewhere and compare every byte")
    report.add_argument("--out", type=Path, metavar="DIR", help="write there instead of results/SUITE")
    for key, what in (("rows", "losses"), ("columns", "data sets"), ("metrics", "metrics")):
        report.add_argument(f"--{key}", nargs="+", metavar="NAME", help=f"only these {what}, in this order")
    report.add_argument("--baseline", metavar="LOSS", help="the loss that the others are compared with")
    report.add_argument(
        "--checkpoint",
        metavar="RULE",
        help="what gives a run's score: last, best (chosen by scores held apart) or mean-K (default: the suite's)",
    )
    report.add_argument("--only", nargs="+", metavar="TABLE|FIGURE", help="make only these, into tables/ and figures/")
    report.set_defaults(command=make_report)

    diff = commands.add_parser("diff", help="what differs between two runs: specs, environments, scores")
    diff.add_argument("runs", nargs=2, metavar="SUITE/KEY", help="a suite and a run key, which may be shortened")
    diff.set_defaults(command=diff_runs)
    return [report, diff]


def add_checking(commands: "Commands") -> None:
    """The commands about losses alone: verify, docs."""
    verify = commands.add_parser("verify", help="hold losses to known answers")
    verify.add_argument("losses", nargs="*", metavar="NAME", help="losses (default: all, or all of --plugin)")
    verify.add_argument("--plugin", type=Path, metavar="FILE", help="a Python file with LOSSES, a dictionary by name")
    verify.set_defaults(command=verify_losses)

    docs = commands.add_parser("docs", help="write the pages about losses, from the code")
    docs.add_argument("--folder", type=Path, default=Path("docs"), metavar="DIR", help="(default: %(default)s)")
    docs.set_defaults(command=write_docs)


def add_scoring(commands: "Commands") -> None:
    """The commands about metrics alone: score, fetch-weights, check-metrics."""
    score = commands.add_parser("score", help="score images from anywhere by the protocol of sweeps")
    score.add_argument(
        "--images",
        type=Path,
        required=True,
        metavar="DIR|FILE",
        help="a folder of pictures, an .npy or .npz array, or a generator's weights.safetensors",
    )
    score.add_argument("--reference", metavar="NAME|DIR", help="a data set or a folder of real images")
    score.add_argument("--image-size", type=int, metavar="N", help="resize the reference to N x N pixels")
    score.add_argument("--metrics", nargs="+", default=[], metavar="NAME", help="(default: the data set's own)")
    score.add_argument("--samples", type=int, metavar="N", help="how many to score (default: all, or as in the run)")
    score.add_argument("--seed", type=int, metavar="N", help="of the latents, or of the choice among images")
    score.add_argument("--spec", type=Path, metavar="FILE", help="the generator's spec.json, if not beside its weights")
    score.add_argument("--json", action="store_true", help="as JSON")
    score.set_defaults(command=score_images)
    fetch = commands.add_parser("fetch-weights", help="put Inception's weights in place, checked by hash")
    fetch.add_argument("--from", type=Path, metavar="FILE", dest="source", help="a copy (default: download, 91 MB)")
    fetch.set_defaults(command=fetch_weights)
    check = commands.add_parser("check-metrics", help="hold the Inception score of CIFAR-10 to its published value")
    check.set_defaults(command=check_metrics)
    for command in (score, check):
        command.add_argument("--weights", type=Path, metavar="FILE", help="Inception's weights, if not in place")
        command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
        command.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    for command in (score, fetch, check):
        command.add_argument(
            "--data", type=Path, default=data_folder(), metavar="DIR", help="data sets (default: %(default)s)"
        )


def score_images(options: argparse.Namespace) -> int:
    from benchmarks.tools.score import Request, as_text, score

    asked = {name: value for name, value in vars(options).items() if name not in ("command", "json", "data")}
    result = score(Request(**{**asked, "metrics": tuple(options.metrics), "root": options.data}))
    for note in result["notes"]:
        print(f"gan-zoo: {note}", file=sys.stderr)
    print(json.dumps(result, indent=2, ensure_ascii=False) if options.json else as_text(result))
    return 0


def fetch_weights(options: argparse.Namespace) -> int:
    from benchmarks.tools.score import fetch

    print(fetch(options.data, options.source))
    return 0


def check_metrics(options: argparse.Namespace) -> int:
    from benchmarks.tools.score import check

    line, agrees = check(options.data, options.weights, options.device, options.threads)
    print(line)
    return 0 if agrees else 1


def verify_losses(options: argparse.Namespace) -> int:
    from benchmarks.tools.verify import check_all, choose

    return 1 if check_all(choose(options.losses, options.plugin)) else 0


def write_docs(options: argparse.Namespace) -> int:
    from benchmarks.tools.docs import write

    for path in write(options.folder):
        print(path)
    return 0


def list_all(options: argparse.Namespace) -> int:
    from benchmarks.tools.listing import as_text, registries

    content = registries()
    print(json.dumps(content, indent=2, ensure_ascii=False) if options.json else as_text(content))
    return 0


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for key, equals, value in pairs:
        if not (key and equals and value):
            raise UserError(f"--set {key}{equals}{value}: expected KEY=VALUE, e.g. --set train.steps=200")
    return {key: value for key, _, value in pairs}


def runner_options(options: argparse.Namespace, workers: int | None) -> "Options":
    from benchmarks.sweep.plan import Options

    for name, value in (("--threads", options.threads), ("--workers", workers)):
        if value is not None and value < 1:
            raise UserError(f"{name} {value}: expected a number > 0")
    how = options.engine, options.numerics
    return Options(options.results, options.data, options.device, workers, options.threads, *how)


def train_one(options: argparse.Namespace) -> int:
    """One run with the settings that a suite has for its loss and data set; recorded as the suite `train`."""
    from benchmarks.suites.suite import load_single

    settings = parse_settings(options.settings)
    suite = load_single(options.suite, settings, options.loss, options.dataset, options.seed)
    return run_and_report(suite, options, workers=1)


def run_suite(options: argparse.Namespace) -> int:
    from benchmarks.suites.suite import load_suite

    suite = load_suite(options.suite, parse_settings(options.settings))
    if options.dry_run:
        from benchmarks.record.store import Store
        from benchmarks.sweep.progress import plan_text

        print(plan_text(suite, runner_options(options, options.workers), Store(options.results)))
        return 0
    return run_and_report(suite, options, options.workers)


def run_and_report(suite: "Suite", options: argparse.Namespace, workers: int | None) -> int:
    from benchmarks.record.store import Store
    from benchmarks.report.commands import scores_text, write_report
    from benchmarks.sweep.plan import make_plan
    from benchmarks.sweep.progress import Progress, say
    from benchmarks.sweep.run import run_suite

    store = Store(options.results)
    with Progress(make_plan(suite, store)) as progress:
        outcomes = run_suite(suite, runner_options(options, workers), store, progress.step, progress.end, say)
    folder = write_report(suite.name, store, options.results)
    store.log_report(suite.name, folder)
    print(f"\n{scores_text(folder)}\n")
    print(f"report: {folder / 'report.html'}")
    failed = {spec: outcome for spec, outcome in outcomes.items() if outcome.status == "failed"}
    for spec, outcome in failed.items():
        print(f"failed: {spec.label}: {outcome.reason}", file=sys.stderr)
    return FAILED_CELLS if failed else 0


def make_report(options: argparse.Namespace) -> int:
    from benchmarks.report.commands import report

    return report(options)


def diff_runs(options: argparse.Namespace) -> int:
    from benchmarks.report.commands import diff

    return diff(options)


if __name__ == "__main__":
    sys.exit(main())
