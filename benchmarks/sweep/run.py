"""Runs what a plan says is to be done of a suite, and records the sweep and its end."""

import shlex
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.record.environment import environment
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite, look_name
from benchmarks.sweep.columns import columns
from benchmarks.sweep.context import Sweep
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.plan import Plan
from benchmarks.sweep.shard import WHOLE
from benchmarks.sweep.workers import run_cells
from gan_zoo.device import device_name
from gan_zoo.files import refuse_blocked
from gan_zoo.losses import LOSSES
from gan_zoo.spec import RunSpec


def describe(plan: Plan) -> dict[str, Any]:
    """The description of the suite as a whole for reports."""
    suite, shared = plan.suite, plan.shared
    budget = suite.budget.content if suite.budget else {}
    optional = {"budget": budget, "search": suite.search, "tuned": suite.tuned}
    return {
        "suite": suite.name,
        "description": suite.description,
        "commands": commands_of(suite),
        "losses": list(suite.losses),
        "datasets": list(suite.datasets),
        "seeds": list(suite.seeds),
        "overrides": suite.overrides,
        "recipe": suite.recipe,
        "report": suite.report,
        "formulas": formulas(suite.cells),
        "environment": environment(device_name(plan.context.device)),
        "metrics": shared.metrics,
        "primary": shared.primary,
        "floor": shared.floor,
        **{name: said for name, said in optional.items() if said},
    }


def commands_of(suite: Suite) -> list[str]:
    """The commands that made a sweep and its report, in this order."""
    made = shlex.join(["gan-zoo", *(suite.asked or ("run", suite.name))])
    if suite.search:
        adaptive = " --adaptive" if suite.search.get("adaptive") else ""
        made = f"gan-zoo tune {suite.search['source']} --budget {suite.search['settings']}{adaptive}"
    is_look = suite.asked[:1] == ("train",)
    return [made, f"gan-zoo report {f'results/train/{look_name(suite)}' if is_look else suite.name}"]


def formulas(cells: Iterable[RunSpec]) -> dict[str, dict[str, dict[str, str]]]:
    """Data set -> loss -> what its critic and its generator minimise there, with the weights they run with, and the
    paper."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for spec in cells:
        found.setdefault(spec.dataset.name, {})[spec.loss_name] = {
            "critic": spec.loss.critic_formula,
            "generator": spec.loss.generator_formula,
            "paper": _source_of_loss(spec),
        }
    return found


Train = Callable[[Sweep, Sequence[RunSpec], Listener], Iterator[tuple[RunSpec, Outcome]]]
"""What trains cells: `benchmarks.sweep.workers.run_cells` on this machine, or what does the same on others."""
Following = Callable[[Plan], Plan | None]


def _source_of_loss(spec: RunSpec) -> str:
    """The paper of a loss, also where the suite gives it other numbers than its registered ones."""
    registered = LOSSES.get(spec.loss_name)
    if spec.loss.paper or registered is None:
        return spec.loss.paper
    return f"{registered.paper}, with other numbers"


def run_suite(
    plan: Plan,
    store: Store,
    listener: Listener,
    notes: Mapping[str, Any] | None = None,
    following: Following = lambda plan: None,
    train: Train = run_cells,
) -> Plan:
    """Runs or resumes every cell that has no result, and what was freed meanwhile; and then, in the same sweep, those
    of the plan that is `following`, as long as there is one. The plan as it stands in the end. `notes` are kept with
    the description of the sweep.

    Raises: UserError, before anything is recorded, where something else is in the place of a run's folder.
    """
    suite, notes = plan.suite, notes or {}
    for spec in plan.todo:
        refuse_blocked(plan.context.runs / spec.key, own=True)
    store.experiment(suite.name, suite.description, len(suite.cells))
    with _sweep_run(plan, store, notes) as run_id, _parents_of(suite, run_id, store) as parents:
        more: Plan | None = plan.refreshed(store)  # cells of workers that had outlived their sweep are free by now
        while more is not None:
            trials = more.suite.search.get("trials", {})
            sweep = Sweep(suite.name, run_id, store, plan.shelf, plan.shared.convolves, parents, trials)
            plan = _run_what_is_free(more, sweep, listener, train)
            more = following(plan)
            if more is not None:
                store.extend_sweep(run_id, name_of_sweep(more), {**describe(more), **notes}, _described_cells(more))
        return plan


def _run_what_is_free(plan: Plan, sweep: Sweep, listener: Listener, train: Train) -> Plan:
    """Runs each cell that has no result once, its own before what other shards left, and what was freed meanwhile; the
    plan as it stands then."""
    tried: set[RunSpec] = set()
    while todo := _untried(plan.own_todo, tried) or _untried(plan.todo, tried):
        for spec, outcome in train(sweep, todo, listener):
            if outcome.status == "failed":  # which a worker that was ended, or died, could not record
                sweep.store.fail_cell(sweep.suite, spec.key, outcome.reason)
            listener.end(spec, outcome)
        tried.update(todo)
        plan = plan.refreshed(sweep.store)
    return plan


def _untried(cells: Iterable[RunSpec], tried: Container[RunSpec]) -> list[RunSpec]:
    return [spec for spec in cells if spec not in tried]


@contextmanager
def _parents_of(suite: Suite, run_id: str, store: Store) -> Iterator[Mapping[str, str]]:
    """By loss the run that is the parent of its trials in a search, itself under the sweep's; none in any other sweep.
    All are closed at the end, however it comes."""
    losses = suite.losses if suite.search else ()
    parents = {loss: store.start_group(suite.name, run_id, f"trials of {loss}", {"loss": loss}) for loss in losses}
    try:
        yield parents
    finally:
        for parent in parents.values():
            store.finish_group(parent)


@contextmanager
def _sweep_run(plan: Plan, store: Store, notes: Mapping[str, Any]) -> Iterator[str]:
    """The parent run of a sweep, ended as finished, or as killed where the sweep is broken off."""
    suite, meta = plan.suite, {**describe(plan), **notes}
    run_id = store.start_sweep(
        suite.name,
        name=name_of_sweep(plan),
        params={
            "losses": ", ".join(suite.losses),
            "datasets": ", ".join(suite.datasets),
            "seeds": ", ".join(map(str, suite.seeds)),
            "workers": ", ".join(plan.context.devices),
        },
        tags=meta["environment"],
        description=suite.description,
        meta=meta,
        cells=_described_cells(plan),
    )
    try:
        yield run_id
    except BaseException:
        store.finish_sweep(run_id, "killed")
        raise
    store.finish_sweep(run_id, "finished")


def name_of_sweep(plan: Plan) -> str:
    """What is swept: losses, data sets, and seeds or trials."""
    suite = plan.suite
    losses, datasets = _named(suite.losses, "losses"), _named(suite.datasets, "data sets")
    trials, seeds = len(suite.search.get("trials", ())), len(suite.seeds)
    count = f"{trials} trials" if trials else f"{seeds} seed{'s' * (seeds > 1)}"
    return f"{losses} on {datasets}, {count}" + ("" if plan.shard == WHOLE else f", {plan.shard}")


def _named(names: Sequence[str], kind: str) -> str:
    """Up to two names, or how many there are."""
    return ", ".join(names) if len(names) <= 2 else f"{len(names)} {kind}"


def _described_cells(plan: Plan) -> dict[str, dict[str, Any]]:
    """The description of each cell before it runs, by its key."""
    return {spec.key: described(spec, plan) for spec in plan.suite.cells}


def described(spec: RunSpec, plan: Plan) -> dict[str, Any]:
    """The description of a cell before it runs."""
    return {**columns(spec), "spec": spec.canonical, "identity": plan.identities[spec].tags}
