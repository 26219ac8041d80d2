"""The script for a GPU: whatever becomes of one step, the others are taken and what they wrote comes home."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.speed import gpu_images
from benchmarks.suites.suite import load_suite
from gan_zoo.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
STEPS = ["machine", "tests", "table", "quickstart", "images read", "images paced", "images"]
STAND_IN = """\
#!/bin/sh
case "$*" in
    *"-m pytest"*) echo "one failed"; exit 1 ;;
    *speed.gpu\\ *) echo "measured" >"$3/gpu.md"; exit 124 ;;
    *"run quickstart"*) mkdir -p "$6/quickstart/export" "$6/quickstart/runs" && echo a >"$6/quickstart/export/a" ;;
    *gpu_images\\ suite*) echo "no space | left"; exit 2 ;;
esac
"""
"""In the place of python3: a step that fails, one that is cut off, one that ends well, one that is refused."""


def run_script(out: Path, **variables: str) -> list[list[str]]:
    """The rows of the summary: step, how it ended, seconds."""
    told = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "WHEELS", "IMAGES")}
    script = str(ROOT / "benchmarks" / "speed" / "gpu.sh")
    subprocess.run(["sh", script, str(out)], env={**told, "PRETEND": "1", **variables}, capture_output=True, check=True)
    lines = (out / "summary.md").read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][2:]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes of a few images of noise."""
    folder, draws = tmp_path / "images", np.random.default_rng(0)
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (folder / place).mkdir(parents=True)
        for i in range(55):
            pixels = draws.integers(256, size=(32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / place / f"{i:02}.png")
    return folder


def test_each_step_ends_for_itself(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text(STAND_IN)
    (tmp_path / "python3").chmod(0o755)
    out = tmp_path / "out"
    rows = run_script(out, PYTHON=str(tmp_path / "python3"), IMAGES="images")
    endings = {step: ended for step, ended, _ in rows}
    assert list(endings) == STEPS[:-1]
    assert endings["machine"] == endings["quickstart"] == "well"
    assert endings["tests"] == "exit code 1: one failed"
    assert endings["table"] == "cut off after 750 s"
    assert endings["images paced"] == "exit code 2: no space   left"
    assert sorted(path.name for path in out.iterdir()) == ["gpu.md", "log.txt", "quickstart.tar.gz", "summary.md"]
    with tarfile.open(out / "quickstart.tar.gz") as content:
        assert sorted(content.getnames()) == [".", "./export", "./export/a"]


def test_without_images_the_rest_is_measured(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\n")
    (tmp_path / "python3").chmod(0o755)
    rows = run_script(tmp_path / "out", PYTHON=str(tmp_path / "python3"))
    assert [step for step, _, _ in rows] == [*STEPS[:4], "images"]
    assert rows[-1][1] == "not run: IMAGES names no archive"


def test_how_busy_the_card_was_is_read_between_its_first_and_last_kernel(tmp_path: Path) -> None:
    out, samples = tmp_path / "out", "\\n".join(f"10:00, {share}, 500" for share in (0, 80, 0, 100, 0, 0))
    waiting = 'case "$*" in *"run quickstart"*) until [ -s "$OUT/busy.csv" ]; do sleep 0.02; done ;; esac'
    for name, script in (("python3", waiting), ("nvidia-smi", f"printf '{samples}\\n'; exec sleep 60")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    run_script(out, PRETEND="", PATH=path, OUT=str(out))
    assert "the card was busy for 60 % of the time" in (out / "summary.md").read_text(encoding="utf-8")


@pytest.mark.faults
def test_all_of_it_runs_on_a_cpu(tmp_path: Path, images: Path) -> None:
    rows = run_script(tmp_path / "out", PYTHON=sys.executable, IMAGES=str(images))
    assert [(step, ended) for step, ended, _ in rows] == [(step, "well") for step in STEPS]
    kept = {"gpu.json", "gpu.md", "images.tar.gz", "log.txt", "quickstart.tar.gz", "summary.md"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == kept
    assert max(path.stat().st_size for path in (tmp_path / "out").iterdir()) < 16 * 2**20


def test_the_images_suite_has_the_steps_that_fit(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="holds no images"):
        gpu_images.write_suite(tmp_path, "cpu", gpu_images.PRETENDED)
    monkeypatch.setattr(gpu_images, "classifier_of", lambda data, cache: None)
    gpu_images.read(images, tmp_path)
    for pace, steps in ((0.5, 160), (0.001, 20_000), (1e9, 1)):
        monkeypatch.setattr(gpu_images, "pace", lambda *_, pace=pace: pace)
        suite = load_suite(str(gpu_images.write_suite(tmp_path, "cpu", gpu_images.CARD)))
        assert {spec.train.steps for spec in suite.cells} == {steps}
    assert len(suite.cells) == 6 * 3


def test_an_archive_of_images_is_unpacked(tmp_path: Path, images: Path) -> None:
    with tarfile.open(tmp_path / "cifar10-jpeg.tar.xz", "w:xz") as archive:
        archive.add(images / "test", "cifar10-jpeg/test")
    folder = gpu_images.unpack(tmp_path / "cifar10-jpeg.tar.xz", tmp_path / "work")
    assert len(list(folder.glob("test/*/*.png"))) == 110
    with pytest.raises(UserError, match="no archive of images"):
        gpu_images.unpack(tmp_path / "gone.tar", tmp_path)
