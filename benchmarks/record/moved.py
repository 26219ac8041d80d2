"""A record whose folder was moved or copied: its runs' files are where they are now.

MLflow writes down where the files of an experiment, of each of its runs and of each logged model are, as whole
addresses. Where the folder of the database is another than when they were written, they are written anew, all at once.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gan_zoo.errors import UserError

FILES = "mlartifacts"
"""The folder beside the database that has the files of all runs, in one folder a suite."""
LOCATED = (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"))
"""MLflow's tables that have addresses of files."""
WAIT = 20.0  # seconds for a database that another process writes to


def follow(database: Path, experiment: str, before: str, now: str) -> None:
    """Writes the addresses of an experiment's files anew: what begins with `before` begins with `now` from then on.

    Raises: UserError where the database cannot be written to now.
    """
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=WAIT)) as connection, connection:
            for table, column in LOCATED:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE experiment_id = ? AND substr({column}, 1, ?) = ?",
                    (now, len(before) + 1, int(experiment), len(before), before),
                )
    except sqlite3.Error as failure:
        raise UserError(
            f"{database}: was moved, and where its files are cannot be written ({failure}): end what else uses it"
        ) from None


def was_moved(database: Path, before: str, folder: Path) -> bool:
    """Whether files of which MLflow says that they are at the address `before` are in `folder`, beside the database,
    now: where it says the folder of this name beside a database at another place, which is not this very one by
    another path."""
    place = Path(unquote(urlsplit(before).path))
    if not before.startswith("file:") or before == folder.as_uri() or place.parts[-2:] != folder.parts[-2:]:
        return False
    other = place.parents[1] / database.name
    return not (other.exists() and other.samefile(database))
