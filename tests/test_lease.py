"""Leases: of any number of takers one has a cell; it is free when its owner gave it up, died, or did not renew it."""

import json
import threading
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.record import lease as leases
from benchmarks.record.lease import LEASE_SECONDS, SKEW_SECONDS, Held, Keeper, Lease, take
from benchmarks.record.owner import machine, owner_is_dead, owner_tags, process_text
from benchmarks.record.store import Store


@pytest.fixture
def ledger(results: Path) -> tuple[object, str]:
    """The client of a record, and the run of its leases."""
    store = Store(results)
    return store._client, store._ledger("toy", store.experiment("toy"), "cell")


def race(client: object, ledger: str, cell: str, takers: int) -> list[Lease | Held]:
    """The outcome of each of so many takers at once."""
    start, found = threading.Barrier(takers), list[Lease | Held]()

    def run() -> None:
        start.wait()
        try:
            found.append(take(client, ledger, cell))  # type: ignore[arg-type]
        except Held as held:
            found.append(held)

    threads = [threading.Thread(target=run) for _ in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_eight_takers_one_wins(ledger: tuple[object, str]) -> None:
    for round_ in range(4):
        found = race(*ledger, f"cell{round_}", 8)
        assert len(found) == 8
        assert sum(isinstance(each, Lease) for each in found) == 1
        assert all(str(each).startswith("being run by ") for each in found if isinstance(each, Held))


def test_a_lease_that_was_given_up_goes_to_one_of_the_next(ledger: tuple[object, str]) -> None:
    take(*ledger, "cell").give_up()  # type: ignore[arg-type]
    (second,) = [each for each in race(*ledger, "cell", 4) if isinstance(each, Lease)]
    assert second.number == 2


def test_a_large_suite_has_several_ledgers_and_a_cell_has_one_of_them(results: Path) -> None:
    store = Store(results)
    experiment = store.experiment("large", cells=1000)
    ledgers = store._ledgers(experiment)
    assert len(set(ledgers)) == len(ledgers) == 5
    cells = [f"cell{number}" for number in range(40)]
    own = {cell: store._ledger("large", experiment, cell) for cell in cells}
    assert set(own.values()) == set(ledgers)
    for cell, ledger in own.items():
        take(store._client, ledger, cell)
    assert sorted(store._leases(experiment).held_by(process_text(owner_tags()))) == sorted(cells)
    store.end_leases("large", process_text(owner_tags()))
    assert store._leases(experiment).held_by(process_text(owner_tags())) == []
    store._client.delete_run(ledgers[2])
    again = {cell: Store(results)._ledger("large", experiment, cell) for cell in cells}
    assert {ledger for cell, ledger in again.items() if own[cell] == ledgers[2]}.isdisjoint(ledgers)
    assert all(again[cell] == ledger for cell, ledger in own.items() if ledger != ledgers[2])


def test_cells_have_leases_of_their_own(ledger: tuple[object, str]) -> None:
    for cell in ("a", "a.b", "b"):
        assert take(*ledger, cell).number == 1  # type: ignore[arg-type]


def test_a_lease_is_free_when_it_expires_and_its_late_owner_stops(
    ledger: tuple[object, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, now = take(*ledger, "cell"), time.time()  # type: ignore[arg-type]
    monkeypatch.setattr(leases.time, "time", lambda: now + LEASE_SECONDS + SKEW_SECONDS - 5)
    with pytest.raises(Held):
        take(*ledger, "cell")  # type: ignore[arg-type]
    first.renew()
    monkeypatch.setattr(leases.time, "time", lambda: now + 2 * LEASE_SECONDS)
    with pytest.raises(Held):
        take(*ledger, "cell")  # type: ignore[arg-type]
    monkeypatch.setattr(leases.time, "time", lambda: now + 2 * LEASE_SECONDS + 2 * SKEW_SECONDS)
    assert take(*ledger, "cell").number == 2  # type: ignore[arg-type]
    with pytest.raises(Held, match="being run by"):
        first.renew()


@pytest.mark.parametrize("skew", [-SKEW_SECONDS, SKEW_SECONDS])
def test_clocks_may_be_a_minute_apart(ledger: tuple[object, str], monkeypatch: pytest.MonkeyPatch, skew: float) -> None:
    now = time.time()
    monkeypatch.setattr(leases.time, "time", lambda: now + skew)
    lease = take(*ledger, "cell")  # type: ignore[arg-type]
    monkeypatch.setattr(leases.time, "time", lambda: now + LEASE_SECONDS - 1)
    with pytest.raises(Held):
        take(*ledger, "cell")  # type: ignore[arg-type]
    monkeypatch.setattr(leases.time, "time", lambda: now + skew + LEASE_SECONDS - 1)
    lease.renew()
    monkeypatch.setattr(leases.time, "time", lambda: now + 2 * LEASE_SECONDS - 2)
    with pytest.raises(Held):
        take(*ledger, "cell")  # type: ignore[arg-type]
    monkeypatch.setattr(leases.time, "time", lambda: now + 2 * LEASE_SECONDS + 2 * SKEW_SECONDS)
    assert take(*ledger, "cell").number == 2  # type: ignore[arg-type]


def test_a_lease_taken_by_force_ends_the_one_of_before(ledger: tuple[object, str]) -> None:
    first = take(*ledger, "cell")  # type: ignore[arg-type]
    take(*ledger, "cell", by_force=True).give_up()  # type: ignore[arg-type]
    with pytest.raises(Held):
        first.renew()
    assert take(*ledger, "cell").number == 3  # type: ignore[arg-type]


def test_a_dead_process_of_this_machine_holds_nothing(
    ledger: tuple[object, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {**owner_tags(), "pid": 2**22 + 1}
    with monkeypatch.context() as patch:
        patch.setattr(leases, "owner_tags", lambda: gone)
        take(*ledger, "here")  # type: ignore[arg-type]
        patch.setattr(leases, "owner_tags", lambda: {**gone, "machine": "another with the same name"})
        take(*ledger, "elsewhere")  # type: ignore[arg-type]
    assert take(*ledger, "here").number == 2  # type: ignore[arg-type]
    with pytest.raises(Held):
        take(*ledger, "elsewhere")  # type: ignore[arg-type]


def test_a_container_with_the_same_name_and_process_id_is_another_machine() -> None:
    own = owner_tags()
    assert own["machine"] == machine()
    assert not owner_is_dead({**own, "machine": "rebooted", "pid": 2**22 + 1})
    assert owner_is_dead({**own, "pid_started": own["pid_started"] - 3600})


def test_an_owner_that_ends_while_it_is_looked_at_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(process: psutil.Process) -> str:
        raise psutil.NoSuchProcess(process.pid)

    own = owner_tags()
    assert not owner_is_dead(own)
    monkeypatch.setattr(psutil.Process, "status", gone)
    assert owner_is_dead(own)


def test_who_holds_a_cell_is_said(ledger: tuple[object, str]) -> None:
    client, run = ledger
    client.log_param(run, "cell.1", json.dumps({"host": "h9", "pid": 7, "since": 0, "until": 2e9}))  # type: ignore[attr-defined]
    with pytest.raises(Held, match=r"^being run by h9 \(process 7\) since 1970-01-01 .*, lease until 2033-05-1"):
        take(client, run, "cell")  # type: ignore[arg-type]


def test_a_keeper_renews_and_tells_of_a_loss(ledger: tuple[object, str], monkeypatch: pytest.MonkeyPatch) -> None:
    keeper, lease = Keeper(), take(*ledger, "cell")  # type: ignore[arg-type]
    asked, renewed = threading.Event(), threading.Event()
    monkeypatch.setattr(leases.time, "sleep", lambda seconds: asked.wait())
    client, run = ledger
    keeper.keep(lease)
    original = Lease.renew
    monkeypatch.setattr(Lease, "renew", lambda self: (original(self), renewed.set(), asked.clear()))
    before = client.get_run(run).data.tags.get(lease.name)  # type: ignore[attr-defined]
    asked.set()
    assert renewed.wait(60)
    assert before is None
    assert float(client.get_run(run).data.tags[lease.name]) > time.time()  # type: ignore[attr-defined]
    keeper.check(lease)
    keeper._lost[lease.name] = Held("being run by another")
    with pytest.raises(Held):
        keeper.check(lease)
