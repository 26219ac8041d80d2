"""Runs what is not done of a suite: plan, prepare, run or resume each cell, record the sweep's end."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.record.environment import environment
from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite
from benchmarks.sweep.cell_run import Outcome
from benchmarks.sweep.columns import columns
from benchmarks.sweep.context import Context, load_data, load_evaluator, load_floor
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.plan import Options, Plan, make_plan, refuse_other_numerics, refuse_other_protocols
from benchmarks.sweep.workers import Sweep, run_cells
from gan_zoo.architectures import check_architecture
from gan_zoo.device import configure_process, device_name
from gan_zoo.metrics.classifier import hand_on
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import check_numerics


def prepare_shared(plan: Plan, context: Context, tell: Callable[[str], None]) -> dict[str, Any]:
    """Loads each data set and its extractor once, before anything runs; the protocol of each metric by name, and of
    each data set the primary metric and what real data score. `tell` hears what was left out or changed when the data
    were read.

    Errors: UserError for a data set, shape or metric that cannot be had, or is not what the record was scored by.
    """
    configure_process(context.device, context.threads, context.numerics)
    suite = plan.suite
    metrics: dict[str, Any] = {}
    primary: dict[str, str] = {}
    floors: dict[str, Any] = {}
    for name in suite.datasets:
        spec = next(spec for spec in suite.cells if spec.dataset.name == name)
        data = load_data(spec, context)
        for note in data.notes:
            tell(f"data set {name}: {note}")
        check_numerics(spec, context.device, context.numerics)
        for each in {spec.architecture: spec for spec in suite.cells if spec.dataset.name == name}.values():
            check_architecture(each.architecture, data.shape)
        evaluator = load_evaluator(spec, data, context)
        refuse_other_protocols(plan, name, evaluator.metrics)
        primary[name] = next(iter(evaluator.metrics))
        floors[name] = load_floor(spec, data, context)
        if data.kind == "images":
            hand_on(data, context.cache, context.handed_on)
        metrics |= {
            metric.name: {
                "direction": metric.direction,
                "label": metric.label,
                "protocol": metric.protocol,
                "lowest": metric.lowest,
                "highest": metric.highest,
            }
            for metric in evaluator.metrics.values()
        }
    return {"metrics": metrics, "primary": primary, "floor": floors}


def describe(suite: Suite, shared: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What a report says of the suite as a whole."""
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
        "environment": environment(device_name(context.device)),
        **shared,
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


def run_suite(suite: Suite, options: Options, store: Store, listener: Listener) -> dict[RunSpec, Outcome]:
    """Runs or resumes every cell that has not ended; the outcomes of those that ran.

    Errors: UserError, before anything runs, for what cannot be had.
    """
    context, devices = options.context(suite.name), options.devices()
    plan = make_plan(suite, store)
    refuse_other_numerics(plan, context)
    shared = prepare_shared(plan, context, listener.say)
    meta = describe(suite, shared, context)
    store.experiment(suite.name, suite.description)
    todo = make_plan(suite, store).todo
    outcomes: dict[RunSpec, Outcome] = {}
    with sweep_run(suite, store, meta, devices) as run_id:
        sweep = Sweep(suite.name, run_id, store, context)
        for spec, outcome in run_cells(sweep, todo, devices, listener) if todo else ():
            outcomes[spec] = outcome
            listener.end(spec, outcome)
    return outcomes


@contextmanager
def sweep_run(suite: Suite, store: Store, meta: dict[str, Any], devices: Sequence[str]) -> Iterator[str]:
    """The parent run of a sweep, ended as finished, or as killed where the sweep is broken off."""
    run_id = store.start_sweep(
        suite.name,
        name=f"sweep {len(suite.cells)} cells",
        params={
            "losses": ", ".join(suite.losses),
            "datasets": ", ".join(suite.datasets),
            "seeds": ", ".join(map(str, suite.seeds)),
            "workers": ", ".join(devices),
        },
        tags=meta["environment"],
        description=suite.description,
        meta=meta,
        cells={spec.key: {**columns(spec), "spec": spec.canonical} for spec in suite.cells},
    )
    try:
        yield run_id
    except BaseException:
        store.finish_sweep(run_id, "killed")
        raise
    store.finish_sweep(run_id, "finished")
