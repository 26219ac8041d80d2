"""One owner at a time for each cell, whichever machines share the record.

A record has no locks, and of a tag the last writer wins. But a parameter of a run is written once: a second value is
refused, by a unique key of the database, on sqlite and PostgreSQL and through a server alike. So the n-th lease of a
cell is the parameter `CELL.n` of one run of the suite, its ledger, and of any number of takers one has it. The lease
is renewed by a tag of the same name; the (n+1)-th may be taken when that has expired or was given up, when its process
is known to be dead, or by a person who knows better. Whoever finds a higher number than its own has lost its lease.
A run is only read as a whole, so a large suite has several ledgers; which one a cell's leases are in its name decides.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.record.client import mlflow_error
from benchmarks.record.owner import owner_is_dead, owner_tags, process_text
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LEASE_SECONDS = 600.0
"""A lease that was not renewed for so long is free."""
RENEW_SECONDS = 60.0  # so that nine renewals may fail before another process may take the cell
SKEW_SECONDS = 60.0
"""By how much the clocks of two machines may differ."""


class Held(UserError):
    """A cell that another process has; the message says which."""


@dataclass(frozen=True)
class Holder:
    """Who has a cell: a process, since when, and until when if its lease is not renewed (seconds since 1970)."""

    host: str
    pid: int
    since: float
    until: float

    @property
    def process(self) -> str:
        return process_text({"host": self.host, "pid": self.pid})

    def __str__(self) -> str:
        return f"{self.process} since {_clock_text(self.since)}, lease until {_clock_text(self.until)}"


class Leases:
    """All leases of some ledgers, as these had them when they were read."""

    def __init__(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        self._params, self._tags = params, tags
        self._numbers: dict[str, int] = {}
        for name in params:
            cell, _, number = name.rpartition(".")
            self._numbers[cell] = max(self.number(cell), int(number))

    @classmethod
    def of(cls, ledgers: Iterable["Run"]) -> "Leases":
        """All that are in these ledgers."""
        params, tags = dict[str, str](), dict[str, str]()
        for ledger in ledgers:
            params |= ledger.data.params
            tags |= ledger.data.tags
        return cls(params, tags)

    @classmethod
    def read(cls, client: "MlflowClient", ledger: str) -> "Leases":
        return cls.of([client.get_run(ledger)])

    def number(self, cell: str) -> int:
        """How many leases of `cell` were taken so far."""
        return self._numbers.get(cell, 0)

    def last(self, cell: str) -> Holder:
        """Who took the last lease of `cell`, whether or not it has ended. Raises: KeyError where nobody ever did."""
        owner = self._owner(cell)
        return Holder(owner["host"], owner["pid"], owner["since"], self._until(cell))

    def holder(self, cell: str) -> Holder | None:
        """Who has `cell` now; None where it is free."""
        if self.number(cell) == 0:
            return None
        until = self._until(cell)
        free = until == 0 or time.time() > until + SKEW_SECONDS or owner_is_dead(self._owner(cell))
        return None if free else self.last(cell)

    def held_by(self, process: str) -> list[str]:
        """The cells that a process has now."""
        holders = {cell: self.holder(cell) for cell in self._numbers}
        return [cell for cell, holder in holders.items() if holder and holder.process == process]

    def _owner(self, cell: str) -> dict[str, Any]:
        owner: dict[str, Any] = json.loads(self._params[f"{cell}.{self.number(cell)}"])
        return owner

    def _until(self, cell: str) -> float:
        return float(self._tags.get(f"{cell}.{self.number(cell)}", self._owner(cell)["until"]))


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
        leases = Leases.read(self.client, self.ledger)
        if leases.number(self.cell) != self.number:
            raise Held(f"being run by {leases.last(self.cell)}")
        self.client.set_tag(self.ledger, self.name, str(time.time() + LEASE_SECONDS))

    def give_up(self) -> None:
        """Leave the cell to whoever comes next."""
        self.client.set_tag(self.ledger, self.name, "0")


def take(client: "MlflowClient", ledger: str, cell: str, by_force: bool = False) -> Lease:
    """The lease of `cell` for this process, `by_force` also where another one has it.

    Raises: Held where another process has it.
    """
    leases = Leases.read(client, ledger)
    holder = None if by_force else leases.holder(cell)
    if holder is not None:
        raise Held(f"being run by {holder}")
    lease = Lease(client, ledger, cell, leases.number(cell) + 1)
    now = time.time()
    own = {**owner_tags(), "token": uuid.uuid4().hex, "since": now, "until": now + LEASE_SECONDS}
    try:
        client.log_param(ledger, lease.name, json.dumps(own))
    except mlflow_error():
        leases = Leases.read(client, ledger)
        if leases.number(cell) < lease.number:
            raise  # not refused because another was first
        raise Held(f"being run by {leases.last(cell)}") from None
    return lease


def _clock_text(seconds: float) -> str:
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
