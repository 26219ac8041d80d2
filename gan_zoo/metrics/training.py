"""How a classifier of a data set is trained, for its features: the same net every time on one kind of processor.

Convolution 3x3, ReLU and 2x2 max pooling, again and again while a side has more than 4 pixels (32, 32, 64, 64, 128,
... channels), then a hidden layer of 128 units, whose activations are the features, and one logit per class. It is
trained by SGD with Nesterov's momentum on the cross entropy of images moved by up to a pixel, with a step size that
rises and falls linearly, and put into whole numbers at the end.

Weights and order are keyed and one CPU thread does all the work. Every product is a convolution and there is no root;
the derivative of the cross entropy, softmax less target, is worked out in float64: no mathematical library that
chooses its instructions by the processor's maker has a part in it.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan_zoo.metrics.data import ImageData
from gan_zoo.metrics.whole_numbers import WholeNumberNet, to_whole_numbers
from gan_zoo.numerics.process import check_convolutions, one_thread
from gan_zoo.rng import Rng

FEATURES = 128
BATCH = 64
IMAGES_SHOWN = 60_000
LEAST_EPOCHS = 4
STEP_SIZE, MOMENTUM, WARM_UP = 0.1, 0.9, 0.2
SHIFT = 1
SMALLEST_SIDE = 4
SCALED_BY = 2000
"""How many training images say how large activations get."""


class Classifier(nn.Module):
    """uint8 images (n, C, H, W) -> logits (n, classes), in floats: what is trained."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.stages = nn.ModuleList()
        while min(height, width) > SMALLEST_SIDE:
            wider = min(32 * 2 ** (len(self.stages) // 2), 128)
            self.stages.append(nn.Conv2d(channels, wider, 3, padding=1))
            channels, height, width = wider, height // 2, width // 2
        self.hidden = nn.Conv2d(channels, FEATURES, (height, width))
        self.head = nn.Conv2d(FEATURES, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = images.float() / 256
        for stage in self.stages:
            x = F.max_pool2d(stage(x).relu(), 2)
        return self.head(self.hidden(x).relu()).flatten(1)


def train(data: ImageData) -> dict[str, Tensor]:
    """A classifier fitted to the training split, in whole numbers (see `WholeNumberNet`)."""
    assert data.train_labels is not None
    assert data.classes is not None
    images, labels = data.train.cpu(), data.train_labels.cpu()
    check_convolutions()
    with one_thread():
        net = _initial(data.shape, data.classes)
        _fit(net, images, F.one_hot(labels, data.classes))
        chosen = Rng(0, "classifier", "scale").permutation(len(images))[:SCALED_BY]
        return to_whole_numbers(net, images[chosen])


@torch.inference_mode()
def accuracy(tensors: dict[str, Tensor], data: ImageData) -> float:
    """Share of the held-out images that a classifier in whole numbers labels right."""
    assert data.test_labels is not None
    net = WholeNumberNet(tensors)
    guesses = [net(batch)[1].argmax(dim=1) for batch in data.test.cpu().split(500)]
    return (torch.cat(guesses) == data.test_labels.cpu()).double().mean().item()


def untrained(shape: tuple[int, ...], classes: int) -> Classifier:
    """The net for images (C, H, W) of so many classes, whose weights have a shape and no values."""
    with torch.device("meta"):
        return Classifier(shape, classes)


def _initial(shape: tuple[int, ...], classes: int) -> Classifier:
    """The net with weights N(0, 2 / fan-in) (He et al. 2015) and biases 0; no shared random generator moves."""
    net = untrained(shape, classes).to_empty(device="cpu")
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.dim() > 1:
                draws = Rng(0, "classifier", "init", name).normal(*parameter.shape)
                parameter.copy_(draws * math.sqrt(2 / parameter[0].numel()))
            else:
                parameter.zero_()
    return net


@torch.enable_grad()
def _fit(net: Classifier, images: Tensor, targets: Tensor) -> None:
    """Fit the net, in place, to images (n, C, H, W) and targets (n, classes) of noughts and ones."""
    batches = list(_batches(len(images)))
    rising = max(1, round(WARM_UP * len(batches)))
    sgd = torch.optim.SGD(net.parameters(), lr=STEP_SIZE, momentum=MOMENTUM, nesterov=True, foreach=False)
    for step, batch in enumerate(batches):
        scale = min((step + 1) / rising, (len(batches) - step) / (len(batches) - rising + 1))
        sgd.param_groups[0]["lr"] = STEP_SIZE * scale
        logits = net(shifted(images[batch], Rng(0, "classifier", "shift", step)))
        gradient = (logits.detach().double().softmax(dim=1) - targets[batch]) / len(batch)
        sgd.zero_grad()
        logits.backward(gradient.float())
        sgd.step()


def shifted(images: Tensor, rng: Rng) -> Tensor:
    """The images (n, C, H, W), all moved alike by up to a pixel along each axis; what comes in is black."""
    height, width = images.shape[2:]
    top, left = (int(rng.integers(2 * SHIFT + 1, ()).item()) for _ in range(2))
    return F.pad(images, (SHIFT, SHIFT, SHIFT, SHIFT))[:, :, top : top + height, left : left + width]


def _batches(n: int) -> Iterator[Tensor]:
    """Indices of the minibatches of all epochs; what an epoch's last full batch leaves over is not shown in it."""
    size = min(BATCH, n)
    for epoch in range(max(LEAST_EPOCHS, math.ceil(IMAGES_SHOWN / n))):
        order = Rng(0, "classifier", "order", epoch).permutation(n)
        yield from order[: n // size * size].split(size)
