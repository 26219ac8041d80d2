"""What comes from outside the package, of all five kinds: the documented examples, end to end."""

import ast
import shutil
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.cli import main
from benchmarks.record.export import Record
from benchmarks.record.store import Store
from benchmarks.suites.suite import load_suite
from benchmarks.sweep.identity import code
from gan_zoo import plugins
from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.datasets import DATASETS, load_dataset
from gan_zoo.errors import UserError
from gan_zoo.losses import ADVERSARIAL, LOSSES
from gan_zoo.metrics import Evaluator, default_metrics, metric_names
from gan_zoo.metrics.features import Features
from gan_zoo.metrics.reference import Reference
from gan_zoo.metrics.registry import METRICS
from gan_zoo.registry import Registry
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec, run_spec

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
FEW = "train: {steps: 6, batch_size: 8, n_critic: 1, optimizer: {name: adam, lr: 1e-3}}\n"
SUITE = f"""\
name: mine
plugins: [plugins/smoothed.py, plugins/residual.py, plugins/ring.py, plugins/radius.py]
losses: [smoothed, wgan-gp]
datasets: [ring]
seeds: 1
architecture: {{name: residual, width: 8, depth: 1}}
{FEW}evaluate: {{every: 3, samples: 50, metrics: [radius_emd, emd]}}
"""
LOSS = """\
from gan_zoo.losses import Loss
from gan_zoo.losses.hinge import Hinge

LOSSES = {"my-hinge": Loss(Hinge(), paper="mine")}
"""


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Each test begins, and leaves others, without plugins."""
    with plugins.scope():
        yield


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLES, tmp_path / "plugins")
    (tmp_path / "mine.yaml").write_text(SUITE)
    return tmp_path / "mine.yaml"


def load(path: Path) -> None:
    plugins.load(plugins.read_plugin(path))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def cell(**changes: object) -> RunSpec:
    optimizer = {"name": "adam", "lr": 1e-3}
    content = {
        "loss": "wgan-gp",
        "dataset": "8gaussians",
        "architecture": "mlp",
        "train": {"steps": 10, "batch_size": 4, "optimizer": optimizer},
        "evaluate": {"every": 5, "samples": 10},
    }
    return run_spec({**content, **changes})


def test_a_suite_of_plugins_runs_in_other_processes_and_is_reported(suite: Path, results: Path) -> None:
    options = ["--results", str(results), "--data", str(suite.parent / "data"), "--workers", "2"]
    assert main(["run", str(suite), *options]) == 0
    report = (results / "mine" / "report.md").read_text()
    assert "smoothed" in report
    assert "W1 of radii" in report
    record = Record.read(results / "mine" / "export")
    assert list(record.runs.status) == ["done", "done"]
    assert set(record.runs.dataset) == {"ring"}
    assert set(record.runs.architecture) == {"residual z_dim=2 width=8 depth=1"}
    assert "smoothed" not in LOSSES
    keys = {run.run_id for run in Store(results).cells("mine")}
    assert main(["run", str(suite), *options]) == 0
    assert {run.run_id for run in Store(results).cells("mine")} == keys


def test_a_plugin_of_the_command_line_trains_and_is_listed(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word for name in ("ring", "smoothed") for word in ("--plugin", str(EXAMPLES / f"{name}.py"))]
    small = ["train.steps=4", "evaluate.every=4", "evaluate.samples=20", "evaluate.repeats=1", "train.batch_size=4"]
    settings = [word for setting in small for word in ("--set", setting)]
    places = ["--results", str(results), "--data", str(tmp_path)]
    assert main(["train", "--loss", "smoothed", "--dataset", "ring", *given, *settings, *places, "--workers", "0"]) == 0
    (page,) = results.glob("train/smoothed_ring_*/report.md")
    assert "smoothed" in page.read_text()
    assert not [path for path in page.parent.rglob("*") if path.suffix == ".pdf"]
    said = capsys.readouterr().out
    assert "earth mover's distance ↓" in said
    assert "failed / n" in said
    assert said.endswith(f"report: {page.with_suffix('.html')}\n")
    assert "* best" not in said
    everything = [word for path in sorted(EXAMPLES.glob("*.py")) for word in ("--plugin", str(path))]
    assert main(["list", *everything]) == 0
    listed = capsys.readouterr().out
    for line in ("  smoothed  ", "  residual  ", "  ring      ", "  shapes    ", "  radius_emd ", "  lion      "):
        assert line in listed


def test_what_an_edited_plugin_ran_is_run_anew_and_nothing_else(tmp_path: Path) -> None:
    """The code of a cell is that of its own plugins, and comments are no code."""
    path = written(tmp_path / "mine.py", (EXAMPLES / "ring.py").read_text())
    codes = {}
    for edit in (("", ""), ("# a comment", "# another"), ("1 + self.noise", "2 + self.noise")):
        with plugins.scope():
            load(written(path, path.read_text().replace(*edit)))
            load(EXAMPLES / "radius.py")
            found = [cell(dataset="ring"), cell()]
            codes[edit[1]] = [code(spec.loss, plugins.sources(spec)) for spec in found]
    assert codes[""] == codes["# another"]
    assert codes[""][0] != codes["2 + self.noise"][0]
    assert codes[""][1] == codes["2 + self.noise"][1]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("smoothed", {"loss": "smoothed"}),
        ("residual", {"architecture": "residual"}),
        ("ring", {"dataset": "ring"}),
        ("radius", {"evaluate": {"every": 5, "samples": 10, "metrics": ["emd", "radius_emd"]}}),
    ],
)
def test_a_cell_knows_the_plugin_that_it_comes_from(name: str, changes: dict[str, object]) -> None:
    for path in EXAMPLES.glob("*.py"):
        load(path)
    spec = cell(**changes)
    assert plugins.sources(spec) == {(f"{name}.py", (EXAMPLES / f"{name}.py").read_text())}
    assert run_spec(spec.to_dict()) == spec
    assert plugins.sources(cell()) == set()


def test_a_cell_knows_what_its_plugin_imports_and_plugins_of_one_name_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files beside the plugin, however deep; what is installed has a version of its own."""
    texts = {
        "far_of_test.py": "import json\n\nimport numpy\n\nSCALE = 1.0\n",
        "near_of_test/__init__.py": "from . import part\n",
        "near_of_test/part.py": "from far_of_test import SCALE\n",
        "a/mine.py": (EXAMPLES / "smoothed.py").read_text() + "\nimport near_of_test\n",
        "b/mine.py": (EXAMPLES / "ring.py").read_text(),
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    load(tmp_path / "a/mine.py")
    load(tmp_path / "b/mine.py")
    expected = {(Path(name).name, text) for name, text in texts.items()}
    assert plugins.sources(cell(loss="smoothed", dataset="ring")) == expected
    (tmp_path / "far_of_test.py").write_text("SCALE = 2.0\n")
    assert plugins.sources(cell(loss="smoothed", dataset="ring")) == expected, "what was imported, not what is there"


def test_a_plugin_is_gone_after_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    before = [list(registry) for registry in plugins.REGISTRIES]
    assert main(["verify", "--plugin", str(EXAMPLES / "smoothed.py")]) == 0
    assert "1 losses, 0 failed checks" in capsys.readouterr().out
    assert [list(registry) for registry in plugins.REGISTRIES] == before
    assert "smoothed" not in ADVERSARIAL
    assert not [name for name in sys.modules if name.startswith("gan_zoo_plugin_smoothed")]
    with pytest.raises(UserError, match="unknown loss 'smoothed'"):
        cell(loss="smoothed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "brings nothing: expected any of LOSSES, ARCHITECTURES, DATASETS, METRICS"),
        ("import nowhere", r"cannot be imported \(ModuleNotFoundError: No module named 'nowhere'\)"),
        ("raise SystemExit(3)", r"cannot be imported \(SystemExit: 3\)"),
        ("def f(:", r"cannot be imported \(SyntaxError: "),
        ("LOSSES = []", "expected LOSSES, a dictionary"),
        ("LOSSES = {'mine': 1}", "LOSSES: 'mine': expected a gan_zoo.losses.Loss"),
        (LOSS.replace("my-hinge", "hinge"), "'hinge' is the name of another loss: choose another"),
        (LOSS.replace("my-hinge", "a b"), 'LOSSES: "a b": expected a name of up to 60 letters'),
        ((EXAMPLES / "smoothed.py").read_text().replace("Smoothed", "Hinge"), "another class is called Hinge"),
        ("ARCHITECTURES = {'mine': int}", "ARCHITECTURES: 'mine': expected a class that is a frozen dataclass"),
        ("from gan_zoo.spec import Adam\nARCHITECTURES = {'mine': Adam}", "the class has no z_dim, critic"),
        ("from gan_zoo.architectures.mlp import Mlp\nARCHITECTURES = {'mine': Mlp}", "the same class as 'mlp'"),
        ("DATASETS = {'mine': 1}", "DATASETS: 'mine': expected gan_zoo.datasets.Points, or a function"),
        ("DATASETS = {'inception': print}", "taken by the names of metrics"),
        ((EXAMPLES / "ring.py").read_text().replace('"ring": Ring', '"rings": Ring'), "it calls itself 'ring'"),
        ("METRICS = {'mine': print}", "METRICS: 'mine': expected a PointMeasure, an ImageMeasure or a Crit"),
    ],
)
def test_a_bad_plugin_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    before = [list(registry) for registry in plugins.REGISTRIES]
    path = written(tmp_path / "mine.py", text)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert [list(registry) for registry in plugins.REGISTRIES] == before
    assert main(["list", "--plugin", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_plugin_that_fails_when_it_is_used_is_one_line_with_its_place(
    suite: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = suite.parent / "plugins" / "ring.py"
    text = path.read_text().replace("rng.normal(n)", "rng.normal(str(n))")
    line = next(number for number, words in enumerate(text.splitlines(), 1) if "rng.normal(str(n))" in words)
    path.write_text(text)
    assert main(["run", str(suite), "--dry-run", "--results", str(results), "--data", str(suite.parent)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"gan-zoo: {path}, line {line}, in sample: TypeError: ")
    assert said.count("\n") == 1


def test_a_file_that_is_no_plugin_is_named(tmp_path: Path, suite: Path) -> None:
    for name in ("nowhere.py", "mine.yaml"):
        with pytest.raises(UserError, match=rf"{name}: no Python file; give a \.py file"):
            load(tmp_path / name)
    suite.write_text(SUITE.replace("plugins/radius.py", "nowhere.py"))
    with pytest.raises(UserError, match=r"^mine\.yaml:2: plugins\.3: .*nowhere\.py: no Python file"):
        load_suite(str(suite))
    suite.write_text(SUITE.replace("[plugins/smoothed.py,", "[3,"))
    with pytest.raises(UserError, match=r"^mine\.yaml:\d: "):
        load_suite(str(suite))
    with pytest.raises(UserError, match=r"--set plugins=.*: use --plugin FILE"):
        load_suite("quickstart", {"plugins": "[mine.py]"})


def test_workers_load_a_plugin_as_it_was_read(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.py", LOSS)
    read = plugins.read_plugin(path)
    path.unlink()
    plugins.load(read)
    plugins.load(read)
    assert LOSSES["my-hinge"].paper == "mine"


def test_dataclasses_of_plugins_may_postpone_their_annotations(tmp_path: Path) -> None:
    text = (EXAMPLES / "residual.py").read_text()
    first = "from dataclasses import"
    load(written(tmp_path / "mine.py", text.replace(first, f"from __future__ import annotations\n\n{first}")))
    assert cell(architecture={"name": "residual", "width": 3}).architecture.width == 3


def test_installed_packages_bring_all_five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One module that imports what it likes of the package, named by an entry point of each group."""
    texts = [(EXAMPLES / f"{name}.py").read_text() for name in ("smoothed", "residual", "ring", "radius", "lion")]
    (tmp_path / "their_zoo.py").write_text("\n".join(texts))
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    groups = [f"[gan_zoo.{registry.attribute.lower()}]\ntheirs = their_zoo\n" for registry in plugins.REGISTRIES]
    (info / "entry_points.txt").write_text("\n".join(groups))
    assert all(map(list, plugins.REGISTRIES))  # which read what is installed once, and not this
    monkeypatch.syspath_prepend(tmp_path)
    for registry, name in zip(plugins.REGISTRIES, ("smoothed", "residual", "ring", "radius_emd", "lion"), strict=True):
        own = {known: registry[known] for known in registry}
        fresh: Registry[object] = Registry(registry.attribute, registry.what, own, lambda known, name, entry: "")
        assert list(fresh) == [*registry, name]
        assert fresh.module_of(name) == "their_zoo"
    clash = Registry("LOSSES", "loss", {"smoothed": LOSSES["hinge"]}, lambda known, name, entry: "")
    for _ in range(2):
        with pytest.raises(UserError, match=r"entry point theirs = their_zoo of gan_zoo\.losses: 'smoothed' is"):
            list(clash)


def test_the_default_metrics_are_the_package_s() -> None:
    """The choice of metrics where a suite names none does not depend on what else is there."""
    before = default_metrics(load_dataset("swissroll", root=Path()))
    load(EXAMPLES / "radius.py")
    assert default_metrics(load_dataset("swissroll", root=Path())) == before == ["emd", "cross_entropy"]
    assert metric_names(load_dataset("swissroll", root=Path())) == [*before, "radius_emd"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_the_examples_would_be_no_cycle_of_imports_in_the_package(path: Path) -> None:
    rooms = {f"gan_zoo.{registry.attribute.lower()}" for registry in plugins.REGISTRIES}
    nodes = ast.walk(ast.parse(path.read_text()))
    assert rooms.isdisjoint(node.module for node in nodes if isinstance(node, ast.ImportFrom))


def test_the_examples_are_what_they_say(tmp_path: Path) -> None:
    for path in EXAMPLES.glob("*.py"):
        load(path)
    assert {"residual"} < set(ARCHITECTURES)
    assert {"ring", "shapes"} < set(DATASETS)
    assert {"radius_emd", "mean"} < set(METRICS)
    ring = load_dataset("ring", root=tmp_path)
    x = ring.sample(Rng(0, "x"), 20_000)
    assert x.norm(dim=1).mean().item() == pytest.approx(1, abs=1e-3)
    assert x.norm(dim=1).std().item() == pytest.approx(0.02, rel=0.02)
    entropy = 0.5 * torch.log(torch.tensor(2 * torch.pi * torch.e * 0.02**2)) + torch.log(torch.tensor(2 * torch.pi))
    assert -ring.log_density(x.double()).mean().item() == pytest.approx(entropy.item(), abs=0.02)
    score = Evaluator(ring, ["radius_emd"], 1000, tmp_path, "cpu")
    assert score(2 * ring.sample(Rng(1, "x"), 1000))["radius_emd"] == pytest.approx(1, abs=5e-3)
    real = Reference(torch.randn(9, 4, generator=torch.Generator().manual_seed(0)), None, 1)
    moved = Features(real.features + torch.tensor([3.0, 0, 4, 0]), torch.zeros(9, 2))
    assert METRICS["mean"].scores(moved, real)["mean"] == pytest.approx(5, rel=1e-6)
    shapes = load_dataset("shapes", root=tmp_path)
    lit = (shapes.train == 255).flatten(1).sum(1)
    assert lit.tolist() == [25 if label == 0 else 16 for label in shapes.train_labels.tolist()]
