"""The map of the house: who may import whom, read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for package in ("gan_zoo", "benchmarks") for path in (ROOT / package).rglob("*.py"))

SCIENCE = [  # from the bottom up; a room imports only from the rows below its own, or from itself
    {"gan_zoo.errors", "gan_zoo.files", "gan_zoo.rng", "gan_zoo.validation", "gan_zoo.device"},
    {"gan_zoo.losses", "gan_zoo.architectures", "gan_zoo.datasets", "gan_zoo.metrics"},
    {"gan_zoo.step", "gan_zoo.spec"},
    {"gan_zoo.engine"},
    {"gan_zoo.trainer", "gan_zoo.checkpoint", "gan_zoo.diagnostics"},
    {"gan_zoo.evaluation", "gan_zoo.verify"},
]
ONLY_IN = {
    "mlflow": {"benchmarks/tracking"},
    "yaml": {"benchmarks/suite.py"},
    "matplotlib": {"benchmarks/report", "benchmarks/speed/figure.py"},
    "seaborn": {"benchmarks/report"},
    "ray": {"benchmarks/runner.py", "benchmarks/workers.py"},
}
TENSOR_FREE = ("benchmarks/report", "benchmarks/stats.py", "benchmarks/record.py", "benchmarks/tracking")


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it; `from a import b` counts as a.b where that is a module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {_module(f"{node.module}.{alias.name}", str(node.module)) for alias in node.names}
    return found


def _module(name: str, otherwise: str) -> str:
    place = ROOT / name.replace(".", "/")
    return name if place.is_dir() or place.with_suffix(".py").is_file() else otherwise


def room(module: str) -> str:
    """gan_zoo.losses.penalties -> gan_zoo.losses"""
    return ".".join(module.split(".")[:2])


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lies_in(path: Path, places: tuple[str, ...] | set[str]) -> bool:
    return any(place(path) == known or place(path).startswith(f"{known}/") for known in places)


def own_room(path: Path) -> str:
    return room(place(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def test_every_room_of_the_science_is_on_the_map() -> None:
    rooms = {own_room(path) for path in FILES if path.is_relative_to(ROOT / "gan_zoo")} - {"gan_zoo"}
    assert rooms <= set().union(*SCIENCE)


@pytest.mark.parametrize("path", FILES, ids=place)
def test_the_science_imports_downwards_and_no_bookkeeping(path: Path) -> None:
    here = own_room(path)
    level = next((level for level, rooms in enumerate(SCIENCE) if here in rooms), None)
    if level is None:
        return
    allowed = {here}.union(*SCIENCE[:level]) if level else SCIENCE[0]
    named = {room(module) for module in imports(path) if module.split(".")[0] in ("gan_zoo", "benchmarks")}
    assert named <= allowed


@pytest.mark.parametrize("path", FILES, ids=place)
def test_a_library_with_one_place_is_imported_there_alone(path: Path) -> None:
    libraries = {module.split(".")[0] for module in imports(path)}
    assert {name for name in libraries & set(ONLY_IN) if not lies_in(path, ONLY_IN[name])} == set()


@pytest.mark.parametrize("path", [path for path in FILES if lies_in(path, TENSOR_FREE)], ids=place)
def test_the_record_and_the_report_know_no_tensor(path: Path) -> None:
    named = imports(path)
    assert {module.split(".")[0] for module in named} & {"torch", "torchvision", "torch_fidelity"} == set()
    assert {module for module in named if module.split(".")[0] == "gan_zoo"} <= {"gan_zoo.errors"}


@pytest.mark.parametrize("path", FILES, ids=place)
def test_bookkeeping_imports_downwards(path: Path) -> None:
    named = {room(module) for module in imports(path)}
    if own_room(path) != "benchmarks.cli":
        assert "benchmarks.cli" not in named
    if lies_in(path, (*TENSOR_FREE, "benchmarks/suite.py")):
        assert named & {"benchmarks.runner", "benchmarks.workers", "benchmarks.together", "benchmarks.cell"} == set()
    if lies_in(path, ("benchmarks/report",)):
        assert named & {"benchmarks.tracking", "benchmarks.suite"} == set()


RANDOM_MODULES = {"random", "secrets", "numpy.random", "torch.random", "torch.cuda.random"}
DRAWS = {
    "torch": {
        *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli"),
        *("multinomial", "poisson", "manual_seed", "seed", "Generator", "default_generator", "random"),
    },
    "np": {"random"},
    "numpy": {"random"},
}
MAY_DRAW = {"gan_zoo/rng.py", "benchmarks/stats.py"}  # the bootstrap's one seeded generator: statistics know no torch
DRAWS_IN_PLACE = {
    *("normal_", "uniform_", "bernoulli_", "exponential_", "random_", "cauchy_", "log_normal_", "geometric_"),
    *("kaiming_normal_", "kaiming_uniform_", "xavier_normal_", "xavier_uniform_", "orthogonal_", "trunc_normal_"),
    *("manual_seed", "manual_seed_all"),
}


def draws(path: Path) -> set[str]:
    """The random functions that a file names. A type such as np.random.Generator in an annotation draws nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    types = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "Generator"}
    found = imports(path) & RANDOM_MODULES
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in types:
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in DRAWS.get(owner, ()) or node.attr in DRAWS_IN_PLACE:
                found.add(f"{owner}.{node.attr}")
    return found


@pytest.mark.parametrize("path", FILES, ids=place)
def test_only_rng_draws(path: Path) -> None:
    if place(path) not in MAY_DRAW:
        assert draws(path) == set()


def test_the_search_for_draws_finds_those_of_rng() -> None:
    assert draws(ROOT / "gan_zoo/rng.py") >= {"torch.randn", "torch.rand", "torch.randint", "torch.randperm"}
