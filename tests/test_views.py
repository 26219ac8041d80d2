"""The saved views of a record: what they show, that they follow the latest sweep, and the links to them."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_store import META, described, open_cell, start

from benchmarks.record.experiments import Experiments
from benchmarks.record.store import Store
from benchmarks.record.timings import Circumstances, Timing
from benchmarks.record.ui import links, open_pages
from benchmarks.record.views import TAG, View, saved, views_of
from gan_zoo.errors import UserError

TWO = {
    "suite": "toy",
    "losses": ["wgan-gp", "minimax"],
    "datasets": ["8gaussians", "it's digits"],
    "seeds": [3, 4],
    "primary": {"8gaussians": "modes_covered", "it's digits": "fid"},
    "metrics": {"emd": {"direction": "min"}, "modes_covered": {"direction": "max"}, "fid": {"direction": "min"}},
    "floor": {"8gaussians": {"emd": {}, "modes_covered": {}}, "it's digits": {"fid": {}}},
}
CELLS = [
    {"loss": loss, "dataset": dataset, "seed": seed, "steps": steps}
    for loss, steps in (("wgan-gp", 100), ("minimax", 500))
    for dataset in TWO["datasets"]
    for seed in TWO["seeds"]
]


def view(found: list[View], id: str) -> View:
    (one,) = [each for each in found if each.id == f"gan-zoo-{id}"]
    return one


def test_scores_are_grouped_by_loss_with_the_primary_one_first() -> None:
    scores = view(views_of(TWO, CELLS), "scores-8gaussians")
    state = scores.state
    assert scores.name == "8gaussians: scores by loss"
    assert state["groupBy"] == {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "loss"}]}
    assert state["selectedColumns"][:2] == ["metrics.`primary score/modes_covered`", "metrics.`scores/emd`"]
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`primary score/modes_covered`", False)
    kinds = [(chart["type"], chart["metricKey"]) for chart in state["compareRunCharts"]]
    assert kinds[:3] == [
        ("BAR", "primary score/modes_covered"),
        ("LINE", "primary score/modes_covered"),
        ("BAR", "scores/emd"),
    ]
    opened = [section["name"] for section in state["compareRunSections"] if section["display"]]
    assert opened == ["primary score", "scores"]
    placed = {section["uuid"] for section in state["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} <= placed


def test_samples_are_those_of_the_first_seed_at_the_end() -> None:
    state = view(views_of(TWO, CELLS), "samples-it_s_digits").state
    assert """tags.dataset = "it's digits" and tags.seed = '3'""" in state["searchFilter"]
    pictures = [(chart["imageKeys"], chart["step"]) for chart in state["compareRunCharts"]]
    assert pictures == [(["samples/last"], 0), (["samples/over training"], 500)]


def test_a_view_of_more_runs_than_a_page_loads_says_so_and_takes_no_mean_of_the_best() -> None:
    many = [{**CELLS[0], "seed": seed} for seed in range(101)]
    found = views_of({**TWO, "datasets": ["8gaussians"]}, many)
    scores, runs = view(found, "scores-8gaussians"), view(found, "runs-8gaussians")
    assert scores.name == "8gaussians: scores by loss (100 of 101 runs; Load more)"
    assert scores.state["orderByKey"] == "attributes.start_time"
    assert runs.name == "8gaussians: runs by modes_covered (the best 100 of 101 runs; Load more)"
    assert runs.state["orderByKey"] == "metrics.`primary score/modes_covered`"


def test_each_search_of_a_view_is_one_that_mlflow_takes(results: Path) -> None:
    store = Store(results)
    for each in views_of(TWO, CELLS):
        order = f"{each.state['orderByKey']} {'ASC' if each.state['orderByAsc'] else 'DESC'}"
        found = store._client.search_runs(["0"], each.state["searchFilter"], order_by=[order])
        assert list(found) == []


def test_views_are_tags_in_the_form_of_mlflows_pages(results: Path) -> None:
    store = Store(results)
    start(store)
    tags = store._client.get_experiment(store.experiment("toy")).tags
    kept = {name: json.loads(value) for name, value in tags.items() if name.startswith(TAG)}
    assert set(kept) == {
        f"mlflow.sharedViewState.gan-zoo-{name}"
        for name in ("scores-8gaussians", "samples-8gaussians", "runs-8gaussians", "timing", "sweeps")
    }
    for content in kept.values():
        assert set(content) == {"name", "createdAt", "updatedAt", "state"}
        assert re.fullmatch(r"deflate;[A-Za-z0-9+/]+=*", content["state"])
    assert [each.name for each in saved(tags)] == [
        *("8gaussians: scores by loss", "8gaussians: samples of seed 0", "8gaussians: runs by emd"),
        *("Timing by loss", "All sweeps"),
    ]


def test_a_sweep_that_runs_links_to_its_views(results: Path) -> None:
    store = Store(results)
    sweep = store.start_sweep("toy", name="s", params={}, tags={}, meta=META, cells={}, description="About.")
    said, _, links_to_views = store._client.get_run(sweep).data.tags["mlflow.note.content"].partition("\n\n")
    assert said == "About."
    assert links_to_views.startswith(
        "- 8gaussians: [scores by loss](#/experiments/1/runs?viewStateShareKey=gan-zoo-scores-8gaussians&"
    )


def test_views_follow_the_latest_sweep_and_leave_those_of_people(results: Path) -> None:
    store = Store(results)
    start(store)
    experiment = store.experiment("toy")
    client = store._client
    client.set_experiment_tag(experiment, f"{TAG}1234", "somebody's own")
    before = dict(client.get_experiment(experiment).tags)
    start(store)
    assert dict(client.get_experiment(experiment).tags) == before  # not written anew, so not dated anew
    meta = {**META, "datasets": ["ring"], "primary": {"ring": "emd"}}
    store.start_sweep("toy", name="s", params={}, tags={}, meta=meta, cells={})
    tags = client.get_experiment(experiment).tags
    assert [each.id for each in saved(tags)][:3] == ["gan-zoo-scores-ring", "gan-zoo-samples-ring", "gan-zoo-runs-ring"]
    assert not any("8gaussians" in name for name in tags)
    assert tags[f"{TAG}1234"] == "somebody's own"


def test_views_show_the_cells_of_the_latest_sweep_alone(results: Path) -> None:
    store = Store(results)
    cells = {"k1": described("wgan-gp"), "k2": described("minimax")}
    sweep = start(store, cells)
    for key, loss in (("k1", "wgan-gp"), ("k2", "minimax")):
        open_cell(store, sweep, key=key, loss=loss).finish("done")

    def listed() -> set[str]:
        state = view(saved(store._client.get_experiment("1").tags), "runs-8gaussians").state
        return {run.data.tags["run_key"] for run in store._client.search_runs(["1"], state["searchFilter"])}

    assert listed() == {"k1", "k2"}
    start(store, {"k2": cells["k2"]})
    assert listed() == {"k2"}
    start(store, cells)
    assert listed() == {"k1", "k2"}


def test_views_show_the_latest_timing_of_each_configuration_of_the_latest_sweep(results: Path) -> None:
    store = Store(results)
    specs = {key: json.dumps({"loss": {"name": loss}}) for key, loss in (("k1", "wgan-gp"), ("k2", "minimax"))}
    cells = {key: {"loss": "-", "dataset": "8gaussians", "seed": 0, "spec": spec} for key, spec in specs.items()}
    where = Circumstances("cpu", "here", "auto", 1, "float32")
    start(store, cells)
    for key, seconds in (("k1", 9.0), ("k1", 1.0), ("k2", 2.0)):
        store.log_timing("toy", Timing("-", "8gaussians", specs[key], where, "plain", "wall", 1, [seconds]), {})

    def listed() -> list[float]:
        state = view(saved(store._client.get_experiment("1").tags), "timing").state
        found = store._client.search_runs(["1"], state["searchFilter"], order_by=[f"{state['orderByKey']} ASC"])
        return [run.data.metrics["seconds_per_iteration"] for run in found]

    assert listed() == [1.0, 2.0]
    start(store, {"k2": cells["k2"]})
    assert listed() == [2.0]


def test_links_name_each_view_and_how_it_is_shown(results: Path) -> None:
    start(Store(results))
    lines = list(links(Experiments(results), "http://host:5000/"))
    page = "http://host:5000/#/experiments/1/runs?"
    assert lines[0] == f"toy: {page}workflowType=machine_learning"
    shown = {name.strip(): link for name, link in (line.rsplit(": ", 1) for line in lines[1:])}
    scores, runs = shown["8gaussians: scores by loss"], shown["8gaussians: runs by emd"]
    ending = "&workflowType=machine_learning"
    assert scores == f"{page}viewStateShareKey=gan-zoo-scores-8gaussians&compareRunsMode=CHART{ending}"
    assert runs == f"{page}viewStateShareKey=gan-zoo-runs-8gaussians&compareRunsMode=TABLE{ending}"


def test_where_there_is_no_record_there_are_no_pages(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no record here: run `gan-zoo run` first"):
        open_pages(tmp_path / "none", "127.0.0.1", 5000)
    assert not (tmp_path / "none").exists()


def test_of_a_server_links_alone_are_printed_without_user_and_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (timing,) = (each for each in views_of(META, []) if each.id == "gan-zoo-timing")
    known = SimpleNamespace(name="toy", experiment_id="7", tags={f"{TAG}{timing.id}": timing.tag(0)})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@record.example:5000")
    monkeypatch.setattr(Experiments, "experiments", lambda self: [known])
    assert open_pages(tmp_path, "127.0.0.1", 5000) == 0
    toy, view = capsys.readouterr().out.splitlines()
    assert toy == "toy: http://record.example:5000/#/experiments/7/runs?workflowType=machine_learning"
    assert view.startswith("  Timing by loss: http://record.example:5000/#/experiments/7/runs?viewStateShareKey=")
