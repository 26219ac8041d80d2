"""Figures show the numbers of the record: every line, band and bar is read back from what was drawn."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.text import Text
from synthetic import FEW, HOSTILE, synthetic

from benchmarks.markup.blocks import Figure as Block
from benchmarks.markup.blocks import number
from benchmarks.markup.vector import INKS
from benchmarks.report.figures.axes import label_below, scale, wants_log
from benchmarks.report.figures.comparisons import final_column, final_scores, pairwise_matrix, timeline
from benchmarks.report.figures.critic import layers, norms, overfitting, transport, weights
from benchmarks.report.figures.curves import score_column, score_curves
from benchmarks.report.figures.diagnostics import DIAGNOSTICS
from benchmarks.report.figures.plan import drawings
from benchmarks.report.figures.samples import SHADES, sample_panels
from benchmarks.report.figures.style import COLUMN, PAGE, PAPERS, columns_for, drawing, look, paper, save
from benchmarks.report.names import display
from benchmarks.report.results import Results
from gan_zoo.losses import LOSSES as REGISTRY

STEPS = (100, 200, 300)
POINTS, IMAGES = "8gaussians", "digits"


def logged(rank, seed, step):
    """The rows that one run logs of its critic at one step: each number tells loss, seed and step."""
    size = 10.0 ** (rank - 1) * (1 + seed) * step / 100
    quantiles = {"q05": 0.5 * size, "q50": size, "q95": 3 * size, "above_1": step / 1000 + 0.1 * rank}
    return {
        **{
            f"diagnostics/grad_norm_{at}/{name}": x
            for at in ("real", "fake", "between")
            for name, x in quantiles.items()
        },
        "diagnostics/layer_grad_norm/01_hidden1": size,
        "diagnostics/layer_grad_norm/02_hidden2": 2 * size,
        "diagnostics/layer_grad_norm/10_output": 1.0,
        "critic/loss_train": -size,
        "critic/loss_held_out": -size / 2,
    }


@pytest.fixture
def record():
    """Points and three losses, two seeds, with all that is logged of a critic at three steps."""
    return with_critics(synthetic(FEW, (POINTS,), seeds=2, failing=()))


def with_critics(record):
    """The record with what `logged` says, and weights, added to each run."""
    rows = [
        (run.run_key, step, name, value)
        for run in record.runs.itertuples()
        for step in STEPS
        for name, value in logged(FEW.index(run.loss), run.seed, step).items()
    ]
    record.metrics = pd.concat([record.metrics, pd.DataFrame(rows, columns=record.metrics.columns)])
    for run in record.runs.itertuples():
        counts = np.zeros(65)
        counts[[0, 32, 64]] = 1, 2 + run.seed, 1
        record.samples[f"{run.run_key}/weights"] = np.stack([np.linspace(-0.64, 0.64, 65), counts]).astype(np.float32)
    return record


@pytest.fixture
def draw(record):
    """Draws a figure of the record, as it stands when it is first called, with the report's settings."""
    results = cache(lambda: Results(record))

    def drawn(make, **settings):
        with drawing():
            return make(results().on(POINTS), **settings)

    return drawn


def panel(figure, loss):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == display(loss))


def lines(axes):
    return [line.get_ydata() for line in axes.lines]


def over_seeds(value):
    """The mean over seeds 0 and 1 of what grows as 1 + seed."""
    return 1.5 * np.asarray(value)


def band(axes):
    """Lower and upper edge of the one band in a panel, at each step."""
    (area,) = axes.collections
    corners = area.get_paths()[0].vertices
    sides = [corners[corners[:, 0] == step, 1] for step in STEPS]
    return np.array([(side.min(), side.max()) for side in sides]).T


def test_gradient_norms_are_medians_and_bands_of_quantiles_around_a_line_at_1(draw):
    grid = np.reshape(draw(norms).axes, (len(FEW), 4))
    for rank, (loss, row) in enumerate(zip(FEW, grid, strict=True)):
        size = over_seeds(np.array(STEPS) / 100) * 10.0 ** (rank - 1)
        assert row[0].texts[0].get_text() == display(loss)
        for axes in row[:3]:
            median, one = lines(axes)
            np.testing.assert_allclose(median, size)
            np.testing.assert_allclose(band(axes), [0.5 * size, 3 * size], rtol=1e-6)
            assert set(one) == {1}
            low, high = axes.get_ylim()
            assert low < min(1, 0.5 * size.min())
            assert max(1, 3 * size.max()) < high
            assert to_hex(axes.lines[0].get_color()) == look(loss).colour
        for share in lines(row[3]):
            np.testing.assert_allclose(share, np.array(STEPS) / 1000 + 0.1 * rank)


def test_layers_are_norms_by_depth_at_the_first_and_the_last_evaluation(draw):
    axes = panel(draw(layers), "wgan-gp")
    (first, last), depths = lines(axes), axes.lines[0].get_xdata()
    np.testing.assert_array_equal(depths, [1, 2, 10])
    np.testing.assert_allclose(first, [over_seeds(1), over_seeds(2), 1])
    np.testing.assert_allclose(last, [over_seeds(3), over_seeds(6), 1])


def test_a_shared_axis_is_named_beside_the_first_panel_in_use(draw, record):
    keys = record.runs[record.runs.loss == FEW[0]].run_key
    record.metrics = record.metrics[~record.metrics.run_key.isin(keys)]
    named = [axes.yaxis.get_tick_params()["labelleft"] for axes in draw(layers).axes]
    assert named == [True, False]


def test_weights_are_shares_in_each_bin_a_line_a_seed(draw, record):
    rows = [(key, 300, "critic/weights_at_bound", 0.4) for key in record.runs[record.runs.loss == "wgan-lp"].run_key]
    record.metrics = pd.concat([record.metrics, pd.DataFrame(rows, columns=record.metrics.columns)])
    figure = draw(weights)
    for seed, outline in enumerate(panel(figure, "wgan-gp").patches):
        shares, edges, _ = outline.get_data()
        np.testing.assert_allclose(shares[[0, 32, 64]], np.array([1, 2 + seed, 1]) / (4 + seed))
        np.testing.assert_allclose(edges[[0, -1]], [-0.65, 0.65], rtol=1e-6)
    assert [text.get_text() for text in panel(figure, "wgan-lp").texts] == ["40 % exactly at ±0.65"]
    assert not panel(figure, "wgan-gp").texts


def test_overfitting_is_the_loss_on_training_data_above_or_below_that_on_held_out_data(draw):
    train, held_out = lines(panel(draw(overfitting), "wgan-gp"))
    np.testing.assert_allclose(train, -over_seeds([1, 2, 3]))
    np.testing.assert_allclose(held_out, train / 2)


def test_transport_is_the_estimate_beside_the_exact_distance(draw, record):
    estimate, exact = lines(panel(draw(transport), "wgan-lp"))
    keys = record.runs[(record.runs.loss == "wgan-lp") & (record.runs.dataset == POINTS)].run_key
    own = record.metrics[record.metrics.run_key.isin(keys)]
    for drawn, name in ((estimate, "critic/wasserstein_estimate"), (exact, "emd")):
        np.testing.assert_allclose(drawn, own[own.name == name].groupby("step").value.mean())


def test_a_figure_is_there_where_its_numbers_are():
    critic = [diagnostic.name for diagnostic in DIAGNOSTICS]
    both = with_critics(synthetic(FEW, (POINTS, IMAGES), seeds=2, failing=()))
    names = {item.block.name for item in drawings(Results(both))}
    assert {f"{name}-{POINTS}" for name in critic} <= names
    assert {f"{name}-{IMAGES}" for name in critic} - names == {f"transport-{IMAGES}"}
    none = {item.block.name for item in drawings(Results(synthetic(FEW, seeds=2)))}
    assert none & {f"{name}-{IMAGES}" for name in critic} == set()


@pytest.mark.parametrize("make", [norms, layers, weights, overfitting, transport])
def test_a_loss_without_numbers_is_named_and_has_no_empty_panel(draw, record, make):
    keys = record.runs[record.runs.loss == "wgan-lp"].run_key
    critics = record.metrics.name.str.startswith(("critic/", "diagnostics/", "emd"))
    record.metrics.loc[critics & record.metrics.run_key.isin(keys), "value"] = np.nan
    record.samples = {name: array for name, array in record.samples.items() if name.split("/")[0] not in set(keys)}
    figure = draw(make)
    assert figure.legends[0].get_title().get_text() == "not measured: WGAN-LP"
    used = [axes for axes in figure.axes if axes.axison]
    assert len(used) == 2 * (4 if make is norms else 1)
    assert all(axes.lines or axes.patches for axes in used)


def test_one_evaluation_of_one_seed_is_a_dot(draw, record):
    record.metrics = record.metrics[record.metrics.step == 100]
    record.metrics = record.metrics[record.metrics.run_key.str.endswith("0000")]
    for make in (norms, overfitting, transport):
        dots = [line for axes in draw(make).axes for line in axes.lines if len(line.get_ydata()) == 1]
        assert dots
        assert {line.get_marker() for line in dots} == {"o"}


def test_a_timeline_ends_where_runs_ended_and_says_how():
    record = synthetic(FEW, (POINTS,), seeds=4, failing=("minimax",))
    record.runs.loc[record.runs.loss.eq("wgan-gp") & record.runs.seed.eq(1), "status"] = "failed"
    record.runs.loc[record.runs.loss.eq("wgan-gp") & record.runs.seed.eq(2), ["status", "step"]] = ["missing", None]
    with drawing():
        figure = timeline(Results(record))
    ends = [(line.get_marker(), *line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert ends == [("x", 700), ("x", 700), ("s", 2000), ("o", 0)]
    paths = [tuple(line.get_xdata()) for line in figure.axes[0].lines if to_hex(line.get_color()) == "#dddddd"]
    assert paths.count((700, 2000)) == 2
    assert paths.count((0, 2000)) == 1
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["Minimax GAN", "WGAN-GP"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["diverged", "failed", "not ended"]


def test_files_are_the_same_bytes_each_time_and_carry_no_date(record, tmp_path):
    plan = {item.block.name: item for item in drawings(Results(record))}
    with drawing():
        for folder in ("a", "b"):
            for name in (f"weights-{POINTS}", f"final-{POINTS}"):
                plan[name].save(tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    endings = {"weights": (".pdf", ".png", ".svg"), "final": (".pdf", ".png", ".svg", "-column.pdf")}
    assert files == sorted(f"{name}-{POINTS}{ending}" for name, ends in endings.items() for ending in ends)
    for name in files:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert b"Date" not in content
        assert b"atplotlib v" not in content


def test_each_format_has_the_size_and_the_resolution_of_the_report(tmp_path):
    from PIL import Image

    with drawing():
        save(Figure(figsize=(2, 1)), tmp_path, "empty")
    assert b"MediaBox [ 0 0 144 72 ]" in (tmp_path / "empty.pdf").read_bytes()
    assert Image.open(tmp_path / "empty.png").size == (400, 200)
    assert 'width="144pt" height="72pt"' in (tmp_path / "empty.svg").read_text()


def test_text_is_legible_in_a_page_and_in_a_column(draw):
    narrow = [draw(final_column), draw(score_column), draw(sample_panels, width=COLUMN)]
    wide = [draw(diagnostic.draw) for diagnostic in DIAGNOSTICS]
    assert {figure.get_figwidth() for figure in narrow} == {COLUMN}
    assert {figure.get_figwidth() for figure in wide} == {PAGE}
    for figure in [*narrow, *wide]:
        assert min(text.get_fontsize() for text in figure.findobj(Text)) >= 6


def test_a_run_that_ended_earlier_shows_its_last_samples(record):
    key = {run.loss: run.run_key for run in record.runs.query("seed == 0").itertuples()}
    short, long, without = FEW
    for loss, step in ((short, 100), (long, 100), (long, 200)):
        record.samples[f"{key[loss]}/samples@{step}"] = np.full((5, 2), step / 100, np.float32)
    with drawing():
        panels = sample_panels(Results(record).on(POINTS), 200).axes
    titles = {axes.get_title(loc="left"): axes for axes in panels if axes.get_title(loc="left")}
    assert list(titles) == [f"{display(short)} (step 100)", display(long), display(without)]
    shown = [set(axes.lines[0].get_xdata()) for axes in titles.values() if axes.lines]
    assert shown == [{1.0}, {2.0}]
    assert [text.get_text() for text in titles[display(without)].texts] == ["no samples"]
    named = [text.get_text() for text in panels[0].figure.legends[0].get_texts()]
    assert named == ["data", "generated (colour of the loss)"]  # no contours are kept of earlier steps


def test_a_column_shows_the_primary_metric_alone(draw, record):
    (axes,) = draw(final_column).axes
    assert axes.get_xlabel() == "Earth mover's distance\u00a0↓"
    last = record.metrics[(record.metrics.name == "emd") & (record.metrics.step == 2000)].value
    (points,) = (each for each in axes.collections if isinstance(each, PathCollection))
    assert set(points.get_offsets()[:, 0]) == set(last)


def test_a_seed_is_at_its_loss_in_its_colour_and_intervals_stay_in_the_possible_range(record):
    """Modes covered of 8: seeds of 8 and 2 have a t-interval of 5 ± 38."""
    record.meta["metrics"]["modes_covered"]["highest"] = 8
    runs = record.runs.set_index("run_key")
    rows = record.metrics.name.eq("modes_covered") & record.metrics.run_key.map(runs.loss).eq("wgan-lp")
    record.metrics.loc[rows, "value"] = record.metrics[rows].run_key.map(runs.seed).map({0: 8.0, 1: 2.0})
    with drawing():
        axes = final_scores(Results(record).on(POINTS)).axes[1]
        bands = [area for each in score_curves(Results(record).on(POINTS)).axes[3:6] for area in each.collections]
    (points,) = (each for each in axes.collections if isinstance(each, PathCollection))
    colours = dict(zip(points.get_offsets()[:, 1].round(1), map(to_hex, points.get_facecolors()), strict=True))
    assert colours == {row + off: look(loss).colour for row, loss in enumerate(FEW) for off in (-0.2, 0.2)}
    ends = [each.get_xdata() for each in axes.lines if len(each.get_xdata()) == len(FEW)]
    assert {float(end[2]) for end in ends} == {0, 5, 8}  # low, mean, high
    heights = np.concatenate([area.get_paths()[0].vertices[:, 1] for area in bands])
    assert (heights.min(), heights.max()) == (0, 8)


def test_an_interval_that_goes_on_beyond_a_logarithmic_axis_has_no_end_in_it(record):
    """Distances of 1000 and 1 beside some of 1: a t-interval of 500 ± 6000."""
    runs = record.runs.set_index("run_key")
    rows = record.metrics.name.eq("emd")
    keys = record.metrics[rows].run_key
    values = keys.map(runs.seed).map({0: 1000.0, 1: 1.0}).where(keys.map(runs.loss).eq("wgan-lp"), 1.0)
    record.metrics.loc[rows, "value"] = values.to_numpy()
    with drawing():
        axes = final_scores(Results(record).on(POINTS)).axes[0]
    (lows, _) = [each.get_xdata() for each in axes.lines if each.get_marker() == "|" and len(each.get_xdata()) == 3][1:]
    assert axes.get_xscale() == "log"
    assert min(lows) < axes.get_xlim()[0]


def test_bands_of_shares_and_distances_stay_where_they_can_be(draw, record):
    """Shares of 0 and 1 over two seeds have a t-interval of 0.5 ± 6; distances likewise."""
    runs = record.runs.set_index("run_key")
    seeds = record.metrics.run_key.map(runs.seed).astype(float)
    rows = record.metrics.name.str.endswith("above_1") | record.metrics.name.eq("emd")
    record.metrics.loc[rows, "value"] = seeds[rows]
    shares = draw(norms).axes[3].collections
    heights = np.concatenate([area.get_paths()[0].vertices[:, 1] for area in shares])
    assert (heights.min(), heights.max()) == (0, 1)
    exact = draw(transport).axes[0].collections[1].get_paths()[0].vertices[:, 1]
    assert exact.min() == 0
    assert exact.max() > 1


@pytest.mark.parametrize("name", [*PAPERS, "6", "60"])
def test_figures_are_as_wide_as_the_paper_and_their_text_as_large(name, record):
    record.runs.loc[0, "status"] = "diverged"
    width, points = paper(name)
    plan = [item for item in drawings(Results(record)) if isinstance(item.block, Block)]
    assert {f"scores-{POINTS}", f"slopes-{POINTS}", f"samples-{POINTS}", "profiles", "failures"} < {
        item.block.name for item in plan
    }
    with drawing(points):
        for item in plan:
            figure = item.fitting(width)
            own = item.block.name.startswith("pairs")
            assert figure.get_figwidth() <= width if own else figure.get_figwidth() == width
            texts = [text.get_fontsize() for text in figure.findobj(Text)]
            assert min(texts) >= 6
            assert max(texts) == pytest.approx(points, abs=0.05)


@pytest.mark.parametrize("text", ["nature", "5.9", "61", "-8", "8,5", "NaN", "", "1e1", "١٠"])
def test_a_width_that_no_paper_has_is_refused(text):
    with pytest.raises(ValueError, match=r"expected neurips, icml, one-column, or centimetres from 6 to 60, got"):
        paper(text)
    assert paper("8.4").width == pytest.approx(3.307, abs=1e-3)


def test_small_numbers_are_named_at_their_ticks():
    with drawing():
        axes = Figure().subplots()
        scale(axes, [np.array([[1e-5, 2e-5, 3e-5], [0.0, 0.0, 0.0]])])
        assert axes.yaxis.get_major_formatter()(2.5e-06, 0) == "2.5e-06"


def test_the_matrix_says_ratios_and_who_is_better(record):
    """Ratios of exp(0), exp(1), exp(2) without spread: every pair is decided, and reads row against column."""
    runs = record.runs.set_index("run_key")
    rows = record.metrics.name.eq("emd")
    keys = record.metrics[rows].run_key
    powers = keys.map(runs.loss).map(FEW.index) + 0.001 * keys.map(runs.seed)
    record.metrics.loc[rows, "value"] = np.exp(powers)
    with drawing():
        (axes,) = pairwise_matrix(Results(record).on(POINTS)).axes
    said = {tuple(np.floor(text.get_position()).astype(int)): text for text in axes.texts}
    assert {place: text.get_text() for place, text in said.items()} == {
        (column, row): number(np.exp(row - column), 2) for row in range(3) for column in range(3) if row != column
    }
    assert {text.get_weight() for text in axes.texts} == {"bold"}


def test_numbers_on_coloured_fields_keep_their_colour_in_the_dark(record):
    with drawing():
        (axes,) = pairwise_matrix(Results(record).on(POINTS)).axes
    inks = {to_hex(text.get_color()) for text in axes.texts}
    assert inks
    assert not inks & set(INKS)


def test_each_band_of_the_critic_s_scores_has_its_shade_up_to_the_maximum(record):
    with drawing():
        axes = sample_panels(Results(record).on(POINTS)).axes[0]
    filled = next(each for each in axes.collections if isinstance(each, QuadContourSet) and each.filled)
    every_other = [*range(0, 128, 2), 127]
    critic = record.samples[f"{record.runs.run_key[0]}/critic"][np.ix_(every_other, every_other)]
    assert (filled.levels[0], filled.levels[-1]) == (critic.min(), critic.max())
    corners = np.concatenate([path.vertices for path in filled.get_paths()])
    assert (corners.min(), corners.max()) == (-3, 3)  # no bare strip at an edge
    shades = filled.get_facecolors()[:, 0]
    assert len(shades) == len(filled.levels) - 1 == len(SHADES)
    assert (np.diff(shades) < 0).all()  # darker is more real, the maximum darkest
    named = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert named[2:] == ["critic: least real", "critic: most real"]


def test_points_are_shown_in_the_square_of_the_record_and_contours_only_where_they_lie_on_it(record):
    """Of a record from before squares were recorded, and of one in which such a run stands beside a new one."""
    keys = {run.loss: run.run_key for run in record.runs.query("seed == 0").itertuples()}
    keys = {loss: key for loss, key in keys.items() if f"{key}/critic" in record.samples}
    new, old = list(keys)[:2]
    record.samples[f"{keys[new]}/square"] = np.array([150.0, 30.0, 75.0])
    with drawing():
        panels = sample_panels(Results(record).on(POINTS)).axes
    shown = {axes.get_title(loc="left"): axes for axes in panels}
    has_contours = {
        loss: any(isinstance(each, QuadContourSet) for each in axes.collections) for loss, axes in shown.items()
    }
    assert has_contours[display(new)]
    assert not has_contours[display(old)]
    for loss in (new, old):
        assert shown[display(loss)].get_xlim() == (75, 225)
        assert shown[display(loss)].get_ylim() == (-45, 105)
    filled = next(each for each in shown[display(new)].collections if isinstance(each, QuadContourSet) and each.filled)
    corners = np.concatenate([path.vertices for path in filled.get_paths()])
    np.testing.assert_allclose([corners.min(0), corners.max(0)], [(75, -45), (225, 105)])


def test_data_lies_over_samples_as_smaller_dots(record):
    with drawing():
        axes = sample_panels(Results(record).on(POINTS)).axes[0]
    samples, data = axes.lines
    assert to_hex(data.get_color()) == "#000000"
    assert data.get_zorder() > samples.get_zorder()
    assert 2 * data.get_markersize() < samples.get_markersize()


def test_many_losses_have_lines_without_bands():
    few, many = (synthetic([f"loss {i}" for i in range(n)], (POINTS,), seeds=2, failing=()) for n in (8, 9))
    with drawing():
        assert score_column(Results(few).on(POINTS)).axes[0].collections
        assert not score_column(Results(many).on(POINTS)).axes[0].collections


def test_hostile_names_are_drawn_as_they_are(record):
    record.runs["loss"] = record.runs.loss.map(dict(zip(FEW, HOSTILE[:3], strict=True)))
    record.meta["losses"], record.meta["report"] = HOSTILE[:3], {}
    results = Results(record)
    with drawing():
        for diagnostic in DIAGNOSTICS:
            figure = diagnostic.draw(results.on(POINTS))
            if diagnostic.draw is weights:
                figure.draw_without_rendering()
            titles = [axes.get_title("left") or "".join(text.get_text() for text in axes.texts) for axes in figure.axes]
            shown = [title for title in titles if title]
            assert len(shown) == 3
            assert shown[1].startswith(r"a_{}&%$#")


def test_every_registered_loss_has_a_look_of_its_own():
    assert len({look(name) for name in REGISTRY}) == len(REGISTRY)


def test_a_scale_shows_means_and_ordinary_bands_but_not_the_widest():
    with drawing():
        axes = Figure().subplots()
        scale(axes, [np.array([[1.0, 2.0, 3.0], [0.1, 0.1, 50.0]])])
        low, high = axes.get_ylim()
        assert 0.5 < low < 0.9
        assert 3.1 < high < 3.5
        scale(axes, [np.array([[0.01, 1.0], [0.0, 0.0]])])
        assert axes.get_yscale() == "log"


def test_an_axis_is_logarithmic_where_a_linear_one_squeezes_half_the_losses():
    assert wants_log(np.array([1.0, 1.1, 1.2, 1.3, 9.0]))
    assert not wants_log(np.array([1.0, 7.0, 8.0, 8.5, 9.0]))
    assert not wants_log(np.array([0.0, 1.1, 1.2, 1.3, 9.0]))
    assert not wants_log(np.array([3.0, 3.1, 3.2, 3.3, 9.0]))
    assert wants_log(np.array([0.1, 8.0, 9.0]))


def test_the_lowest_panels_in_use_have_the_ticks_labels():
    with drawing():
        figure = Figure()
        grid = list(figure.subplots(2, 2, sharex=True).flat)
        grid[3].set_axis_off()
        label_below(grid, 2, "steps")
        assert [axes.get_xlabel() for axes in grid] == ["", "", "steps", ""]
        assert [axes.xaxis.get_tick_params()["labelbottom"] for axes in grid[:3]] == [False, True, True]


def test_grids_leave_few_places_empty():
    assert [columns_for(count) for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 16)] == [1, 2, 3, 4, 3, 3, 4, 4, 3, 4]
