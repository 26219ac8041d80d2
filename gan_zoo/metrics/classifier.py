"""Our own feature extractor: a small classifier of the data set, trained on its training split.

Convolution 3x3, ReLU and 2x2 max pooling, again and again while a side has 8 pixels or more (32, 64, 128, 128, ...
channels), then a hidden layer of 128 units, whose activations are the features, and one logit per class. It is
trained by Adam (Kingma & Ba 2015) on the cross entropy, with a step size that rises and falls linearly. Weights and
order are keyed and one CPU thread does all the work, so that one machine always makes the same net; another kind of
processor may round otherwise, which the hash of the weights in the metric's protocol tells.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan_zoo.errors import UserError
from gan_zoo.files import hash_tensors, read_tensors, write_tensors
from gan_zoo.metrics.data import ImageData
from gan_zoo.metrics.features import Extractor
from gan_zoo.rng import Rng

VERSION = 1
FEATURES = 128
BATCH = 64
IMAGES_SHOWN = 30_000
LEAST_EPOCHS = 2
STEP_SIZE = 3e-3
WARM_UP = 0.2
KID_SUBSETS = 5


class Classifier(nn.Module):
    """uint8 images (n, C, H, W) -> features (n, 128) and logits (n, classes)."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        stages: list[nn.Module] = []
        while min(height, width) >= 8:
            wider = min(32 * 2 ** (len(stages) // 3), 128)
            stages += [nn.Conv2d(channels, wider, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            channels, height, width = wider, height // 2, width // 2
        hidden = nn.Linear(channels * height * width, FEATURES)
        self.body = nn.Sequential(*stages, nn.Flatten(), hidden, nn.ReLU())
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images.float() / 127.5 - 1)
        return features, self.head(features)


def classifier_extractor(data: ImageData, cache: Path) -> Extractor:
    """The classifier of a data set: from `cache` if it is there and whole, else trained and put there.

    Raises:
        UserError: the data set has no labels.
    """
    if data.classes is None:
        raise UserError(
            f"data set '{data.name}' has no labels to train a classifier on: sort its images into class folders, "
            "or use the metrics of the 'inception' extractor"
        )
    path = cache / "classifiers" / f"{data.name}-v{VERSION}-{data.fingerprint[:16]}.safetensors"
    about = f"classifier v{VERSION} {data.fingerprint}"
    net = _skeleton(data)
    kept = read_tensors(path, about)
    if kept is not None:
        weights, card = kept
        net.load_state_dict(weights)
    else:
        train(net, data)
        card = {"weights": hash_tensors(net.state_dict()), "test_accuracy": accuracy(net, data)}
        write_tensors(path, about, net.state_dict(), card)
    return Extractor(
        net=net.requires_grad_(False),
        name=data.name,
        protocol=(
            f"extractor={data.name} classifier v{VERSION} ({FEATURES} features, "
            f"test accuracy {card['test_accuracy']:.2%}); weights={card['weights'][:12]}"
        ),
        weights=card["weights"],
        classes=data.classes,
        kid_subsets=KID_SUBSETS,
        batch_size=500,
    )


def train(net: Classifier, data: ImageData) -> None:
    """Draw the net's weights and fit it to the training split, in place."""
    images, labels = data.train.cpu(), data.train_labels
    assert labels is not None
    labels = labels.cpu()
    batches = list(_batches(len(images)))
    rising = max(1, round(WARM_UP * len(batches)))
    with _one_thread(), torch.enable_grad():
        _initialise(net)
        adam = torch.optim.Adam(net.parameters(), lr=STEP_SIZE)
        for step, batch in enumerate(batches):
            scale = min((step + 1) / rising, (len(batches) - step) / (len(batches) - rising + 1))
            adam.param_groups[0]["lr"] = STEP_SIZE * scale
            _, logits = net(images[batch])
            adam.zero_grad()
            F.cross_entropy(logits, labels[batch]).backward()
            adam.step()


@torch.inference_mode()
def accuracy(net: Classifier, data: ImageData) -> float:
    """Share of the held-out images that the net labels right."""
    assert data.test_labels is not None
    guesses = [net(batch)[1].argmax(dim=1) for batch in data.test.cpu().split(500)]
    return (torch.cat(guesses) == data.test_labels.cpu()).double().mean().item()


def _batches(n: int) -> Iterator[Tensor]:
    """Indices of the minibatches of all epochs; what an epoch's last full batch leaves over is not shown in it."""
    size = min(BATCH, n)
    for epoch in range(max(LEAST_EPOCHS, math.ceil(IMAGES_SHOWN / n))):
        order = Rng(0, "classifier", "order", epoch).permutation(n)
        yield from order[: n // size * size].split(size)


def _skeleton(data: ImageData) -> Classifier:
    """The net without weights, built so that no shared random generator moves."""
    assert data.classes is not None
    with torch.device("meta"):
        net = Classifier(data.shape, data.classes)
    return net.to_empty(device="cpu")


def _initialise(net: Classifier) -> None:
    """Weights N(0, 2 / fan-in) (He et al. 2015), biases 0."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.dim() > 1:
                draws = Rng(0, "classifier", "init", name).normal(*parameter.shape)
                parameter.copy_(draws * math.sqrt(2 / parameter[0].numel()))
            else:
                parameter.zero_()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
