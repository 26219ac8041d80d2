"""Runs what a plan says is to be done of a suite, and records the sweep and its end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.record.environment import environment
from benchmarks.record.store import Store
from benchmarks.sweep.columns import columns
from benchmarks.sweep.context import Sweep
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Plan
from benchmarks.sweep.workers import run_cells
from gan_zoo.device import device_name
from gan_zoo.spec import RunSpec


def describe(plan: Plan) -> dict[str, Any]:
    """The description of the suite as a whole for reports."""
    suite, shared = plan.suite, plan.shared
    return {
        "suite": suite.name,
        "description": suite.description,
        "commands": [f"gan-zoo run {suite.name}", f"gan-zoo report {suite.name}"],
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
    }


def formulas(cells: Iterable[RunSpec]) -> dict[str, dict[str, dict[str, str]]]:
    """Data set -> loss -> what its critic and its generator minimise there, with the weights they run with, and the
    paper."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for spec in cells:
        found.setdefault(spec.dataset.name, {})[spec.loss_name] = {
            "critic": spec.loss.critic_formula,
            "generator": spec.loss.generator_formula,
            "paper": spec.loss.paper,
        }
    return found


def run_suite(plan: Plan, store: Store, listener: Listener) -> Plan:
    """Runs or resumes every cell that has no result, and what was freed meanwhile; the plan as it stands then."""
    store.experiment(plan.suite.name, plan.suite.description)
    tried: set[RunSpec] = set()
    with sweep_run(plan, store) as run_id:
        sweep = Sweep(plan.suite.name, run_id, store, plan.context)
        while todo := [spec for spec in plan.todo if spec not in tried]:
            for spec, outcome in run_cells(sweep, todo, plan.devices, listener):
                listener.end(spec, outcome)
            tried.update(todo)
            plan = plan.refreshed(store)
    return plan


@contextmanager
def sweep_run(plan: Plan, store: Store) -> Iterator[str]:
    """The parent run of a sweep, ended as finished, or as killed where the sweep is broken off."""
    suite, meta = plan.suite, describe(plan)
    run_id = store.start_sweep(
        suite.name,
        name=f"sweep {len(suite.cells)} cells",
        params={
            "losses": ", ".join(suite.losses),
            "datasets": ", ".join(suite.datasets),
            "seeds": ", ".join(map(str, suite.seeds)),
            "workers": ", ".join(plan.devices),
        },
        tags=meta["environment"],
        description=suite.description,
        meta=meta,
        cells={spec.key: described(spec, plan) for spec in suite.cells},
    )
    try:
        yield run_id
    except BaseException:
        store.finish_sweep(run_id, "killed")
        raise
    store.finish_sweep(run_id, "finished")


def described(spec: RunSpec, plan: Plan) -> dict[str, Any]:
    """The description of a cell before it runs."""
    return {**columns(spec), "spec": spec.canonical, "identity": plan.identities[spec].tags}
