"""Lion (Chen et al. 2023, arXiv 2302.06675, algorithm 2): steps of one length, by the sign of a momentum.

    w <- w - lr (sign(beta1 m + (1 - beta1) g) + weight_decay w),   m <- beta2 m + (1 - beta2) g
"""

from dataclasses import dataclass

import torch
from torch import Tensor


class Steps(torch.optim.Optimizer):
    """The optimiser as torch has them; what it remembers is in tensors of its `state`, so that a run can go on."""

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            (beta1, beta2), decay = group["betas"], group["lr"] * group["weight_decay"]
            for w in group["params"]:
                m = self.state[w].setdefault("momentum", torch.zeros_like(w))
                direction = (beta1 * m + (1 - beta1) * w.grad).sign()
                w.mul_(1 - decay).sub_(group["lr"] * direction)
                m.mul_(beta2).add_((1 - beta2) * w.grad)


@dataclass(frozen=True)
class Lion:
    """Lion: learning rate, decay rates of the step's and of the kept momentum, decay of the weights."""

    lr: float
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0

    def optimizer(self, weights: Tensor) -> torch.optim.Optimizer:
        """That of `weights`, a vector (P,) of all weights of a net."""
        return Steps([weights], {"lr": self.lr, "betas": self.betas, "weight_decay": self.weight_decay})

    def __str__(self) -> str:
        return f"Lion {self.lr:g}"


OPTIMIZERS = {"lion": Lion}
