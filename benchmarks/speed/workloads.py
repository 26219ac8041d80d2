"""The workloads: WGAN-GP on the nets of the papers and of the codes that people start from, on random data."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gan_zoo.architectures import Architecture, check_architecture, convolves
from gan_zoo.architectures.dcgan import Dcgan
from gan_zoo.architectures.mlp import Mlp
from gan_zoo.architectures.resnet import ResNet
from gan_zoo.engine import Numerics
from gan_zoo.losses import LOSSES
from gan_zoo.rng import Rng
from gan_zoo.spec import Adam, DatasetSpec, EvaluateSpec, RunSpec, TrainSpec
from gan_zoo.trainer import Run, prepare

IMAGES = 2000
ENDLESS = 10**9


@dataclass(frozen=True)
class Workload:
    """Nets, data and batch of one row of the table, and how much of it fits into a short measurement."""

    name: str
    architecture: Architecture
    shape: tuple[int, ...]
    batch: int
    iterations: int
    """in one timed stretch"""
    rounds: int
    engines: tuple[str, ...] = ("plain", "compiled")
    stack: int = 0
    """seeds that the stacked engine advances at once; 0: it is not measured"""

    @property
    def convolves(self) -> bool:
        return any(map(convolves, check_architecture(self.architecture, self.shape).values()))

    def run(
        self, seed: int = 0, device: str = "cpu", numerics: Numerics = "reference", precision: str = "float32"
    ) -> Run:
        """The training run of this workload."""
        train = TrainSpec(ENDLESS, self.batch, Adam(1e-4, (0.5, 0.9)), precision=precision)  # type: ignore[arg-type]
        evaluate = EvaluateSpec(every=ENDLESS, samples=100)
        spec = RunSpec("wgan-gp", LOSSES["wgan-gp"], DatasetSpec("random"), self.architecture, train, evaluate, seed)
        return prepare(spec, RandomData(self.shape, torch.device(device)), device, numerics)


@dataclass(frozen=True)
class RandomData:
    """Points of a normal distribution, or uint8 images that lie on the device as the real data sets do."""

    shape: tuple[int, ...]
    device: torch.device
    images: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        images = Rng(0, "images").integers(256, (IMAGES if len(self.shape) == 3 else 1, *self.shape))
        object.__setattr__(self, "images", images.to(torch.uint8).to(self.device))

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        rng = Rng(seed, "data", block, device=self.device)
        if len(self.shape) == 1:
            return rng.normal(count, *self.shape)
        return self.images[rng.integers(IMAGES, (count,))].float() / 127.5 - 1


MLP_ENGINES = ("plain", "closed-form", "compiled")
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("MLP 4x128, batch 128", Mlp(width=128), (2,), 128, 16, 9, MLP_ENGINES, stack=4),
        Workload("MLP 4x512, batch 256", Mlp(width=512), (2,), 256, 2, 7, MLP_ENGINES),
        Workload("MLP 784, batch 64", Mlp(z_dim=100, width=512), (1, 28, 28), 64, 4, 7, MLP_ENGINES, stack=4),
        Workload("DCGAN 28x28 dim 16, batch 50", Dcgan(dim=16), (1, 28, 28), 50, 2, 5),
        Workload("DCGAN 28x28 dim 64, batch 50", Dcgan(dim=64), (1, 28, 28), 50, 1, 5),
        Workload("ResNet 32x32 dim 128, batch 64", ResNet(), (3, 32, 32), 64, 1, 3),
    )
}
