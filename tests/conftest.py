"""Settings that must stand before torch, MLflow or matplotlib are imported, and a record to write to."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.update(
    OMP_NUM_THREADS="1",
    MPLBACKEND="Agg",
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="false",
    MLFLOW_LOGGING_LEVEL="WARNING",
)
os.environ.pop("MLFLOW_TRACKING_URI", None)

import pytest

import gan_zoo  # before any test: it settles what numpy and torch read when they are imported

assert gan_zoo.__doc__

if TYPE_CHECKING:
    from browser import Page

    from gan_zoo.datasets import Images


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database, migrated once: copying it takes a fiftieth of the time of making another."""
    from benchmarks.record.store import Store

    folder = tmp_path_factory.mktemp("migrated")
    assert Store(folder)._client.search_runs(["0"]) == []
    return folder / "mlflow.db"


@pytest.fixture
def results(tmp_path: Path, migrated_database: Path) -> Path:
    """A results folder with an empty record in it."""
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(migrated_database, folder / "mlflow.db")
    return folder


@pytest.fixture(scope="session")
def tab() -> Iterator["Page"]:
    """A browser with one tab, for all pages."""
    from browser import browser, chromium

    with browser(str(chromium())) as opened:
        yield opened


@pytest.fixture
def shown(tab: "Page", file: Path) -> "Page":
    """The tab with a module's page, its `file`, as at the first look."""
    tab.look()
    tab.open(file)
    return tab


@pytest.fixture
def saves_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every window of steps."""
    from benchmarks.sweep import stack

    monkeypatch.setattr(stack, "SAVE_SECONDS", 0)
    monkeypatch.setattr(stack, "SAVE_SHARE", 1e9)


@pytest.fixture(scope="session")
def digits() -> "Images":
    """The 1,797 digits that scikit-learn brings."""
    from gan_zoo.datasets import Images, load_dataset

    dataset = load_dataset("digits", root=Path())
    assert isinstance(dataset, Images)
    return dataset


@pytest.fixture
def small(digits: "Images") -> "Images":
    """So few of the digits that training a classifier takes a moment."""
    assert digits.train_labels is not None
    return digits.of("small", digits.train[:64], digits.test, digits.train_labels[:64], digits.test_labels)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classifiers are trained for a moment."""
    from gan_zoo.metrics import training

    monkeypatch.setattr(training, "IMAGES_SHOWN", 640)
    monkeypatch.setattr(training, "LEAST_EPOCHS", 1)
