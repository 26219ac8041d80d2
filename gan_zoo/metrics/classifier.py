"""Our own feature extractors: small classifiers of the data sets, one for each, with its hash and test accuracy.

The package brings those of the data sets in `weights/cards.json`, and only those are used under these names. Any other
labelled data set (a folder of images, another image size) has a classifier of its own, trained once and kept in the
cache, or brought there from someone else's; titles and protocols name it by its hash. How one is trained is said in
`training`, how it computes in `whole_numbers`.
"""

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gan_zoo.errors import UserError
from gan_zoo.files import read_json, replacing, shown
from gan_zoo.metrics.data import ImageData
from gan_zoo.metrics.features import Extractor
from gan_zoo.metrics.training import FEATURES, accuracy, train, untrained
from gan_zoo.metrics.whole_numbers import WholeNumberNet, misfit
from gan_zoo.tensors import hash_tensors, read_about, read_tensors, write_tensors

VERSION = 2
KID_SUBSETS = 5
SHIPPED = Path(__file__).parent / "weights"
COMMAND = "gan-zoo train-extractor {name}"
CARD = ("data", "weights", "test_accuracy")
"""What a card says beside the name of its data set."""
HASH = re.compile("[0-9a-f]{64}")
LARGEST_CARDS = 10**6  # bytes
AGAIN = "train it again by gan-zoo train-extractor NAME|DIR, or bring it again by gan-zoo import-extractor FILE"
DAMAGED = "damaged or not what the package brought; install gan-zoo again"


@dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier with what tells it from others: `weights` is the SHA-256 of its tensors, `data` the fingerprint of
    the data set it was trained on, `path` its file."""

    name: str
    data: str
    weights: str
    test_accuracy: float
    tensors: dict[str, Tensor]
    path: Path
    shipped: bool

    @property
    def title(self) -> str:
        """`digits` for the package's own, `mine 0123abcd` for any other."""
        return self.name if self.shipped else f"{self.name} {self.weights[:8]}"

    @property
    def card(self) -> dict[str, Any]:
        return {"name": self.name, "data": self.data, "weights": self.weights, "test_accuracy": self.test_accuracy}


def classifier_extractor(data: ImageData, cache: Path) -> Extractor:
    """The extractor that scores under the name of `data` are computed by (see `classifier_of`): where its channels are
    images of another data set, that one's, on each of them.

    Raises: UserError where the data set has no labels, or its classifier's file is damaged.
    """
    if data.channels is not None:
        return by_channel(classifier_extractor(data.channels, cache), data)
    found = classifier_of(data, cache)
    assert data.classes is not None
    whose = "of the package" if found.shipped else "of its own"
    return Extractor(
        net=WholeNumberNet(found.tensors),
        name=data.name,
        title=found.title,
        protocol={
            "extractor": f"{data.name} classifier v{VERSION} {whose} ({FEATURES} features, "
            f"test accuracy {found.test_accuracy:.2%})",
            "weights": found.weights[:12],
        },
        weights=found.weights,
        classes=data.classes,
        kid_subsets=KID_SUBSETS,
        batch_size=500,
    )


def by_channel(extractor: Extractor, data: ImageData) -> Extractor:
    """The extractor of images whose channels are images that this one is of."""
    assert data.classes is not None
    protocol = {
        **extractor.protocol,
        "extractor": f"on each of {data.shape[0]} channels {extractor.protocol['extractor']}",
    }
    net, title = ByChannel(extractor.net), f"{extractor.title} by channel"
    return replace(extractor, net=net, name=data.name, title=title, protocol=protocol, classes=data.classes)


class ByChannel(nn.Module):
    """uint8 images (n, C, H, W) -> what `net` says of each channel: features (n, C d) and logits (n, K^C).

    log p(k_1, ..., k_C) = sum over c of log p_c(k_c)
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        n = len(images)
        values, logits = self.net(images.flatten(0, 1)[:, None])
        first, *others = logits.log_softmax(dim=1).view(n, -1, logits.shape[1]).unbind(1)
        for other in others:
            first = (first[:, :, None] + other[:, None, :]).flatten(1)
        return values.view(n, -1), first


def classifier_of(data: ImageData, cache: Path) -> Classifier:
    """The package's classifier where it brings one of exactly these images, else the one kept in `cache`, else one that
    is trained now and kept there.

    Raises: UserError where the data set has no labels, or a file is damaged.
    """
    _require_labels(data)
    found = shipped(data.name)
    if found is not None and found.data == data.fingerprint:
        return found
    path = _classifier_path(cache, data.fingerprint)
    if not path.exists():
        keep(path, trained(data))
    kept = read(path, data.name)
    assert data.classes is not None
    if wrong := misfit(kept.tensors, untrained(data.shape, data.classes)):
        raise UserError(f"{shown(path)}: no classifier of data set '{data.name}' ({wrong}); {AGAIN}")
    return kept


def _require_labels(data: ImageData) -> None:
    """Raises: UserError where there is nothing to train a classifier on."""
    if data.classes is None:
        raise UserError(
            f"data set '{data.name}' has no labels to train a classifier on: sort its images into class folders, give "
            "labels, or use the metrics of the 'inception' extractor"
        )


def cards(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """The cards of the package, or of `folder`: by name of the data set its fingerprint, the hash of the weights, the
    test accuracy and the command that trains them again."""
    path = (folder or SHIPPED) / "cards.json"
    if folder and not path.exists():
        return {}
    try:
        content = read_json(path, LARGEST_CARDS)
    except UserError:
        content = None
    if not isinstance(content, dict) or not all(map(_is_card, content.values())):
        raise UserError(f"{shown(path)}: {DAMAGED}")
    return content


def _is_card(card: Any) -> bool:
    """Whether a classifier is described as `Classifier.card` describes it: hashes too, of which file names are made."""
    if not isinstance(card, dict) or not isinstance(card.get("test_accuracy"), float):
        return False
    return all(isinstance(card.get(key), str) and HASH.fullmatch(card[key]) for key in ("data", "weights"))


def shipped(name: str) -> Classifier | None:
    """The classifier that the package brings of the data set `name`, or None. Raises: UserError where it, or its card,
    is damaged or altered."""
    card, path = cards().get(name), SHIPPED / f"{name}.safetensors"
    if card is None and not path.exists():
        return None
    described = {"name": name, **{key: card[key] for key in CARD}} if card else {}
    kept = read_tensors(path, about(described.get("data", "")))
    if kept is None or kept[1] != described or hash_tensors(kept[0]) != described["weights"]:
        raise UserError(f"{shown(path)}: {DAMAGED}")
    return Classifier(**described, tensors=kept[0], path=path, shipped=True)


def trained(data: ImageData) -> Classifier:
    """A classifier of `data`, trained now: seconds to a few minutes. Raises: UserError where there are no labels."""
    _require_labels(data)
    tensors = train(data)
    right = accuracy(tensors, data)
    return Classifier(data.name, data.fingerprint, hash_tensors(tensors), right, tensors, Path(), False)


def keep(path: Path, classifier: Classifier) -> None:
    """Write a classifier to `path`. Raises: UserError where nothing can be written there."""
    write_tensors(path, about(classifier.data), classifier.tensors, classifier.card)


def read(path: Path, name: str | None = None) -> Classifier:
    """The classifier at `path`, under the name of its data set here. Raises: UserError where the file holds none."""
    subject = read_about(path)
    kept = read_tensors(path, subject) if subject else None
    whole = kept is not None and _is_card(kept[1]) and isinstance(kept[1].get("name"), str)
    if not kept or not whole or subject != about(kept[1]["data"]) or kept[1]["weights"] != hash_tensors(kept[0]):
        raise UserError(f"{shown(path)}: holds no classifier (v{VERSION}), or a damaged one; {AGAIN}")
    tensors, card = kept
    return Classifier(name or card["name"], card["data"], card["weights"], card["test_accuracy"], tensors, path, False)


def ship(classifier: Classifier, folder: Path) -> Path:
    """Put a classifier with its card into `folder`, as the package brings them; its file."""
    path = folder / f"{classifier.name}.safetensors"
    keep(path, classifier)
    card = {key: value for key, value in classifier.card.items() if key != "name"}
    content = cards(folder) | {classifier.name: card | {"command": COMMAND.format(name=classifier.name)}}
    with replacing(folder / "cards.json") as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def hand_on(data: ImageData, cache: Path, folder: Path) -> Path | None:
    """Copy the classifier that is kept of `data`, if there is one, into `folder`, for others to bring in; its file."""
    if data.channels is not None:
        return hand_on(data.channels, cache, folder)
    path = _classifier_path(cache, data.fingerprint)
    if not path.exists():
        return None
    found = read(path, data.name)
    copy = folder / f"{data.name}-{found.weights[:12]}.safetensors"
    with replacing(copy) as partial:
        shutil.copyfile(path, partial)
    return copy


def bring(new: Classifier, cache: Path) -> str:
    """Keep a classifier in `cache`, where its data set is scored by it from now on; a line about it.

    Raises: UserError where the package brings the classifier of that data set, or nothing can be written.
    """
    for name, card in cards().items():
        if card["data"] == new.data:
            raise UserError(f"the classifier of '{name}' comes with the package; no other takes its place")
    path = _classifier_path(cache, new.data)
    before = _kept_weights(path)
    keep(path, new)
    said = f"{new.title}: test accuracy {new.test_accuracy:.2%}, weights={new.weights[:12]}, kept as {shown(path)}"
    if before in (None, new.weights):
        return said
    return f"{said}; it takes the place of weights={str(before)[:12]}: scores by the two do not compare"


def _kept_weights(path: Path) -> str | None:
    """The hash of the classifier kept at `path`; None where there is none, or a damaged one."""
    try:
        return read(path).weights
    except UserError:
        return None


def _classifier_path(cache: Path, data: str) -> Path:
    """Where the classifier of the data set with this fingerprint is kept."""
    return cache / "classifiers" / f"v{VERSION}-{data[:16]}.safetensors"


def about(data: str) -> str:
    return f"classifier v{VERSION} {data}"
