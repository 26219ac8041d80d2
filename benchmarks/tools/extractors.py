"""The classifiers that images are scored by: training one again, and bringing in someone else's."""

from pathlib import Path

from benchmarks.sweep.context import extractor_cache
from benchmarks.tools.score import Request, load_reference
from gan_zoo.errors import UserError
from gan_zoo.files import shown
from gan_zoo.metrics import classifier


def train(name: str, root: Path, image_size: int | None, out: Path | None) -> tuple[str, bool]:
    """Train the classifier of a data set or a folder of images; what came of it, and whether it is as it should be.

    One that comes with the package is held against that, and not kept. Any other is kept under `root`, as the one that
    its data set is scored by. With `out` it is written there instead, with its card, as the package brings them.

    Raises: UserError where the images cannot be had, have no labels, or nothing can be written.
    """
    data = load_reference(Request(Path(), root, reference=name, image_size=image_size), None)
    if data.kind == "points":
        raise UserError(f"data set '{data.name}': is of points, which are scored without a classifier")
    if data.channels is not None:
        raise UserError(
            f"data set '{data.name}': is scored by the classifier of '{data.channels.name}': train that one"
        )
    new = classifier.trained(data)
    about = f"{data.name}: test accuracy {new.test_accuracy:.2%}, weights={new.weights[:12]}"
    if out is not None:
        return f"{about}, written to {shown(classifier.ship(new, out))}", True
    known = classifier.shipped(data.name)
    if known is None or known.data != new.data:
        return classifier.bring(new, extractor_cache(root)), True
    if known.weights == new.weights:
        return f"{about}: bit for bit the one that comes with the package", True
    return (
        f"{about}: differs from the one that comes with the package (weights={known.weights[:12]}, which scores go on "
        "to be computed by): this processor, or this version of torch, trains otherwise",
        False,
    )


def bring(path: Path, root: Path) -> list[str]:
    """Keep the classifiers of a file, or of an export's folder, under `root`; a line about each.

    Raises: UserError where there is none, one is damaged, or one would take the place of the package's.
    """
    files = sorted(path.rglob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{shown(path)}: holds no classifier (*.safetensors); give the file or an export's folder")
    read = [classifier.read(file) for file in files]  # all of them, before any is kept
    return [classifier.bring(new, extractor_cache(root)) for new in read]
