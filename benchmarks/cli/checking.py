"""The commands about what there is, and about losses alone: list, verify, docs."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli.options import add_plugins, folder

if TYPE_CHECKING:
    from benchmarks.cli.options import Commands


def add_commands(commands: "Commands") -> None:
    listing = commands.add_parser("list", help="show losses, architectures, data sets, metrics, suites and recipes")
    listing.add_argument("--json", action="store_true", help="as JSON")
    add_plugins(listing)
    listing.set_defaults(command=_list_all)

    verify = commands.add_parser("verify", help="hold losses to known answers")
    verify.add_argument("losses", nargs="*", metavar="NAME", help="losses (default: all, or all of --plugin)")
    add_plugins(verify)
    verify.set_defaults(command=_verify_losses)

    docs = commands.add_parser("docs", help="write the pages about losses, from the code")
    docs.add_argument("--folder", type=folder, default=Path("docs"), metavar="DIR", help="(default: %(default)s)")
    docs.set_defaults(command=_write_docs)


def _list_all(options: argparse.Namespace) -> int:
    from benchmarks.tools.listing import as_text, registries

    content = registries()
    print(json.dumps(content, indent=2, ensure_ascii=False) if options.json else as_text(content))
    return 0


def _verify_losses(options: argparse.Namespace) -> int:
    from benchmarks.tools.verify import check_all, choose

    return 1 if check_all(choose(options.losses)) else 0


def _write_docs(options: argparse.Namespace) -> int:
    from benchmarks.tools.docs import write

    for path in write(options.folder):
        print(path)
    return 0
