"""A sweep over three Ray nodes and MLflow's server on PostgreSQL, of which some die: `nox -s cluster`."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servers import Server, postgres, served
from tiny import CLOCKS, SUITE, tiny_suite

from benchmarks.record.client import has_tables
from benchmarks.record.lease import Held, take
from benchmarks.record.store import Store
from benchmarks.record.views import saved
from benchmarks.speed.cluster import measured, ray_cluster
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import Train, run_suite
from benchmarks.sweep.workers import run_cells
from gan_zoo.errors import UserError
from gan_zoo.spec import RunSpec

pytestmark = pytest.mark.cluster
CELLS = 60
NODES = 3


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """An empty database, in a folder that PostgreSQL's user reaches."""
    with tempfile.TemporaryDirectory(prefix="gan-zoo-") as folder, postgres(Path(folder)) as address:
        Path(folder).chmod(0o755)
        yield address


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(database, tmp_path_factory.mktemp("server")) as running:
        yield running


class Disturbing(Listener):
    """Does something after so many cells have ended, and something else when the record is said to be away."""

    def __init__(self, at: dict[int, Callable[[], object]], undo: Callable[[], object] = int) -> None:
        self.at, self.undo, self.said = at, undo, list[str]()
        self.outcomes: list[Outcome] = []
        self.away = False

    def say(self, line: str) -> None:
        self.said.append(line)
        if "away since" in line and not self.away:
            self.away = True
            self.undo()

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.at.get(len(self.outcomes), int)()


def sweep(suite: Suite, store: Store, listener: Listener, workers: int, train: Train = run_cells) -> None:
    options = Options(store.results, store.results / "data", "cpu", workers=workers)
    plan = run_suite(make_plan(suite, options, store, listener.say), store, listener, train=train)
    assert [(spec.label, plan.status(spec), plan.why(spec)) for spec in plan.unfinished] == []


def result(store: Store, suite: str = "tiny") -> dict[str, Any]:
    """The hash of the weights of every cell, each of which has one run, and all metrics but the clocks."""
    record = store.record(suite)
    runs = store._client.search_runs([store.experiment(suite)], "tags.kind = 'cell'")
    assert len(runs) == len(record.runs)
    metrics = record.metrics[~record.metrics.name.str.fullmatch(CLOCKS)]
    weights = dict(zip(record.runs.run_key, record.runs.weights_hash, strict=True))
    return {"weights": weights, "metrics": metrics.sort_values(["run_key", "name", "step"]).values.tolist()}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("suite")
    tiny_suite(folder, steps=40, every=20)
    return load_suite(str(folder / "tiny.yaml"), {"seeds": str(CELLS)})


def test_a_sweep_survives_a_node_and_the_server_and_is_that_of_one_machine(
    suite: Suite, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    alone = Store(tmp_path / "alone")
    sweep(suite, alone, Listener(), NODES)
    store = Store(tmp_path / "results", server.uri)
    with ray_cluster(NODES) as cluster:
        from benchmarks.sweep.cluster import connected

        refuses_another_version(cluster.address, monkeypatch)
        first = next(iter(cluster.worker_nodes))
        kills = {CELLS // 4: lambda: cluster.remove_node(first, allow_graceful=False), CELLS // 2: server.kill}
        listener = Disturbing(kills, server.start)
        with connected(cluster.address, None, 1) as crew:
            sweep(suite, store, listener, NODES, crew.run_cells)
    assert listener.away
    assert [outcome.status for outcome in listener.outcomes] == ["done"] * CELLS
    assert result(store) == result(alone)


def refuses_another_version(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connects as a Ray of another version would, in vain."""
    import ray

    from benchmarks.sweep.cluster import connected

    with monkeypatch.context() as patch:
        patch.setattr(ray, "__version__", "1.0.0")
        with (
            pytest.raises(UserError, match=r"^--ray: .*Version mismatch.*1\.0\.0") as caught,
            connected(address, None, 1),
        ):
            pass
    assert "\n" not in str(caught.value)


def test_each_round_of_the_speed_benchmark_has_a_record_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    tiny_suite(tmp_path, steps=4, every=4)
    seconds = measured(load_suite(str(tmp_path / "tiny.yaml"), {"seeds": "2"}), nodes=1, rounds=2)
    assert {who: len(each) for who, each in seconds.items()} == {"processes": 2, "Ray nodes": 2}


def test_of_eight_takers_by_server_and_eight_at_the_database_one_wins(
    server: Server, database: str, tmp_path: Path
) -> None:
    from test_lease import race

    for place in (server.uri, database):
        store = Store(tmp_path, place)
        name = f"raced by {place[:4]}"  # the files of an experiment have one place
        ledger = store._ledger(name, store.experiment(name), "cell")
        found = race(store._client, ledger, "cell", 8)
        assert len(found) == 8
        assert sum(not isinstance(each, Held) for each in found) == 1
        with pytest.raises(Held, match="being run by"):
            take(store._client, ledger, "cell")


def test_a_database_is_a_record_without_a_server(database: str, tmp_path: Path) -> None:
    (tmp_path / "direct.yaml").write_text(SUITE.format(steps=40, every=20).replace("name: tiny", "name: direct"))
    suite = load_suite(str(tmp_path / "direct.yaml"))
    results = []
    for store in (Store(tmp_path / "results", database), Store(tmp_path / "alone")):
        sweep(suite, store, Listener(), 0)
        results.append(result(store, suite.name))
        assert len(store.record(suite.name).samples) > 2
    assert results[0] == results[1]


def test_views_names_and_notes_are_kept_by_server_and_in_the_database(
    server: Server, database: str, tmp_path: Path
) -> None:
    for place in (server.uri, database):
        store = Store(tmp_path, place)
        suite = f"seen by {place[:4]}"
        for dataset in ("ring", "8gaussians"):
            meta = {"suite": suite, "datasets": [dataset], "primary": {dataset: "emd"}, "metrics": {"emd": {}}}
            run = store.start_sweep(suite, name="s", params={}, tags={}, meta=meta, cells={"k1": {"dataset": dataset}})
        cell = {"key": "k1", "name": "c", "params": {}, "identity": {}, "folder": tmp_path / suite}
        log = store.open_cell(suite, run, tags={"dataset": "8gaussians"}, dataset={"name": "8gaussians"}, **cell)
        log.primary = "emd"
        log.metrics(1, {"emd": 0.5, "apart/emd": 0.25, "critic/real": 1.0})
        log.image("last", np.zeros((8, 8, 3), np.uint8), 0)
        log.finish("done")
        experiment = store.experiment(suite)
        tags = store._client.get_experiment(experiment).tags
        assert [view.name for view in saved(tags)][:3] == [
            "8gaussians: scores by loss",
            "8gaussians: samples of seed 0",
            "8gaussians: runs by emd",
        ]
        assert not any("ring" in name for name in tags)
        (shown,) = store._client.search_runs([experiment], saved(tags)[0].state["searchFilter"])
        assert shown.data.metrics == {
            "primary score/emd": 0.5,
            "validation/emd_validation": 0.25,
            "training/critic/real": 1.0,
        }
        assert "- `emd`: 0.5 (primary score)" in shown.data.tags["mlflow.note.content"]
        pictures = store._client.list_artifacts(log.run_id, "images")
        assert all(picture.path.startswith("images/samples~last+step+0+") for picture in pictures)
        found = store.record(suite).metrics
        assert dict(zip(found.name, found.value, strict=True)) == {"apart/emd": 0.25, "critic/real": 1.0, "emd": 0.5}


def test_who_only_asks_a_database_makes_no_record_of_it(database: str, tmp_path: Path) -> None:
    import psycopg

    fresh = database.replace("/postgres", "/fresh")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    for ask in (Store.cells, Store.timed, Store.paces):
        assert not ask(Store(tmp_path, fresh), "tiny")
    with psycopg.connect(fresh) as connection:
        count = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert connection.execute(count).fetchone() == (0,)
    Store(tmp_path, fresh).experiment("tiny")
    assert has_tables(fresh)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (":secret@", ":secret@nowhere.invalid@"),
        ("/postgres", "/missing"),
        ("127.0.0.1:", "127.0.0.1:x"),
    ],
)
def test_a_database_that_cannot_be_had_is_one_line_without_the_password(
    database: str, tmp_path: Path, wrong: str, right: str
) -> None:
    with pytest.raises(UserError) as caught:
        Store(tmp_path, database.replace(wrong, right)).experiment("tiny")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "auto", "ray://127.0.0.1:10001", "words"])
def test_an_address_where_no_ray_is_is_one_line(address: str) -> None:
    pytest.importorskip("ray")
    from benchmarks.sweep.cluster import connected

    with pytest.raises(UserError, match=r"^--ray") as caught, connected(address, None, 1):
        pass
    assert "\n" not in str(caught.value)
