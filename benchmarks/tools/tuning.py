"""The grid search behind a suite: six settings for every loss and data set, on a seed that the suite does not use.

`python -m benchmarks.tools.tuning SUITE` runs, as the sweep SUITE-tuning, each loss of SUITE on each of its data sets
over learning rates and values of one more number: the loss's own hyper-parameter (penalty weight or clip), or the
critic steps per generator step where it has none. It prints the primary score of each setting at the last checkpoint
and leaves the report, with the scores of all, in results/SUITE-tuning.
"""

import json
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

from benchmarks.record.environment import data_folder
from benchmarks.record.store import Store
from benchmarks.report.commands import scores_text, write_report
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep.plan import Options, make_plan
from benchmarks.sweep.progress import Progress, say
from benchmarks.sweep.run import run_suite
from gan_zoo.errors import ends_program
from gan_zoo.spec import RunSpec

SEED = 100
GRIDS = {  # the second number -> learning rates, its values
    "weight": (("1e-3", "3e-3"), ("0.1", "1", "10")),
    "weight_clip": (("5e-4", "1e-3"), ("0.01", "0.03", "0.1")),
    "n_critic": (("1e-4", "3e-4", "1e-3"), ("1", "5")),
}


def second_number(suite: Suite, loss: str) -> str:
    """The hyper-parameter of `loss` that is searched beside the learning rate."""
    fields = next(spec.loss for spec in suite.cells if spec.loss_name == loss).field_names()
    return next((name for name in ("weight", "weight_clip") if name in fields), "n_critic")


def settings(suite: Suite, loss: str, lr: str, more: str, value: str) -> dict[str, str]:
    """One setting of the search as changes of the suite; of its overrides only those of data sets stay."""
    kept = {place: override for place, override in suite.overrides.items() if place in suite.datasets}
    adam = f"{{name: adam, lr: {lr}, betas: [0.5, 0.9]}}"
    return {
        "seeds": f"[{SEED}]",
        "overrides": json.dumps(kept),
        "report": "{}",
        "losses": f"[{loss}]" if more == "n_critic" else f"[{{name: {loss}, {more}: {value}}}]",
        "train.optimizer": f"{{name: rmsprop, lr: {lr}}}" if more == "weight_clip" else adam,
        **({"train.n_critic": value} if more == "n_critic" else {}),
    }


def search(source: str) -> Suite:
    """The suite of all settings, each named by its loss and numbers."""
    suite, cells = load_suite(source), list[RunSpec]()
    for loss in suite.losses:
        more = second_number(suite, loss)
        rates, values = GRIDS[more]
        for lr, value in product(rates, values):
            variant = load_suite(source, settings(suite, loss, lr, more, value))
            cells += [replace(spec, loss_name=f"{loss} lr={lr} {more}={value}") for spec in variant.cells]
    return replace(
        suite,
        name=f"{suite.name}-tuning",
        description=f"The grid search behind {suite.name}: six settings a loss and data set, seed {SEED}.",
        losses=tuple(dict.fromkeys(spec.loss_name for spec in cells)),
        seeds=(SEED,),
        overrides={},
        report={},
        cells=tuple(cells),
    )


def main(source: str, results: Path) -> None:
    suite, store = search(source), Store(results)
    plan = make_plan(suite, Options(results, data_folder()), store, say)
    with Progress(plan) as progress:
        run_suite(plan, store, progress)
    print(scores_text(write_report(suite.name, store, results)[0]))


if __name__ == "__main__":
    with ends_program("tuning"):
        main(sys.argv[1] if len(sys.argv) > 1 else "quickstart", Path("results"))
