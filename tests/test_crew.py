"""Cells whose workers on a Ray cluster die: freed, run again, failed in the end; and nodes that get no more of them."""

import sys
from collections import deque
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tiny import tiny_suite

from benchmarks.cli import main
from benchmarks.sweep.cluster import Crew, Task, reason, refuse_address
from benchmarks.sweep.cluster_worker import WorkerHost, versions
from benchmarks.sweep.listener import Listener
from gan_zoo.errors import UserError


def test_a_cell_fails_with_its_third_death_and_a_node_with_its_third_in_a_row(tmp_path: Path) -> None:
    first, second = tiny_suite(tmp_path, steps=4, every=4).cells
    freed: list[str] = []
    sweep: Any = SimpleNamespace(suite="tiny", store=SimpleNamespace(end_leases=lambda suite, who: freed.append(who)))
    crew, said, waiting = Crew(), Listener(), deque[Any]()
    lines: list[str] = []
    said.say = lines.append  # type: ignore[method-assign]
    place = WorkerHost("n1", "h1 (process 1)", versions())
    for death in (1, 2, 3):
        task = Task(left={first.key: first} if death > 1 else {first.key: first, second.key: second}, place=place)
        ended = list(crew.bury(sweep, task, "its node died", waiting, said))
        assert [(spec.label, outcome.status) for spec, outcome in ended] == [(first.label, "failed")] * (death == 3)
    assert list(waiting) == [[first, second], [first]]
    assert freed == ["h1 (process 1)"] * 3
    assert crew.in_a_row == {"n1": 3}
    assert lines.count("node n1 (h1 (process 1)): 3 in a row died: it gets no more") == 1
    assert lines[-1] == f"{first.label}: its node died"


def test_why_a_node_died_is_a_whole_sentence() -> None:
    says = "Task failed because the node it was running on is dead. Node IP: 10.0.0.2. " + 100 * "This may "
    assert reason(RuntimeError(says)) == "RuntimeError: Task failed because the node it was running on is dead"


def test_a_node_with_other_software_says_in_what() -> None:
    assert WorkerHost("n1", "h1 (process 1)", versions()).differs() == ""
    other = WorkerHost("n1", "h1 (process 1)", {**versions(), "torch": "1.0"})
    assert other.differs() == f"h1 (process 1) has torch 1.0, here {versions()['torch']}"


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "words", "ray://127.0.0.1:10001", "host:", ":6379", "127.0.0.1:99999999"]
)
def test_an_address_where_nothing_answers_is_one_line(address: str) -> None:
    with pytest.raises(UserError, match=r"^--ray .*: (give HOST:PORT|nothing answers there)"):
        refuse_address(address)


def test_a_file_as_record_of_two_machines_is_refused_before_anything_is_said_or_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [{"NodeManagerHostname": name, "Alive": True} for name in ("one", "two")]
    ray: Any = ModuleType("ray")
    ray.init = ray.shutdown = lambda *_, **__: None
    ray.nodes = lambda: nodes
    monkeypatch.setitem(sys.modules, "ray", ray)
    tiny_suite(tmp_path, steps=4, every=4)
    results = tmp_path / "results"
    call = ["run", str(tmp_path / "tiny.yaml"), "--ray", "--take-over", "--results", str(results)]
    assert main(call) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    refusal = "a file is no record for 2 machines: set MLFLOW_TRACKING_URI to a tracking server, see docs/cluster.md"
    assert printed.err == f"gan-zoo: {results / 'mlflow.db'}: {refusal}\n"
    assert not results.exists()
