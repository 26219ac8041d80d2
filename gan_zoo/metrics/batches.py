"""How far batches that no generator made are from a batch of real images, in exact W1 on pixels (Stanczuk et al. 2021,
arXiv 2103.01678).

    w1_another_batch_n   n other real images
    w1_centres_n         the n centres that k-means finds among the images of neither batch: blurred images
    w1_mean_image_n      n times the mean of these images

Images are vectors with values in [-1, 1], and the ground distance is Euclidean. K-means is Lloyd's algorithm for ROUNDS
rounds, from n of its images.
"""

import torch
from torch import Tensor

from gan_zoo.errors import UserError
from gan_zoo.metrics.data import ImageData
from gan_zoo.metrics.transport import emd
from gan_zoo.rng import Rng

ROUNDS = 10
PROTOCOL = f"exact W1 on pixels in [-1, 1]; k-means of {ROUNDS} rounds on the images of neither batch"
LABELS = {"another_batch": "another batch", "centres": "centres of clusters", "mean_image": "the mean image"}


def labels(n: int) -> dict[str, str]:
    """The names of what is measured at batches of `n` images, and what reports call it."""
    return {f"w1_{name}_{n}": f"W1 of {n} images to {label}" for name, label in LABELS.items()}


def distances(data: ImageData, n: int, rng: Rng) -> dict[str, float]:
    """W1 from a batch of `n` images to each of the others, by name. The images of both splits are dealt out by `rng`.

    Raises: UserError where there are fewer than three batches.
    """
    images = torch.cat([data.train, data.test]).cpu().flatten(1).float() / 127.5 - 1
    if len(images) < 3 * n:
        most = len(images) // 3
        raise UserError(
            f"{data.name}: its {len(images)} images are fewer than three batches of {n}: give at most {most}"
        )
    order = rng.permutation(len(images))
    return between(images[order[:n]], images[order[n : 2 * n]], images[order[2 * n :]])


def between(batch: Tensor, another: Tensor, rest: Tensor) -> dict[str, float]:
    """The same of a batch and another, both (n, D), where the rest, (m, D) with m at least n, is in random order."""
    n = len(batch)
    others = another, centres(rest, n), rest.double().mean(0).expand(batch.shape)
    return dict(zip(labels(n), (emd(batch, other) for other in others), strict=True))


def centres(x: Tensor, k: int) -> Tensor:
    """The centres (k, D) of k clusters of points x (N, D), from the first k of them."""
    from sklearn.cluster import KMeans

    points = x.cpu().numpy()
    found = KMeans(k, init=points[:k], n_init=1, max_iter=ROUNDS, tol=0).fit(points)
    return torch.from_numpy(found.cluster_centers_)
