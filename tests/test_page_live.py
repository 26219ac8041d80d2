"""What one can do with a report's page in a real browser: charts, the player of samples, panels of runs, copying."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Page, in_browser
from synthetic import FEW, synthetic

from benchmarks.markup.vector import inlined
from benchmarks.record.export import Record
from benchmarks.report.build import ON_SCREEN, build_report
from benchmarks.report.live.charts import BUDGET, final_chart, score_chart
from benchmarks.report.live.runs import record_of
from benchmarks.report.live.samples import LARGEST, sample_player
from benchmarks.report.results import Results

POINTS, IMAGES = "8gaussians", "digits"
STEPS = (0, 1000, 2000)


def over_training(record: Record) -> Record:
    """The record with samples at three steps, and the critic's scores at two of them: 0 to 1 from left to right."""
    for run in record.runs[record.runs.status == "done"].itertuples():
        final = record.samples[f"{run.run_key}/samples"]
        for step in STEPS:
            record.samples[f"{run.run_key}/samples@{step}"] = final[:40]
            if run.dataset == POINTS and step > 0:
                field = np.tile(np.linspace(0, 1, 33, dtype=np.float32), (33, 1))
                record.samples[f"{run.run_key}/critic@{step}"] = field
    return record


@pytest.fixture(scope="module")
def record() -> Record:
    return over_training(synthetic(FEW, (POINTS, IMAGES), seeds=3))


@pytest.fixture(scope="module")
def file(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    record.write(folder / "export")
    build_report(folder / "export", folder, forms=ON_SCREEN)
    return folder / "report.html"


def paths(shown: Page, figure: str, of: str = "data-loss") -> list[str]:
    return shown.run(f"[...document.querySelectorAll('#{figure} .chart .line')].map((e) => e.getAttribute('{of}'))")


def pressed(shown: Page, figure: str, selector: str, at: int) -> None:
    shown.run(f"document.querySelectorAll('#{figure} {selector}')[{at}].click()")


def point_at(shown: Page, figure: str) -> str:
    """Move a mouse over the middle of the first seed's curve; what the page then says."""
    place = shown.run(
        f"""(() => {{
          const figure = document.querySelector('#{figure}');
          figure.scrollIntoView();
          const line = figure.querySelector('.chart .line.faint'), at = line.getPointAtLength(0);
          const box = figure.querySelector('.chart').getBoundingClientRect();
          return [box.left + at.x, box.top + at.y];
        }})()"""
    )
    shown.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
    return str(shown.run(f"document.querySelector('#{figure} .tip').textContent"))


@in_browser
def test_a_point_under_the_pointer_says_loss_seed_step_and_value(shown: Page, record: Record) -> None:
    said = point_at(shown, f"scores-{POINTS}")
    name, seed, step, value = re.fullmatch(r"(.+), seed (\d), step (\d+): (.+)", said).groups()
    names = {known["name"]: loss for loss, known in record_of(Results(record))["losses"].items()}
    run = record.runs.query(f"loss == '{names[name]}' and dataset == '{POINTS}' and seed == {seed}").iloc[0]
    logged = record.metrics.query(f"run_key == '{run.run_key}' and name == 'emd' and step == {step}").value.iloc[0]
    assert float(value) == pytest.approx(logged, rel=1e-3)


@in_browser
def test_arrow_keys_go_from_point_to_point_and_say_it(shown: Page) -> None:
    shown.run(f"document.querySelector('#scores-{POINTS} .chart').focus()")
    said = []
    for key, code in (("ArrowRight", 39), ("ArrowRight", 39), ("ArrowDown", 40)):
        shown.press(key, code)
        said.append(shown.run("document.querySelector('[role=status]').textContent"))
    assert len(set(said)) == 3
    assert all(re.search(r"seed|mean", each) for each in said)


@in_browser
def test_a_loss_can_be_hidden_and_isolated_in_all_charts_at_once(shown: Page) -> None:
    charts = f"scores-{POINTS}", f"scores-{IMAGES}"
    assert [set(paths(shown, chart)) for chart in charts] == [set(FEW)] * 2
    pressed(shown, charts[0], ".toggle", 1)
    assert [set(paths(shown, chart)) for chart in charts] == [{FEW[0], FEW[2]}] * 2
    pressed(shown, charts[0], ".only", 1)
    assert [set(paths(shown, chart)) for chart in charts] == [{FEW[1]}] * 2
    rows = f"[...document.querySelectorAll('#final-{POINTS} .chart circle')].map((e) => e.dataset.loss)"
    assert set(shown.run(rows)) == {FEW[1]}
    pressed(shown, charts[0], ".only", 1)
    assert [set(paths(shown, chart)) for chart in charts] == [set(FEW)] * 2


@in_browser
def test_axes_and_seeds_can_be_chosen(shown: Page) -> None:
    chart = f"scores-{POINTS}"
    ticks = f"[...document.querySelectorAll('#{chart} .chart text')].map((e) => e.textContent)"
    before, drawn = shown.run(ticks), paths(shown, chart, "d")
    shown.run(f"document.querySelector('#{chart} .tools input').click()")
    assert paths(shown, chart, "d") != drawn, "another scale"
    shown.run(
        f"{{ const menu = document.querySelectorAll('#{chart} select')[1]; menu.value = 'images seen';"
        " menu.dispatchEvent(new Event('change')); }"
    )
    assert "images seen" in shown.run(ticks)
    assert shown.run(ticks) != before
    seeds = len([each for each in paths(shown, chart, "data-seed") if each != "mean"])
    shown.run(f"document.querySelectorAll('#{chart} .tools input')[1].click()")
    assert set(paths(shown, chart, "data-seed")) == {"mean"}
    assert seeds > 0


@in_browser
def test_the_player_plays_pauses_and_steps_through_two_losses(shown: Page) -> None:
    figure = f"#slider-{POINTS}"
    at = f"Number(document.querySelector('{figure} input').value)"
    notes = f"[...document.querySelectorAll('{figure} .note')].map((e) => e.textContent)"
    assert shown.run(at) == len(STEPS) - 1
    assert [note.split(";")[0].split(", ")[1] for note in shown.run(notes)] == ["step 2000"] * 2
    assert all("critic 0 to 1" in note for note in shown.run(notes))
    shown.run(f"document.querySelectorAll('{figure} .control button')[1].click()")
    assert shown.run(at) == 1
    shown.run(f"document.querySelector('{figure} input').value = 0")
    shown.run(f"document.querySelector('{figure} input').dispatchEvent(new Event('input'))")
    assert all("no field of the critic" in note for note in shown.run(notes))
    play = f"document.querySelector('{figure} .play')"
    said = f"{play}.textContent"
    assert shown.run(f"{play}.click(), {said}") == "Pause"
    assert shown.run(f"{play}.click(), {said}") == "Play"
    ended = f"{at} === {len(STEPS) - 1} && {said} === 'Play'"
    shown.run(f"{play}.click()")
    waited = (
        f"new Promise((done) => {{ const wait = () => {ended} ? done(true) : requestAnimationFrame(wait); wait(); }})"
    )
    assert shown.run(waited), "it stops by itself at the last step"
    menu = f"document.querySelector('{figure} select')"
    shown.run(f"{menu}.value = '{FEW[1]}'; {menu}.dispatchEvent(new Event('change'))")
    assert "WGAN-GP" in shown.run(f"document.querySelector('{figure} canvas').getAttribute('aria-label')")


@in_browser
def test_a_field_says_the_critics_score_at_a_point_of_its_own_square(tab: Page, record: Record, tmp_path: Path) -> None:
    """0 to 1 from left to right, over a square of middle (150, 30) and half a side of 75: the middle scores a half."""
    far = Record(record.meta, record.runs, record.metrics, dict(record.samples))
    for key in far.runs.query(f"dataset == '{POINTS}'").run_key:
        far.samples[f"{key}/square"] = np.array([150.0, 30.0, 75.0])
    far.write(tmp_path / "export")
    build_report(tmp_path / "export", tmp_path, forms=ON_SCREEN)
    tab.look()
    tab.open(tmp_path / "report.html")
    said = tab.run(
        f"""(() => {{
          const canvas = document.querySelector('#slider-{POINTS} canvas'), box = canvas.getBoundingClientRect();
          const at = {{ clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 }};
          canvas.dispatchEvent(new PointerEvent('pointermove', at));
          return document.querySelector('#slider-{POINTS} .note').textContent;
        }})()"""
    )
    place, score = re.fullmatch(r"critic at \((.*)\): (.*)", said).groups()
    assert place == "150, 30"
    assert float(score) == pytest.approx(0.5, abs=0.02)


@in_browser
def test_the_field_is_darker_where_the_critic_scores_higher(shown: Page) -> None:
    pixels = shown.run(
        f"""(() => {{
          const canvas = document.querySelector('#slider-{POINTS} canvas'), draw = canvas.getContext('2d');
          return [0.01, 0.99].map((x) => draw.getImageData(x * canvas.width, canvas.height - 3, 1, 1).data[0]);
        }})()"""
    )
    assert pixels[0] > pixels[1] + 30


@in_browser
def test_a_run_has_a_panel_with_scores_curves_samples_and_its_reason(shown: Page, record: Record) -> None:
    shown.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    done = record.runs[record.runs.status == "done"].iloc[0]
    failed = record.runs[record.runs.status == "diverged"].iloc[0]
    for run, reason in ((done, ""), (failed, failed.error)):
        opened = f"[...document.querySelectorAll('#table-runs .open')].find((e) => e.textContent === '{run.run_key}')"
        shown.run(f"{opened}.click()")
        text = shown.run("document.querySelector('dialog[open]').innerText")
        assert f"seed {run.seed}" in text
        assert reason in text
        assert shown.run("document.querySelectorAll('dialog .chart .line').length") > 1
        assert shown.run("document.querySelectorAll('dialog canvas').length") == (0 if reason else 1)
        shown.press("Escape", 27)
        assert shown.run("document.querySelector('dialog[open]')") is None


@in_browser
def test_tables_are_copied_as_latex_markdown_and_csv(shown: Page) -> None:
    texts = shown.run(
        "[...document.querySelectorAll('#table-primary template')].map((each) => each.content.textContent)"
    )
    assert r"\toprule" in texts[0]
    assert texts[1].startswith("| Loss |")
    assert texts[2].startswith("Loss,")
    shown.run("document.querySelector('#table-primary button.form').click()")
    shown.run("new Promise((resolve) => setTimeout(resolve))")
    said = shown.run("document.querySelector('[role=status]').textContent")
    assert said == "Copied" or shown.run("document.querySelector('textarea.form').value") == texts[0]


@in_browser
def test_a_saved_figure_is_a_file_of_its_own_in_the_colours_of_light(shown: Page) -> None:
    shown.run("URL.createObjectURL = (blob) => { window.saved = blob; return 'data:,'; }")
    shown.run(f"document.querySelector('#scores-{POINTS} .save').click()")
    text = shown.run("window.saved.text()")
    assert text.startswith("<svg")
    assert 'xmlns="http://www.w3.org/2000/svg"' in text
    assert "var(" not in text
    assert "#262626" in text


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_have_the_ground_of_the_page(shown: Page, scheme: str) -> None:
    shown.look(scheme=scheme)
    ground = "getComputedStyle(document.querySelector('#pairs-{} .vector path')).fill"
    assert shown.run(ground.format(POINTS)) == shown.run("getComputedStyle(document.body).backgroundColor")


@in_browser
def test_the_summary_fits_one_screen_and_the_contents_stand_beside_it(shown: Page) -> None:
    shown.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    assert shown.run("document.querySelector('#table-primary table').getBoundingClientRect().bottom") <= 900
    left, top = shown.run("(({ right, top }) => [right, top])(document.querySelector('nav').getBoundingClientRect())")
    assert left < shown.run("document.querySelector('main').getBoundingClientRect().left")
    assert top < 200
    assert shown.run("document.querySelectorAll('nav .level-3').length") >= 4


@in_browser
def test_what_is_folded_opens_where_a_link_leads_into_it(shown: Page) -> None:
    assert shown.run("[...document.querySelectorAll('details.fold')].some((each) => each.open)") is False
    shown.run(f"location.hash = 'terms-{POINTS}'")
    shown.run("new Promise((resolve) => setTimeout(resolve))")
    assert shown.run(f"document.querySelector('#terms-{POINTS}').closest('details').open") is True


@in_browser
def test_on_a_phone_nothing_reaches_beyond_the_page_without_a_hint(shown: Page) -> None:
    shown.look(width=390)
    shown.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert shown.run("document.documentElement.scrollWidth") == 390
    wide = """[...document.querySelectorAll('main *')].filter((e) => {
      const scrolled = e.closest('.scroll, .vector, pre, .picture, code');
      return !scrolled && e.checkVisibility() && e.getBoundingClientRect().right > 391;
    }).length"""
    assert shown.run(wide) == 0
    shaded = "getComputedStyle(document.querySelector('.scroll')).backgroundAttachment"
    assert shown.run(shaded) == "local, local, scroll, scroll"


@in_browser
def test_it_asks_for_nothing_and_complains_of_nothing(shown: Page, file: Path) -> None:
    assert shown.requests == [file.as_uri()]
    assert shown.complaints == []


def everything(value: Any) -> int:
    """How many numbers a chart holds."""
    if isinstance(value, dict | list):
        return sum(map(everything, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_charts_hold_the_numbers_of_the_record_and_no_more_than_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Results(synthetic(FEW, (POINTS,), seeds=3, failing=())).on(POINTS)
    for line in score_chart(dataset)["panels"][0]["lines"]:
        curve = dataset.curve(line["loss"], dataset.metrics[0])
        assert line["at"]["generator steps"] == list(curve.index)
        np.testing.assert_allclose(np.array(line["y"]).T, curve.to_numpy(), rtol=1e-4)
    for row in final_chart(dataset)["panels"][0]["rows"]:
        scores = dataset.scores(dataset.metrics[0])[dataset.losses.index(row["loss"])]
        np.testing.assert_allclose(row["y"], scores, rtol=1e-4)
    full = everything(score_chart(dataset))
    monkeypatch.setattr("benchmarks.report.live.charts.BUDGET", 60)
    assert everything(score_chart(dataset)) < full <= BUDGET
    assert score_chart(dataset)["panels"][0]["lines"][0]["at"]["generator steps"][-1] == 2000, "the last is kept"


def test_a_player_leaves_out_frames_before_it_is_too_large(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Results(record).on(POINTS)
    live = sample_player(dataset)
    assert live is not None
    assert [frame["step"] for frame in live["losses"][FEW[1]]["frames"]] == list(STEPS)
    assert len(json.dumps(live)) < LARGEST
    monkeypatch.setattr("benchmarks.report.live.samples.LARGEST", 1)
    fewer = sample_player(dataset)
    assert fewer is not None
    assert [frame["step"] for frame in fewer["losses"][FEW[1]]["frames"]] == [0, 2000]


def test_a_runs_panel_without_room_for_samples_says_so(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.report.live.runs.LARGEST", 0)
    panels = record_of(Results(record))["runs"].values()
    assert {"png" in panel or "points" in panel for panel in panels} == {False}
    assert any("no room" in panel.get("without", "") for panel in panels)


def test_an_inlined_figure_has_ids_of_its_own_and_the_pages_colours() -> None:
    svg = (
        '<?xml version="1.0"?><svg width="72pt"><metadata>m</metadata><defs><style>*{x}</style></defs>\n<g id="a">'
        '<path id="b" d="M 1.23456 2 L 3.99999 4" style="fill: #ffffff; stroke: #3f90da" transform="scale(0.015625)"/>'
        '</g><use xlink:href="#b" x="0.123456"/></svg>'
    )
    text = inlined(svg, "fig")
    assert 'id="fig-b"' in text
    assert 'href="#fig-b"' in text
    assert 'id="a"' not in text
    assert 'd="M 1.23 2 L 4 4"' in text
    assert 'x="0.12"' in text
    assert "scale(0.015625)" in text
    assert "fill: var(--paper); stroke: #3f90da" in text
    assert not re.search("metadata|<style|xml version", text)
