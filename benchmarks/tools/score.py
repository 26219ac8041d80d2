"""Scores of images that came from anywhere, by the very protocol that sweeps are scored by.

Images are a folder of pictures, an array in an .npy or .npz file, or what a generator of ours makes: its weights with
the spec of its run. Such a generator is scored as its run was at its end, on the same latents, so its recorded scores
come out again.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.record.environment import environment
from benchmarks.record.protocols import protocol_text
from benchmarks.suites.entries import own_entry
from benchmarks.sweep.context import extractor_cache
from gan_zoo.datasets import Dataset, Pictures, load_dataset, read_images
from gan_zoo.device import choose_devices, configure_process, device_name
from gan_zoo.errors import UserError, plural
from gan_zoo.files import read_json, shown
from gan_zoo.metrics import WEIGHTS_FILE, Evaluator, Metric, default_metrics, fetch_weights
from gan_zoo.rng import Rng
from gan_zoo.spec import DatasetSpec, RunSpec, run_spec
from gan_zoo.tensors import hash_tensors
from gan_zoo.validation import validated
from gan_zoo.weights_file import load_generator, make_samples

CHECK_VALUE, CHECK_SPREAD = 11.237, 0.095
"""Inception score of CIFAR-10's training split and its spread over the 10 parts (torch-fidelity's own check)."""
LARGEST_SPEC = 1_000_000  # bytes


@dataclass(frozen=True)
class Request:
    """The samples to score, and the metrics to score them by.

    None leaves the choice to the generator's spec, else to the images and the reference.
    `root` holds the data sets, `weights` is the file of Inception's weights where it is not kept there.
    """

    images: Path
    root: Path
    reference: str | None = None
    image_size: int | None = None
    metrics: tuple[str, ...] = ()
    samples: int | None = None
    seed: int | None = None
    spec: Path | None = None
    weights: Path | None = None
    device: str = "auto"
    threads: int = 1


def score(request: Request) -> dict[str, Any]:
    """The scores with all that they depend on, as plain data. Raises: UserError in one line for whatever is amiss."""
    for name, value in (("--samples", request.samples), ("--image-size", request.image_size)):
        if value is not None and value < 1:
            raise UserError(f"{name} {value}: expected a number > 0")
    request = replace(request, device=_configure(request.device, request.threads))
    spec = _read_spec(request) if request.images.suffix == ".safetensors" else None
    data = load_reference(request, spec)
    pictures, identity = generated(request, spec, data) if spec else found(request, data)
    images = pictures.pixels
    as_in_run = spec.evaluate.metrics if spec and spec.dataset.name == data.name else ()
    names = list(request.metrics or as_in_run) or default_metrics(data)
    evaluator = Evaluator(data, names, len(images), extractor_cache(request.root), request.device, request.weights)
    scores = evaluator(images.to(request.device))
    notes = [f"reference {data.name}: {note}" for note in data.notes]
    notes += [f"images {shown(request.images)}: {note}" for note in pictures.notes]
    return {
        "images": {"path": shown(request.images), "samples": len(images), **identity},
        "reference": {"name": data.name, "digest": data.fingerprint},
        "notes": notes,
        "scores": {name: described(evaluator.metrics[name], value) for name, value in scores.items()},
        "environment": environment(device_name(request.device)),
    }


def described(metric: Metric, value: float) -> dict[str, Any]:
    """A score in the terms of a report; None is a score that could not be had."""
    return {
        "value": value if math.isfinite(value) else None,
        "direction": metric.direction,
        "label": metric.label,
        "protocol": dict(metric.protocol),
    }


def _read_spec(request: Request) -> RunSpec:
    """The spec of the generator's run: as asked, or spec.json beside the weights or in the folder above."""
    folder = request.images.parent
    places = [request.spec] if request.spec else [folder / "spec.json", folder.parent / "spec.json"]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"{request.images}: needs the spec.json of its run beside it, or --spec FILE")
    content = read_json(path, LARGEST_SPEC)
    try:
        return run_spec(content)
    except UserError as failure:
        raise UserError(f"{shown(path)}: {failure}") from None


def load_reference(request: Request, spec: RunSpec | None) -> Dataset:
    """The data set to compare with: a registered name, data of one's own, or the generator's own data set."""
    name = request.reference or (spec.dataset.name if spec else None)
    if name is None:
        raise UserError("--reference: name a data set, or a folder or file of real images")
    wanted = validated(DatasetSpec, own_entry(name) or {"name": name})
    if spec and name == spec.dataset.name:
        wanted = spec.dataset
    if size := request.image_size or (spec.dataset.image_size if spec else None):
        wanted = replace(wanted, image_size=size)
    return load_dataset(wanted.name, root=request.root, **wanted.options)


def generated(request: Request, spec: RunSpec, data: Dataset) -> tuple[Pictures, dict[str, Any]]:
    """The generator's samples, and what tells them from others: the run, the evaluation seed."""
    net = load_generator(spec, data.shape, request.images, request.device)
    seed = spec.evaluate.seed if request.seed is None else request.seed
    samples = make_samples(net, spec, request.samples or spec.evaluate.samples, seed, request.device)
    return Pictures(samples), {"run": spec.key, "label": spec.label, "seed": seed}


def found(request: Request, data: Dataset) -> tuple[Pictures, dict[str, Any]]:
    """The images that are there, or `samples` of them drawn by the seed, and their hash."""
    if data.kind == "points":
        raise UserError(f"--reference {data.name}: is of points, not of images; give a generator's weights to score")
    if request.spec is not None:
        raise UserError(f"--spec: goes with the weights of a generator (.safetensors), not with {request.images}")
    pictures = read_images(request.images, data.shape)
    images = pictures.pixels
    wanted = request.samples or len(images)
    if wanted > len(images):
        raise UserError(f"--samples {wanted}: {shown(request.images)} holds {plural(len(images), 'image')}")
    if wanted < len(images):
        images = images[Rng(request.seed or 0, "score").permutation(len(images))[:wanted]]
    return Pictures(images, pictures.notes), {"sha256": hash_tensors({"images": images})}


def as_text(result: dict[str, Any]) -> str:
    """The scores as a table, then their protocols."""
    scores = result["scores"]
    width = max(map(len, scores))
    rows, protocols = [], []
    for name, each in scores.items():
        better = "less" if each["direction"] == "min" else "more"
        rows.append(f"{name:{width}}  {number(each['value']):>13}  {better} is better")
        protocols.append(f"{name}: {protocol_text(each['protocol'])}")
    head = f"{result['images']['path']}: {result['images']['samples']} samples against {result['reference']['name']}"
    return "\n".join([head, "", *rows, "", *protocols])


def number(value: float | None) -> str:
    return "not to be had" if value is None else f"{value:.6g}"


def fetch(root: Path, source: Path | None) -> str:
    """Inception's weights put in place; what is there then, in a line."""
    path = fetch_weights(extractor_cache(root), source)
    return f"{path}: the standard weights (SHA-256 verified)"


def check(root: Path, weights: Path | None, device: str, threads: int) -> tuple[str, bool]:
    """Our Inception score of CIFAR-10's training split beside the published one, and whether they agree.

    Raises: UserError that names what of weights and data is not at hand; nothing is downloaded.
    """
    path = weights or extractor_cache(root) / WEIGHTS_FILE
    missing = [] if path.is_file() else [f"Inception's weights {path} (put there by gan-zoo fetch-weights)"]
    data = None
    try:
        data = load_dataset("cifar10", root=root, download=False)
    except UserError as failure:
        missing.append(str(failure))
    if missing or data is None or data.kind == "points":
        raise UserError(f"check-metrics cannot run; missing: {'; '.join(missing)}")
    device = _configure(device, threads)
    evaluator = Evaluator(data, ["is_inception"], len(data.train), extractor_cache(root), device, weights)
    (value,) = evaluator(data.train).values()
    line = f"Inception score of CIFAR-10's training split: {value:.5g} here, {CHECK_VALUE} ± {CHECK_SPREAD} published"
    return line, abs(value - CHECK_VALUE) <= CHECK_SPREAD


def _configure(device: str, threads: int) -> str:
    """The one device to compute on, with this process set up for it."""
    if threads < 1:
        raise UserError(f"--threads {threads}: expected a number > 0")
    (device, *_) = choose_devices(device, 1)
    configure_process(device, threads)
    return device
