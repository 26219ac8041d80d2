"""How well two sets of features lie in each other's neighbourhoods.

The real manifold is the union of balls around real features, each reaching its k-th nearest other real feature; the
generated manifold likewise.

precision  share of generated features in the real manifold     (Kynkäänniemi et al. 2019, arXiv 1904.06991, k = 3)
recall     share of real features in the generated manifold     (same; both equal torch-fidelity's)
density    real balls that hold a generated feature, on average, / k   (Naeem et al. 2020, arXiv 2002.09797, k = 5)
coverage   share of real balls that hold a generated feature           (same)
"""

import torch
from torch import Tensor

BLOCK = 5000
PRECISION_K = 3
DENSITY_K = 5


def radii(features: Tensor, k: int) -> Tensor:
    """Distance of each feature (n, d) to its k-th nearest other one, shape (n,)."""
    blocks = [torch.cdist(block, features).topk(k + 1, largest=False).values[:, k] for block in features.split(BLOCK)]
    return torch.cat(blocks)


def precision_and_recall(generated: Tensor, real: Tensor, generated_radii: Tensor, real_radii: Tensor) -> list[float]:
    """[precision, recall] of features (n, d) and (m, d) with the radii of their balls (n,) and (m,)."""
    in_real, in_generated = [], torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for rows, reach in zip(generated.split(BLOCK), generated_radii.split(BLOCK), strict=True):
        distance = torch.cdist(rows, real)
        in_real.append((distance <= real_radii).any(dim=1))
        in_generated |= (distance <= reach[:, None]).any(dim=0)
    return [torch.cat(in_real).double().mean().item(), in_generated.double().mean().item()]


def density_and_coverage(generated: Tensor, real: Tensor, real_radii: Tensor) -> list[float]:
    """[density, coverage] of features (n, d) and (m, d) with the radii of the real balls (m,) for k = 5."""
    balls, covered = 0.0, torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for rows in generated.split(BLOCK):
        held = torch.cdist(rows, real) < real_radii
        balls += held.double().sum().item()
        covered |= held.any(dim=0)
    return [balls / (DENSITY_K * len(generated)), covered.double().mean().item()]
