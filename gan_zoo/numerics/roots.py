"""Square roots that do not go through MKL, whose vector library rounds the last bit by processor."""

from torch import Tensor


def root(x: Tensor) -> Tensor:
    """sqrt(x) for x >= 0 as 1 / (1 / sqrt(x)): instructions that every processor rounds alike; exact at 0 and ∞."""
    return x.rsqrt().reciprocal()
