"""The scores, and what they are made of, on fixed samples."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from gan_zoo.datasets import load_dataset
from gan_zoo.fingerprints.hashing import fingerprint, numbers
from gan_zoo.metrics import Evaluator, metric_names
from gan_zoo.metrics.frechet import fit, frechet_distance
from gan_zoo.metrics.transport import emd
from gan_zoo.numerics.process import one_thread

SAMPLES = 600


def scored(dataset: str) -> str:
    """All scores of noise on a data set, beside Inception's."""
    with TemporaryDirectory() as cache:
        data = load_dataset(dataset, root=Path(cache))
        names = [name for name in metric_names(data) if not name.endswith("inception")]
        evaluator = Evaluator(data, names, SAMPLES, Path(cache), "cpu")
        values = evaluator((numbers(SAMPLES, *data.shape) / 2).clamp(-1, 1))
    return fingerprint([torch.tensor(list(values.values()), dtype=torch.float64)])


def frechet(n: int) -> str:
    """The distance of `n` features from a Gaussian fitted to 400."""
    reference = fit(numbers(400, 128).abs())
    distance = frechet_distance(numbers(n, 128, key="y").abs(), reference)
    return fingerprint([reference.mean, reference.factor, torch.tensor(distance, dtype=torch.float64)])


@one_thread()
def _linear_algebra(decompose: Callable[[Tensor], Tensor]) -> str:
    x = numbers(200, 128).double()
    return fingerprint([decompose(x.T @ x)])


def transport() -> str:
    return fingerprint([torch.tensor(emd(numbers(300, 2), numbers(300, 2, key="y")), dtype=torch.float64)])


def stream(dataset: str) -> str:
    """Samples drawn of a data set for training."""
    with TemporaryDirectory() as root:
        return fingerprint([load_dataset(dataset, root=Path(root)).stream(0, 0, 1000)])


SCORES: dict[str, Callable[[], str]] = {
    **{f"data {name}": partial(stream, name) for name in ("8gaussians", "25gaussians", "swissroll", "digits")},
    **{f"scores {name}": partial(scored, name) for name in ("8gaussians", "25gaussians", "swissroll", "digits")},
    "Fréchet distance of many": partial(frechet, 300),
    "Fréchet distance of few": partial(frechet, 50),
    "eigenvalues": partial(_linear_algebra, torch.linalg.eigvalsh),
    "singular values": partial(_linear_algebra, torch.linalg.svdvals),
    "earth mover's distance": transport,
}
