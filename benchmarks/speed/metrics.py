"""The metrics' cost against torch-fidelity and pytorch-fid, on the same images and the same random Inception weights.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.metrics --reference mnist --images 1000

Scores a data set's held-out images against its training images, as many of each, and writes metrics.json and
metrics.md; what is measured stands there at once, should the run be broken off. Random weights cost what trained ones
do. Our images come from memory, as a generator gives them, and so do torch-fidelity's. pytorch-fid takes part where it
is installed; it reads files, computes FID alone, and resizes by another filter, so that its FID is another number.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.markup.markdown import table
from benchmarks.record.environment import data_folder, environment
from gan_zoo.datasets import DATASETS, Images, Points, load_dataset
from gan_zoo.device import device_name
from gan_zoo.errors import UserError, ends_program
from gan_zoo.metrics import Evaluator
from gan_zoo.rng import Rng

THEIR_NAMES = {
    "is": "inception_score_mean",
    "fid": "frechet_inception_distance",
    "kid": "kernel_inception_distance_mean",
    "precision": "precision",
    "recall": "recall",
}
BATCH = 50


@dataclass(frozen=True)
class Timing:
    """CPU seconds of one program: with nothing known, and with what is known of the real images at hand."""

    program: str
    scores: dict[str, float]
    first: float
    again: float

    @property
    def task(self) -> str:
        return ", ".join(name.upper() if len(name) < 4 else name for name in self.scores)


class Pictures(Dataset[Tensor]):
    """uint8 images (N, 3, H, W) one by one, as torch-fidelity asks for them."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def random_weights(path: Path) -> None:
    """A file of Inception weights drawn at random, which all three programs can read."""
    from torch_fidelity import FeatureExtractorInceptionV3

    with patch.object(FeatureExtractorInceptionV3, "load_state_dict"):
        torch.save({}, path)
        net = FeatureExtractorInceptionV3("random", ["2048"], feature_extractor_weights_path=str(path))
    state = net.state_dict()
    for name, tensor in state.items():
        rng = Rng(0, "inception", name)
        if tensor.dim() > 1:
            tensor.copy_(rng.normal(*tensor.shape) * math.sqrt(2 / tensor[0].numel()))
        elif name.endswith(("running_var", "bn.weight")):
            tensor.copy_(0.5 + rng.uniform(*tensor.shape))
        elif tensor.is_floating_point():
            tensor.copy_(0.1 * rng.normal(*tensor.shape))
    torch.save(state, path)


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gives."""
    started = time.process_time()
    result = function()
    return time.process_time() - started, result


def ours(data: Images, weights: Path, folder: Path) -> Timing:
    names = [f"{measure}_inception" for measure in THEIR_NAMES]
    known, evaluator = seconds(lambda: Evaluator(data, names, len(data.test), folder, "cpu", weights))
    again, scores = seconds(lambda: evaluator(data.test))
    return Timing("gan-zoo", dict(zip(THEIR_NAMES, scores.values(), strict=True)), known + again, again)


def _torch_fidelitys(data: Images, weights: Path, folder: Path) -> Timing:
    from torch_fidelity import calculate_metrics

    real, fake = (Pictures(images.expand(-1, 3, -1, -1)) for images in (data.train, data.test))

    def call() -> dict[str, float]:
        found: dict[str, float] = calculate_metrics(
            input1=fake,
            input2=real,
            input2_cache_name="real",
            cache_root=str(folder),
            feature_extractor="inception-v3-compat",
            feature_extractor_weights_path=str(weights),
            isc=True,
            fid=True,
            kid=True,
            kid_subset_size=min(1000, len(fake)),
            prc=True,
            batch_size=BATCH,
            cuda=False,
            save_cpu_ram=True,
            verbose=False,
        )
        return found

    first, _ = seconds(call)
    again, found = seconds(call)
    return Timing("torch-fidelity", {name: found[theirs] for name, theirs in THEIR_NAMES.items()}, first, again)


def _pytorch_fids(data: Images, weights: Path, folder: Path) -> Timing:
    from PIL import Image
    from pytorch_fid import fid_score, inception

    for name, images in (("real", data.train), ("fake", data.test)):
        (folder / name).mkdir(parents=True)
        for i, image in enumerate(images.expand(-1, 3, -1, -1)):
            Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(folder / name / f"{i:06}.png")
    real, fake, known = (str(folder / name) for name in ("real", "fake", "real.npz"))
    how = {"batch_size": BATCH, "device": "cpu", "dims": 2048, "num_workers": 0}
    state = torch.load(weights, weights_only=True)
    with patch.object(inception, "load_state_dict_from_url", lambda *_, **__: state):
        reference, _ = seconds(lambda: fid_score.save_fid_stats([real, known], **how))
        again, fid = seconds(lambda: fid_score.calculate_fid_given_paths([known, fake], **how))
    return Timing("pytorch-fid", {"fid": fid}, reference + again, again)


def timings(data: Images, folder: Path) -> Iterator[Timing]:
    """Each program on the same images."""
    weights = folder / "random.pth"
    random_weights(weights)
    ours(Images.of("warm", data.train[:10], data.test[:10]), weights, folder / "warm")
    yield ours(data, weights, folder / "gan-zoo")
    yield _torch_fidelitys(data, weights, folder / "torch-fidelity")
    try:
        yield _pytorch_fids(data, weights, folder / "pytorch-fid")
    except ImportError:
        print("pytorch-fid is not installed and takes no part: pip install pytorch-fid", file=sys.stderr)


def write(folder: Path, made: dict[str, str | int | bool], found: Sequence[Timing]) -> None:
    """Both files of what is measured so far."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"made": made, "timings": [asdict(timing) for timing in found]}
    (folder / "metrics.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "metrics.md").write_text(markdown(made, found), encoding="utf-8")


def markdown(made: dict[str, str | int | bool], found: Sequence[Timing]) -> str:
    """The table with what it was measured on."""
    n, mine = int(made["images"]), found[0]
    heads = (
        *("program", "scores", "first, CPU s", "again, CPU s", "images/s again"),
        *("times gan-zoo's seconds, first", "again"),
    )
    rows = [
        (
            each.program,
            each.task,
            f"{each.first:.1f}",
            f"{each.again:.1f}",
            f"{n / each.again:.1f}",
            f"{each.first / mine.first:.2f}",
            f"{each.again / mine.again:.2f}",
        )
        for each in found
    ]
    lines = [
        "# Cost of the metrics\n",
        f"Made by `{made['command']}`: {n} held-out images of {made['reference']} against {n} training images, "
        "Inception with random weights, seconds of the CPU on one thread. First: nothing is known. Again: the real "
        "images' statistics or features are, as in every evaluation of a run but its first.\n",
        "; ".join(f"{key}: {value}" for key, value in made.items() if key not in ("images", "command")) + ".\n",
        table(heads, rows, numeric=range(2, len(heads))),
    ]
    if len(found) > 1:
        both = "; ".join(f"{name} {mine.scores[name]:.7g} and {found[1].scores[name]:.7g}" for name in THEIR_NAMES)
        lines.append(f"\nThe scores of gan-zoo and torch-fidelity: {both}.")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.metrics", description=__doc__.split("\n")[0])
    images = [name for name, entry in DATASETS.items() if not isinstance(entry, Points)]
    parser.add_argument("--reference", choices=images, default="mnist", help="(default: %(default)s)")
    parser.add_argument("--images", type=int, default=1000, metavar="N", help="of each split (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=Path("results/speed"), metavar="DIR")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load_dataset(options.reference, root=data_folder())
    if not isinstance(data, Images):
        raise UserError(f"--reference {options.reference}: has points, not images")
    data = Images.of(data.name, data.train[: options.images], data.test[: options.images])
    made = {
        "command": f"OMP_NUM_THREADS=1 python -m benchmarks.speed.metrics {' '.join(sys.argv[1:])}",
        "reference": data.name,
        "images": len(data.test),
        **environment(device_name("cpu")),
    }
    found: list[Timing] = []
    with tempfile.TemporaryDirectory() as name:
        for timing in timings(data, Path(name)):
            found.append(timing)
            write(options.results, made, found)
    print((options.results / "metrics.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    with ends_program("metrics"):
        main()
