"""Images that other packages bring: scikit-learn's digits (bundled with it), and torchvision's downloads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_zoo.datasets.images import Images, hold_out
from gan_zoo.errors import UserError

DIGITS_TEST = 297
IDX_FILES = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte"


def load_digits(root: Path, download: bool) -> Images:
    """1797 handwritten digits, 8x8, grey (Alpaydin & Kaynak 1998); values 0..16 become round(v 255 / 16).

    They are bundled with scikit-learn: nothing is read from `root`. 297 of them are held out.
    """
    from sklearn.datasets import load_digits as bundled

    data = bundled()
    images = torch.from_numpy((data.images * 255 / 16).round()).to(torch.uint8)[:, None]
    labels = torch.from_numpy(data.target).long()
    train, test = hold_out(len(images), DIGITS_TEST, "digits")
    return Images.of("digits", images[train], images[test], labels[train], labels[test])


def load_mnist(root: Path, download: bool) -> Images:
    """70,000 handwritten digits, 28x28, grey; 10,000 held out (LeCun et al. 1998)."""
    from torchvision.datasets import MNIST

    place = f"{IDX_FILES} (unpacked) into {root / 'MNIST' / 'raw'}"
    train, test = _splits("mnist", MNIST, root, download, place)
    return Images.of("mnist", train.data[:, None], test.data[:, None], train.targets, test.targets)


def load_fashion_mnist(root: Path, download: bool) -> Images:
    """70,000 articles of clothing, 28x28, grey; 10,000 held out (Xiao et al. 2017)."""
    from torchvision.datasets import FashionMNIST

    place = f"{IDX_FILES} (unpacked) into {root / 'FashionMNIST' / 'raw'}"
    train, test = _splits("fashion-mnist", FashionMNIST, root, download, place)
    return Images.of("fashion-mnist", train.data[:, None], test.data[:, None], train.targets, test.targets)


def load_cifar10(root: Path, download: bool) -> Images:
    """60,000 photographs of ten classes, 32x32, colour; 10,000 held out (Krizhevsky 2009)."""
    from torchvision.datasets import CIFAR10

    train, test = _splits("cifar10", CIFAR10, root, download, f"cifar-10-python.tar.gz into {root}")
    return Images.of("cifar10", _channels_first(train.data), _channels_first(test.data), _labels(train), _labels(test))


def _channels_first(values: Any) -> Tensor:
    return torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()


def _labels(split: Any) -> Tensor:
    return torch.tensor(split.targets, dtype=torch.int64)


def _splits(name: str, source: Callable[..., Any], root: Path, download: bool, place: str) -> tuple[Any, Any]:
    """Training and test split of a torchvision data set, downloaded where it is missing and may be."""
    try:
        return source(root, train=True), source(root, train=False)
    except (RuntimeError, OSError, ValueError, AssertionError, EOFError) as absent:
        reason: Exception = absent
    try:
        return source(root, train=True, download=download), source(root, train=False, download=download)
    except (RuntimeError, OSError, ValueError, AssertionError, EOFError) as failure:
        reason = failure
    why = " ".join(str(reason).split()) or type(reason).__name__
    what = "could not be downloaded" if download else "is not there, and downloading is off"
    raise UserError(f"data set '{name}' {what} ({why}); put {place}")
