"""All commands in one parser, and how they end. A command imports what it needs when it runs."""

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cli import browsing, checking, claims, publishing, reporting, scoring, training, tuning
from benchmarks.cli.options import Parser, oneline, option_of, plugins_of
from benchmarks.record.environment import version
from gan_zoo.errors import Unwritable, UserError, printable, suggestion
from gan_zoo.numerics.environment import settle

USAGE_ERROR, UNWRITTEN = 2, 1  # the former is argparse's
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
SETTINGS = ("device", "engine", "numerics")
"""Settings of the science that are options here; its errors begin with their names."""
EXAMPLES = """\
examples:
  gan-zoo run                                     the default suite, quickstart, with its report
  gan-zoo run zoo --losses wgan-gp r3gan --dry-run
  gan-zoo run my.yaml --set train.steps=5000
  gan-zoo train --loss wgan-gp --dataset swissroll
  gan-zoo report quickstart
"""


def run(words: Sequence[str]) -> int:
    """Runs one command; its exit code. Ctrl-C passes through."""
    options = None
    try:
        _open_what_is_closed()
        _print_what_cannot_be_printed()
        options = parse(words)
        if hasattr(options, "numerics"):
            settle(options.numerics)
        with plugins_of(options):
            code: int = options.command(options)
        sys.stdout.flush()
        return code
    except UserError as error:
        option = _with_option(error.path, options) if isinstance(error, Unwritable) else ""
        print(f"gan-zoo: {_with_flag(str(error))}{option}", file=sys.stderr)
        return USAGE_ERROR
    except OSError as failure:
        return told(failure, options)


def told(failure: OSError, options: argparse.Namespace | None) -> int:
    """The exit code after a line about a path, disk or output that cannot be used. Raises: any other `failure`."""
    if failure.filename is None and _output_is_lost():
        if not isinstance(failure, BrokenPipeError):  # whoever closed a pipe knows it
            print(f"gan-zoo: the output cannot be written ({failure.strerror}); send it elsewhere", file=sys.stderr)
        return UNWRITTEN
    if failure.filename is None and failure.errno not in NO_ROOM:
        raise failure
    path = None if failure.filename is None else Path(os.fsdecode(failure.filename))
    place, option = ("", "") if path is None else (f"{oneline(str(path))}: ", _with_option(path, options))
    print(f"gan-zoo: {place}{failure.strerror}; choose another path{option}", file=sys.stderr)
    return USAGE_ERROR


def _with_option(path: Path, options: argparse.Namespace | None) -> str:
    """The end of a remedy: the option that says where `path` lies, or nothing."""
    option = option_of(path, options)
    return f" with {option}" if option else ""


def _open_what_is_closed() -> None:
    """Output that a shell has closed (`>&-`) goes nowhere: a file opened later would take its number, and its text."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w"), write_through=True))


def _output_is_lost() -> bool:
    """Whether nothing can be printed: a full disk, or a pipe that nobody reads. The rest goes nowhere then."""
    try:
        print(flush=True)  # what failed before may not be tried again
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _with_flag(message: str) -> str:
    """An error about a setting of which the science knows, as one about the option that set it."""
    return f"--{message}" if message.split(" ", 1)[0] in SETTINGS else message


def _print_what_cannot_be_printed() -> None:
    """A terminal or pipe that has no Greek letters gets marks in their place, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command line. Raises: UserError; SystemExit after --help and --version."""
    top, commands = parser()
    complete(top)
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in commands:
        raise UserError(f"unknown command '{printable(command)}' ({suggestion(command, commands)})")
    options, unknown = top.parse_known_args(words)
    if unknown:
        keys = "for a key of the suite use --set KEY=VALUE; " if hasattr(options, "settings") else ""
        raise UserError(f"unrecognized arguments: {oneline(' '.join(unknown))}; {keys}see gan-zoo {command} --help")
    return options


def complete(top: Parser) -> None:
    """Where a shell asks how a word may go on, answers and ends."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(top)


def parser() -> tuple[Parser, list[str]]:
    """The parser of all commands, and their names."""
    top = Parser(prog="gan-zoo", description="A reproducible benchmark of GAN losses.", epilog=EXAMPLES)
    top.add_argument("--version", action="version", version=f"gan-zoo {version('gan-zoo')}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for group in (training, tuning, claims, reporting, browsing, publishing, checking, scoring):
        group.add_commands(commands)
    return top, list(commands.choices)
