"""`gan-zoo ui` on a record that was moved, in a browser: the links that it prints open what they name."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import in_browser
from servers import free_port, wait_for
from test_moved import STRANGE
from test_store import META, described, open_cell

from benchmarks.record.store import Store

if TYPE_CHECKING:
    from browser import Page

pytestmark = in_browser
SCORES = {"wgan-gp": (0.25, 0.75), "minimax": (2.0, 4.0)}  # of two seeds
COLOURS = {"wgan-gp": (255, 0, 0), "minimax": (0, 0, 255)}
SECONDS = 50


@pytest.fixture(scope="module")
def links(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """By name the links that the command prints, while it serves."""
    first = tmp_path_factory.mktemp("first") / "results"
    first.mkdir()
    (first / "mlflow.db").write_bytes(migrated_database.read_bytes())
    run = record(first)
    place = first.parent / STRANGE / "results"
    place.parent.mkdir()
    first.rename(place)
    port = free_port()
    words = [sys.executable, "-m", "benchmarks.cli", "ui", str(place), "--port", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    try:
        found = {}
        for line in server.stdout:
            if line.startswith("These open"):
                break
            name, link = line.strip().rsplit(": ", 1)
            found[name] = link
        threading.Thread(target=server.stdout.read, daemon=True).start()
        wait_for(port, server)  # type: ignore[arg-type]
        yield {**found, "run": f"http://127.0.0.1:{port}/#/experiments/1/runs/{run}/model-metrics"}
    finally:
        server.kill()
        server.wait()


def record(results: Path) -> str:
    """A record of two losses on two seeds; one of its runs."""
    store = Store(results)
    cells = {f"{loss}{seed}": {**described(loss, seed), "steps": 20} for loss in SCORES for seed in (0, 1)}
    sweep = store.start_sweep("toy", name="two losses", params={}, tags={}, meta=META, cells=cells)
    for loss, values in SCORES.items():
        for seed, value in enumerate(values):
            log = open_cell(store, sweep, key=f"{loss}{seed}", loss=loss, seed=seed)
            log.primary = "emd"
            for step, factor in ((10, 2), (20, 1)):
                log.metrics(step, {"emd": factor * value, "apart/emd": 7.0, "critic/real": 1.0, "good_samples": 0.5})
            weights = results / "weights.safetensors"
            weights.write_bytes(b"weights")
            log.weights(weights, 20, {"emd": value})
            log.image("last", np.full((16, 16, 3), COLOURS[loss], np.uint8), 0)
            log.finish("done")
    store.finish_sweep(sweep, "finished")
    return log.run_id


def shows(page: "Page", link: str, condition: str) -> None:
    """Opens a link and waits until a JavaScript condition holds."""
    page.look()
    size = {"width": 1600, "height": 3000}  # charts are drawn where they can be seen
    page.call("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url=link)
    waits = f"const look = setInterval(() => {{ if ({condition}) {{ clearInterval(look); done(true); }} }}, 200)"
    ends = f"setTimeout(() => {{ clearInterval(look); done(document.body.innerText); }}, {SECONDS * 1000})"
    found = page.run(f"new Promise(done => {{ {waits}; {ends}; }})")
    assert found is True, found


TEXTS = "[...document.querySelectorAll('svg text')].map(each => each.textContent)"


def test_scores_are_bars_of_means_by_loss(links: dict[str, str], tab: "Page") -> None:
    shows(tab, links["8gaussians: scores by loss"], f"{TEXTS}.includes('0.50') && {TEXTS}.includes('3.00')")
    text = tab.run("document.body.innerText")
    assert text.index("primary score") < text.index("training/critic")
    assert {"Group: wgan-gp", "Group: minimax"} <= set(text.splitlines())
    assert "share key" not in text


def test_samples_are_pictures_from_where_the_record_is_now(links: dict[str, str], tab: "Page") -> None:
    loaded = "[...document.images].filter(each => each.src.includes('get-artifact') && each.naturalWidth > 0)"
    shows(tab, links["8gaussians: samples of seed 0"], f"{loaded}.length == 2")
    colour = """(image => {
        const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
        pen.drawImage(image, 0, 0);
        return [...pen.getImageData(5, 5, 1, 1).data].slice(0, 3).map(each => Math.round(each / 255));
    })"""
    assert sorted(json.loads(tab.run(f"JSON.stringify({loaded}.map({colour}))"))) == [[0, 0, 1], [1, 0, 0]]


def test_a_runs_page_begins_with_the_primary_score(links: dict[str, str], tab: "Page") -> None:
    shows(tab, f"{links['run']}?workflowType=machine_learning", "document.body.innerText.includes('primary score')")
    shows(tab, f"{links['run']}?workflowType=machine_learning", "document.body.innerText.includes('emd_validation')")
    lines = tab.run("document.body.innerText").splitlines()
    assert lines.count("emd") == 1
    places = [lines.index(name) for name in ("primary score", "emd", "samples", "scores", "training/critic")]
    assert places == sorted(places)
