"""Images that other packages bring: scikit-learn's digits (bundled with it), and torchvision's downloads."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_zoo.datasets.images import Images, hold_out
from gan_zoo.errors import UserError
from gan_zoo.files import reason, replacing

DIGITS_TEST = 297
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the four files, compressed."""
IDX = "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
IDX_FILES = f"{', '.join(IDX[:3])} and {IDX[3]}"


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
    """70,000 articles of clothing, 28x28, grey; 10,000 held out (Xiao et al. 2017).

    Where they are not under `root`, Debian's package dataset-fashion-mnist is looked for before anything is downloaded.
    """
    from torchvision.datasets import FashionMNIST

    _unpack(DEBIAN_FASHION, root / "FashionMNIST" / "raw")
    place = f"{IDX_FILES} (unpacked) into {root / 'FashionMNIST' / 'raw'}"
    train, test = _splits("fashion-mnist", FashionMNIST, root, download, place)
    return Images.of("fashion-mnist", train.data[:, None], test.data[:, None], train.targets, test.targets)


def load_cifar10(root: Path, download: bool) -> Images:
    """60,000 photographs of ten classes, 32x32, colour; 10,000 held out (Krizhevsky 2009)."""
    from torchvision.datasets import CIFAR10

    train, test = _splits("cifar10", CIFAR10, root, download, f"cifar-10-python.tar.gz into {root}")
    return Images.of("cifar10", _channels_first(train.data), _channels_first(test.data), _labels(train), _labels(test))


def _unpack(source: Path, raw: Path) -> None:
    """Put the idx files, compressed in `source`, into `raw`, unless it has them or `source` lacks one.

    Raises: UserError where one cannot be read or written.
    """
    if all((raw / name).is_file() for name in IDX) or not all((source / f"{name}.gz").is_file() for name in IDX):
        return
    for name in IDX:
        try:
            content = gzip.decompress((source / f"{name}.gz").read_bytes())
        except (OSError, EOFError, zlib.error) as failure:
            raise UserError(f"cannot read {source / name}.gz ({reason(failure)}); install its package again") from None
        with replacing(raw / name) as partial:
            partial.write_bytes(content)


def _channels_first(values: Any) -> Tensor:
    return torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()


def _labels(split: Any) -> Tensor:
    return torch.tensor(split.targets, dtype=torch.int64)


def _splits(name: str, source: Callable[..., Any], root: Path, download: bool, place: str) -> tuple[Any, Any]:
    """Training and test split of a torchvision data set, downloaded where it is missing and may be."""
    try:
        return source(root, train=True), source(root, train=False)
    except (RuntimeError, OSError, ValueError, AssertionError, EOFError) as absent:
        why: Exception = absent
    try:
        return source(root, train=True, download=download), source(root, train=False, download=download)
    except (RuntimeError, OSError, ValueError, AssertionError, EOFError) as failure:
        why = failure
    what = "could not be downloaded" if download else "is not there, and downloading is off"
    raise UserError(f"data set '{name}' {what} ({reason(why)}); put {place}")
