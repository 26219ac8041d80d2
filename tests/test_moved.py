"""A record that was moved or copied: its pictures are found where they are now, and nothing else is changed."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from mlflow.server import app
from test_store import described, open_cell, start

from benchmarks.record.store import Store
from gan_zoo.errors import UserError

STRANGE = "100%20 why?x=1 #1 it's ä"
"""A folder whose name has what addresses have a meaning for."""


def record_with_a_picture(results: Path) -> str:
    """A record of one run that has a picture, weights and samples; the run."""
    store = Store(results)
    log = open_cell(store, start(store, {"k1": described("wgan-gp")}))
    log.image("samples", np.full((8, 8, 3), 7, np.uint8), 50)
    weights = results / "weights.safetensors"
    weights.write_bytes(b"weights")
    log.weights(weights, 50, {"emd": 0.5})
    log.samples({"samples": np.zeros((1, 2))})
    log.finish("done")
    return log.run_id


def picture(store: Store, run: str) -> bytes:
    """The picture as MLflow's own client gets it by what the database says."""
    client = store._client
    (path,) = [entry.path for entry in client.list_artifacts(run, "images") if entry.path.endswith(".png")]
    return Path(client.download_artifacts(run, path)).read_bytes()


@pytest.mark.parametrize("name", ["moved", STRANGE])
def test_a_moved_record_keeps_its_pictures(results: Path, tmp_path: Path, name: str) -> None:
    run = record_with_a_picture(results)
    before = picture(Store(results), run)
    place = tmp_path / name / "results"
    place.parent.mkdir()
    results.rename(place)
    moved = Store(place)
    moved.follow_moved()
    assert picture(moved, run) == before
    client = moved._client
    (model,) = client.search_logged_models([moved.experiment("toy")])
    own = (place / "mlartifacts" / "toy").as_uri()
    assert client.get_experiment_by_name("toy").artifact_location == own
    assert client.get_run(run).info.artifact_uri == f"{own}/{run}/artifacts"
    assert model.artifact_location.startswith(f"{own}/models/")
    assert not results.exists()


def test_a_moved_record_is_gone_on_with(results: Path, tmp_path: Path) -> None:
    first = record_with_a_picture(results)
    place = tmp_path / STRANGE / "results"
    place.parent.mkdir()
    results.rename(place)
    store = Store(place)
    log = open_cell(store, start(store, {"k1": described("wgan-gp"), "k2": described("minimax")}), key="k2")
    log.image("samples", np.zeros((8, 8, 3), np.uint8), 50)
    log.samples({"samples": np.ones((1, 2))})
    log.finish("done")
    assert set(store.record("toy").samples) == {"k1/samples", "k2/samples"}
    assert (place / "mlartifacts" / "toy" / log.run_id / "artifacts" / "samples.npz").is_file()
    assert picture(store, first)
    assert not results.exists()


def test_of_a_copy_both_have_their_own_pictures(results: Path, tmp_path: Path) -> None:
    run = record_with_a_picture(results)
    database = (results / "mlflow.db").read_bytes()
    copy = tmp_path / "copy"
    shutil.copytree(results, copy)
    store = Store(copy)
    store.follow_moved()
    shutil.rmtree(results / "mlartifacts")
    assert picture(store, run)
    assert (results / "mlflow.db").read_bytes() == database


def test_a_record_at_its_place_is_left_as_it_is(results: Path) -> None:
    run = record_with_a_picture(results)
    before = (results / "mlflow.db").read_bytes()
    link = results.with_name("link")
    link.symlink_to(results)
    for place in (results, link):
        store = Store(place)
        store.follow_moved()
        assert picture(store, run)
    assert (results / "mlflow.db").read_bytes() == before


def test_a_moved_record_that_is_locked_is_one_line(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_with_a_picture(results)
    place = tmp_path / "moved"
    results.rename(place)
    moved = Store(place)
    (found,) = moved.experiments()
    monkeypatch.setattr("benchmarks.record.moved.WAIT", 0)
    with closing(sqlite3.connect(place / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"mlflow\.db: was moved, and .* \(database is locked\): end what else"):
            moved._follow(found, "toy")
    moved.follow_moved()
    assert moved.experiments()[0].artifact_location == (place / "mlartifacts" / "toy").as_uri()


def test_files_that_lie_elsewhere_stay_there(results: Path, tmp_path: Path) -> None:
    store = Store(results)
    elsewhere = (tmp_path / "elsewhere" / "mlartifacts" / "other").as_uri()
    store._client.create_experiment("mine", elsewhere)
    store._client.create_experiment("cloud", "s3://bucket/mlartifacts/cloud")
    store.follow_moved()
    found = {each.name: each.artifact_location for each in store.experiments()}
    assert found == {"mine": elsewhere, "cloud": "s3://bucket/mlartifacts/cloud"}


def test_mlflows_server_shows_the_pictures_of_a_moved_record(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = record_with_a_picture(results)
    place = tmp_path / STRANGE / "results"
    place.parent.mkdir()
    results.rename(place)
    moved = Store(place)
    moved.follow_moved()
    monkeypatch.setattr("mlflow.server.handlers._get_tracking_store", lambda: moved._client._tracking_client.store)
    client = app.test_client()
    listed = client.get("/ajax-api/2.0/mlflow/artifacts/list", query_string={"run_id": run, "path": "images"})
    (path,) = [file["path"] for file in listed.get_json()["files"] if file["path"].endswith(".png")]
    answer = client.get("/get-artifact", query_string={"run_uuid": run, "path": path})
    assert (answer.status_code, answer.data[:4]) == (200, b"\x89PNG")
