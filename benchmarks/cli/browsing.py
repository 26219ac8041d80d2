"""The command `gan-zoo ui`: the record in MLflow's pages."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli.options import folder, whole_number

if TYPE_CHECKING:
    from benchmarks.cli.options import Commands


def add_commands(commands: "Commands") -> None:
    ui = commands.add_parser("ui", help="open the record in MLflow's pages, and print links to scores and samples")
    ui.add_argument(
        "results", nargs="?", type=folder, default=Path("results"), metavar="RESULTS", help="(default: %(default)s)"
    )
    ui.add_argument("--host", default="127.0.0.1", help="where the server listens (default: %(default)s)")
    ui.add_argument(
        "--port", type=whole_number(1, 65535), default=5000, metavar="N", help="its port (default: %(default)s)"
    )
    ui.set_defaults(command=open_ui)


def open_ui(options: argparse.Namespace) -> int:
    from benchmarks.record.ui import open_pages

    return open_pages(options.results, options.host, options.port)
