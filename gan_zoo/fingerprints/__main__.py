"""The command `python -m gan_zoo.fingerprints`, see the package."""

import argparse
import sys

from gan_zoo.device import configure_process
from gan_zoo.fingerprints import ALL, differences, selected, table, versions, write
from gan_zoo.numerics.process import fault

DIFFERENT = 1


def main() -> int:
    """0: all as in the table; 1: some differ, and are named."""
    parser = argparse.ArgumentParser(prog="python -m gan_zoo.fingerprints", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only those that begin so")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="replace the table by what is computed here")
    options = parser.parse_args()
    configure_process("cpu", options.threads)
    if (reason := fault()) is not None:
        print(f"not portable: {reason}", file=sys.stderr)
        return DIFFERENT
    if options.write:
        write()
        print(f"wrote {len(ALL)} fingerprints")
        return 0
    return compare(options.names)


def compare(names: list[str]) -> int:
    """Prints what differs, each as soon as it is found, and how many were compared."""
    if table()["versions"] != versions():
        print(f"the table is of {table()['versions']}, this is {versions()}", file=sys.stderr)
    different = 0
    for name in differences(names):
        different += 1
        print(f"differs: {name}", flush=True)
    print(f"{len(selected(names)) - different} of {len(selected(names))} fingerprints as in the table")
    return DIFFERENT if different else 0


if __name__ == "__main__":
    sys.exit(main())
