"""The map of the house: who may import whom, read from the source."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for package in ("gan_zoo", "benchmarks") for path in (ROOT / package).rglob("*.py"))

SCIENCE = [  # from the bottom up; a room imports only from the rows below its own, or from itself
    {
        *("gan_zoo.errors", "gan_zoo.files", "gan_zoo.tensors", "gan_zoo.rng", "gan_zoo.validation", "gan_zoo.device"),
        *("gan_zoo.registry", "gan_zoo.numerics", "gan_zoo.exact"),
    },
    {"gan_zoo.losses", "gan_zoo.architectures", "gan_zoo.datasets", "gan_zoo.metrics", "gan_zoo.optimizers"},
    {"gan_zoo.step", "gan_zoo.spec"},
    {"gan_zoo.engine", "gan_zoo.plugins"},
    {"gan_zoo.trainer", "gan_zoo.checkpoint", "gan_zoo.diagnostics"},
    {"gan_zoo.evaluation", "gan_zoo.weights_file", "gan_zoo.memory", "gan_zoo.verify", "gan_zoo.fingerprints"},
]
BOOKKEEPING = [  # likewise; all of it may import the science, but for TENSOR_FREE
    {"benchmarks.suites", "benchmarks.markup"},
    {"benchmarks.record"},
    {"benchmarks.sweep", "benchmarks.report"},
    {"benchmarks.claims", "benchmarks.tools"},
    {"benchmarks.speed"},
    {"benchmarks.cli", "benchmarks.api"},
]
TENSOR_FREE = (
    "benchmarks/markup",
    "benchmarks/record",
    "benchmarks/report",
    "benchmarks/suites/checkpoint.py",
    "benchmarks/suites/margin.py",
    "gan_zoo/errors.py",
    "gan_zoo/files.py",
)
"""The files of a report, built where torch is not installed. Of the science it may know errors and files alone."""

ONLY_IN = {
    "mlflow": {"benchmarks/record"},
    "ruamel": {"benchmarks/suites/document.py"},
    "jinja2": {"benchmarks/markup/page.py"},
    "matplotlib": {"benchmarks/report/figures", "benchmarks/speed/figure.py", "benchmarks/tools/pulls.py"},
    "seaborn": {"benchmarks/report/figures", "benchmarks/speed/figure.py"},
    "ray": {"benchmarks/sweep/cluster.py", "benchmarks/speed/cluster.py"},
    "optuna": {"benchmarks/tools/adaptive.py"},
    "datasets": {"gan_zoo/datasets/huggingface.py"},
    "huggingface_hub": {"gan_zoo/datasets/huggingface.py"},
}


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


def ours(path: Path) -> set[str]:
    """The rooms of the project that a file imports from."""
    return {room(module) for module in imports(path) if module.split(".")[0] in ("gan_zoo", "benchmarks")}


def above(floors: list[set[str]], here: str) -> set[str]:
    """The rooms that `here` may not import from: those of its own floor and the floors above, but for itself.

    On the ground floor rooms see each other: they are the language of all.
    """
    level = next(level for level, rooms in enumerate(floors) if here in rooms)
    own = set() if floors is SCIENCE and level == 0 else floors[level]
    return own.union(*floors[level + 1 :]) - {here}


def test_every_room_is_on_the_map() -> None:
    known = {"gan_zoo", "benchmarks"}.union(*SCIENCE, *BOOKKEEPING)
    assert {own_room(path) for path in FILES} - known == set()


def test_every_room_of_the_map_is_there() -> None:
    assert set().union(*SCIENCE, *BOOKKEEPING) - {own_room(path) for path in FILES} == set()


def test_the_map_for_people_names_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## What in")[0]
    rooms = {name.split(".")[1] for name in set().union(*SCIENCE, *BOOKKEEPING)}
    assert {name for name in rooms if f"`{name}`" not in text and f"`{name}/`" not in text} == set()


def test_the_science_imports_downwards_and_no_bookkeeping() -> None:
    science = [path for path in FILES if own_room(path) in set().union(*SCIENCE)]
    bookkeeping = set().union(*BOOKKEEPING)
    offenders = {place(path): ours(path) & (above(SCIENCE, own_room(path)) | bookkeeping) for path in science}
    assert {path: wrong for path, wrong in offenders.items() if wrong} == {}


def test_the_bookkeeping_imports_downwards() -> None:
    bookkeeping = [path for path in FILES if own_room(path) in set().union(*BOOKKEEPING)]
    offenders = {place(path): ours(path) & above(BOOKKEEPING, own_room(path)) for path in bookkeeping}
    assert {path: wrong for path, wrong in offenders.items() if wrong} == {}


def test_a_library_with_one_place_is_imported_there_alone() -> None:
    offenders = [
        f"{place(path)}: {name}"
        for path in FILES
        for name in sorted({module.split(".")[0] for module in imports(path)} & set(ONLY_IN))
        if not lies_in(path, ONLY_IN[name])
    ]
    assert offenders == []


def test_what_a_report_needs_knows_no_tensor() -> None:
    offenders = []
    for path in FILES:
        if lies_in(path, TENSOR_FREE):
            named = imports(path)
            tensors = {module.split(".")[0] for module in named} & {"torch", "torchvision", "torch_fidelity"}
            science = {module for module in named if module.split(".")[0] == "gan_zoo"} - {
                "gan_zoo.errors",
                "gan_zoo.files",
            }
            offenders += [f"{place(path)}: {module}" for module in sorted(tensors | science)]
    assert offenders == []


RANDOM_MODULES = {"random", "secrets", "numpy.random", "torch.random", "torch.cuda.random"}
DRAWS = {
    "torch": {
        *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli"),
        *("multinomial", "poisson", "manual_seed", "seed", "Generator", "default_generator", "random"),
    },
    "np": {"random"},
    "numpy": {"random"},
}
MAY_DRAW = {
    "gan_zoo/rng.py",
    "gan_zoo/exact/draws.py",  # what rng.py draws in exact numerics
    "benchmarks/report/statistics.py",  # one seeded generator for the bootstrap
    "benchmarks/report/verdicts.py",  # another for the repeats of a sweep
}
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


def test_only_rng_draws() -> None:
    offenders = {place(path): draws(path) for path in FILES if place(path) not in MAY_DRAW}
    assert {path: wrong for path, wrong in offenders.items() if wrong} == {}


def test_the_search_for_draws_finds_those_of_rng() -> None:
    assert draws(ROOT / "gan_zoo/rng.py") >= {"torch.randn", "torch.rand", "torch.randint", "torch.randperm"}
