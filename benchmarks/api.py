"""The Python interface: train a run, sweep a suite, read and rebuild reports. `import gan_zoo` offers all of it.

import gan_zoo

trained = gan_zoo.train("wgan-gp", "8gaussians", settings={"train.steps": 500})
trained.scores["emd"], trained.curves, trained.sample(1000), trained.plot()

report = gan_zoo.sweep("quickstart", losses=["wgan-gp", "wgan-lp"], seeds=[0, 1, 2])
report.scores, report.runs, report.page
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmarks.record.environment import data_folder
from benchmarks.record.places import own_folder
from benchmarks.record.vocabulary import is_player_term
from benchmarks.report.commands import rebuild
from benchmarks.suites.suite import Entry, load_first_look, load_suite
from benchmarks.sweep.context import Context, Shelf
from benchmarks.sweep.listener import Listener
from benchmarks.sweep.messages import Outcome
from benchmarks.sweep.plan import Options, Plan
from benchmarks.sweep.progress import say
from benchmarks.sweep.stops import next_stop
from benchmarks.tools.suite_run import run_and_report
from gan_zoo.device import choose_devices, configure_process
from gan_zoo.engine import Numerics, TrainState, check_engine, check_players, choose_for_one
from gan_zoo.errors import UserError
from gan_zoo.evaluation import Evaluation, showable
from gan_zoo.plugins import load, read_plugin
from gan_zoo.spec import RunSpec
from gan_zoo.step import Bound
from gan_zoo.trainer import Run, advance, initial_state, prepare, sampler
from gan_zoo.trainer import train as iterations_of

Settings = Mapping[str, Any]
"""Values by dotted key of a suite, as in `--set`: {"train.steps": 500, "architecture.width": 64}."""
OnStep = Callable[[int, Mapping[str, float]], None]
"""Hears of a run's step and the means of both players' terms since the last one, with scores where it was scored."""


@dataclass(frozen=True)
class Trained:
    """A run at its end: its scores and curves, its generator and its critic.

    `status` is "done", or "diverged" where a term stopped being finite, for the `reason` given. `curves` has a row a
    logged step and a column a term, score or diagnostic; NaN where it was not measured.
    """

    spec: RunSpec
    status: str
    reason: str
    curves: pd.DataFrame
    run: Run
    state: TrainState
    evaluation: Evaluation

    @property
    def scores(self) -> dict[str, float]:
        """The scores at the last step by metric, those that a report's table shows: names as `gan-zoo list` has them.
        Empty where the run diverged before it was scored."""
        metrics = self.evaluation.scores.metrics  # type: ignore[union-attr]
        names = [name for name in metrics if name in self.curves]
        return {name: float(self.curves[name].iloc[-1]) for name in names}

    def sample(self, n: int, seed: int = 0) -> NDArray:
        """`n` samples of the generator: points (n, 2) float32, or images (n, C, H, W) uint8."""
        return showable(sampler(self.run, self.state)(self.evaluation.inputs(n, seed)))

    def critic(self, x: NDArray) -> NDArray:
        """The critic's raw scores f(x) (n,) of `x` (n, ...), in the range of the data: images in [-1, 1]."""
        with torch.no_grad():
            points = torch.as_tensor(np.asarray(x)).to(self.run.device, self.run.dtype)
            return Bound(self.run.players.critic, self.state.critic)(points).float().cpu().numpy()

    def plot(self) -> Any:
        """A matplotlib figure of samples: points over data with the critic's contours, or images beside the data's."""
        from benchmarks.report.figures.single import single_figure
        from benchmarks.report.names import display

        evaluation = self.evaluation
        samples, critic = evaluation.samples(self.state), None
        if evaluation.on_plane:
            critic = evaluation.critic_contour(self.state)
        title = f"{display(self.spec.loss_name)}, step {self.state.step}"
        real = evaluation.real_samples()
        return single_figure(self.spec.loss_name, samples, real, critic, evaluation.square, title)


@dataclass(frozen=True)
class Report:
    """A report with the export that it was made from, in `folder`; `missing` has a line for each cell of the suite that
    has no result.

    Raises: UserError where there is no report in the folder.
    """

    folder: Path
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.page.is_file():
            raise UserError(f"{self.folder}: has no report.html: give the folder of a report, as results/quickstart is")

    @property
    def page(self) -> Path:
        """The report as one HTML file."""
        return self.folder / "report.html"

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Every cell of the score tables: a row a data set, metric and loss, with mean, half-width of the 95 %
        interval, verdict and costs; real data are the loss "real data (floor)"."""
        gaps = {"mean": [""], "half_width_95": [""]}
        return pd.read_csv(self.folder / "table.csv", keep_default_na=False, na_values=gaps)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row a run, as exported."""
        return pd.read_csv(self._export / "runs.csv", keep_default_na=False)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Every logged value: run_key, name, step, value."""
        return pd.read_csv(self._export / "metrics.csv")

    @property
    def figures(self) -> dict[str, Path]:
        """The figures as PNG by name; PDF and SVG lie beside them."""
        return {path.stem: path for path in sorted((self.folder / "figures").glob("*.png"))}

    def table(self, form: str = "md") -> str:
        """The score tables as text: `form` is md, tex, siunitx or html."""
        files = {"md": "table.md", "tex": "table.tex", "siunitx": "table-siunitx.tex", "html": "table.html"}
        if form not in files:
            raise UserError(f"form '{form}': choose from {', '.join(files)}")
        return (self.folder / files[form]).read_text(encoding="utf-8")

    def _repr_markdown_(self) -> str:
        return self.table()

    @property
    def _export(self) -> Path:
        return self.folder / "export"


def train(
    loss: Entry,
    dataset: Entry,
    *,
    seed: int = 0,
    suite: str | Path = "quickstart",
    settings: Settings | None = None,
    plugins: Sequence[str | Path] = (),
    device: str = "auto",
    threads: int = 1,
    engine: str = "auto",
    numerics: Numerics = "reference",
    data: str | Path | None = None,
    progress: OnStep | None = None,
) -> Trained:
    """Trains one run in this process and records nothing: the run of `gan-zoo train`, with the same bits.

    `suite` has the settings of the loss and the data set, and `settings` change them; `data` is the folder of data sets
    ($GAN_ZOO_DATA, else ~/.cache/gan-zoo). The process is set to deterministic algorithms and so many `threads`. Bits
    are portable where gan_zoo is imported before torch and NumPy.

    Raises: UserError in one line, for what cannot be trained, or a setting that does nothing.
    """
    _load(plugins)
    chosen = load_first_look(str(suite), _texts(settings), [loss], [dataset], [seed])
    spec = chosen.cells[0]
    device = choose_devices(device, 1)[0]
    check_engine(engine, numerics, device)
    configure_process(device, threads, numerics)
    context = Context(Path(), _folder(data), device, threads=threads, engine=engine, numerics=numerics)
    shelf = Shelf(context)
    own_data = shelf.data(spec)
    run = prepare(spec, own_data, device, numerics)
    if engine not in ("auto", "plain"):
        check_players(engine, run.players)
    validation = shelf.evaluator(spec, validation=True) if spec.evaluate.repeats > 1 else None
    evaluation = Evaluation(run, own_data, shelf.evaluator(spec), validation)
    state = initial_state(run)
    rows, reason = _trained(run, state, evaluation, engine, progress or _nobody)
    curves = pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")
    return Trained(spec, "diverged" if reason else "done", reason, curves, run, state, evaluation)


def _trained(
    run: Run, state: TrainState, evaluation: Evaluation, engine: str, progress: OnStep
) -> tuple[dict[int, dict[str, float]], str]:
    """Trains to the end, or until a term is not finite: what was measured by step, and the reason for that."""
    spec, rows = run.spec, {}
    iterations = iterations_of(run, state, choose_for_one(engine, run.players, run.device))
    while state.step < spec.train.steps:
        values = advance(iterations, next_stop(spec, state.step) - state.step)
        if state.step % spec.evaluate.every == 0 or state.step == spec.train.steps:
            values |= evaluation(state)
        rows[state.step] = values
        progress(state.step, values)
        for name, value in values.items():
            if is_player_term(name) and not isfinite(value):
                return rows, f"{name} is not finite at step {state.step}"
    return rows, ""


def sweep(
    suite: str | Path,
    *,
    losses: Sequence[str] = (),
    datasets: Sequence[str] = (),
    seeds: Sequence[int] = (),
    settings: Settings | None = None,
    plugins: Sequence[str | Path] = (),
    results: str | Path = "results",
    device: str = "auto",
    workers: int | None = None,
    threads: int = 1,
    engine: str = "auto",
    numerics: Numerics = "reference",
    data: str | Path | None = None,
    progress: Callable[[str, str], None] | None = None,
) -> Report:
    """Runs what is not done of a suite, or of a part of it, as `gan-zoo run` does, and writes its report.

    `progress` hears of each run that ends: its label and "done", "diverged", "failed" or "held". `workers` processes
    train (None: one a core, or one a GPU); a script that calls this needs Python's `if __name__ == "__main__":`.
    A sweep that was broken off goes on with the same call.

    Raises: UserError in one line, before anything runs, for what cannot be had.
    """
    _load(plugins)
    chosen = load_suite(str(suite), _texts(settings)).only(losses, datasets, seeds)
    how = Options(Path(results), _folder(data), device, workers, threads, engine, numerics)
    done = run_and_report(chosen, how, lambda plan: _watched(plan, progress), say)
    return Report(done.folder, tuple(done.missing))


def report(
    suite: str | Path, *, results: str | Path = "results", out: str | Path | None = None, **choice: Any
) -> Report:
    """The report of a suite, rebuilt from its record as `gan-zoo report` does, or that in a folder, as it is there.

    `choice` narrows it: losses, datasets, seeds, metrics, baseline, checkpoint, margin; `width` fits its figures to a
    paper (neurips, icml, one-column, centimetres). Such a report is made in a folder of its own under the suite's, or
    in `out`.

    Raises: UserError for a choice that the record does not have.
    """
    place, chosen = Path(results), _choice(choice)
    of_others = own_folder(Path(suite), place)
    if of_others is not None and out is None and not chosen:
        return Report(of_others)
    return Report(rebuild(str(suite), place, Path(out) if out is not None else None, chosen))


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    """The choice of a report by the keys of a suite's `report`. Raises: UserError for a key that is none."""
    names = {"losses": "rows", "datasets": "columns"}
    known = {*names, "seeds", "metrics", "baseline", "checkpoint", "margin", "width"}
    for key in choice:
        if key not in known:
            raise UserError(f"report: '{key}' is no choice: take {', '.join(sorted(known))}")
    return {names.get(key, key): value for key, value in choice.items() if value not in (None, [], ())}


class _Ends(Listener):
    """Tells a function of each cell that ended."""

    def __init__(self, progress: Callable[[str, str], None]) -> None:
        self._progress = progress

    def end(self, spec: RunSpec, outcome: Outcome) -> None:
        self._progress(spec.label, outcome.status)


@contextmanager
def _watched(plan: Plan, progress: Callable[[str, str], None] | None) -> Iterator[Listener]:
    yield Listener() if progress is None else _Ends(progress)


def _nobody(step: int, values: Mapping[str, float]) -> None:
    """Hears nothing."""


def _load(plugins: Sequence[str | Path]) -> None:
    for path in plugins:
        load(read_plugin(Path(path)))


def _texts(settings: Settings | None) -> dict[str, str]:
    """Settings as the texts of YAML, which JSON is."""
    return {key: json.dumps(value, default=str) for key, value in (settings or {}).items()}


def _folder(data: str | Path | None) -> Path:
    return Path(data) if data is not None else data_folder()
