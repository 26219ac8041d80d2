"""Losses against closed forms: on a linear critic f(x) = <w, x> every term is known by hand."""

from math import inf, log, sqrt

import pytest
import torch
from formulas import Formula
from torch import Tensor
from torch.nn.functional import logsigmoid

from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES, Loss
from gan_zoo.losses.base import score_pair
from gan_zoo.losses.least_squares import LeastSquares
from gan_zoo.losses.minimax import NonSaturating
from gan_zoo.losses.penalties import POINTS, R1, R2, Dragan, GradientNorm, WganDiv, gradient_norm, named
from gan_zoo.losses.wasserstein import Wasserstein
from gan_zoo.metrics.transport import emd
from gan_zoo.rng import Rng

SHAPES = [(2,), (1, 8, 8), (3, 8, 8), (1, 5, 7), (2, 3, 4, 5), (2, 2, 3, 2, 2)]
PENALISED = {"wgan-gp": (lambda d: d**2), "wgan-lp": (lambda d: max(0, d) ** 2), "wgan-gp-hinge": (lambda d: max(0, d))}


class Linear:
    """f(x) = <w, x> with ‖w‖ = `slope`, so that ‖∇f‖ = slope everywhere."""

    def __init__(self, shape: tuple[int, ...], slope: float) -> None:
        w = Rng(0, "w").normal(*shape, dtype=torch.float64)
        self.w = slope * w / w.norm()

    def __call__(self, x: Tensor) -> Tensor:
        return (x * self.w).flatten(1).sum(1)


def batches(shape: tuple[int, ...], n: int = 6) -> tuple[Tensor, Tensor]:
    rng = Rng(0, "batches")
    return rng.normal(n, *shape, dtype=torch.float64), rng.normal(n, *shape, dtype=torch.float64) + 1


def penalty_of(loss: Loss, critic: object, real: Tensor, fake: Tensor) -> Tensor:
    terms = loss.critic_terms(critic, real, fake, loss.noise(Rng(0, "eps"), real))
    return terms["penalty_interpolates"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PENALISED)
def test_slope_two_and_weight_one_cost_exactly_one(name: str, shape: tuple[int, ...]) -> None:
    """The known answer that eight public codes miss: for ‖w‖ = 2, lambda = 1 the penalty is 1 in any shape."""
    real, fake = batches(shape)
    assert penalty_of(LOSSES[name].with_fields(weight=1.0), Linear(shape, 2), real, fake).item() == pytest.approx(
        1, abs=1e-12
    )


@pytest.mark.parametrize("slope", [0.25, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("name", PENALISED)
def test_penalty_on_a_linear_critic_is_its_closed_form(name: str, slope: float) -> None:
    real, fake = batches((3, 4, 4))
    expected = 10 * PENALISED[name](slope - 1)
    assert penalty_of(LOSSES[name], Linear((3, 4, 4), slope), real, fake).item() == pytest.approx(expected, abs=1e-11)


def test_hinge_and_squared_one_sided_penalties_differ_in_gradient() -> None:
    """At norm 1 + d the unsquared form pulls with 1 and the squared one with 2 d."""
    real, fake = batches((2,))
    for name, expected in {"wgan-lp": 2 * 0.25, "wgan-gp-hinge": 1.0}.items():
        loss = LOSSES[name].with_fields(weight=1.0)
        scale = torch.tensor(1.25, dtype=torch.float64, requires_grad=True)
        unit = Linear((2,), 1)
        penalty_of(loss, lambda x, scale=scale, unit=unit: scale * unit(x), real, fake).backward()
        assert scale.grad is not None
        assert scale.grad.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (R1(gamma=3), lambda s: 1.5 * s**2),
        (R2(gamma=3), lambda s: 1.5 * s**2),
        (Dragan(), lambda s: 10 * (s - 1) ** 2),
        (WganDiv(), lambda s: 2 * s**6),
    ],
    ids=lambda part: type(part).__name__ if not callable(part) else "",
)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_named_penalties_on_a_linear_critic_are_their_closed_forms(penalty, expected, shape: tuple[int, ...]) -> None:
    real, fake = batches(shape)
    for slope in (0.0, 0.5, 2.0):
        term = penalty.term(Linear(shape, slope), real, fake, penalty.noise(Rng(0, "noise"), real))
        assert term.item() == pytest.approx(expected(slope), abs=1e-11)


def test_zero_centred_penalties_look_where_they_say() -> None:
    """On f(x) = ‖x‖^2 / 2 the gradient at x is x itself."""
    real, fake = batches((2, 3))
    for penalty, points in ((R1(gamma=2), real), (R2(gamma=2), fake)):
        term = penalty.term(
            lambda x: x.flatten(1).square().sum(1) / 2, real, fake, penalty.noise(Rng(0, "noise"), real)
        )
        torch.testing.assert_close(term, points.flatten(1).square().sum(1).mean())


def test_a_general_penalty_that_a_paper_named_goes_by_that_name() -> None:
    for penalty in (R1(gamma=0.3), R2(gamma=7), Dragan(weight=3), WganDiv(k=1, p=4)):
        assert named(penalty.settings) == penalty
    assert named(GradientNorm(at="real", target=0, one_sided=True)) == R1(gamma=20)
    assert named(GradientNorm(one_sided=True)) == GradientNorm(one_sided=True)
    assert named(GradientNorm(at="real")) == GradientNorm(at="real")


def logistic(real: Tensor, fake: Tensor) -> Tensor:
    return -logsigmoid(real).mean() - logsigmoid(-fake).mean()  # log(1 - sigma(t)) = log sigma(-t)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    zero = torch.zeros_like(real)
    return -torch.minimum(zero, real - 1).mean() - torch.minimum(zero, -fake - 1).mean()


PAPERS = {  # the papers' own expressions: what the critic minimises, and the generator
    "minimax": (logistic, lambda real, fake: logsigmoid(-fake).mean()),
    "non-saturating": (logistic, lambda real, fake: -logsigmoid(fake).mean()),
    "lsgan": (
        lambda real, fake: ((real - 1) ** 2 + fake**2).mean() / 2,
        lambda real, fake: ((fake - 1) ** 2).mean() / 2,
    ),
    "hinge": (hinge, lambda real, fake: -fake.mean()),
    "wgan-clip": (lambda real, fake: fake.mean() - real.mean(), lambda real, fake: -fake.mean()),
    "rpgan": (
        lambda real, fake: -logsigmoid(real - fake).mean(),
        lambda real, fake: -logsigmoid(fake - real).mean(),
    ),
}
"""A loss without an expression here is held to the formula that it gives itself."""


@pytest.mark.parametrize("name", PAPERS)
def test_adversarial_terms_are_the_papers_formulas(name: str) -> None:
    real, fake = Rng(0, "s").normal(9, dtype=torch.float64), Rng(1, "s").normal(9, dtype=torch.float64)
    adversarial = LOSSES[name].adversarial
    for terms, expected in zip((adversarial.critic_terms, adversarial.generator_terms), PAPERS[name], strict=True):
        torch.testing.assert_close(sum(terms(real, fake).values()), expected(real, fake))


@pytest.mark.parametrize("name", LOSSES)
def test_the_formulas_of_a_loss_are_what_it_computes(name: str) -> None:
    """On a linear critic, whose slope is the same everywhere, for both players."""
    loss = LOSSES[name]
    for slope in (0.5, 1.7):
        real, fake = batches((2, 3))
        distances = (fake[:, None] - real).flatten(2).norm(dim=2)
        critic = Linear((2, 3), slope)
        own = sum(loss.critic_terms(critic, real, fake, loss.noise(Rng(0, "noise"), real)).values())
        written = Formula(loss.critic_formula, critic(real), critic(fake), slope, distances).value
        torch.testing.assert_close(own, written, rtol=1e-9, atol=1e-9)
        own = sum(loss.generator_terms(critic, real, fake).values())
        written = Formula(loss.generator_formula, critic(real), critic(fake), slope, distances).value
        torch.testing.assert_close(own, written, rtol=1e-9, atol=1e-9)


def test_the_language_of_formulas() -> None:
    real, fake = torch.tensor([1.0, 3.0]).double(), torch.tensor([-1.0, 0.5]).double()
    for text, expected in (
        ("1/2 E (f(x) - 1)^2", 1.0),
        ("-E f(x̃) + 2 E max(0, f(x))", 4.25),
        ("0.5 E [2 f(x) - f(x̃)], f under spectral normalisation", 2.125),
        ("E log σ(f(x) - f(x))", -log(2)),
        ("10 E (‖∇f(x̂)‖ - 1)^2", 40.0),
        ("E max(0, ‖∇f(x + δ)‖ - 1)^3", 8.0),
    ):
        assert Formula(text, real, fake, 3.0).value.item() == pytest.approx(expected), text
    for text in ("E f(y)", "E f(x))"):
        with pytest.raises(AssertionError):
            Formula(text, real, fake, 1.0)


def test_the_c_transform_finds_the_distance_of_batches() -> None:
    """By descent in free scores of the real samples, which need no bound; any scores give no more than the distance."""
    real, fake = batches((2, 3), n=8)
    loss, exact = LOSSES["wgan-ct"], emd(real.flatten(1), fake.flatten(1))
    scores = torch.zeros(8, dtype=torch.float64, requires_grad=True)
    best = -inf
    for step in range(4000):
        estimate = loss.distance(lambda x, scores=scores: scores, real, fake)  # type: ignore[misc]
        assert estimate.item() <= exact + 1e-12
        best = max(best, estimate.item())
        (rise,) = torch.autograd.grad(estimate, scores)
        scores = (scores + 0.5 / (1 + step) ** 0.5 * rise).detach().requires_grad_()
    assert best == pytest.approx(exact, rel=1e-2)


def test_the_c_transform_moves_a_fake_straight_towards_the_real_sample_that_it_is_compared_with() -> None:
    real, fake = torch.tensor([[0.0, 0.0], [5.0, 0.0]]).double(), torch.tensor([[1.0, 0.0], [0.0, 2.0]]).double()
    scores = torch.tensor([0.0, 3.5]).double()  # (1, 0) is 1 - 0 from the first and 4 - 3.5 from the second

    def total(fake: Tensor) -> Tensor:
        return sum(LOSSES["wgan-ct"].generator_terms(lambda x: scores, real, fake).values())  # type: ignore[return-value]

    assert total(fake).item() == pytest.approx((0.5 + (29**0.5 - 3.5)) / 2)
    towards = (real[1] - fake) / (real[1] - fake).norm(dim=1, keepdim=True)
    torch.testing.assert_close(-torch.func.grad(total)(fake), towards / 2)


def test_other_losses_estimate_the_distance_by_mean_scores() -> None:
    real, fake = batches((2, 3))
    critic = Linear((2, 3), 1)
    expected = critic(real).mean() - critic(fake).mean()
    torch.testing.assert_close(LOSSES["wgan-gp"].distance(critic, real, fake), expected)


def test_least_squares_with_the_pearson_coding() -> None:
    loss = LeastSquares(a=-1, b=1, c=0)
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 1.0])
    assert sum(loss.critic_terms(real, fake).values()).item() == pytest.approx(0.5 * 2 + 0.5 * 2)
    assert sum(loss.generator_terms(None, fake).values()).item() == pytest.approx(0.5)
    assert loss.critic_formula == "1/2 E (f(x) - 1)^2 + 1/2 E (f(x̃) + 1)^2"
    assert loss.generator_formula == "1/2 E f(x̃)^2"


def test_minimax_at_zero_scores_is_the_equilibrium_value() -> None:
    """Where f = 0, D = 1/2 and the critic's loss is 2 log 2 (Goodfellow et al. 2014, theorem 1)."""
    zero = torch.zeros(4)
    terms = LOSSES["minimax"].adversarial.critic_terms(zero, zero)
    assert sum(terms.values()).item() == pytest.approx(2 * log(2), abs=1e-6)


def test_gradient_norm_at_zero_gradient_has_zero_derivative_and_no_epsilon() -> None:
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    norm = gradient_norm(lambda x: x @ w, torch.ones(4, 3, dtype=torch.float64))
    norm.sum().backward()
    assert torch.equal(norm.detach(), torch.zeros(4, dtype=torch.float64))
    assert torch.equal(w.grad, torch.zeros(3, dtype=torch.float64))
    tiny = torch.full((1, 3), 1e-12, dtype=torch.float64)
    exact = gradient_norm(lambda x: (x * tiny).sum(1), torch.ones(1, 3, dtype=torch.float64)).item()
    assert exact == pytest.approx(1e-12 * sqrt(3), rel=1e-12)


def test_eps_is_one_per_sample_and_points_lie_between() -> None:
    real, fake = batches((3, 4, 4), n=50)
    eps = POINTS["interpolates"].noise(Rng(0, "eps"), real)
    x_hat = POINTS["interpolates"].points(real, fake, eps)
    assert eps.shape == (50,)
    assert len(eps.unique()) == 50
    share = ((x_hat - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(share, eps[:, None].expand_as(share), rtol=0, atol=1e-9, check_dtype=False)


def test_other_points_are_where_they_say() -> None:
    real, fake = batches((2, 3), n=4000)
    assert torch.equal(POINTS["real"].points(real, fake, real.new_empty(4000, 0)), real)
    assert torch.equal(POINTS["fake"].points(real, fake, real.new_empty(4000, 0)), fake)
    u = POINTS["perturbed-real"].noise(Rng(0, "u"), real)
    shift = (POINTS["perturbed-real"].points(real, fake, u) - real) / real.std()
    assert shift.min() >= 0
    assert shift.max() <= 0.5
    assert shift.mean().item() == pytest.approx(0.125, abs=0.005)  # 0.5 E alpha E u
    assert (shift[:, 0, 0] == shift[:, 0, 1]).sum() == 0


def test_a_sample_s_gradient_is_its_own() -> None:
    """Changing one sample leaves the norm at every other one alone."""
    torch_net = torch.nn.Sequential(
        torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1), torch.nn.Flatten(0)
    )
    x = Rng(0, "x").normal(8, 2)
    changed = x.clone()
    changed[3] += 5
    before, after = gradient_norm(torch_net, x), gradient_norm(torch_net, changed)
    others = torch.arange(8) != 3
    torch.testing.assert_close(before[others], after[others])
    assert not torch.isclose(before[3], after[3])


def test_scores_are_paired_in_one_pass_only_where_samples_do_not_mix() -> None:
    calls: list[int] = []

    class Critic:
        per_sample = True

        def __call__(self, x: Tensor) -> Tensor:
            calls.append(len(x))
            return x.sum(1)

    critic = Critic()
    real, fake = torch.ones(3, 2), torch.zeros(4, 2)
    score_real, score_fake = score_pair(critic, real, fake)
    Critic.per_sample = False
    score_pair(critic, real, fake)
    assert calls == [7, 3, 4]
    assert score_real.tolist() == [2, 2, 2]
    assert score_fake.tolist() == [0, 0, 0, 0]


def test_hyper_parameters_change_by_name_and_unknown_ones_are_refused() -> None:
    assert LOSSES["wgan-gp"].with_fields(weight=0.1).penalties == (GradientNorm(weight=0.1),)
    assert LOSSES["wgan-clip"].with_fields(weight_clip=0.1).weight_clip == 0.1
    assert LOSSES["r3gan"].with_fields(gamma=1.0).penalties == (R1(gamma=1), R2(gamma=1))
    with pytest.raises(UserError, match="weight: no part of this loss has it; it has gamma"):
        LOSSES["r1"].with_fields(weight=1.0)
    two = Loss(Wasserstein(), (GradientNorm(), GradientNorm(weight=1, at="real")))
    with pytest.raises(UserError, match="weight: parts of this loss differ in it"):
        two.with_fields(weight=1.0)


def test_terms_of_equal_penalties_keep_both() -> None:
    loss = Loss(NonSaturating(), (GradientNorm(weight=1), GradientNorm(weight=2)))
    real, fake = batches((2,))
    terms = loss.critic_terms(Linear((2,), 2), real, fake, loss.noise(Rng(0, "eps"), real))
    assert terms["penalty_interpolates"].item() == pytest.approx(1)
    assert terms["penalty_interpolates_2"].item() == pytest.approx(2)


@pytest.mark.parametrize(("slope", "derivative"), [(1e-30, -20), (1e-38, -20), (0.0, 0), (1e-3, -19.98), (3.0, 40)])
def test_derivative_of_the_penalty_by_the_slope(slope: float, derivative: float) -> None:
    """f(x) = <w, x> with w = (slope, 0, 0): d/dslope of 10 (slope - 1)^2 is 20 (slope - 1), however small a slope whose
    square float32 takes for 0; at 0 itself, where there is none, it is 0."""
    w = torch.tensor([slope, 0, 0]).requires_grad_()
    x = torch.ones(2, 3)
    penalty = GradientNorm().term(lambda points: points @ w, x, x, torch.ones(2))
    (gradient,) = torch.autograd.grad(penalty, w)
    assert gradient.tolist() == pytest.approx([derivative, 0, 0], rel=1e-6, abs=0)
