"""The commands that train: train, run, timing."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.cli.options import (
    LARGEST_IMAGE,
    add_data,
    add_device,
    add_plugins,
    add_results,
    add_suite,
    add_talk,
    add_workers,
    data_root,
    shard,
    whole_number,
)
from gan_zoo.errors import UserError, printable
from gan_zoo.numerics import NUMERICS

if TYPE_CHECKING:
    from benchmarks.cli.options import Commands
    from benchmarks.suites.suite import Suite
    from benchmarks.sweep.plan import Options

SEND_MINUTES = 10
SEED = whole_number(0, 2**63 - 1)
UNFINISHED = 1
TRAIN_EXAMPLES = """\
examples:
  gan-zoo train --loss wgan-gp --dataset swissroll
  gan-zoo train --loss wgan-gp --dataset path/to/points.csv path/to/images.npz
  gan-zoo train --loss r3gan wgan-gp --dataset 25gaussians --seed 0 1 --set train.steps=3000
"""
RUN_EXAMPLES = """\
examples:
  gan-zoo run quickstart --dry-run
  gan-zoo run zoo --losses wgan-gp r3gan --datasets 8gaussians --seeds 0 1 2
  gan-zoo run my.yaml --set train.steps=5000 --set seeds=10
  gan-zoo run zoo --shard 3/8                     on eight machines with one record: see docs/cluster.md
"""
TIMING_EXAMPLES = """\
Each loss is trained for a few hundred iterations at most, alone on the device and in turn with the others; the record
keeps median and quartiles, and reports take their seconds from them. `run` ends with it where nothing is recorded yet
for the same device, engine, threads and numerics; this command measures anew.

examples:
  gan-zoo timing quickstart
  gan-zoo timing zoo --device cuda:0 --engine graph
"""


def add_commands(commands: "Commands") -> None:
    train, run, timing = _add_train(commands), _add_run(commands), _add_timing(commands)
    for command in (run, timing):
        command.add_argument("--losses", nargs="+", default=[], metavar="NAME", help="only these losses of the suite")
        command.add_argument("--datasets", nargs="+", default=[], metavar="NAME", help="only these data sets")
    add_workers(train, None, "none for a single run, else one per core, or up to four per GPU")
    add_workers(run, None, "one per core, or up to four per GPU")
    for command in (train, run):
        add_talk(command)
    for command in (train, run, timing):
        add_how(command)


def _add_train(commands: "Commands") -> argparse.ArgumentParser:
    train = commands.add_parser("train", help="train one run, or a few, for a first look", epilog=TRAIN_EXAMPLES)
    train.add_argument("--loss", "--losses", nargs="+", required=True, dest="losses", metavar="NAME")
    train.add_argument(
        "--dataset",
        "--datasets",
        nargs="+",
        required=True,
        dest="datasets",
        metavar="NAME|PATH",
        help="registered ones, or your own: a folder of images, an .npz, .npy or .csv file, huggingface:OWNER/NAME",
    )
    train.add_argument(
        "--image-size", type=whole_number(1, LARGEST_IMAGE), metavar="N", help="resize images to N x N pixels"
    )
    train.add_argument("--seed", "--seeds", nargs="+", type=SEED, default=[0], dest="seeds", metavar="N")
    train.add_argument("--suite", default="quickstart", help="the suite whose settings are used (default: %(default)s)")
    train.set_defaults(command=_train_some)
    return train


def _add_run(commands: "Commands") -> argparse.ArgumentParser:
    run = commands.add_parser("run", help="run what is not done of a suite, then report", epilog=RUN_EXAMPLES)
    add_suite(run, nargs="?", default="quickstart", help="a suite's name or a YAML file (default: %(default)s)")
    run.add_argument("--seeds", nargs="+", type=SEED, default=[], metavar="N", help="only these seeds of the suite")
    run.add_argument("--dry-run", action="store_true", help="show the cells, what is done of them and a time estimate")
    run.add_argument(
        "--shard",
        type=shard,
        metavar="I/N",
        help="train the I-th of N shares of the cells, then what other shards left; no report and no timing pass",
    )
    run.add_argument(
        "--take-over",
        action="store_true",
        help="take the cells that other processes have, as if these were dead; who is alive all the same stops",
    )
    run.add_argument(
        "--ray",
        nargs="?",
        const="auto",
        metavar="ADDRESS",
        help="train on the Ray cluster at HOST:PORT, or on that of this machine; at most --workers cells at a time",
    )
    run.add_argument(
        "--send-checkpoints",
        nargs="?",
        const=SEND_MINUTES,
        type=whole_number(0, 10_000),
        metavar="MINUTES",
        help="send a checkpoint of each cell to the record so often, where machines share no --results: a cell that "
        f"moves goes on from it (default, where this is given: {SEND_MINUTES})",
    )
    run.set_defaults(command=run_suite)
    return run


def _add_timing(commands: "Commands") -> argparse.ArgumentParser:
    timing = commands.add_parser("timing", help="time each loss of a suite alone on the device", epilog=TIMING_EXAMPLES)
    add_suite(timing)
    timing.set_defaults(command=time_suite)
    return timing


def add_how(command: argparse.ArgumentParser) -> None:
    """The options of every command that trains: where results go, what is changed of the suite, how it is computed."""
    add_results(command)
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="change the suite, e.g. --set train.steps=500 --set seeds=[7]; repeatable",
    )
    add_arithmetic(command)
    add_data(command)
    add_plugins(command)


def add_arithmetic(command: argparse.ArgumentParser) -> None:
    """The options of how a cell is computed: device, engine, numerics."""
    add_device(command, "CPU threads a process")
    command.add_argument(
        "--engine",
        default="auto",
        help="auto (by rule), plain, closed-form, compiled, graph or stacked (seeds and settings together) "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--numerics",
        choices=NUMERICS,
        default="reference",
        help="reference: on a CPU the same bits on every x86-64 with AVX2 under Linux with the same torch and "
        "NumPy, elsewhere numbers that agree statistically; exact: the same bits on any processor, slower; fast: "
        "on a CPU what the libraries do by default, other bits on other processors; tf32 (GPUs) and bf16: faster, "
        "another arithmetic (default: %(default)s)",
    )


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """The values of --set by key. Raises: UserError where one has not the form KEY=VALUE, or undoes another."""
    settings: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UserError(f"--set {printable(text)}: expected KEY=VALUE, e.g. --set train.steps=500")
        undone = next((known for known in settings if f"{known}.".startswith(f"{key}.")), None)
        if undone:
            before, after = printable(f"{undone}={settings[undone]}"), printable(text)
            raise UserError(f"--set {before}: does nothing, for --set {after} replaces it")
        settings[key] = value
    return settings


def runner_options(options: argparse.Namespace, workers: int | None) -> "Options":
    from benchmarks.sweep.plan import Options

    how = options.engine, options.numerics
    minutes = getattr(options, "send_checkpoints", None)
    every = None if minutes is None else 60.0 * minutes
    return Options(
        options.results, data_root(options), options.device, workers, options.threads, *how, send_every=every
    )


def _greet(options: argparse.Namespace) -> None:
    """A word on a terminal before anything is loaded."""
    if sys.stderr.isatty() and options.talk != "quiet":
        print(f"loading {options.suite}, its data sets and what scores them", file=sys.stderr)


def _train_some(options: argparse.Namespace) -> int:
    """Runs with the settings that a suite has for their losses and data sets; recorded as the suite `train`, each
    command's with a report of its own."""
    _greet(options)
    from benchmarks.report.terminal import look_text
    from benchmarks.suites.suite import load_first_look
    from benchmarks.sweep.progress import Progress, say
    from benchmarks.tools import suite_run

    settings = parse_settings(options.settings)
    asked = options.losses, options.datasets, options.seeds, options.image_size
    suite = load_first_look(options.suite, settings, *asked)
    alone = len(suite.cells) == 1  # which another process would only keep waiting while it loads everything again
    workers = 0 if alone and options.workers is None else options.workers
    done = suite_run.first_look(suite, runner_options(options, workers), partial(Progress, talk=options.talk), say)
    print(f"\n{look_text(done.folder / 'export')}\n\nreport: {done.folder / 'report.html'}")
    for line in done.missing:
        print(line, file=sys.stderr)
    return UNFINISHED if done.missing else 0


def run_suite(options: argparse.Namespace) -> int:
    _greet(options)
    from benchmarks.suites.suite import load_suite

    suite = load_suite(options.suite, parse_settings(options.settings))
    suite = suite.only(options.losses, options.datasets, options.seeds)
    if options.ray and (options.shard or options.workers == 0):
        raise UserError("--ray: Ray itself divides the cells: leave --shard and --workers 0 out")
    if options.shard:
        from benchmarks.sweep.plan import refuse_own_paces

        refuse_own_paces(suite)
    if options.dry_run:
        from benchmarks.record.store import Store
        from benchmarks.sweep.budget import within_seconds
        from benchmarks.sweep.plan import make_plan
        from benchmarks.sweep.progress import plan_text, say
        from benchmarks.sweep.rehearsal import rehearsal
        from benchmarks.sweep.shard import WHOLE

        with rehearsal(runner_options(options, options.workers)) as how:
            store = Store(options.results)
            suite = within_seconds(suite, how, store, say, may_time=False)
            print(plan_text(make_plan(suite, how, store, say, options.shard or WHOLE)))
        return 0
    if options.ray:
        from benchmarks.record.store import Store
        from benchmarks.sweep.cluster import connected, refuse_file

        with connected(options.ray, options.workers, options.threads) as crew:
            refuse_file(Store(options.results))  # before anything is said, taken over or made
            _take_over(suite, options)
            return run_and_report(suite, options, train=crew.run_cells)
    _take_over(suite, options)
    return run_shard(suite, options) if options.shard else run_and_report(suite, options)


def _take_over(suite: "Suite", options: argparse.Namespace) -> None:
    """Ends the leases that other processes have, where --take-over says so."""
    if options.take_over:
        from benchmarks.record.store import Store
        from benchmarks.sweep.progress import say
        from benchmarks.tools.suite_run import take_over

        take_over(suite.name, Store(options.results), say)


def run_shard(suite: "Suite", options: argparse.Namespace) -> int:
    from benchmarks.sweep.progress import Progress, finished_text, say, unfinished_text
    from benchmarks.tools import suite_run

    watch = partial(Progress, talk=options.talk)
    plan = suite_run.run_shard(suite, runner_options(options, options.workers), options.shard, watch, say)
    for line in unfinished_text(plan):
        print(line, file=sys.stderr)
    print(finished_text(plan))
    return UNFINISHED if len(plan.unfinished) > len(plan.running) else 0


def time_suite(options: argparse.Namespace) -> int:
    from benchmarks.record.store import Store
    from benchmarks.suites.suite import load_suite
    from benchmarks.sweep.progress import say
    from benchmarks.sweep.timing import time_suite

    suite = load_suite(options.suite, parse_settings(options.settings)).only(options.losses, options.datasets, [])
    how = runner_options(options, None)
    problems = time_suite(suite, how, Store(options.results), say, anew=True)
    for line in problems:
        print(line, file=sys.stderr)
    print(f"timed: gan-zoo report {suite.name} shows it where the suite was run")
    return UNFINISHED if problems else 0


def run_and_report(suite: "Suite", options: argparse.Namespace, **how: Any) -> int:
    from benchmarks.report.against import against_text
    from benchmarks.report.terminal import scores_text
    from benchmarks.sweep.progress import Progress, say
    from benchmarks.tools import suite_run

    watch = partial(Progress, talk=options.talk)
    done = suite_run.run_and_report(suite, runner_options(options, options.workers), watch, say, **how)
    print(f"\n{scores_text(done.folder / 'export')}\n")
    held = against_text(done.folder / "export")
    print(*([f"{held}\n"] if held else []), f"report: {done.folder / 'report.html'}", sep="\n")
    for line in done.missing:
        print(line, file=sys.stderr)
    return UNFINISHED if done.missing else 0
