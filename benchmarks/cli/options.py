"""Parts that the commands share: their parser, the types of their options, and options that several of them have."""

import argparse
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from benchmarks.record.environment import data_folder
from gan_zoo.errors import UserError, brief
from gan_zoo.files import reason, refuse_blocked, shown

if TYPE_CHECKING:
    from benchmarks.sweep.shard import Shard

    Commands = argparse._SubParsersAction["Parser"]

MOST_THREADS = MOST_WORKERS = 256
LARGEST_IMAGE = 4096


class Parser(argparse.ArgumentParser):
    """An argparse parser that takes no shortened options, each once, and keeps the lines of its examples.

    Raises: UserError, of one line, where words are not as they should be.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{oneline(message).removeprefix('argument ')}; see {self.prog} --help")


class Once(argparse.Action):
    """Stores the value of an option, of which a second one would silently undo the first."""

    given = False

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        if option and self.given:
            remedy = "name all after one" if self.nargs == "+" else "keep one"
            raise argparse.ArgumentError(self, f"given twice; {remedy}")
        self.given = True
        setattr(namespace, self.dest, values)


def oneline(message: str) -> str:
    """A help text for argparse, whatever the words hold."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(message.split()))


def folder(text: str) -> Path:
    """A path as typed, `~` being the home folder, as in --data=~/x, which a shell leaves as it is."""
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"expected a path, got {brief(text)}")
    path = Path(os.path.expanduser(text))
    if path.parts[:1] and path.parts[0].startswith("~"):
        raise argparse.ArgumentTypeError(f"there is no home folder {brief(path.parts[0])}; write the path in full")
    return path


def whole_number(lowest: int, highest: int) -> Any:
    """The type of an option that is a whole number in these bounds, ends included."""

    def number(text: str) -> int:
        if not (text.isascii() and text.lstrip("-").isdigit() and len(text) < 20 and lowest <= int(text) <= highest):
            raise argparse.ArgumentTypeError(f"expected a whole number from {lowest} to {highest}, got {brief(text)}")
        return int(text)

    return number


def shard(text: str) -> "Shard":
    """The type of an option that names one of n shards, as 3/8."""
    from benchmarks.sweep.shard import Shard

    parts = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    number, count = map(int, parts.groups()) if parts else (0, 0)
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(
            f"expected I/N, the I-th of N shards counted from 1, as 3/8, got {brief(text)}"
        )
    return Shard(number, count)


def add_results(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--results",
        type=folder,
        default=Path("results"),
        metavar="DIR",
        help="where records and reports are (default: %(default)s)",
    )


def add_workers(command: argparse.ArgumentParser, default: int | None, meaning: str) -> None:
    command.add_argument(
        "--workers",
        type=whole_number(0, MOST_WORKERS),
        default=default,
        help=f"processes that train (default: {meaning}); 0: in the program itself, as a debugger wants it, where "
        "nothing ends a cell that hangs",
    )


def add_suite(command: argparse.ArgumentParser, **settings: Any) -> None:
    """The suite, which a shell completes among those of the package and YAML files."""
    suite = command.add_argument("suite", **{"help": "a suite's name or a YAML file", **settings})
    suite.completer = _complete_suite  # type: ignore[attr-defined]


def _complete_suite(prefix: str, **_: Any) -> list[str]:
    """What a suite may be that begins with `prefix`."""
    from argcomplete.completers import FilesCompleter

    from benchmarks.suites.shipped import suite_names

    return [*suite_names(), *FilesCompleter(["yaml", "yml"])(prefix)]


def add_talk(command: argparse.ArgumentParser) -> None:
    """How much is said while cells are trained."""
    talk = command.add_mutually_exclusive_group()
    talk.add_argument(
        "-q", "--quiet", action="store_const", const="quiet", dest="talk", help="say what went wrong, and the scores"
    )
    talk.add_argument(
        "-v", "--verbose", action="store_const", const="verbose", dest="talk", help="say the score of each evaluation"
    )
    command.set_defaults(talk="usual")


def add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=folder,
        metavar="DIR",
        help="data sets (default: $GAN_ZOO_DATA, else ~/.cache/gan-zoo)",
    )


def add_plugins(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--plugin",
        type=folder,
        action="append",
        default=[],
        metavar="FILE",
        dest="plugins",
        help="a Python file, which is run, with LOSSES, ARCHITECTURES, DATASETS, METRICS or OPTIMIZERS of your own; "
        "repeatable",
    )


@contextmanager
def plugins_of(options: argparse.Namespace) -> Iterator[None]:
    """Within it, what --plugin names is there, and what a suite adds stays until its end. Raises: UserError."""
    if not hasattr(options, "plugins"):  # the command knows no plugins, and may have no use for torch
        yield
        return
    from gan_zoo.plugins import load, read_plugin, scope

    with scope():
        for path in options.plugins:
            load(read_plugin(path))
        yield


def data_root(options: argparse.Namespace) -> Path:
    """Where data sets are. Raises: UserError where nothing says it, or no folder that can be entered can be there."""
    place: Path = options.data or data_folder()
    if str(place).startswith("~"):
        raise UserError("--data: there is no home folder to keep data sets in; give --data DIR or set GAN_ZOO_DATA")
    try:
        os.stat(os.path.join(place, "."))  # pathlib would leave the point out
    except PermissionError as failure:
        why = reason(failure)
        raise UserError(f"{shown(place)}: cannot be entered ({why}); choose another folder with --data") from None
    except OSError:  # it is not there yet
        refuse_blocked(place)
    return place


def option_of(path: Path, options: argparse.Namespace | None) -> str:
    """The option that says in which folder `path` lies, or "": of several the one for the innermost."""
    known = vars(options) if options else {}
    places = [(f"--{name}", known.get(name)) for name in ("out", "results", "images")]
    places += [("--dataset", Path(name)) for name in known.get("datasets") or []]
    if "data" in known:
        places.append(("--data", known["data"] or data_folder()))
    inside = {
        option: len(place.absolute().parts)
        for option, place in places
        if place and path.absolute().is_relative_to(place.absolute())
    }
    return max(inside, key=inside.__getitem__, default="")


def add_device(command: argparse.ArgumentParser, threads: str) -> None:
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    command.add_argument(
        "--threads", type=whole_number(1, MOST_THREADS), default=1, help=f"{threads} (default: %(default)s)"
    )
