"""The commands about published results: reproduce, publish."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli.options import add_data, add_plugins, add_results, add_workers, data_root, folder, whole_number
from gan_zoo.errors import brief

if TYPE_CHECKING:
    from benchmarks.cli.options import Commands

RULE = """\
A cell is one training run: a loss, a data set, a seed. Of each recomputed one is said:
  equal bits    the hash of its weights is equal, and every score
  within noise  its bits differ, and no score lies further from the claimed one than two runs of a cell would by chance:
                |log x - log y| <= t(n - 1) s sqrt(2), with s the spread of the log scores of the n other seeds of its
                loss and data set, at a confidence of 1 - 0.01 / (number of scores compared)
  contradicts   neither, or one of hash and scores is equal and the other is not
"""


def add_commands(commands: "Commands") -> None:
    reproduce = commands.add_parser(
        "reproduce", help="recompute some cells of anybody's export and say whether it holds", epilog=RULE
    )
    reproduce.add_argument(
        "export", nargs="?", metavar="EXPORT", help="a folder or a suite's name (default: the published quickstart)"
    )
    reproduce.add_argument(
        "--cells", type=whole_number(1, 10**6), default=3, metavar="K", help="how many (default: %(default)s)"
    )
    reproduce.add_argument(
        "--seed",
        type=whole_number(0, 2**63 - 1),
        default=0,
        help="cells are drawn by the hash of the export and this (default: %(default)s)",
    )
    reproduce.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add_workers(reproduce, None, "one per core, or up to four per GPU")
    reproduce.add_argument(
        "--out", type=folder, metavar="DIR", help="keep the record of what is run in this new folder"
    )
    reproduce.add_argument(
        "--folder",
        action=AddFolder,
        dest="folders",
        default={},
        metavar="NAME=PATH",
        help="the folder or file in which you have data of somebody's own; can be repeated",
    )
    add_data(reproduce)
    add_plugins(reproduce)
    reproduce.set_defaults(command=_reproduce_cells)

    publish = commands.add_parser("publish", help="for maintainers: put a finished run into results/published")
    publish.add_argument("suite", metavar="SUITE", help="a suite of the package whose every cell has ended")
    publish.add_argument(
        "--rebuild", action="store_true", help="make the published report again from the export that is there"
    )
    publish.set_defaults(command=_publish_suite)
    for command in (reproduce, publish):
        add_results(command)


class AddFolder(argparse.Action):
    """Collects NAME=PATH into a dictionary. Raises: ArgumentError without name or path, or at a name twice."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        name, _, place = str(values).partition("=")
        given = getattr(namespace, self.dest)
        if not name or not place:
            raise argparse.ArgumentError(self, f"{brief(str(values))}: is not NAME=PATH, as in cats=~/cats")
        if name in given:
            raise argparse.ArgumentError(self, f"{brief(name)}: is given twice")
        try:
            setattr(namespace, self.dest, given | {name: folder(place)})
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None


def _reproduce_cells(options: argparse.Namespace) -> int:
    from benchmarks.record.places import PUBLISHED, export_folder
    from benchmarks.tools.reproduce import Request, reproduce

    export = export_folder(options.export, options.results) if options.export else PUBLISHED / "quickstart" / "export"
    how = options.cells, options.seed, options.device, options.workers, options.out, options.folders
    return 0 if reproduce(Request(export, data_root(options), *how)) else 1


def _publish_suite(options: argparse.Namespace) -> int:
    from benchmarks.tools.publish import publish, rebuild

    made: Path = rebuild(options.suite) if options.rebuild else publish(options.suite, options.results)
    print(f"published: {made / 'report.html'}")
    return 0
