"""The results on one data set: its metrics, (losses, seeds) scores, curves by step and costs by loss."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.record.protocols import Protocol, read_protocol
from benchmarks.record.vocabulary import is_player_term, validation
from benchmarks.report.consistency import check_numerics, check_protocols, protocols
from benchmarks.report.names import display
from benchmarks.report.specs import spec_fields
from benchmarks.report.statistics import Array, worst
from benchmarks.report.summary import Summary
from benchmarks.suites.checkpoint import Checkpoint
from gan_zoo.errors import UserError

if TYPE_CHECKING:
    from benchmarks.report.results import Results

FLOOR, TRANSPORT = "real data (floor)", "exact transport of batches"
"""What stands below the losses in a table of scores: of generated samples, and of critics that train alone."""


class DatasetResults:
    """The part of a record that is about one data set."""

    def __init__(self, results: "Results", name: str, slug: str) -> None:
        self.results = results
        self.name = name
        self.title = display(name)
        """Its name for people."""
        self.slug = slug
        """The part of file names that identifies this data set."""
        self.primary = str(results.meta["primary"][name])
        """The metric that losses are ranked by."""
        self.losses = results.losses
        self._summaries: dict[str, Summary] = {}
        self.runs = results.runs[results.runs.dataset == name]

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics that this data set was scored by, its primary one first."""
        known = list(self.results.metrics)
        chosen = self.results.chosen("metrics", known)
        scored = self._logged_names()
        others = [name for name in known if name in scored and name != self.primary]
        return [name for name in [self.primary, *others] if name in chosen] or [self.primary]

    def player_terms(self) -> list[str]:
        """The logged terms of either player, the critic's before the generator's."""
        names = set(filter(is_player_term, self._logged_names()))
        return sorted(names - set(self.results.metrics))

    def _logged_names(self) -> set[str]:
        return {name for dataset, _, name in self.results.curves if dataset == self.name}

    def curve(self, loss: str, name: str) -> pd.DataFrame:
        """Values of one logged quantity: a row a step, a column a seed, NaN where it was not logged or not a number."""
        return self.results.curves.get((self.name, loss, name), pd.DataFrame())

    def curve_of_seed(self, loss: str, name: str, seed: int) -> Array:
        """The values that one run logged of a quantity, in the order of steps; empty where it logged none."""
        curve = self.curve(loss, name)
        return curve[seed].to_numpy(dtype=float) if seed in curve.columns else np.empty(0)

    def finished_curve(self, loss: str, name: str) -> pd.DataFrame:
        """`curve` of the runs that came to their end alone."""
        curve = self.curve(loss, name)
        return curve.loc[:, curve.columns.isin(self.finished_seeds(loss))]

    def cell_runs(self, loss: str) -> pd.DataFrame:
        """The runs of one loss."""
        return self.runs[self.runs.loss == loss]

    def finished_seeds(self, loss: str) -> list[int]:
        """The seeds of the runs of a loss that came to their end."""
        runs = self.cell_runs(loss)
        return runs.seed[runs.status == "done"].astype(int).to_list()

    def scores(self, metric: str, checkpoint: Checkpoint | None = None) -> Array:
        """(losses, seeds): scores by the checkpoint rule; `worst` where a run gave none; NaN where there was no run."""
        rule = checkpoint or self.results.checkpoint
        losses, seeds = self.losses, self.results.seeds
        scores = np.full((len(losses), len(seeds)), np.nan)
        for run in self.runs[self.runs.status != "missing"].itertuples():
            row, column = losses.index(run.loss), seeds.index(int(run.seed))
            score = self._score(run, metric, rule)
            scores[row, column] = score if np.isfinite(score) else worst(self.results.metrics[metric].direction)
        return scores

    def _score(self, run: Any, metric: str, rule: Checkpoint) -> float:
        """The score of a run; NaN where it did not come to its end or was not scored."""
        values = self.curve_of_seed(run.loss, metric, run.seed)
        if run.status != "done" or not len(values):
            return float("nan")
        chosen_by = self.curve_of_seed(run.loss, validation(self.primary), run.seed)
        return rule.score(values, chosen_by, self.results.metrics[self.primary].direction)

    def summary(self, metric: str) -> Summary:
        """One column of a table: a metric, for every loss."""
        if metric not in self._summaries:
            scores = self.scores(metric)
            self._summaries[metric] = Summary(scores, self.results.judged(metric, scores))
        return self._summaries[metric]

    def times(self) -> pd.DataFrame:
        """Mean costs of the finished runs by loss: n_critic, images_seen, train_seconds and iterations_per_second."""
        seen = self.runs[self.runs.status == "done"].groupby("loss").images_seen.mean().reindex(self.losses)
        n_critic = self.runs.groupby("loss").n_critic.first().reindex(self.losses)
        return self.results.clock.costs(self).assign(n_critic=n_critic.astype(float), images_seen=seen.astype(float))

    def protocol(self, metric: str) -> Protocol:
        """How a metric was measured: as the runs say, or the sweep where they do not."""
        of_runs = protocols(self.runs, self.name, metric)
        if of_runs:
            return of_runs[0][0]
        return read_protocol(self.results.meta["metrics"][metric].get("protocol"))

    def formula(self, loss: str) -> dict[str, str]:
        """The objectives of `critic` and `generator` under a loss, and the `paper`; empty if unknown. Old exports have
        the defaults of a loss."""
        meta = self.results.meta
        if "formulas" in meta:
            return dict(meta["formulas"].get(self.name, {}).get(loss, {}))
        old = meta.get("loss_info", {}).get(loss, {})
        return {
            "critic": str(old.get("formula_critic", "")),
            "generator": str(old.get("formula_generator", "")),
            "paper": str(old.get("paper", "")),
        }

    def floor(self, metric: str) -> tuple[Array, int] | None:
        """The scores of held-out real data in place of generated samples, one a draw, and of how many samples each is;
        None where the export has none. Of a critic that trains alone, those of exact transport in its place."""
        known = self._floor(metric)
        return (np.asarray(known["values"], dtype=float), int(known["n"])) if known.get("values") else None

    def floor_name(self, metric: str) -> str:
        """What has the scores of `floor`."""
        return str(self._floor(metric).get("of", FLOOR))

    def _floor(self, metric: str) -> dict[str, Any]:
        return self.results.meta.get("floor", {}).get(self.name, {}).get(metric) or {}

    def sample_count(self) -> int | None:
        """How many samples are generated for a score; None where the export has no specs."""
        known = self.runs.spec[self.runs.spec != ""]
        return int(spec_fields(known.iloc[0])["evaluate.samples"]) if len(known) else None

    def check(self) -> None:
        """Raises: UserError where runs were scored in different ways, or not as the checkpoint rule needs."""
        check_numerics(self.runs, self.name)
        for metric in self.metrics:
            check_protocols(self.runs, self.name, metric)
        for run in self.runs[self.runs.status == "done"].itertuples():
            self._check_checkpoint(run)

    def _check_checkpoint(self, run: Any) -> None:
        rule, chosen_by = self.results.checkpoint, validation(self.primary)
        if rule.rule == "best" and not len(self.curve_of_seed(run.loss, chosen_by, run.seed)):
            raise self._unfit(
                run,
                f"has no score on the validation split ({chosen_by}) to choose by: run the suite with "
                "evaluate.repeats 2 or more, or choose last or mean-K",
            )
        evaluations = len(self.curve_of_seed(run.loss, self.primary, run.seed))
        if 0 < evaluations < rule.count:
            raise self._unfit(run, f"has {evaluations} evaluations only: choose a smaller K, or last")

    def _unfit(self, run: Any, reason: str) -> UserError:
        """The error for a run that the checkpoint rule gives no score."""
        rule = self.results.checkpoint
        return UserError(f"report.checkpoint: {rule}: loss {run.loss!r} on {self.name!r}, seed {run.seed}: {reason}")
