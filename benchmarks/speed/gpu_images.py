"""Six losses on real images, with as many steps as fit into the time at hand: what `gpu.sh` trains after its table.

`... gpu_images prepare ARCHIVE WORK` unpacks the JPEG copy of CIFAR-10, reads it and trains its classifier, all on one
CPU core; `... gpu_images suite WORK` then writes WORK/cifar10-jpeg.yaml, the suite that `gan-zoo run` takes.
"""

import argparse
import json
import sys
import tarfile
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.suites.suite import Suite, load_suite
from benchmarks.sweep.context import extractor_cache
from gan_zoo.datasets import Images, load_dataset
from gan_zoo.device import configure_process
from gan_zoo.engine import choose_for_stack, structure
from gan_zoo.errors import UserError, ends_program
from gan_zoo.metrics.classifier import classifier_of
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import advance_stack, initial_state, prepare, train_stack

NAME = "cifar10-jpeg"
"""Never `cifar10`: the images went through JPEG, and their scores compare with no published ones."""
SUITE = """\
name: cifar10-jpeg
description: Six losses on a JPEG copy of CIFAR-10 with DCGANs of 32 pixels, three seeds stacked on a GPU.
losses: [{losses}]
datasets: [{{name: cifar10-jpeg, folder: {folder}}}]
seeds: 3
architecture: {{name: dcgan, z_dim: 128, dim: {dim}, generator_norm: batch}}
train:
  steps: {steps}
  batch_size: 64
  n_critic: 1
  lr_decay: linear
  optimizer: {{name: adam, lr: 2e-4, betas: [0.5, 0.9]}}
evaluate: {{every: {every}, samples: {samples}, metrics: [fid_cifar10-jpeg, kid_cifar10-jpeg]}}
overrides:
  wgan-gp: {{train: {{n_critic: 5}}}}
report: {{baseline: wgan-gp}}
"""
EVALUATIONS = 4
MEASURED = 16
"""Iterations of each stack that show its pace, after as many to warm up."""


def unpack(archive: Path, work: Path) -> Path:
    """The folder of images that an archive holds, or that `archive` is. Raises: UserError where it is neither."""
    if archive.is_dir():
        return archive
    try:
        with tarfile.open(archive) as content:
            content.extractall(work, filter="data")
    except (OSError, tarfile.TarError) as failure:
        raise UserError(f"{archive}: no archive of images ({failure}); give {NAME}.tar.xz or a folder") from None
    return work / NAME


def read(archive: Path, work: Path) -> None:
    """Puts images, their decoded copy and their classifier where the suite and its sweep look for them."""
    folder = unpack(archive, work)
    data = load_dataset(NAME, root=work / "data", folder=folder)
    assert isinstance(data, Images)
    classifier_of(data, extractor_cache(work / "data"))
    (work / "folder").write_text(str(folder.resolve()), encoding="utf-8")


@dataclass(frozen=True)
class Size:
    """How large the suite is, but for its steps."""

    seconds: float
    """of training in all, each loss in turn"""
    most_steps: int
    losses: tuple[str, ...]
    dim: int
    samples: int


CARD = Size(80.0, 20_000, ("non-saturating", "lsgan", "hinge", "sngan", "wgan-gp", "r3gan"), 64, 10_000)
PRETENDED = Size(1.0, 4, ("hinge", "wgan-gp"), 1, 100)
"""On a CPU, to go through all of it."""


def write_suite(work: Path, device: str, size: Size) -> Path:
    """The suite with as many steps for each loss as all of its training does in the seconds of `size` on `device`.

    Raises: UserError where `read` did not come to its end.
    """
    place, path = work / "folder", work / f"{NAME}.yaml"
    if not place.exists():
        raise UserError(f"{work}: holds no images: `gpu_images prepare` has not come to its end")
    folder = json.dumps(place.read_text(encoding="utf-8"))
    about = {"folder": folder, "losses": ", ".join(size.losses), "dim": size.dim, "samples": size.samples}
    most = size.most_steps
    path.write_text(SUITE.format(steps=most, every=most, **about), encoding="utf-8")
    steps = max(1, min(most, int(size.seconds / pace(load_suite(str(path)), work / "data", device))))
    path.write_text(SUITE.format(steps=steps, every=-(-steps // EVALUATIONS), **about), encoding="utf-8")
    return path


def pace(suite: Suite, root: Path, device: str) -> float:
    """Seconds that one step of every cell takes, the seeds of a loss as one stack and the losses in turn."""
    configure_process(device, threads=1)
    spec, groups = suite.cells[0], dict[Hashable, list[RunSpec]]()
    for each in suite.cells:
        groups.setdefault(structure(each), []).append(each)
    data = load_dataset(NAME, root=root, folder=Path(str(spec.dataset.folder))).to(device)
    steps, total = min(MEASURED, spec.train.steps // 2), 0.0
    for group in groups.values():
        runs = [prepare(each, data, device) for each in group]
        iterations = train_stack(runs, [initial_state(run) for run in runs], choose_for_stack(runs[0].device))
        advance_stack(iterations, steps)
        began = time.perf_counter()
        advance_stack(iterations, steps)
        total += (time.perf_counter() - began) / steps
    return total


def main(words: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.gpu_images", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    prepared = commands.add_parser("prepare")
    prepared.add_argument("archive", type=Path)
    prepared.add_argument("work", type=Path)
    suite = commands.add_parser("suite")
    suite.add_argument("work", type=Path)
    suite.add_argument("--pretend", action="store_true", help="on a CPU, with tiny sizes")
    options = parser.parse_args(words)
    if options.command == "prepare":
        read(options.archive, options.work)
    else:
        where = ("cpu", PRETENDED) if options.pretend else ("cuda", CARD)
        print(write_suite(options.work, *where))


if __name__ == "__main__":
    with ends_program("gpu_images"):
        main(sys.argv[1:])
