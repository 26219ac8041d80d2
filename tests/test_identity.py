"""Which cells stand: those of the same spec, data, science, numerics and code. Others are stale, named so and run anew,
and nothing of them is in a table."""

import base64
import hashlib
import importlib.metadata
import re
from pathlib import Path
from typing import Any

import pytest

import gan_zoo
from benchmarks.cli import main
from benchmarks.record import environment
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep import identity as identities
from benchmarks.sweep.cell_run import OpenCell
from benchmarks.sweep.context import Shelf, Sweep
from benchmarks.sweep.identity import Identity, source
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.plan import Options, Plan, make_plan
from benchmarks.sweep.progress import opening_text, unfinished_text
from benchmarks.sweep.run import run_suite
from benchmarks.sweep.stack import open_cells
from gan_zoo.datasets.points import GaussianMixture
from gan_zoo.losses import LOSSES
from gan_zoo.spec import RunSpec

SUITE = """\
name: tiny
losses: [wgan-gp]
datasets: [8gaussians]
seeds: 2
architecture: {name: mlp, width: 4, depth: 1}
train: {steps: 4, batch_size: 4, n_critic: 1, optimizer: {name: adam, lr: 1e-3}}
evaluate: {every: 2, samples: 20, metrics: [emd]}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    (tmp_path / "tiny.yaml").write_text(SUITE)
    return load_suite(str(tmp_path / "tiny.yaml"))


def plan(suite: Suite, store: Store) -> Plan:
    options = Options(store.results, store.results / "data", "cpu", workers=0, numerics=NUMERICS["chosen"])
    return make_plan(suite, options, store, print)


def other_data(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(GaussianMixture, "fingerprint", property(lambda self: "f" * 64))
    return "data f1b9ee516702, now ffffffffffff"


def other_science(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(identities, "SCIENCE_VERSION", 10**6)
    return f"version of the science {identities.SCIENCE_VERSION}, now 1000000"


def other_code(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(identities, "source", lambda path: "edited")
    return "code "


def other_numerics(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(NUMERICS, "chosen", "bf16")
    return "numerics float32, portable, now float32, bf16"


OTHERS = {"data": other_data, "science": other_science, "code": other_code, "numerics": other_numerics}
NUMERICS = {"chosen": "reference"}


class StoppedAfterOne(Listener):
    """Interrupts a sweep after its first cell."""

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", OTHERS)
def test_a_cell_of_another_origin_is_stale_and_run_anew(
    suite: Suite, results: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(results)
    assert run_suite(plan(suite, store), store, Listener()).unfinished == []
    before = store.record("tiny").runs.mlflow_run_id.tolist()
    with monkeypatch.context() as patch:
        OTHERS[kind](patch)
        changed = plan(suite, store)
        assert [changed.status(spec) for spec in suite.cells] == ["stale", "stale"]
        (_, line) = opening_text(changed)
        assert line.startswith("stale, run anew: 2 cells (")
        assert f"({kind}" in line.replace("(version of the science", "(science")
        assert len(unfinished_text(changed)) == 2
        with pytest.raises(KeyboardInterrupt):
            run_suite(changed, store, StoppedAfterOne())
        assert sorted(store.record("tiny").runs.status) == ["done", "missing"]  # the other origin's are in no table
        assert run_suite(plan(suite, store), store, Listener()).unfinished == []
        after = store.record("tiny").runs
        assert set(after.status) == {"done"}
        assert not set(after.mlflow_run_id) & set(before)
    assert plan(suite, store).todo == []
    run_suite(plan(suite, store), store, Listener())
    assert store.record("tiny").runs.mlflow_run_id.tolist() == before


def test_what_differs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Identity("2", "a" * 64, "float32", "c0de")
    assert own.differences(own.tags) == ""
    assert own.differences({**own.tags, "data": "b" * 64}) == "data bbbbbbbbbbbb, now aaaaaaaaaaaa"
    assert own.differences({**own.tags, "numerics": "float32, bf16"}) == "numerics float32, bf16, now float32"
    assert own.differences({**own.tags, "science": "1"}) == "version of the science 1, now 2"
    assert own.differences({"numerics": "float32"}) == "recorded before cells had an identity"


def test_a_record_without_identities_is_reported_and_stale(
    suite: Suite, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(results)
    monkeypatch.setattr(
        "benchmarks.sweep.run.described", lambda spec, plan: {"loss": spec.loss_name, "seed": spec.seed}
    )
    run_suite(plan(suite, store), store, Listener())
    for run in store._client.search_runs([store.experiment("tiny")], "tags.kind = 'cell'"):
        for name in ("science", "data", "code"):
            store._client.delete_tag(run.info.run_id, name)
    assert set(store.record("tiny").runs.status) == {"done"}
    assert plan(suite, store).why(suite.cells[0]) == "recorded before cells had an identity"


def test_only_what_runs_counts_as_code(tmp_path: Path) -> None:
    path = tmp_path / "loss.py"
    texts = {
        "plain": "def f(x):\n    return x + 1\n",
        "commented": '"""A loss."""\n\n\ndef f(x):  # adds\n    """x + 1"""\n    return (x + 1)\n',
        "edited": "def f(x):\n    return x + 2\n",
    }
    found = {}
    for name, text in texts.items():
        path.write_text(text)
        source.cache_clear()
        found[name] = source(path)
    assert found["plain"] == found["commented"] != found["edited"]


def test_the_code_of_a_loss_is_that_of_its_own_files() -> None:
    codes = {name: identities.code(loss) for name, loss in LOSSES.items()}
    assert codes["wgan-gp"] == codes["wgan-lp"]
    assert codes["wgan-gp"] != codes["minimax"]


def test_two_states_of_a_changed_checkout_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    science = tmp_path / "gan_zoo"
    (science / "losses").mkdir(parents=True)
    monkeypatch.setattr(identities.inspect, "getfile", lambda kind: str(science / "losses/own.py"))
    (science / "losses/own.py").write_text("a = 1")
    (science / "step.py").write_text("b = 1")
    found = []
    for changed, text in ((), ""), (("step.py",), "b = 2"), (("step.py",), "b = 3"), (("losses/own.py",), ""):
        (science / "step.py").write_text(text)
        monkeypatch.setattr(identities, "changed_science", lambda changed=changed: {science / each for each in changed})
        source.cache_clear()
        found.append(identities.code(LOSSES["minimax"]))
    assert len(set(found)) == 3
    assert found[0] == found[3]


def test_what_changes_the_numbers_of_all_losses_counts_wherever_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    science = Path(gan_zoo.__file__).parent
    counts = ["step.py", "trainer.py", "engine/plain.py", "metrics/frechet.py", "spec/run.py", "losses/base.py"]
    others = [
        "losses/hinge.py",
        "losses/__init__.py",
        "verify/purity.py",
        "metrics/__init__.py",
        "../benchmarks/api.py",
    ]
    files = {name: (science / name).resolve() for name in counts + others}
    assert all(path.is_file() for path in files.values())
    monkeypatch.setattr(identities, "changed_files", lambda: set(files.values()))
    assert identities.changed_science.__wrapped__() == {files[name] for name in counts}


def test_a_cell_that_another_has_is_left_to_it(
    suite: Suite, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = Store(results), Store(results)
    first = plan(suite, theirs)
    spec = suite.cells[0]
    theirs.experiment("tiny")
    shelf = Shelf(first.context)
    other = OpenCell.open(spec, Sweep("tiny", "", theirs, shelf), shelf.data(spec), print)
    told: list[Any] = []
    taken = open_cells([spec], Sweep("tiny", "", ours, shelf), shelf.data(spec), lambda _, word: told.append(word))
    assert taken == []
    assert told[0].status == "held"
    assert re.match(r"being run by .* \(process \d+\) since", told[0].reason)
    said: list[Any] = []
    listener = Listener()
    listener.end = lambda spec, outcome: said.append((spec.seed, outcome.status))  # type: ignore[method-assign]
    then = run_suite(first, ours, listener)
    assert said == [(1, "done")]
    assert then.unfinished == [spec]
    (line,) = unfinished_text(then)
    clock = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d"  # with the day where that is not today's, as after midnight
    assert re.fullmatch(rf"1 cell is being run by .* \(process \d+\) since {clock}, lease until {clock}", line)
    asked = ["run", str(tmp_path / "tiny.yaml"), "--workers", "0", "--device", "cpu"]
    assert main([*asked, "--results", str(results), "--data", str(results / "data")]) == 1
    assert "1 cell is being run by " in capsys.readouterr().err
    other.log.interrupt()
    assert run_suite(then.refreshed(ours), ours, Listener()).unfinished == []


def test_installed_into_another_repository_the_commit_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    def git(*words: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    place = tmp_path / "venv/lib/benchmarks/record/environment.py"
    place.parent.mkdir(parents=True)
    place.write_text("")
    git("init")
    git("add", ".")
    git("commit", "-m", "theirs")
    monkeypatch.setattr(environment, "ROOT", tmp_path / "venv/lib")
    monkeypatch.setattr(environment, "__file__", str(place))
    for function in (environment.commit, environment.is_own_repository, environment.changed_files):
        function.cache_clear()
    assert environment.commit() == {"commit": "unknown", "dirty": True}
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    for name in ("theirs", "gan-zoo"):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
        git("add", ".")
        git("commit", "-m", name)
        for function in (environment.commit, environment.is_own_repository, environment.changed_files):
            function.cache_clear()
        assert environment.is_own_repository() is (name == "gan-zoo")
    assert environment.commit()["dirty"] is False
    states = []
    for text in ("1", "2"):
        place.write_text(text)
        for function in (environment.commit, environment.changed_files):
            function.cache_clear()
        states.append(environment.commit())
    assert states[0]["commit"] == states[1]["commit"]
    assert states[0]["changes"] != states[1]["changes"]
    for function in (environment.commit, environment.is_own_repository, environment.changed_files):
        function.cache_clear()


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path, running: str) -> None:
    """An installation of this package in `folder`, by pip's form of its record; `running` is the file that runs."""
    texts = {"benchmarks/record/environment.py": "1\n", "gan_zoo/step.py": "2\n", "gan_zoo/rng.py": "3\n"}
    rows = []
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(text)}")
    information = folder / "gan_zoo-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: gan-zoo\nVersion: 0.1.0\n")
    (information / "RECORD").write_text("\n".join([*rows, "gan_zoo-0.1.0.dist-info/RECORD,,", ""]))
    found = importlib.metadata.Distribution.at(information)
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: found)
    monkeypatch.setattr(environment, "__file__", running)


def test_an_installation_knows_its_edited_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, tmp_path, str(tmp_path / "benchmarks/record/environment.py"))
    assert environment.edited_files() == frozenset()
    (tmp_path / "gan_zoo/step.py").write_text("9\n")
    (tmp_path / "gan_zoo/rng.py").unlink()
    assert environment.edited_files() == {tmp_path / "gan_zoo/step.py", tmp_path / "gan_zoo/rng.py"}


def test_an_installation_that_does_not_run_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, tmp_path, "/elsewhere/benchmarks/record/environment.py")
    (tmp_path / "gan_zoo/step.py").write_text("9\n")
    assert environment.edited_files() == frozenset()
