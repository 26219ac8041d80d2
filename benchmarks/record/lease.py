"""One owner at a time for each cell, whichever machines share the record.

A record has no locks, and of a tag the last writer wins. But a parameter of a run is written once: a second value is
refused, by a unique key of the database, on sqlite and PostgreSQL and through a server alike. So the n-th lease of a
cell is the parameter `CELL.n` of one run of the suite, its ledger, and of any number of takers one has it. The lease
is renewed by a tag of the same name; the (n+1)-th may be taken when that has expired or was given up, or when its
process is known to be dead. Whoever finds a higher number than its own has lost its lease.
"""

import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.record.client import mlflow_error
from benchmarks.record.owner import owner_is_dead, owner_tags
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

LEASE_SECONDS = 600.0
"""A lease that was not renewed for so long is free."""
RENEW_SECONDS = 60.0
SKEW_SECONDS = 60.0
"""By how much the clocks of two machines may differ."""


class Held(UserError):
    """A cell that another process has; the message says which."""


@dataclass(frozen=True)
class Lease:
    """The right to work on a cell: the parameter and tag `name` of the run `ledger`."""

    client: "MlflowClient"
    ledger: str
    cell: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.cell}.{self.number}"

    def renew(self) -> None:
        """Keep it for LEASE_SECONDS from now. Raises: Held where another process has taken it since."""
        run = self.client.get_run(self.ledger)
        if last_number(run.data.params, self.cell) != self.number:
            raise Held(held_text(run.data.params, run.data.tags, self.cell))
        self.client.set_tag(self.ledger, self.name, str(time.time() + LEASE_SECONDS))

    def give_up(self) -> None:
        """Leave the cell to whoever comes next."""
        self.client.set_tag(self.ledger, self.name, "0")


def take(client: "MlflowClient", ledger: str, cell: str) -> Lease:
    """The lease of `cell` for this process. Raises: Held where another one has it."""
    data = client.get_run(ledger).data
    number = last_number(data.params, cell)
    if number and not is_free(data.params, data.tags, f"{cell}.{number}"):
        raise Held(held_text(data.params, data.tags, cell))
    lease = Lease(client, ledger, cell, number + 1)
    now = time.time()
    own = {**owner_tags(), "token": uuid.uuid4().hex, "since": now, "until": now + LEASE_SECONDS}
    try:
        client.log_param(ledger, lease.name, json.dumps(own))
    except mlflow_error():
        data = client.get_run(ledger).data
        if lease.name not in data.params:
            raise  # not refused because another was first
        raise Held(held_text(data.params, data.tags, cell)) from None
    return lease


def last_number(params: Mapping[str, str], cell: str) -> int:
    """How many leases of `cell` were taken so far."""
    found = [name.removeprefix(f"{cell}.") for name in params if name.startswith(f"{cell}.")]
    return max(map(int, found), default=0)


def is_free(params: Mapping[str, str], tags: Mapping[str, str], name: str) -> bool:
    """Whether the lease `name` has ended."""
    owner: dict[str, Any] = json.loads(params[name])
    until = float(tags.get(name, owner["until"]))
    return until == 0 or time.time() > until + SKEW_SECONDS or owner_is_dead(owner)


def held_text(params: Mapping[str, str], tags: Mapping[str, str], cell: str) -> str:
    """Who has `cell`, since when and for how long."""
    name = f"{cell}.{last_number(params, cell)}"
    owner = json.loads(params[name])
    until = float(tags.get(name, owner["until"]))
    since = clock_text(owner["since"])
    return f"being run by {owner['host']} (process {owner['pid']}) since {since}, lease until {clock_text(until)}"


def clock_text(seconds: float) -> str:
    """A time as people read it: that of today by its hour alone."""
    moment = datetime.fromtimestamp(seconds)
    today = moment.date() == datetime.now().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


class Keeper:
    """Renews the leases of this process in a thread of its own, however long the process is at one step."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._lost: dict[str, Held] = {}
        self._thread: threading.Thread | None = None

    def keep(self, lease: Lease) -> "Kept":
        """Renew `lease` from now on."""
        self._leases[lease.name] = lease
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew_all, daemon=True)
            self._thread.start()
        return Kept(self, lease)

    def check(self, lease: Lease) -> None:
        """Holds `lease` to be ours still. Raises: Held where it was lost to another process."""
        if lease.name in self._lost:
            raise self._lost[lease.name]

    def give_up(self, lease: Lease) -> None:
        """Renew `lease` no longer, and leave its cell to whoever comes next."""
        self._leases.pop(lease.name, None)
        if lease.name not in self._lost:
            lease.give_up()

    def _renew_all(self) -> None:
        while True:
            time.sleep(RENEW_SECONDS)
            for lease in list(self._leases.values()):
                try:
                    lease.renew()
                except Held as loss:
                    self._lost[lease.name] = loss
                except Exception:  # the record is away, as whoever sends metrics says: tried again
                    continue


@dataclass(frozen=True)
class Kept:
    """A lease that is renewed by `keeper`."""

    keeper: Keeper
    lease: Lease

    def check(self) -> None:
        """Holds the lease to be ours still. Raises: Held where it was lost to another process."""
        self.keeper.check(self.lease)

    def give_up(self) -> None:
        """Leave the cell to whoever comes next."""
        self.keeper.give_up(self.lease)
