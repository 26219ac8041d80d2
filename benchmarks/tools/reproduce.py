"""Some cells of anybody's export, run again from their specs alone and held against what the export says of them.

Cells are drawn by a key: those whose hash with the export's own bytes and a seed is smallest, so that who wrote the
export did not choose them, and everybody with the same seed checks the same ones. They train in the numerics, engine
and threads that the export names and are scored by the same protocol, in a folder of their own.

Each drawn cell is equal in its bits, or within noise, or contradicts (see benchmarks.report.agreement): where bits
differ, every score must lie in the prediction interval that the other seeds of its loss and data set leave, at a
confidence of 1 - 0.01 / (number of scores compared), so that at most one check in a hundred of an honest export finds a
contradiction.
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from benchmarks.record.export import Record
from benchmarks.record.protocols import differing
from benchmarks.record.store import Store
from benchmarks.report.against import unlike
from benchmarks.report.agreement import Agreement, CellName, judge, run_at
from benchmarks.report.results import Results
from benchmarks.suites.suite import Suite
from benchmarks.sweep.context import Shelf
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.run import run_suite
from gan_zoo.datasets import DATASETS
from gan_zoo.device import configure_process
from gan_zoo.engine import ENGINE_NAMES, Numerics
from gan_zoo.errors import UserError
from gan_zoo.spec import RunSpec, run_spec

ERROR = 0.01
"""Chance that a check of an honest export finds a contradiction, at most."""
ENDED = ("done", "diverged")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """A request to recompute: `export` holds meta.json, `data` the data sets, `out` (or a temporary folder, where
    None) takes the record of what is run; `folders` are the folders and files of data that no export brings
    along, by the names of their data sets."""

    export: Path
    data: Path
    cells: int = 3
    seed: int = 0
    device: str = "auto"
    workers: int | None = None
    out: Path | None = None
    folders: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """A cell of the export to be run again: its name there, its spec, how it ran."""

    name: CellName
    spec: RunSpec
    engine: str
    numerics: Numerics
    threads: int


def reproduce(request: Request, tell: Tell = print) -> bool:
    """Recomputes the drawn cells and tells of each how it compares; whether none contradicts or failed.

    Raises: UserError where the export holds no specs, or its scores were made by another protocol than those here (of
    other images, say).
    """
    claimed = Results(Record.read(request.export), {"metrics": []})
    mark = hashlib.sha256((request.export / "meta.json").read_bytes()).hexdigest()[:16]
    finished = int(claimed.runs.status.isin(ENDED).sum())
    drawn = draw(claimed, request, mark)
    tell(
        f"{request.export}: {len(drawn)} of {finished} cells, drawn by the export's hash {mark} and seed {request.seed}"
    )
    check_protocols(claimed, drawn, request)
    level = 1 - ERROR / max(1, comparisons(claimed, drawn))
    found: dict[CellName, str] = {}
    differences: dict[str, None] = {}
    with place_for(request.out) as folder:
        for number, group in enumerate(alike(drawn)):
            mine = recompute(group, claimed, request, folder, f"reproduced-{number}")
            for cell in group:
                agreement = compare(claimed, mine, cell.name, level)
                found[cell.name] = agreement.kind if agreement else "failed"
                tell(f"{found[cell.name]:12}  {cell.name}: {agreement.reason if agreement else _error_of(mine, cell)}")
            differences |= dict.fromkeys(unlike(claimed, mine))
    counts = Counter(found.values())
    counted = [f"{count} {kind}" for kind, count in counts.items()]
    tell(f"{len(drawn)} cells: {', '.join(counted)}")
    if set(counts) - {"equal bits"} and differences:
        tell(f"what differs and may make other bits: {'; '.join(differences)}")
    return not set(counts) & {"contradicts", "failed"}


def comparisons(claimed: Results, drawn: Sequence[Drawn]) -> int:
    """How many scores are compared, of which each may be contradicted by chance."""
    count = 0
    for cell in drawn:
        count += len(claimed.on(cell.name.dataset).metrics)
    return count


def draw(claimed: Results, request: Request, mark: str) -> list[Drawn]:
    """The cells whose keyed hashes are smallest.

    Raises: UserError where there are no specs to run, or a folder is given that no cell uses.
    """
    runs = claimed.runs[claimed.runs.status.isin(ENDED)]
    if runs.empty:
        raise UserError(f"{request.export}: has no finished run to recompute")
    if (runs.spec == "").any():
        raise UserError(
            f"{request.export / 'runs.csv'}: was written before specs were kept, so nothing can be run from it"
        )
    for name in set(request.folders) - (set(runs.dataset) - set(DATASETS)):
        raise UserError(f"--folder {name}: no cell of {request.export} is of data of one's own with this name")
    keyed = sorted(runs.itertuples(), key=lambda run: _keyed_hash(mark, request.seed, run.run_key))
    return [_drawn_cell(run, request) for run in keyed[: request.cells]]


def _keyed_hash(mark: str, seed: int, run_key: str) -> bytes:
    return hashlib.blake2b(f"{mark}/{seed}/{run_key}".encode()).digest()


def _drawn_cell(run: Any, request: Request) -> Drawn:
    """Raises: UserError for a spec that cannot be run here, or is of another cell than its row says."""
    path = request.export / "runs.csv"
    name = CellName(run.dataset, run.loss, int(run.seed))
    try:
        spec = run_spec(json.loads(run.spec))
    except (ValueError, UserError) as error:
        raise UserError(f"{path}: {name}: spec: {' '.join(str(error).split())}") from None
    if name != CellName(spec.dataset.name, spec.loss_name, spec.seed):
        raise UserError(f"{path}: {name}: spec: is of {spec.label}: the export is altered")
    if spec.dataset.name not in DATASETS:
        spec = replace(spec, dataset=replace(spec.dataset, folder=str(_own_data(name, request))))
    engine = run.engine if run.engine in ENGINE_NAMES and run.engine != "stacked" else "plain"
    threads = int(run.threads) if run.threads == run.threads and run.threads else 1
    return Drawn(name, spec, engine, numerics_of(run.numerics), threads)


def _own_data(cell: CellName, request: Request) -> Path:
    """The folder or file that the user gives for the data set of `cell`: no export brings data along."""
    if cell.dataset not in request.folders:
        raise UserError(
            f"{request.export}: {cell}: is of data that no export brings along: say in which folder or file you have "
            f"them, --folder {cell.dataset}=PATH"
        )
    return request.folders[cell.dataset]


def numerics_of(text: str) -> Numerics:
    """The numerics of a run from what its record says: "float32, portable" is the reference, "float32" alone what there
    was before it, or `fast`."""
    known: dict[str, Numerics] = {kind: kind for kind in get_args(Numerics)}
    names = [word for word in text.split(", ")[1:] if not word.endswith(" threads")]
    return known.get(names[0], "reference") if names else "fast"


def check_protocols(claimed: Results, drawn: Sequence[Drawn], request: Request) -> None:
    """Raises: UserError where a score of the export was not made as it would be here: by another extractor, say."""
    for cell in {cell.name.dataset: cell for cell in drawn}.values():
        context = options(cell, request, Path()).context("reproduce")
        configure_process(context.device, context.threads, context.numerics)
        evaluator = Shelf(context).evaluator(cell.spec)
        here = {metric.name: metric.protocol for metric in evaluator.metrics.values()}
        for metric in claimed.on(cell.name.dataset).metrics:
            there = claimed.on(cell.name.dataset).protocol(metric)
            parts = differing(there, here.get(metric, {"not measured": ""}))
            if any(parts):
                where = f"{request.export}: {metric} on {cell.name.dataset}"
                raise UserError(f"{where}: measured by {parts[0]} there, {parts[1]} here: such scores are not compared")


def alike(drawn: Sequence[Drawn]) -> list[list[Drawn]]:
    """Cells that run in the same way together."""
    groups: dict[tuple[str, str, int], list[Drawn]] = {}
    for cell in drawn:
        groups.setdefault((cell.engine, cell.numerics, cell.threads), []).append(cell)
    return list(groups.values())


def options(cell: Drawn, request: Request, folder: Path) -> Options:
    how = cell.threads, cell.engine, cell.numerics
    return Options(folder, request.data, request.device, request.workers, *how)


@contextmanager
def place_for(out: Path | None) -> Iterator[Path]:
    """`out`, or a folder that is gone afterwards."""
    if out is not None:
        if out.exists() and any(out.iterdir()):
            raise UserError(f"--out {out}: is not empty: what lies there would not be recomputed: name a new one")
        out.mkdir(parents=True, exist_ok=True)
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="gan-zoo-") as folder:
        yield Path(folder)


def recompute(group: Sequence[Drawn], claimed: Results, request: Request, folder: Path, name: str) -> Results:
    """The record of these cells run anew, scored by the checkpoint rule of the export."""
    losses, datasets, seeds = zip(*((cell.name.loss, cell.name.dataset, cell.name.seed) for cell in group), strict=True)
    suite = Suite(
        name=name,
        description=f"Cells of {claimed.meta['suite']}, run again.",
        losses=tuple(dict.fromkeys(losses)),
        datasets=tuple(dict.fromkeys(datasets)),
        seeds=tuple(dict.fromkeys(seeds)),
        overrides={},
        report={"checkpoint": str(claimed.checkpoint)},
        cells=tuple(cell.spec for cell in group),
    )
    store = Store(folder, f"sqlite:///{quote(str(folder.resolve() / 'mlflow.db'))}")
    plan = make_plan(suite, options(group[0], request, folder), store, Listener().say)
    run_suite(plan, store, Listener())
    return Results(store.record(name))


def compare(claimed: Results, mine: Results, name: CellName, level: float) -> Agreement | None:
    """None where the run failed."""
    if run_at(mine, name).status not in ENDED:
        return None
    return judge(claimed, mine, name, claimed.on(name.dataset).metrics, level)


def _error_of(mine: Results, cell: Drawn) -> str:
    return str(run_at(mine, cell.name).error or "did not end")
