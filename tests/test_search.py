"""Searches: ranges and settings, what is refused, `gan-zoo tune` from the trials to the tuned suite, and again."""

import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cli import main
from benchmarks.record.store import Store
from benchmarks.suites import suite as room
from benchmarks.suites.document import read_document
from benchmarks.suites.spaces import Range
from benchmarks.suites.suite import Suite, load_suite
from benchmarks.suites.trials import FIRST_SEED, Point, ground_of, points_of, setting_at, sobol_trials
from benchmarks.suites.tuned import refuse_changed_source
from benchmarks.tools.adaptive import STARTUP, Adaptive
from benchmarks.tools.tune import validation_scores
from gan_zoo.errors import UserError

SUITES = Path(room.__file__).parent
SUITE = """\
name: care
losses: [minimax, wgan-gp]
datasets: [8gaussians]
seeds: 2
architecture: {name: mlp, width: 4, depth: 1}
train: {batch_size: 8, n_critic: 5, optimizer: {name: adam, lr: 1e-3, betas: [0.5, 0.9]}}
budget: {images: 240}
evaluate: {every: 3, samples: 20, metrics: [emd]}
overrides:
  minimax: {train: {n_critic: 1}, architecture: {width: 8}, evaluate: {every: 15}}
  wgan-gp: {loss: {weight: 1}, train: {optimizer: {lr: 3e-3}}}
search: {shared: {lr: {log: [1e-3, 1e-1]}}, losses: {wgan-gp: {weight: {log: [1, 100]}}}}
"""


def write(folder: Path, text: str = SUITE) -> str:
    path = folder / "care.yaml"
    path.write_text(text)
    return str(path)


def search(folder: Path, count: int = 8, text: str = SUITE, **settings: str) -> Suite:
    return sobol_trials(ground_of(write(folder, text), settings), count, 0)


def by_number(suite: Suite, loss: str) -> dict[int, dict[str, float]]:
    cells = {spec.key for spec in suite.cells if spec.loss_name == loss}
    return {trial["trial"]: trial["setting"] for key, trial in suite.search["trials"].items() if key in cells}


@pytest.mark.parametrize(
    ("range_", "u", "value"),
    [
        (Range(log=(1e-4, 1e-2)), 0.5, 1e-3),
        (Range(log=(1e-4, 1e-2)), 0.0, 1e-4),
        (Range(linear=(-1.0, 3.0)), 0.25, 0.0),
        (Range(log_complement=(0.0, 0.99)), 0.5, 0.9),  # 1 - x from 0.01 to 1: at the middle of the logarithms 0.1
        (Range(log_complement=(0.9, 0.999)), 0.0, 0.999),
        (Range(choices=(1, 2, 5)), 0.34, 2),
        (Range(choices=(1, 2, 5)), 0.9999, 5),
    ],
)
def test_a_range_is_uniform_on_its_scale(range_: Range, u: float, value: float) -> None:
    assert range_.at(u) == pytest.approx(value, rel=1e-9)


def test_values_have_three_digits_and_stay_inside() -> None:
    for range_ in (Range(log=(0.1234, 7.7)), Range(linear=(0.1, 0.9)), Range(log_complement=(0.5, 0.995))):
        low, high = range_.ends
        for u in np.linspace(0, 1, 50, endpoint=False):
            assert low * 0.995 <= range_.at(float(u)) <= high * 1.005
    assert Range(log=(1e-4, 1e-2)).at(0.123) == 0.000176  # 1e-4 x 100^0.123 = 1.7619e-4


def test_the_settings_of_a_loss_fill_each_range_evenly(tmp_path: Path) -> None:
    """Of 16 scrambled Sobol points one lies in each sixteenth of every axis, and their order is that of any more."""
    found = [each for _, each in sorted(by_number(search(tmp_path, 16), "wgan-gp").items())]
    assert set(found[0]) == {"lr", "beta1", "beta2", "n_critic", "weight"}
    for name, low, high in (("lr", 1e-3, 1e-1), ("weight", 1, 100)):
        shares = sorted(math.log(each[name] / low) / math.log(high / low) for each in found)
        assert np.allclose(shares, (np.arange(16) + 0.5) / 16, atol=1 / 32 + 0.002)  # values have three digits
    assert sorted({each["n_critic"] for each in found}) == [1, 2, 5]
    few = [each for _, each in sorted(by_number(search(tmp_path, 5), "wgan-gp").items())]
    assert few == found[:5]


def test_settings_are_keyed_by_loss_data_set_and_seed_alone(tmp_path: Path) -> None:
    ground = ground_of(write(tmp_path), {})
    ranges = ground.spaces["8gaussians", "wgan-gp"]
    all_of_them = list(by_number(sobol_trials(ground, 4, 0), "wgan-gp").values())
    for seed in (0, 1):
        alone = [setting_at(ranges, point) for point in points_of(ranges, 4, seed, "8gaussians", "wgan-gp")]
        assert (alone == all_of_them) == (seed == 0)
    only = sobol_trials(ground_of(write(tmp_path), {}, losses=["wgan-gp"]), 4, 0)
    assert list(by_number(only, "wgan-gp").values()) == all_of_them


def test_all_losses_have_one_budget_one_space_and_seeds_that_the_comparison_has_not(tmp_path: Path) -> None:
    spaces = ground_of(write(tmp_path), {}).spaces
    assert spaces["8gaussians", "minimax"].items() <= spaces["8gaussians", "wgan-gp"].items()
    cells = search(tmp_path, 8).cells
    assert {spec.seed for spec in cells} == set(range(FIRST_SEED, FIRST_SEED + 8))
    assert not {spec.seed for spec in cells} & set(load_suite(write(tmp_path)).seeds)
    for spec in cells:
        images = spec.train.steps * spec.train.n_critic * spec.train.batch_size
        assert 240 - spec.train.n_critic * spec.train.batch_size < images <= 240
        assert spec.train.steps // spec.evaluate.every == 2  # as often as the suite: every 3 of 6
        assert spec.evaluate.repeats >= 2
    widths = {spec.loss_name: dict(spec.to_dict()["architecture"])["width"] for spec in cells}
    assert widths == {"minimax": 8, "wgan-gp": 4}  # what is not searched stays


def test_a_suite_with_steps_is_searched_with_as_many_images(tmp_path: Path) -> None:
    text = SUITE.replace("budget: {images: 240}\n", "").replace("train: {batch", "train: {steps: 30, batch", 1)
    trials = search(tmp_path, 2, text)
    assert trials.budget is not None
    assert trials.budget.content == {"images": 30 * 5 * 8}


def test_seeds_begin_after_those_of_the_suite(tmp_path: Path) -> None:
    assert min(spec.seed for spec in search(tmp_path, 2, seeds="[7, 2000000]").cells) == 2_000_001


WRONG = [
    (("shared: {lr:", "shared: {lrr:"), "search.shared.lrr: unknown key (did you mean 'lr'?"),
    (("wgan-gp: {weight: {log", "minimax: {weight: {log"), "search.losses.minimax.weight: unknown key"),
    (("wgan-gp: {weight: {log", "wgan: {weight: {log"), "search.losses.wgan: no loss of this suite"),
    (("[1e-3, 1e-1]", "[1e-1, 1e-1]"), "search.shared.lr: an empty range: 0.1 is not below 0.1"),
    (("[1e-3, 1e-1]", "[0, 1e-1]"), "search.shared.lr: a logarithm has no 0"),
    (("[1, 100]", "[1]"), "search.losses.wgan-gp.weight.log"),
    (("{log: [1, 100]}", "{choices: []}"), "search.losses.wgan-gp.weight.choices"),
    (("{log: [1, 100]}", "{choices: [1, 1]}"), "search.losses.wgan-gp.weight"),
    (("{log: [1, 100]}", "{log: [1, 9], linear: [1, 9]}"), "expected one of log, linear, log_complement, choices"),
    (("lr: {log: [1e-3, 1e-1]}", "n_critic: {choices: [0, 5]}"), "search.shared.n_critic: 0 cannot be"),
    (("lr: {log: [1e-3, 1e-1]}", "beta2: {linear: [0.5, 1.5]}"), "search.shared.beta2: 1.5 cannot be"),
    (("240", "7"), "budget.images: 7 gives no step"),
    (("{images: 240}", "{seconds: 3}"), "budget.seconds: what a second buys changes from setting to setting"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[change[1] for change, _ in WRONG])
def test_a_wrong_search_is_one_line(
    tmp_path: Path, change: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert SUITE.count(change[0]) == 1
    path = write(tmp_path, SUITE.replace(*change))
    assert main(["tune", path, "--budget", "8", "--results", str(tmp_path / "results")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not list(tmp_path.glob("*-tuned.yaml"))


def test_a_file_that_no_search_wrote_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text("my work")
    for name, message in (("mine.yaml", "no search wrote it"), ("a.txt", "ends in .yaml"), ("no/a.yaml", "no folder")):
        command = ["tune", write(tmp_path), "--budget", "1", "--results", str(tmp_path / "results")]
        assert main([*command, "--out", str(tmp_path / name)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert (tmp_path / "mine.yaml").read_text() == "my work"


def tune(folder: Path, results: Path, count: int, *more: str) -> int:
    how = ["--workers", "0", "--results", str(results), "--out", str(folder / "care-tuned.yaml")]
    return main(["tune", str(folder / "care.yaml"), "--budget", str(count), *how, *more])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Path:
    """A folder where `care` was tuned with two settings a loss, and then with three."""
    folder = tmp_path_factory.mktemp("care")
    write(folder)
    (folder / "results").mkdir()
    shutil.copy(migrated_database, folder / "results/mlflow.db")
    assert tune(folder, folder / "results", 2) == 0
    assert tune(folder, folder / "results", 3) == 0
    return folder


@pytest.fixture
def copied(done: Path, tmp_path: Path) -> Path:
    """The suite and its tuned one, to be changed."""
    for name in ("care.yaml", "care-tuned.yaml"):
        shutil.copy(done / name, tmp_path / name)
    return tmp_path


def test_what_is_done_is_not_run_again(done: Path) -> None:
    assert len(Store(done / "results").cells("care-search")) == 6


def test_the_best_by_validation_is_chosen(done: Path) -> None:
    record = Store(done / "results").record("care-search")
    trials = sobol_trials(ground_of(str(done / "care.yaml"), {}), 3, 0).search["trials"]
    tuned = load_suite(str(done / "care-tuned.yaml"))
    judged = record.metrics[record.metrics.name == "apart/emd"].sort_values("step").groupby("run_key").value.last()
    assert {spec.seed for spec in tuned.cells} == {0, 1}
    for spec in tuned.cells:
        keys = record.runs.run_key[record.runs.loss == spec.loss_name]
        best = trials[judged[keys].idxmin()]
        chosen = tuned.tuned["chosen"][f"{spec.loss_name}/8gaussians"]
        assert chosen["trial"] == best["trial"]
        assert chosen["validation"] == pytest.approx(judged[keys].min(), rel=1e-5)
        assert spec.train.optimizer.lr == best["setting"]["lr"]
        assert spec.train.n_critic == best["setting"]["n_critic"]
        assert spec.train.steps == 240 // (8 * spec.train.n_critic)
    weights = [spec.loss.penalties[0].weight for spec in tuned.cells if spec.loss_name == "wgan-gp"]  # type: ignore[attr-defined]
    assert set(weights) == {best["setting"]["weight"]}


def test_a_tuned_suite_is_bound_to_its_source(copied: Path) -> None:
    source, tuned = copied / "care.yaml", str(copied / "care-tuned.yaml")
    source.write_text(f"# a comment changes nothing\n{SUITE}")
    load_suite(tuned)
    source.write_text(SUITE.replace("width: 8", "width: 9"))
    with pytest.raises(
        UserError, match=r"care-tuned\.yaml.*tuned\.source.*has changed since it was tuned: run gan-zoo"
    ):
        load_suite(tuned)
    source.unlink()
    with pytest.raises(UserError, match=r"there is no suite care\.yaml to hold it to"):
        load_suite(tuned)


def test_tuned_suites_of_the_package_are_of_their_sources() -> None:
    """As they are written, and so that their searches can be published."""
    tuned = [path for path in sorted(SUITES.glob("*.yaml")) if "\ntuned:\n" in path.read_text(encoding="utf-8")]
    assert "equal-tuned" in [path.stem for path in tuned]
    for path in tuned:
        refuse_changed_source(read_document(path), SUITES, SUITES)


def test_a_tuned_suite_is_not_tuned_again(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tuned = str(copied / "care-tuned.yaml")
    assert main(["tune", tuned, "--budget", "1", "--results", str(copied / "results")]) == 2
    assert "is tuned already: tune the suite that it came from, care.yaml" in capsys.readouterr().err


def test_the_record_has_a_parent_for_each_loss_and_each_setting(done: Path) -> None:
    store = Store(done / "results")
    experiment = store.experiment("care-search")
    first, second = store._runs(experiment, "sweep")
    groups = store._runs(experiment, "group")
    assert [run.data.tags["loss"] for run in groups] == ["minimax", "wgan-gp"] * 2
    assert [run.data.tags["mlflow.parentRunId"] for run in groups] == [first.info.run_id] * 2 + [second.info.run_id] * 2
    assert {run.info.status for run in groups} == {"FINISHED"}
    loss_of = {run.info.run_id: run.data.tags["loss"] for run in groups}
    trials = sobol_trials(ground_of(str(done / "care.yaml"), {}), 3, 0).search["trials"]
    for cell in store._runs(experiment, "cell"):
        assert loss_of[cell.data.tags["mlflow.parentRunId"]] == cell.data.tags["loss"]
        for name, value in trials[cell.data.tags["run_key"]]["setting"].items():
            assert float(cell.data.tags[f"setting.{name}"]) == value
            assert float(cell.data.params[f"setting.{name}"]) == value


def distances(points: list[Point], optimum: list[float]) -> list[float]:
    return [math.dist(point, optimum) for point in points]


def test_an_adaptive_search_comes_nearer_to_a_known_optimum(tmp_path: Path) -> None:
    """From the tenth setting on, with the distance as score and every seventh trial failed; a fair one does not."""
    ground = ground_of(write(tmp_path), {})
    adaptive, place, optimum = Adaptive(ground, 40, 0), ("8gaussians", "wgan-gp"), [0.8, 0.2, 0.5, 0.9, 0.3]
    fair = points_of(ground.spaces[place], 40, 0, *place)
    assert list(adaptive.points[place]) == fair[:STARTUP]
    while True:
        failed = [math.inf if i % 7 == 6 else 0.0 for i in range(40)]
        scores = {}
        for each in adaptive.points:
            target = optimum[: len(adaptive.points[each][0])]
            scores[each] = [
                score + far for score, far in zip(failed, distances(adaptive.points[each], target), strict=False)
            ]
        if not adaptive.extend(scores):
            break
    found = distances(adaptive.points[place], optimum)
    assert len(found) == 40
    assert np.mean(found[20:]) < 0.7 * np.mean(distances(fair[20:], optimum))


@pytest.mark.parametrize("budget", [2, 4])
def test_an_adaptive_search_goes_on_as_if_never_broken_off(
    done: Path, tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    """With 2 settings, all of the fair search, and then 4: the last two follow from scores, in one sweep or in two."""
    monkeypatch.setattr("benchmarks.tools.adaptive.STARTUP", 2)
    write(tmp_path)
    for count in dict.fromkeys((budget, 4)):
        assert tune(tmp_path, results, count, "--adaptive", "--losses", "wgan-gp") == 0
    store = Store(results)
    found = list(store.record("care-adaptive-search").meta["search"]["trials"].values())
    fair = sobol_trials(ground_of(str(done / "care.yaml"), {}, ["wgan-gp"]), 2, 0).search["trials"].values()
    assert [trial["setting"] for trial in found[:2]] == [trial["setting"] for trial in fair]
    scores = validation_scores("care-adaptive-search", store)
    adaptive = Adaptive(ground_of(str(done / "care.yaml"), {}, ["wgan-gp"]), 4, 0)
    for known in (2, 3):
        assert adaptive.extend({place: each[:known] for place, each in scores.items()})
    assert found == list(adaptive.suite().search["trials"].values())
    (sweep,) = store._runs(store.experiment("care-adaptive-search"), "sweep")[-1:]
    assert sweep.info.run_name == "wgan-gp on 8gaussians, 4 trials"
    tuned = load_suite(str(tmp_path / "care-tuned.yaml"))
    assert tuned.name == "care-adaptive-tuned"
    assert tuned.tuned["adaptive"].startswith("Optuna ")
    assert "not a fair comparison" in tuned.tuned["adaptive"]


def test_an_adaptive_search_has_no_dry_run_and_says_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["tune", write(tmp_path), "--budget", "1", "--adaptive", "--results", str(tmp_path / "results")]
    assert main([*command, "--dry-run"]) == 2
    assert "follow from its scores: leave out --adaptive" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "--adaptive: needs Optuna: run `python -m pip install 'gan-zoo[optuna]'`" in error
    assert error.count("\n") == 1
