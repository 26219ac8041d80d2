"""How far generated points are from where real ones lie, seen from the origin: W_1 of the radii |x~| and |x|.

On the line the optimal transport sorts both: W_1 = 1/n sum_i | |x~|_(i) - |x|_(i) |
"""

from torch import Tensor

from gan_zoo.metrics.data import PointData
from gan_zoo.metrics.measure import PointMeasure


def radius_emd(x: Tensor, distribution: PointData, real: Tensor) -> float:
    """W_1 of the radii of as many generated points x (n, 2) as there are real ones (m, 2), m <= n."""
    generated = x[: len(real)].double().norm(dim=1).sort().values
    return (generated - real.double().norm(dim=1).sort().values).abs().mean().item()


METRICS = {"radius_emd": PointMeasure("min", "W1 of radii", "exact W1 between {pairs} and {pairs} radii", radius_emd)}
