"""Entropically regularised transport between two point clouds of one size, by Sinkhorn's scaling (Cuturi 2013).

    P = argmin over plans of  <P, C> + T sum P log P,   C_ij = |x_i - y_j|,   P_ij = u_i exp(-C_ij / T) v_j

u and v are scaled in turn until the rows and columns of P have the weights of the points. Its cost <P, C> is at least
that of the exact plan, which it becomes as the temperature T goes to 0.
"""

import numpy as np
from torch import Tensor

SWEEPS = 500
TEMPERATURE = 0.01
"""Of the mean cost."""


def regularised(x: Tensor, y: Tensor, temperature: float = TEMPERATURE, sweeps: int = SWEEPS) -> float:
    """<P, C> of finite points x and y, both (n, D), equal weights; `temperature` as a share of the mean cost."""
    from scipy.spatial.distance import cdist

    cost = cdist(x.double().cpu().numpy(), y.double().cpu().numpy())
    scale = temperature * cost.mean()
    if scale == 0:  # all points are one
        return 0.0
    shifted = cost - cost.min(axis=1, keepdims=True)
    shifted -= shifted.min(axis=0)  # so that no row or column of the kernel underflows
    kernel = np.exp(-shifted / scale)
    columns = np.ones(len(cost))
    for _ in range(sweeps):
        rows = 1 / (kernel @ columns)
        columns = 1 / (kernel.T @ rows)
    plan = rows[:, None] * kernel * columns / len(cost)
    return float((plan * cost).sum())
