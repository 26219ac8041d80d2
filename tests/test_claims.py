"""The ledger of claims: what its files may say, what follows from runs by rule, and that its published pages do."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from synthetic import synthetic

from benchmarks.claims import records
from benchmarks.claims.claim import Criterion, Quantity
from benchmarks.claims.figures import drawings
from benchmarks.claims.ledger import Ledger
from benchmarks.claims.page import ROWS, line, write_ledger
from benchmarks.claims.statistics import STATISTICS
from benchmarks.claims.verdicts import (
    CANNOT_TELL,
    REFUTED,
    REPRODUCED,
    Finding,
    Judgement,
    finding_of,
    judge,
    verdict_of,
    visible,
)
from benchmarks.cli import claims as command
from benchmarks.cli import main
from benchmarks.markup.blocks import Figure
from benchmarks.record import places
from benchmarks.record.export import Record
from benchmarks.report.figures.papers import distances_of_batches, signed
from benchmarks.report.results import Results
from gan_zoo.datasets import load_dataset
from gan_zoo.errors import UserError
from gan_zoo.metrics.batches import distances
from gan_zoo.rng import Rng

CLAIM = """\
statement: The one-sided penalty is better.
paper: Somebody 2020
place: table 1
suite:
  losses: [wgan-gp, wgan-lp]
  datasets: [8gaussians]
  seeds: 3
  architecture: {name: mlp, width: 4, depth: 1}
  train: {steps: 2, batch_size: 4, n_critic: 1, optimizer: {name: adam, lr: 1e-3}}
  evaluate: {every: 1, samples: 20, metrics: [emd]}
criteria:
  - says: its distance is shorter
    statistic: ratio
    of: {loss: wgan-lp, metric: emd}
    to: {loss: wgan-gp, metric: emd}
    at_most: 0.9
"""
SHARING = """\
statement: The distance is a distance.
paper: Somebody 2020
place: table 2
suite: better
criteria:
  - says: it is not far below zero
    statistic: value
    of: {loss: wgan-gp, metric: emd}
    at_least: -9
"""


MEASURED = """\
statement: Centres are nearer.
paper: Somebody 2020
place: table 3
measure:
  batches: {digits: [2, 4]}
  repeats: 3
criteria:
  - says: of 4 digits the centres are nearer
    statistic: ratio
    of: {metric: w1_centres_4}
    to: {metric: w1_another_batch_4}
    at_most: 1
"""


def ledger(folder: Path, better: str = CLAIM, sharing: str = SHARING) -> Ledger:
    folder.mkdir(exist_ok=True)
    (folder / "better.yaml").write_text(better)
    (folder / "distance.yaml").write_text(sharing)
    return Ledger(folder)


def criterion(statistic: str, **edges: float) -> Criterion:
    quantity = Quantity("emd", "wgan-gp")
    return Criterion("says", statistic, quantity, quantity if STATISTICS[statistic].quantities == 2 else None, **edges)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(1.0, 2.0, REPRODUCED), (1.3, 1.4, REPRODUCED), (0.2, 0.9, REFUTED), (2.1, 9, REFUTED), (0.9, 1.1, CANNOT_TELL)],
)
def test_the_verdict_is_where_the_interval_lies(low: float, high: float, verdict: str) -> None:
    assert verdict_of(low, high, criterion("value", at_least=1, at_most=2)) == verdict


def test_a_ratio_is_held_to_its_range_on_the_scale_of_logarithms() -> None:
    assert verdict_of(math.log(1.2), math.log(1.3), criterion("ratio", at_least=1.1)) == REPRODUCED
    assert verdict_of(math.log(1.2), math.log(1.3), criterion("ratio", at_most=1.1)) == REFUTED


NOTHING = -math.inf


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([NOTHING] * 5, REPRODUCED),  # all the same
        ([NOTHING] * 4 + [math.nan], CANNOT_TELL),  # a seed without a value
        ([NOTHING] * 5 + [-3.0], REPRODUCED),  # six values: the median's interval has a level of 0.969
        ([NOTHING] * 4 + [-3.0], CANNOT_TELL),  # five: 0.9375
        ([NOTHING] * 5 + [0.1], CANNOT_TELL),  # crosses the end
        ([0.1, 0.2, 0.3, 0.4, 0.5, math.inf], REFUTED),
    ],
)
def test_ratios_of_nothing_are_settled_by_the_median(values: list[float], verdict: str) -> None:
    found = finding_of(criterion("ratio", at_most=0.9), np.array(values), 0.95)
    assert found.verdict == verdict
    assert math.isnan(found.seen)
    known = [value for value in values if not math.isnan(value)]
    shown = [0 if value == NOTHING else math.exp(value) for value in (min(known), max(known))]
    assert [found.low, found.high] == pytest.approx(shown)
    assert (found.n, found.planned) == (len(known), len(values))


def test_the_interval_of_the_median_covers_it_as_often_as_is_said() -> None:
    sample = np.random.default_rng(0).standard_normal((40_000, 6))
    covered = (sample.min(1) < 0) & (sample.max(1) > 0)
    assert covered.mean() == pytest.approx(1 - 2**-5, abs=0.004)


def test_without_a_value_nothing_can_be_told() -> None:
    assert verdict_of(math.nan, math.nan, criterion("value", at_least=1)) == CANNOT_TELL


def test_the_visible_effect_is_that_of_a_test_with_power_four_fifths() -> None:
    n, deviation, draws = 5, 2.0, 40_000
    half = student.ppf(0.975, n - 1) * deviation / math.sqrt(n)
    effect = visible(half, n, 0.95)
    assert effect == pytest.approx((student.ppf(0.975, n - 1) + student.ppf(0.8, n - 1)) * deviation / math.sqrt(n))
    sample = effect + deviation * np.random.default_rng(0).standard_normal((draws, n))
    low = sample.mean(1) - student.ppf(0.975, n - 1) * sample.std(1, ddof=1) / math.sqrt(n)
    assert (low > 0).mean() == pytest.approx(0.8, abs=0.06)


def test_statistics_of_known_curves() -> None:
    ours = pd.DataFrame({0: [0.0, 1, 2, 4, 8], 1: [0.0, 4, 3, 2, 1]}, index=range(5))
    theirs = pd.DataFrame({0: [9.0, 1, 2, 3, 4], 1: [9.0, 1, 2, 3, 100]}, index=range(5))

    def of(name: str) -> list[float]:
        statistic = STATISTICS[name]
        values = statistic.values(*(ours, theirs)[: statistic.quantities])
        return [statistic.shown(float(value)) for value in values]

    assert of("value") == [8, 1]
    assert of("difference") == [4, -99]
    assert of("ratio") == pytest.approx([2, 0.01])
    assert of("decades") == pytest.approx([math.log10(2), 2])
    assert of("rank_correlation") == pytest.approx([1, -1])
    assert of("rebound") == [8, 1]


@pytest.mark.parametrize(
    ("ours", "theirs", "logarithm"),
    [(0, 2, -math.inf), (1, 0, math.nan), (0, 0, math.nan), (-1, 2, math.nan), (0, math.nan, math.nan), (2, 2, 0)],
)
def test_a_ratio_of_nothing_is_nothing_and_one_to_nothing_has_no_value(
    ours: float, theirs: float, logarithm: float
) -> None:
    curves = pd.DataFrame({0: [float(ours)]}), pd.DataFrame({0: [float(theirs)]})
    assert STATISTICS["ratio"].values(*curves).tolist() == pytest.approx([logarithm], nan_ok=True)
    assert STATISTICS["decades"].values(*curves).tolist() == pytest.approx([abs(logarithm)], nan_ok=True)


WRONG = {
    (
        "statistic: ratio",
        "statistic: ration",
    ): "13: criteria.0.statistic: unknown statistic 'ration' (did you mean 'ratio'?)",
    ("    to: {loss: wgan-gp, metric: emd}\n", ""): (
        "13: criteria.0.statistic: 'ratio' is about two quantities or one: give of and to"
    ),
    ("    at_most: 0.9\n", ""): "12: criteria.0: gives no range: say at_least, at_most or both",
    ("at_most: 0.9", "at_most: 0"): "12: criteria.0: a ratio is positive, and so are the edges of its range",
    ("of: {loss: wgan-lp", "of: {loss: r1"): (
        "14: criteria.0.of.loss: 'r1' is not in the suite 'better' (known: wgan-gp, wgan-lp)"
    ),
    ("of: {loss: wgan-lp", "of: {dataset: digits, loss: wgan-lp"): (
        "14: criteria.0.of.dataset: 'digits' is not in the suite 'better' (known: 8gaussians)"
    ),
    ("[8gaussians]", "[8gaussians, swissroll]"): (
        "14: criteria.0.of.dataset: missing key: the suite 'better' has several (8gaussians, swissroll)"
    ),
    ("seeds: 3", "seeds: 2"): "7: suite.seeds: 2 seeds settle nothing: give at least 3",
    ("width: 4", "widht: 4"): "8: suite.architecture.widht: unknown key (did you mean 'width'?)",
    ("place: table 1\n", ""): "1: place: missing key",
}


@pytest.mark.parametrize("change", WRONG, ids=[new or old for old, new in WRONG])
def test_what_a_file_has_wrong_is_one_line(tmp_path: Path, change: tuple[str, str]) -> None:
    with pytest.raises(UserError) as error:
        ledger(tmp_path / "ledger", CLAIM.replace(*change)).claims()
    assert str(error.value) == f"better.yaml:{WRONG[change]}"


MEASURED_WRONG = {
    ("digits:", "digit:"): "5: measure.batches.digit: unknown data set 'digit' (did you mean 'digits'?)",
    ("digits:", "swissroll:"): "5: measure.batches.swissroll: has points, not images",
    ("[2, 4]", "[]"): "5: measure.batches.digits: expected at least one entry, got []",
    ("[2, 4]", "[0, 4]"): "5: measure.batches.digits.0: expected at least 1, got 0",
    ("[2, 4]", "[2, 3]"): ("10: criteria.0.of.metric: 'w1_centres_4' is not measured (did you mean 'w1_centres_3'?)"),
    ("repeats: 3", "repeats: 2"): "6: measure.repeats: 2 repeats settle nothing: give at least 3",
    ("{metric: w1_centres_4}", "{metric: w1_centres_4, loss: r1}"): (
        "10: criteria.0.of.loss: nothing is trained: leave it out"
    ),
    ("repeats: 3", "repeats: 3\nsuite: quickstart"): " give one of suite and measure: what is to settle the claim",
}


@pytest.mark.parametrize("change", MEASURED_WRONG, ids=[new for _, new in MEASURED_WRONG])
def test_what_a_measurement_has_wrong_is_one_line(tmp_path: Path, change: tuple[str, str]) -> None:
    with pytest.raises(UserError) as error:
        ledger(tmp_path / "ledger", MEASURED.replace(*change), MEASURED).claims()
    assert str(error.value) == f"better.yaml:{MEASURED_WRONG[change]}"


def test_a_suite_is_named_by_who_has_it(tmp_path: Path) -> None:
    first, second = ledger(tmp_path / "ledger").claims()
    assert second.suite is first.suite
    assert [claim.name for claim in ledger(tmp_path / "ledger").sharing("better")] == ["better", "distance"]
    with pytest.raises(UserError, match=r"distance.yaml:4: suite: no suite of this name, nor a claim that has one"):
        ledger(tmp_path / "ledger", sharing=SHARING.replace("suite: better", "suite: distance")).claims()


def test_a_claim_that_was_not_run_says_what_it_takes_apart_from_the_verdicts(tmp_path: Path) -> None:
    waiting = CLAIM.replace("place: table 1", "place: table 1\ntakes: a day on two cores")
    claim = ledger(tmp_path / "ledger", waiting).claim("better")
    assert line(Judgement(claim)) == "better: not run, takes a day on two cores\n    The one-sided penalty is better."
    found = Finding(claim.criteria[0], 3, 3, 0.5, 0.4, 0.6, 1.1, REPRODUCED)
    write_ledger(
        [Judgement(claim), Judgement(ledger(tmp_path / "ledger").claim("distance"), [found])], tmp_path / "out"
    )
    table, _, rest = (tmp_path / "out" / "report.md").read_text().partition("## Ready to run")
    assert "| The distance is a distance. | **reproduced** |" in table
    assert table.count("| [distance](#distance) |") == rest.count("\n## distance\n") == 1
    assert "The one-sided penalty is better" not in table
    assert "| [The one-sided penalty is better.](#better) | a day on two cores | gan-zoo claims run better |" in rest
    assert "| its distance is shorter |" in rest  # its criterion, in its section
    html = (tmp_path / "out" / "report.html").read_text()
    for name in ("better", "distance"):
        (place,) = re.findall(rf'<h2 id="([\w-]+)">{name}</h2>', html)
        (linked,) = re.findall(rf'<t[dh][^>]*><a href="#{place}">([^<]+)</a>', html)
        assert linked in (name, "The one-sided penalty is better.")


def test_tables_of_a_paper_fit_on_a_page(tmp_path: Path) -> None:
    claim = ledger(tmp_path / "ledger").claim("better")
    found = Finding(claim.criteria[0], 3, 3, 0.5, 0.4, 0.6, 1.1, REPRODUCED)
    write_ledger([Judgement(claim, [found])] * (ROWS + 3), tmp_path / "out")
    first, second = (tmp_path / "out" / "table.tex").read_text().split(r"\end{tabular}")[:2]
    assert first.count("The one-sided penalty is better.") == ROWS
    assert second.count("The one-sided penalty is better.") == 3


def test_every_claim_of_the_package_can_be_run_and_settled() -> None:
    claims = Ledger().claims()
    assert claims
    for claim in claims:
        assert claim.suite.cells
        assert claim.criteria


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with nothing published, whose ledger has two claims about one suite."""
    folder = tmp_path / "checkout" / "results"
    (folder / "published").mkdir(parents=True)
    monkeypatch.setattr(places, "PUBLISHED", folder / "published")
    own = ledger(tmp_path / "ledger")
    monkeypatch.setattr(command, "open_ledger", lambda: Ledger(own.folder))
    return folder


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


def test_a_claim_is_run_judged_published_and_held_to_its_first_criteria(
    checkout: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--results", results, "--workers", 0, "--data", tmp_path / "data"]
    assert run("claims", "list", "--results", results) == 0
    assert "better: not run" in capsys.readouterr().out
    assert run("claims", "run", "better", *options) == 0
    assert "better: " in capsys.readouterr().out
    record = Record.read(results / "better" / "export")
    first, second = Ledger(tmp_path / "ledger").claims()
    assert record.meta["claims"] == {"better": [first.terms], "distance": [second.terms]}

    judged = judge(second, record)
    assert judged.verdict == REPRODUCED
    assert judged.remark == ""
    assert judged.seconds == pytest.approx(record.runs.train_seconds.sum())
    last = record.metrics[(record.metrics.name == "emd") & (record.metrics.step == 2)]
    ours = last[last.run_key.isin(record.runs.run_key[record.runs.loss == "wgan-gp"])]
    assert judged.findings[0].estimate == pytest.approx(ours.value.mean())

    record.runs["dirty"] = False  # as at a clean commit
    record.write(results / "better" / "export")
    assert run("claims", "publish", "better", "--results", results) == 0
    assert run("claims", "report", "--check") == 0
    page = checkout / "claims" / "report.md"
    assert f"| **{REPRODUCED}** |" in page.read_text()
    (checkout / "claims" / "better").rename(checkout / "published" / "better")  # as a suite
    assert run("claims", "report", "--check") == 0
    page.write_text(page.read_text() + "more\n")
    capsys.readouterr()
    assert run("claims", "report", "--check") == 1
    assert capsys.readouterr().err.endswith("report.md: differs from what the exports give\n")

    moved = ledger(tmp_path / "ledger", sharing=SHARING.replace("at_least: -9", "at_least: -8"))
    assert run("claims", "run", "distance", *options) == 0
    claim = moved.claim("distance")
    after = judge(claim, Record.read(results / "better" / "export"))
    assert after.remark == f"criteria changed after a run was begun: {claim.digest} now, before {second.digest}"

    # records of something else
    other = ledger(tmp_path / "ledger", CLAIM.replace("batch_size: 4", "batch_size: 5")).claim("better")
    with pytest.raises(UserError, match="better: the record of 'better' is of other settings than it has now"):
        judge(other, record)
    unlogged = ledger(tmp_path / "ledger", CLAIM.replace("metric: emd", "metric: emt")).claim("better")
    with pytest.raises(UserError, match=r"better: 'emt' was not logged \(did you mean 'emd'\?\)"):
        judge(unlogged, record)
    record.meta.pop("claims")
    claim = ledger(tmp_path / "ledger").claim("better")
    judged = judge(claim, record)
    assert judged.remark == "criteria written after the runs: no sweep recorded them"
    write_ledger([judged], tmp_path / "unrecorded")
    assert "†" in (tmp_path / "unrecorded" / "report.md").read_text().partition("Each claim with")[0]
    record.runs.loc[0, "status"] = "diverged"
    assert judge(claim, record).verdict == CANNOT_TELL
    record.runs["dirty"] = True
    assert records.refusals(record) == ["runs were made with uncommitted changes: commit, and run them again"]


def test_a_claim_without_training_is_measured_and_judged(
    checkout: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ledger(tmp_path / "ledger", MEASURED)
    (own.folder / "distance.yaml").unlink()
    claim, options = Ledger(own.folder).claim("better"), ["--results", results, "--data", tmp_path / "data"]
    assert run("claims", "run", "better", *options, "--dry-run") == 0
    assert capsys.readouterr().out == "better: 3 of 3 measurements to make, 0 done\n"
    assert run("claims", "run", "better", *options) == 0
    export = results / "better" / "export"
    record = Record.read(export)
    assert record.meta["claims"] == {"better": [claim.terms]}

    digits = load_dataset("digits", root=tmp_path, download=False)
    ratios = []
    for repeat in range(3):
        found = distances(digits, 4, Rng(repeat, "batches", "digits", 4))
        ratios.append(math.log(found["w1_centres_4"] / found["w1_another_batch_4"]))
    judged = judge(claim, record)
    assert judged.results is not None
    assert (judged.findings[0].n, judged.findings[0].planned) == (3, 3)
    assert judged.findings[0].estimate == pytest.approx(math.exp(np.mean(ratios)))
    assert judged.seconds == pytest.approx(record.runs.train_seconds.sum())

    (panel, *_) = distances_of_batches(judged.results.each_dataset[0], 6.0).axes
    _, centres, _ = panel.lines
    assert centres.get_xdata() == pytest.approx([2 * 1.06, 4 * 1.06])  # beside the other lines
    distances_at_4 = record.metrics.value[record.metrics.name == "w1_centres_4"]
    assert centres.get_ydata()[1] == pytest.approx(np.exp(np.log(distances_at_4).mean()))

    # what is missing is measured again, the rest stands
    third = record.runs.run_key[record.runs.seed == 2].item()
    record.runs.loc[record.runs.run_key != third, "train_seconds"] = 7.0
    kept = record.runs[record.runs.run_key != third]
    Record(record.meta, kept, record.metrics[record.metrics.run_key != third], {}).write(export)
    assert run("claims", "run", "better", *options) == 0
    again = Record.read(export)
    assert again.runs.train_seconds.tolist().count(7.0) == 2
    assert again.metrics.equals(record.metrics)

    again.runs["dirty"] = False  # as at a clean commit
    again.write(export)
    assert run("claims", "publish", "better", "--results", results) == 0
    assert run("claims", "report", "--check") == 0
    page = (checkout / "claims" / "report.md").read_text()
    assert "| ratio, w1\\_centres\\_4, to w1\\_another\\_batch\\_4 | ≤ 1 |" in page
    assert "What the repeats say." in page


def test_of_curves_that_no_claim_rests_on_the_last_values_are_published(tmp_path: Path) -> None:
    claims = ledger(tmp_path / "ledger").claims()
    assert records.curves_of(claims) == {"emd"}
    assert records.curves_of(Ledger().claims(["dirac-gan"])) == {
        "emd",
        "critic/grad_norm",
        "critic/wasserstein_estimate",
    }
    rows = [("a", 1, "emd", 9.0), ("a", 2, "emd", 8.0), ("a", 1, "other", 7.0), ("b", 3, "other", 6.0)]
    rows += [("a", 2, "other", 5.0)]
    kept = records.cut(pd.DataFrame(rows, columns=["run_key", "step", "name", "value"]), {"emd"})
    assert kept.value.tolist() == [9.0, 8.0, 6.0, 5.0]


def test_samples_are_published_where_a_figure_shows_them() -> None:
    claims = Ledger().claims(["clipped-critics-are-too-simple"])
    (judgement,) = records.judgements(claims, None)
    assert judgement.results is not None
    record = judgement.results.record
    first = record.runs[record.runs.seed == 0].run_key
    names = [f"{key}/{array}" for key in first for array in ("samples", "critic", "square")]
    assert sorted(record.samples) == sorted(["data/8gaussians", *names])
    assert records.samples_of(claims, judgement.results) == set(record.samples)
    assert records.samples_of(Ledger().claims(["dirac-gan"]), judgement.results) == set()
    (item,) = drawings([judgement])
    for key, axes in zip(first, item.draw(6.0).axes, strict=True):
        critic, levels = record.samples[f"{key}/critic"], axes.collections[0].levels
        assert critic.min() <= levels[0] < levels[-1] <= critic.max()
        assert levels[-1] - levels[0] > 0.9 * np.ptp(critic)


def test_figures_show_what_the_verdicts_rest_on() -> None:
    names = ["clip-gradients-by-layer", "dirac-gan", "penalty-weight-lp"]
    judged = records.judgements(Ledger().claims(names), None)
    axes = {}
    for item, judgement in zip(drawings(judged), judged, strict=True):
        assert isinstance(item.block, Figure)
        assert item.block.name == judgement.claim.name
        axes[item.block.name] = item.draw(6.0).axes

    def line(name: str, position: int) -> np.ndarray:
        return np.asarray(axes[name][0].lines[position].get_ydata())

    layers, dirac, weights = ([found.estimate for found in judgement.findings] for judgement in judged)
    growing, vanishing, cut, level = (line(names[0], position) for position in range(4))
    assert growing[0] / growing[-1] == pytest.approx(layers[0])
    assert vanishing[0] / vanishing[-1] == pytest.approx(layers[1])
    assert len(cut) < len(level) == 12  # the first layers read 0
    for panel, estimate in zip(axes[names[1]][: len(dirac)], dirac, strict=True):
        way, _, _, _, ends, equilibrium = panel.lines
        assert len(way.get_xdata()) == 125
        assert np.abs(ends.get_xdata()).mean() == pytest.approx(estimate)
        assert (way.get_xdata()[-1], way.get_ydata()[-1]) == (ends.get_xdata()[0], ends.get_ydata()[0])
        assert (*equilibrium.get_xdata(), *equilibrium.get_ydata()) == (0, 0)
    for position, estimate in enumerate(weights):
        ends = line(names[2], position)
        assert len(ends) == 4  # weights
        assert ends[-1] / ends[0] == pytest.approx(estimate)


@pytest.mark.parametrize("direction", [1, -1])
def test_trajectories_are_told_from_moduli_up_to_a_mirror_image(direction: int) -> None:
    angles = np.array([0.3, 2.0, -1.4]) + direction * 0.8 * np.arange(40)[:, None]
    radii = np.linspace(1, 0.2, 40)[:, None]
    theta, psi = radii * np.cos(angles), radii * np.sin(angles)
    found = signed(np.abs(theta), np.abs(psi), theta * psi)
    mirrored = np.sign(theta[0])
    assert found[0] == pytest.approx(theta * mirrored)
    assert found[1] == pytest.approx(psi * mirrored)


def test_the_four_curves_of_figure_3_are_means_over_seeds_with_intervals() -> None:
    claim = Ledger().claim("penalty-wins-by-steps")
    record = synthetic(list(claim.suite.losses), ("8gaussians", "fashion-mnist"), seeds=5, failing=())
    results = Results(record, {"columns": ["fashion-mnist"], "metrics": ["fid_digits"]})
    (item,) = drawings([Judgement(claim, results=results)])
    steps, _, seconds = item.draw(6.0).axes
    for axes in (steps, seconds):
        assert len(axes.collections) == len(claim.suite.losses)  # a band each
        for drawn, loss in zip(axes.lines, claim.suite.losses, strict=False):
            values = results.on("fashion-mnist").curve(loss, "fid_digits")
            assert np.asarray(drawn.get_ydata()) == pytest.approx(values.mean(axis=1).to_numpy())


def test_the_published_ledger_is_what_its_exports_give() -> None:
    assert records.check(Ledger()) == []
