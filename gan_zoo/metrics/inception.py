"""The Inception network behind published FID and IS, in torch-fidelity's conversion of the TensorFlow original."""

import hashlib
import shutil
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn

from gan_zoo.errors import UserError
from gan_zoo.files import read_bytes, replacing
from gan_zoo.metrics.features import Extractor
from gan_zoo.numerics.process import check_convolutions

WEIGHTS_FILE = "weights-inception-2015-12-05-6726825d.pth"
HASH_PREFIX = "6726825d"
LARGEST_FILE = 200_000_000  # bytes
ALSO_KNOWN_AS = f"pt_inception-2015-12-05-{HASH_PREFIX}.pth"
"""The name that pytorch-fid gives to the same file."""


class Inception(nn.Module):
    """uint8 images (n, 1 or 3, H, W) -> the 2048 pooled features and the 1008 logits without bias."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.net(images.expand(-1, 3, -1, -1))


def inception_extractor(cache: Path, weights: Path | None) -> Extractor:
    """The extractor with the weights at `weights`, or those in `cache`, fetched there if they are missing.

    Raises: UserError where there are no weights and no network, or the file holds something else.
    """
    from torch_fidelity import FeatureExtractorInceptionV3

    check_convolutions()
    path = weights or fetch_weights(cache)
    digest = _hash(path)
    try:
        torch.load(path, map_location="cpu", weights_only=True)
        net = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)
        )
    except Exception as failure:
        reason = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        raise UserError(f"{path} holds no Inception weights ({reason}); give {WEIGHTS_FILE}") from None
    fold_batch_norm(net)
    return Extractor(
        net=Inception(net.to(memory_format=torch.channels_last)),
        name="inception",
        title="inception",
        protocol={
            "extractor": "inception-v3-compat of torch-fidelity (2048 features)",
            "weights": digest[:12],
        },
        weights=digest,
        classes=1008,
        kid_subsets=100,
        batch_size=50,
    )


def fetch_weights(cache: Path, source: Path | None = None) -> Path:
    """The path of the standard weights in `cache`, put there if they are missing: from `source`, or downloaded (91 MB).

    They are checked by hash, always; what is not the standard file never takes its place.

    Raises: UserError where they cannot be downloaded, or `source` or the file there is not the standard one.
    """
    path = cache / WEIGHTS_FILE
    if source is not None:
        _require_standard(source, f"give {WEIGHTS_FILE}, or {ALSO_KNOWN_AS}")
        with replacing(path) as partial:
            shutil.copyfile(source, partial)
    elif not path.is_file():
        download(path)
    _require_standard(path, "remove it and try again")
    return path


def _require_standard(path: Path, remedy: str) -> None:
    """Raises: UserError unless `path` is the standard file."""
    if not _hash(path).startswith(HASH_PREFIX):
        raise UserError(f"{path} is damaged or another file: its SHA-256 does not begin with {HASH_PREFIX}; {remedy}")


def download(path: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), hash_prefix=HASH_PREFIX, progress=False)
    except (URLError, OSError, RuntimeError) as failure:
        reason = " ".join(str(failure).split())
        raise UserError(
            f"the Inception weights could not be downloaded ({reason}); fetch {URL_INCEPTION_V3} elsewhere (the same "
            f"file as pytorch-fid's {ALSO_KNOWN_AS}) and put it at {path}, e.g. by gan-zoo fetch-weights --from FILE"
        ) from None


def fold_batch_norm(net: nn.Module) -> None:
    """Merge every batch norm into the convolution before it, in place: same function, rounded once less.

    gamma (W * x - mu) / s + beta = (W gamma / s) * x + (beta - gamma mu / s),  s = sqrt(var + eps)
    """
    for block in list(net.modules()):
        children = dict(block.named_children())
        if children.keys() == {"conv", "bn"}:
            block.conv = nn.utils.fuse_conv_bn_eval(children["conv"], children["bn"])  # type: ignore[type-var]
            block.bn = nn.Identity()


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(read_bytes(path, LARGEST_FILE)).hexdigest()
    except UserError as error:
        raise UserError(f"cannot read the Inception weights: {error}; give {WEIGHTS_FILE}") from None
