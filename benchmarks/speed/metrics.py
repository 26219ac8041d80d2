"""The metrics' cost against torch-fidelity and pytorch-fid, on the same images and the same random Inception weights.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.metrics --images 200

pytorch-fid takes part where it is installed. `first`: nothing is cached; `again`: what is known of the real images is,
as in every evaluation of a run but its first. Random weights cost what trained ones do, and all three programs read
the same file: ours and torch-fidelity's scores agree, while pytorch-fid resizes otherwise. Our images come from memory,
as a generator gives them; so do torch-fidelity's; pytorch-fid reads files. Seconds are those of the CPU, on one thread.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.environment import environment
from gan_zoo.datasets import Images
from gan_zoo.device import device_name
from gan_zoo.metrics import Evaluator
from gan_zoo.metrics.features import to_uint8
from gan_zoo.rng import Rng

MEASURES = ("is", "fid", "kid", "precision", "recall")
Scores = dict[str, float]


class Pictures(Dataset[Tensor]):
    """uint8 images (N, 3, H, W) one by one, as torch-fidelity asks for them."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def pictures(n: int, key: str) -> Tensor:
    """Smooth random images, uint8 (n, 3, 32, 32)."""
    coarse = Rng(0, "pictures", key).uniform(n, 3, 4, 4)
    return to_uint8(2 * nn.functional.interpolate(coarse, size=32, mode="bicubic", align_corners=False) - 1)


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


def timed(function: Callable[[], Scores]) -> tuple[float, Scores]:
    started = time.process_time()
    scores = function()
    return time.process_time() - started, scores


def ours(real: Tensor, fake: Tensor, weights: Path, folder: Path, measures: tuple[str, ...]) -> list[Any]:
    data = Images.of("real", real, real[:2])
    names = [f"{measure}_inception" for measure in measures]

    def first() -> Scores:
        return Evaluator(data, names, len(fake), folder / "ours", "cpu", weights)(fake)

    evaluator = Evaluator(data, names, len(fake), folder / "prepared", "cpu", weights)
    return [timed(first), timed(lambda: evaluator(fake))]


def torch_fidelitys(real: Tensor, fake: Tensor, weights: Path, folder: Path) -> list[Any]:
    from torch_fidelity import calculate_metrics

    def call() -> Scores:
        found: Scores = calculate_metrics(
            input1=Pictures(fake),
            input2=Pictures(real),
            input2_cache_name="real",
            cache_root=str(folder / "torch-fidelity"),
            feature_extractor="inception-v3-compat",
            feature_extractor_weights_path=str(weights),
            isc=True,
            fid=True,
            kid=True,
            kid_subset_size=min(1000, len(fake)),
            prc=True,
            batch_size=50,
            cuda=False,
            save_cpu_ram=True,
            verbose=False,
        )
        return found

    return [timed(call), timed(call)]


def pytorch_fids(real: Tensor, fake: Tensor, weights: Path, folder: Path) -> list[Any]:
    from PIL import Image
    from pytorch_fid import fid_score, inception

    places = {"real": real, "fake": fake}
    for name, images in places.items():
        (folder / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / name / f"{i:06}.png")
    known = folder / "real.npz"

    def call(reference: Path) -> Scores:
        paths = [str(reference), str(folder / "fake")]
        return {"fid": fid_score.calculate_fid_given_paths(paths, 50, "cpu", 2048, num_workers=0)}

    state = torch.load(weights, weights_only=True)
    with patch.object(inception, "load_state_dict_from_url", lambda *_, **__: state):
        first = timed(lambda: call(folder / "real"))
        fid_score.save_fid_stats([str(folder / "real"), str(known)], 50, "cpu", 2048, num_workers=0)
        return [first, timed(lambda: call(known))]


def measure(n: int) -> dict[str, list[Any]]:
    """Seconds and scores, first and again, of each program on `n` real and `n` generated images."""
    real, fake = pictures(n, "real"), pictures(n, "fake") // 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "random.pth"
        random_weights(weights)
        ours(real[:4], fake[:10], weights, folder / "warm", ("is",))
        rows = {"gan-zoo: IS, FID, KID, precision, recall": ours(real, fake, weights, folder / "all", MEASURES)}
        rows["torch-fidelity: the same"] = torch_fidelitys(real, fake, weights, folder)
        rows["gan-zoo: FID"] = ours(real, fake, weights, folder / "fid", ("fid",))
        try:
            rows["pytorch-fid: FID"] = pytorch_fids(real, fake, weights, folder)
        except ImportError:
            print("pytorch-fid is not installed and takes no part: pip install pytorch-fid", file=sys.stderr)
    return rows


def table(rows: dict[str, list[Any]], n: int) -> str:
    """Seconds first and again, what ours is ahead by, and the FID that each found."""
    names = list(rows)
    lines = ["| program | first, CPU s | again, CPU s | images/CPU s again | ours is faster, first | again | FID |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for i, name in enumerate(names):
        (first, scores), (again, _) = rows[name]
        mine = rows[names[i - i % 2]]
        factors = "| " if i % 2 == 0 else f"{first / mine[0][0]:.2f}x | {again / mine[1][0]:.2f}x"
        fid = next(value for key, value in scores.items() if "fid" in key or "frechet" in key)
        lines.append(f"| {name} | {first:.1f} | {again:.1f} | {n / again:.1f} | {factors} | {fid:.6g} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.metrics", description=__doc__)
    parser.add_argument(
        "--images", type=int, default=200, metavar="N", help="real and generated (default: %(default)s)"
    )
    parser.add_argument("--results", type=Path, default=Path("results/speed"), metavar="DIR")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(options.images)
    made = {"images": options.images, **environment(device_name("cpu"))}
    options.results.mkdir(parents=True, exist_ok=True)
    content = {"made": made, "rows": rows}
    (options.results / "metrics.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(table(rows, options.images))


if __name__ == "__main__":
    main()
