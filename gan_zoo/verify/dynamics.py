"""Which way a step goes, and where the steps of both players lead in the one game that is solved."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_zoo.losses.base import Loss, Terms
from gan_zoo.rng import Rng
from gan_zoo.verify.cases import Batch, Linear, batch, linear, summed


def sign(loss: Loss) -> Iterator[tuple[float, str]]:
    """The share of fakes whose score a small generator step lowers; 1 where a critic step joins the mean scores.

    The critic is weak, so that no loss finds it good enough; its penalties, which may well oppose a separation, are
    left out. A critic that is compared with distances between samples is not weak, whatever its scores.
    """
    if loss.couples_batches:
        return
    for shape in ((2,), (3, 4, 4)):
        samples, critic = batch(loss, shape), linear(shape, 0.01)
        rises = critic(generator_step(loss, critic, samples)) > 0
        yield 1 - float(rises.double().mean()), f"scores of fakes after a generator step, samples {shape}"
        step = Linear(critic_step(loss, critic, samples))
        distance = step(samples.real).mean() - step(samples.fake).mean()
        yield float(distance <= 0), f"distance of mean scores after a critic step, samples {shape}"


def generator_step(loss: Loss, critic: Linear, samples: Batch) -> Tensor:
    """Where the generator moves each fake, (N, ...)."""
    objective = torch.func.grad(lambda fake: summed(loss.generator_terms(critic, samples.real, fake)))
    return -objective(samples.fake)  # type: ignore[no-any-return]


def critic_step(loss: Loss, critic: Linear, samples: Batch) -> Tensor:
    """Where the critic moves its w, without penalties."""
    objective = torch.func.grad(lambda w: summed(_without_penalties(samples.critic_terms(loss, Linear(w)))))
    return -objective(critic.w)  # type: ignore[no-any-return]


def _without_penalties(terms: Terms) -> Terms:
    return {name: term for name, term in terms.items() if not name.startswith("penalty")}


def dirac(loss: Loss) -> Iterator[tuple[float, str]]:
    """The Dirac-GAN (Mescheder et al. 2018, section 2): real samples at 0, fakes at theta, f(x) = psi x + b.

    At the equilibrium (psi, theta) = 0 the Jacobian of descent is [[-P, -a], [-g, 0]] with a, g the derivatives
    of both players' terms in the fake score and P the curvature of the penalty in psi: its eigenvalues are
    -P/2 ± sqrt(P^2/4 + a g). Without a penalty they are imaginary (cycles), with a zero-centred one they lie left of
    that (converges). A penalty towards norm 1 has no derivative there; simulated training must not converge. Nor has a
    distance between the two points.
    """
    curvature = _penalty_curvature(loss)
    if curvature is None or loss.couples_batches:
        return
    if curvature == float("inf"):
        radius = late_radius(loss)
        yield max(0.0, 0.1 - radius), f"converged to radius {radius:.3g} under a penalty that is known not to"
        return
    bias = equilibrium_bias(loss)
    a, g = _score_derivatives(loss, bias)
    measured = torch.linalg.eigvals(torch.func.jacrev(lambda point: field(loss, point))(point_at(bias))[:2, :2])
    root = torch.sqrt(torch.tensor(curvature**2 / 4 + a * g, dtype=torch.complex128))
    expected = torch.stack([-curvature / 2 - root, -curvature / 2 + root])
    gap = min(float((measured - order).abs().max()) for order in (expected, expected.flip(0)))
    yield gap, f"eigenvalues {numbers(measured)}, not {numbers(expected)}"
    yield max(0.0, float(measured.real.max())), f"eigenvalues {numbers(measured)}: the equilibrium repels"


def _penalty_curvature(loss: Loss) -> float | None:
    """P, infinite where a penalty has a kink at slope 0; none where a penalty brings no closed form."""
    h, curvature = 1e-4, 0.0
    for penalty in loss.penalties:
        if not hasattr(penalty, "closed_form"):
            return None
        rise = (penalty.closed_form(h) - penalty.closed_form(0.0)) / h
        if abs(rise) > 0.1 * (1 + abs(penalty.closed_form(1.0))):
            return float("inf")
        curvature += 2 * rise / h
    return curvature


def point_at(bias: float) -> Tensor:
    """(psi, theta, b) at the equilibrium but for a trace of psi, because ‖∇f‖ has no derivative at 0."""
    return torch.tensor([1e-6, 0.0, bias], dtype=torch.float64)


def field(loss: Loss, point: Tensor) -> Tensor:
    """Where both players go from (psi, theta, b): minus the gradient of each one's objective in its own numbers."""
    real = point.new_zeros(2, 1)
    noise = loss.noise(Rng(0, "verify", "dirac"), real)

    def critic_objective(point: Tensor) -> Tensor:
        fake = point[1] * torch.ones_like(real)
        return summed(loss.critic_terms(lambda x: point[0] * x[:, 0] + point[2], real, fake, noise))

    def generator_objective(point: Tensor) -> Tensor:
        fake = point[1] * torch.ones_like(real)
        return summed(loss.generator_terms(lambda x: point[0] * x[:, 0] + point[2], real, fake))

    critic, generator = torch.func.grad(critic_objective)(point), torch.func.grad(generator_objective)(point)
    return -torch.stack([critic[0], generator[1], critic[2]])


def equilibrium_bias(loss: Loss) -> float:
    """b where the critic is content with f = b everywhere, by bisection."""
    low, high = -4.0, 4.0
    for _ in range(60):
        midpoint = (low + high) / 2
        pull = float(field(loss, point_at(midpoint))[2])
        if pull == 0:
            return midpoint
        low, high = (midpoint, high) if pull > 0 else (low, midpoint)
    return (low + high) / 2


def _score_derivatives(loss: Loss, score: float) -> tuple[float, float]:
    """(a, g): the derivatives of the critic's and the generator's terms in the fake score, at equal scores."""
    real = torch.full((1,), score, dtype=torch.float64)
    a = torch.func.grad(lambda fake: summed(loss.adversarial.critic_terms(real, fake)))(real)
    g = torch.func.grad(lambda fake: summed(loss.adversarial.generator_terms(real, fake)))(real)
    return float(a), float(g)


def late_radius(loss: Loss, steps: int = 300, rate: float = 0.04) -> float:
    """The least distance from (psi, theta) = 0 in the second half of a simulated training."""
    point = torch.tensor([0.5, 1.0, 0.0], dtype=torch.float64)
    radii = []
    for _ in range(steps):
        point = point + rate * field(loss, point)
        radii.append(float(point[:2].norm()))
    return min(radii[steps // 2 :])


def numbers(values: Tensor) -> str:
    return ", ".join(f"{value.real:.4g}{value.imag:+.4g}i" for value in values.tolist())
