"""What workers do to a record on a server: how many requests of each kind, how fast they are answered, how long the
record of all their runs then takes to read.

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python -m benchmarks.speed.record --workers 64 --cells 8

Each worker writes its cells as a sweep does, one after the other, without training and without waiting: 64 of them ask
as much as thousands that train. Where the server is on this machine, its CPU seconds are counted as well, with those of
PostgreSQL. The runs stay in the record, as the experiment `load`.
"""

import argparse
import itertools
import json
import os
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil

from benchmarks.markup.markdown import table
from benchmarks.record.batches import log_in_batches
from benchmarks.record.store import Store
from benchmarks.record.vocabulary import real_data
from gan_zoo.errors import UserError, ends_program

SUITE = "load"
TERMS, WINDOWS, METRICS, EVALUATIONS = 4, 100, 20, 8
"""Of a cell, as `quickstart` has them: terms at each of so many windows, metrics at each of so many evaluations."""
SAMPLES = (500, 2)
WEIGHT_BYTES = 200_000
SAVES_A_MINUTE, RENEWALS_A_MINUTE = 2, 1


@dataclass
class Requests:
    """The seconds of every request that was answered, by kind, and how many were not answered well."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Within it, the requests of this process are counted."""
        import requests

        sessions: Any = requests.Session
        send = sessions.send

        def counting(session: Any, request: Any, **how: Any) -> Any:
            kind, started = _kind_of(request.method, request.url), time.perf_counter()
            answer = send(session, request, **how)
            self.seconds[kind].append(time.perf_counter() - started)
            self.refused[kind] += answer.status_code >= 400
            return answer

        sessions.send = counting
        try:
            yield
        finally:
            sessions.send = send

    @property
    def count(self) -> int:
        return sum(map(len, self.seconds.values()))


def _kind_of(method: str, url: str) -> str:
    """A request without what is particular to it: GET runs/get."""
    path = urlsplit(url).path
    if "mlflow-artifacts/artifacts" in path:
        return f"{method} a file" if method == "PUT" else f"{method} files"
    return f"{method} {re.sub('/m-.*', '/ID', path.partition('/mlflow/')[2] or path)}"


def write_cell(store: Store, sweep: str, number: int, minutes: int) -> None:
    """All that the cell `number` writes that trains for so many minutes."""
    key = f"{number:016x}"
    log = store.open_cell(
        SUITE,
        sweep,
        key=key,
        name=f"load / 8gaussians / seed {number}",
        params={f"field{i}": i for i in range(30)},
        tags=described(number),
        identity={"science": "1"},
        dataset={"name": "8gaussians", "digest": "d1", "shape": (2,)},
        folder=store.results / SUITE / "runs" / key,
    )
    log.dictionary({f"field{i}": i for i in range(30)}, "spec.json")
    parts = max(1, SAVES_A_MINUTE * minutes, EVALUATIONS)
    for part in range(parts):
        for window in range(part * WINDOWS // parts, (part + 1) * WINDOWS // parts):
            log.metrics(window + 1, {f"critic/term{i}": 0.5 for i in range(TERMS)})
        if part * EVALUATIONS // parts != (part + 1) * EVALUATIONS // parts:
            log.metrics((part + 1) * WINDOWS // parts, {f"score{i}": 0.5 for i in range(METRICS)})
            log.image("samples", np.zeros((64, 64, 3), np.uint8), part)
        if part < SAVES_A_MINUTE * minutes:
            log.flush()
    for _ in range(RENEWALS_A_MINUTE * minutes):
        log._lease.lease.renew()
    log.image("last", np.zeros((64, 64, 3), np.uint8), 0)
    drawn = np.linspace(-1, 1, SAMPLES[0] * SAMPLES[1], dtype=np.float32).reshape(SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        path.write_bytes(os.urandom(WEIGHT_BYTES))
        log.weights(path, WINDOWS, {"score0": 0.5})
    log.samples({"samples": drawn, "critic": drawn, real_data("8gaussians"): drawn[:10]})
    log.finish("done", tags={f"result{i}": i for i in range(10)})


def described(number: int) -> dict[str, Any]:
    return {"loss": "load", "dataset": "8gaussians", "architecture": "mlp", "seed": number}


def start(store: Store, cells: Sequence[int]) -> str:
    """The parent run of a sweep of `cells`."""
    meta = {
        "suite": SUITE,
        "losses": ["load"],
        "datasets": ["8gaussians"],
        "seeds": list(cells),
        "primary": {"8gaussians": "score0"},
        "metrics": {"score0": {"direction": "min"}},
    }
    plans = {f"{number:016x}": described(number) for number in cells}
    return store.start_sweep(SUITE, name="load", params={"datasets": "8gaussians"}, tags={}, meta=meta, cells=plans)


def _fill_ledgers(store: Store, leases: int) -> None:
    """So many leases more, as those of cells that have ended."""
    words = json.dumps({"host": "a-host-of-a-cluster", "machine": 50 * "x", "pid": 4711, "since": 0, "until": 0})
    ledgers = store._ledgers(store.experiment(SUITE))
    for i, ledger in enumerate(ledgers):
        names = [f"{number:016x}.deadbeef.1" for number in range(i, leases, len(ledgers))]
        log_in_batches(store._client, ledger, params=dict.fromkeys(names, words), tags=dict.fromkeys(names, "0"))


@contextmanager
def cpu_seconds(uri: str) -> Iterator[dict[str, float]]:
    """The CPU seconds that the server at `uri`, if it is here, PostgreSQL and this process spend within it."""
    before, spent = _processor_seconds(uri), dict[str, float]()
    yield spent
    after = _processor_seconds(uri)
    spent.update({who: seconds - before.get(who, 0.0) for who, seconds in after.items()})


def _processor_seconds(uri: str) -> dict[str, float]:
    """The CPU seconds so far of all processes of the server, of PostgreSQL, and of this one."""
    parts = defaultdict[str, float](float)
    server = _listeners(urlsplit(uri).port)
    for process in psutil.process_iter(["pid", "name", "cpu_times"]):
        times = process.info["cpu_times"]
        if process.info["pid"] == os.getpid():
            who = "these workers"
        elif process.info["name"] == "postgres":
            who = "PostgreSQL"
        elif server & {each.pid for each in [process, *process.parents()]}:
            who = "server"
        else:
            continue
        parts[who] += sum(times[:4])  # with that of children that have ended
    return parts


def _listeners(port: int | None) -> set[int | None]:
    """The processes of this machine that listen at a port."""
    found: list[Any] = psutil.net_connections("tcp")
    return {each.pid for each in found if each.status == psutil.CONN_LISTEN and each.laddr.port == port}


def _request_table(found: Requests, cells: int, seconds: float, minutes: int) -> str:
    """By kind: requests of a cell, those a second of 1000 workers whose cells take so long, and how long each took."""
    rows = []
    for kind, own in sorted(found.seconds.items(), key=lambda item: -len(item[1])):
        slow = quantiles(own, n=20)[-1] if len(own) > 1 else own[0]
        rate = 1000 * len(own) / cells / (60 * max(1, minutes))
        times = f"{1000 * median(own):.0f}", f"{1000 * slow:.0f}"
        rows.append((kind, f"{len(own) / cells:.1f}", f"{rate:.1f}", *times, str(found.refused[kind])))
    heads = ("request", "a cell", "a second of 1000 workers", "median ms", "95 % below ms", "refused")
    return f"{table(heads, rows, numeric=(1, 2, 3, 4, 5))}\n{found.count} requests in {seconds:.1f} s\n"


def _cpu_text(spent: Mapping[str, float], requests: int) -> str:
    each = [f"{who} {1000 * seconds / requests:.1f} ms" for who, seconds in sorted(spent.items())]
    return f"CPU time a request: {', '.join(each)}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.record", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--cells", type=int, default=2, help="of each worker (default: %(default)s)")
    parser.add_argument("--minutes", type=int, default=10, help="that a cell would train (default: %(default)s)")
    parser.add_argument("--leases", type=int, default=0, help="of cells that have ended before (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        if not store.uri.startswith("http"):
            raise UserError("MLFLOW_TRACKING_URI: no address of a server: start one, see docs/cluster.md")
        measure(store, options.workers, options.cells, options.minutes, options.leases)


def measure(store: Store, workers: int, each: int, minutes: int, leases: int) -> None:
    """Prints what so many workers with so many cells each do to the record, and how long these are read."""
    first = time.time_ns()  # cells that no earlier call wrote
    found, numbers = Requests(), range(first, first + workers * each)
    store.experiment(SUITE, cells=len(numbers) + leases)
    sweep = start(store, numbers)
    _fill_ledgers(store, leases)
    with found.counted(), cpu_seconds(store.uri) as spent, ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter()
        list(pool.map(write_cell, itertools.repeat(store), itertools.repeat(sweep), numbers, itertools.repeat(minutes)))
        seconds = time.perf_counter() - started
    store.finish_sweep(sweep, "finished")
    print(_request_table(found, len(numbers), seconds, minutes), _cpu_text(spent, found.count), sep="\n", flush=True)
    reading = Requests()
    with reading.counted(), cpu_seconds(store.uri) as spent:
        started = time.perf_counter()
        record = store.record(SUITE)
        seconds = time.perf_counter() - started
    print(f"\n{len(record.runs)} runs, {len(record.metrics)} numbers read in {seconds:.1f} s, {reading.count} requests")
    print(_cpu_text(spent, reading.count))


if __name__ == "__main__":
    with ends_program("speed.record"):
        main()
