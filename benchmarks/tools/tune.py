"""The command `gan-zoo tune`: a search of equal care for every loss of a suite, and the suite of what it chose.

K settings of each loss on each data set are run as the sweep SUITE-search, the best validation score chooses one of
each, and SUITE-tuned.yaml has them for `gan-zoo run`, on the suite's own seeds, none of which took part in the search.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.record.export import Record
from benchmarks.record.store import Store
from benchmarks.report.commands import write_report
from benchmarks.report.results import Results
from benchmarks.report.search import DatasetSearch, LossTrials
from benchmarks.report.search_tables import answers
from benchmarks.suites.entries import PATHS, entries_of, name_of_entry
from benchmarks.suites.files import source_of
from benchmarks.suites.settings import under
from benchmarks.suites.suite import Suite
from benchmarks.suites.trials import (
    ADAPTIVE,
    DataAndLoss,
    Ground,
    ground_of,
    sobol_trials,
    tuned_override,
    without_searched,
)
from benchmarks.suites.tuned import ENDING, suite_text
from benchmarks.sweep.plan import Options, Plan, make_plan
from benchmarks.sweep.progress import Progress, plan_text, say, unfinished_text
from benchmarks.sweep.rehearsal import rehearsal
from benchmarks.sweep.run import run_suite
from benchmarks.tools.adaptive import Adaptive
from gan_zoo.errors import UserError
from gan_zoo.files import replacing


@dataclass(frozen=True)
class Request:
    """A search that is asked for: the suite and what of it, how many settings, the seed of the search, where the tuned
    suite goes (None: SUITE-tuned.yaml here), and whether settings follow from scores."""

    source: str
    count: int
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    losses: Sequence[str] = ()
    datasets: Sequence[str] = ()
    out: Path | None = None
    adaptive: bool = False

    def ground(self) -> Ground:
        return ground_of(self.source, self.settings, self.losses, self.datasets)

    @property
    def ending(self) -> str:
        """What is added to the name of the suite."""
        return f"{ADAPTIVE if self.adaptive else ''}{ENDING}"


def rehearse(request: Request, how: Options) -> str:
    """The trials, what stands of them, and a forecast for the rest. Raises: UserError for an adaptive search."""
    if request.adaptive:
        raise UserError("--dry-run: the settings of an adaptive search follow from its scores: leave out --adaptive")
    with rehearsal(how) as scratch:
        return plan_text(
            plan_of(sobol_trials(request.ground(), request.count, request.seed), scratch, Store(how.results))
        )


def plan_of(trials: Suite, how: Options, store: Store) -> Plan:
    """The plan of a search. Where nothing else is asked for, trials of one structure share a GPU as stacks; on a CPU
    each has the engine that is fastest there, which stacks are not."""
    if how.engine == "auto" and how.context(trials.name).device != "cpu":
        how = replace(how, engine="stacked")
    return make_plan(trials, how, store, say)


def tune(request: Request, how: Options) -> list[str]:
    """Runs what is not done of a search, reports it, and writes the tuned suite; a line for each trial without a
    result, in which case there is no tuned suite yet.

    Raises: UserError.
    """
    out = request.out or Path(f"{Path(request.source).stem}{request.ending}.yaml")
    _refuse_other_file(out)
    ground, store = request.ground(), Store(how.results)
    plan = (
        _run_adaptively(request, ground, how, store) if request.adaptive else _run_fairly(request, ground, how, store)
    )
    name = plan.suite.name
    folder, files = write_report(name, store, how.results)
    store.log_report(name, folder, files)
    searches = [DatasetSearch(each) for each in Results(Record.read(folder / "export")).each_dataset]
    for search in searches:
        print(f"{search.dataset.name}: {' '.join(answers(search))}")
    print(f"report: {folder / 'report.html'}")
    left = unfinished_text(plan)
    if not left:
        with replacing(out) as partial:
            partial.write_text(_tuned_suite(request, ground, plan.suite, searches, out.parent), encoding="utf-8")
        print(f"tuned suite: {out}\nnext: gan-zoo run {out}")
    return left


def _run_fairly(request: Request, ground: Ground, how: Options, store: Store) -> Plan:
    """Runs settings that were all drawn beforehand."""
    plan = plan_of(sobol_trials(ground, request.count, request.seed), how, store)
    with Progress(plan) as progress:
        return run_suite(plan, store, progress)


def _run_adaptively(request: Request, ground: Ground, how: Options, store: Store) -> Plan:
    """Runs settings each of which follows from the scores of those before."""
    adaptive = Adaptive(ground, request.count, request.seed)
    plan = make_plan(adaptive.suite(), how, store, say)
    with Progress(plan) as progress:

        def following(plan: Plan) -> Plan | None:
            if plan.unfinished or not adaptive.extend(validation_scores(plan.suite.name, store)):
                return None
            plan = plan.extended(adaptive.suite())
            progress.extend(plan)
            return plan

        return run_suite(plan, store, progress, following=following)


def validation_scores(name: str, store: Store) -> dict[DataAndLoss, list[float]]:
    """The signed validation score of each trial of a search, in their order, by data set and loss."""
    found: dict[DataAndLoss, list[float]] = {}
    for dataset in Results(store.record(name)).each_dataset:
        for each in DatasetSearch(dataset).losses:
            found[dataset.name, each.loss] = each.validation.tolist()
    return found


def _refuse_other_file(out: Path) -> None:
    """Raises: UserError where the tuned suite would replace a file that no search wrote, or cannot be written."""
    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"--out {out}: expected a file that ends in .yaml")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}: make it first")
    if out.exists() and "\ntuned:\n" not in out.read_text(encoding="utf-8", errors="replace"):
        raise UserError(f"{out}: is there, and no search wrote it: choose another --out")


def _tuned_suite(
    request: Request, ground: Ground, trials: Suite, searches: Sequence[DatasetSearch], folder: Path
) -> str:
    """The text of the suite, in `folder`, that runs the chosen settings on the seeds of the suite that was tuned.

    Raises: UserError where every trial of a loss failed.
    """
    source = source_of(request.source, request.settings)
    content = without_searched(source.content)
    for key in [key for key, value in content.items() if value is None]:
        del content[key]
    common, adaptive = ground.common, trials.search.get("adaptive", "")
    overrides = _of_searched(content.get("overrides", {}), common)
    chosen: dict[str, Any] = {}
    for search in searches:
        for each in search.losses:
            place, base = f"{each.loss}/{search.dataset.name}", ground.bases[search.dataset.name, each.loss]
            best = _best_of(each, search.dataset.name)
            said = tuned_override(base, each.settings[best], common.budget)
            overrides[place] = under(overrides.get(place, {}), said)
            chosen[place] = _description_of(best, each, search.sign)
    judges = dict.fromkeys(search.metric for search in searches)
    tuned = {
        "source": where(request.source, source.folder, folder),
        "digest": source.digest,
        "settings": request.count,
        "seed": request.seed,
        "chosen_by": f"{', '.join(judges)} on the validation split",
        **({"adaptive": f"{adaptive}: not equal care for every loss, so not a fair comparison"} if adaptive else {}),
        "chosen": chosen,
    }
    fairness = " Each was searched adaptively: not a fair comparison." if adaptive else ""
    budget = common.budget.content if common.budget else {}
    for key in ("search", "budget", "overrides", "plugins"):  # written anew, or of the search alone
        content.pop(key, None)
    content |= {
        "name": f"{content['name']}{request.ending}",
        "description": f"{content['name']} with the best of {request.count} settings of each loss.{fairness}",
        "losses": _of_names(content, "losses", common.losses),
        "datasets": [seen_from(entry, folder) for entry in _of_names(content, "datasets", common.datasets)],
        "report": dict(common.report),
        "budget": budget,
        "overrides": overrides,
        "tuned": tuned,
    }
    if plugins := entries_of(source.content, "plugins"):
        content["plugins"] = []
        for name in plugins:
            path = (source.folder or Path()) / os.path.expanduser(name)
            content["plugins"].append(os.path.relpath(path, folder))
    option = " --adaptive" if adaptive else ""
    how = f"Written by `gan-zoo tune {request.source} --budget {request.count}{option}`"
    return suite_text(content, f"{how}: see `tuned` for how it came about.")


def _of_searched(overrides: Mapping[str, Any], common: Suite) -> dict[str, Any]:
    """The overrides of losses and data sets that were searched."""
    known = {*common.losses, *common.datasets}
    return {place: override for place, override in overrides.items() if known.issuperset(place.split("/"))}


def _description_of(best: int, each: LossTrials, sign: float) -> dict[str, Any]:
    """What a tuned suite says of the trial that was chosen, with scores as they are: `sign` makes less the better."""
    return {
        "trial": each.numbers[best],
        "validation": float(f"{sign * each.validation[best]:.6g}"),
        "score": float(f"{sign * each.scores[best]:.6g}"),
        "finished": each.count - each.failed,
    }


def _best_of(each: LossTrials, dataset: str) -> int:
    if each.chosen is None:
        raise UserError(
            f"{each.loss} on {dataset}: every trial failed: widen its ranges under search, or raise --budget"
        )
    return each.chosen


def seen_from(entry: Any, folder: Path) -> Any:
    """An entry of `datasets` whose data are at a path from here, in a file in `folder`."""
    if not isinstance(entry, Mapping):
        return entry
    places = {key: os.path.expanduser(entry[key]) for key in PATHS if key in entry}
    return {**entry, **{key: os.path.relpath(place, folder) for key, place in places.items()}}


def _of_names(content: Mapping[str, Any], key: str, names: Sequence[str]) -> list[Any]:
    """The entries of a list of losses or data sets that were searched."""
    return [entry for entry in entries_of(content, key) if name_of_entry(entry) in names]


def where(source: str, folder: Path | None, target: Path) -> str:
    """A suite as one in the folder `target` names it: by its name, or by a path from there."""
    return source if folder is None else os.path.relpath(source, target)
