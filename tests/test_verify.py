"""Conformance: green on every loss of the zoo, and red, by the check that names it, on every planted fault."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from planted import FAULTS, input_gradient
from torch import Tensor

from benchmarks.cli import main
from gan_zoo.losses import LOSSES, Loss
from gan_zoo.losses.base import Critic, Terms
from gan_zoo.losses.minimax import NonSaturating
from gan_zoo.losses.penalties import R1, GradientNorm
from gan_zoo.losses.wasserstein import Wasserstein
from gan_zoo.rng import Rng
from gan_zoo.verify import CHECKS, Check, run, verify
from gan_zoo.verify.dynamics import equilibrium_bias, field, late_radius, point_at


def failures(loss: Loss) -> set[str]:
    return {check for check, result in verify({"": loss})[""].items() if not result.passed}


NOT_OF_EVERY_LOSS = {"linear", "relu-mlp", "draws", "optimum", "samples", "sign", "dirac"}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_passes_every_check(name: str) -> None:
    results = verify({name: LOSSES[name]})[name]
    assert {check: result for check, result in results.items() if not result.passed} == {}
    applied = {check for check, result in results.items() if result.deviation is not None}
    assert applied == set(CHECKS) - NOT_OF_EVERY_LOSS | has_something_to_say(LOSSES[name])


def has_something_to_say(loss: Loss) -> set[str]:
    """Which of the checks that not every loss has an answer for apply to this one, by what its parts bring."""
    penalties, by_scores_alone = loss.penalties, not loss.couples_batches
    brings = {
        "samples": by_scores_alone,
        "sign": by_scores_alone,
        "dirac": by_scores_alone and all(hasattr(part, "closed_form") for part in penalties),
        "linear": bool(penalties),
        "relu-mlp": any(isinstance(getattr(part, "settings", part), GradientNorm) for part in penalties),
        "draws": any(part.noise(Rng(0), torch.zeros(2, 2)).numel() for part in penalties),
        "optimum": any(hasattr(loss.adversarial, answer) for answer in ("optimal_score", "needs_lipschitz")),
    }
    return {check for check, applies in brings.items() if applies}


@dataclass(frozen=True)
class FGan:
    """An f-GAN (Nowozin et al. 2016, arXiv 1606.00709, table 2): its critic maximises E f(x) - E f*(f(x~))."""

    divergence: str
    shift: float = 0.0
    generator_sees_real = False
    critic_formula = generator_formula = "-"

    def critic_terms(self, score_real: Tensor, score_fake: Tensor) -> Terms:
        conjugate = {
            "chi-square": lambda t: t.square() / 4 + t,
            "kl": lambda t: torch.exp(t - 1),
            "squared hellinger": lambda t: t / (1 - t),
        }[self.divergence]
        return {"real": -score_real.mean(), "fake": conjugate(score_fake).mean()}

    def generator_terms(self, score_real: Tensor | None, score_fake: Tensor) -> Terms:
        return {"fake": -score_fake.mean()}

    def optimal_score(self, log_ratio: Tensor) -> Tensor:
        best = {
            "chi-square": 2 * (log_ratio.exp() - 1),
            "kl": 1 + log_ratio,
            "squared hellinger": 1 - (-log_ratio / 2).exp(),
        }[self.divergence]
        return best + self.shift


@pytest.mark.parametrize("divergence", ["chi-square", "kl", "squared hellinger"])
def test_steep_optimal_critics_are_known_to_be_optimal(divergence: str) -> None:
    """Means over quantiles of two normals refuse the chi-square's: its p / q has half its mass in their tails."""
    right, wrong = (run(CHECKS["optimum"], Loss(FGan(divergence, shift))) for shift in (0.0, -0.2))
    assert right.deviation == pytest.approx(0, abs=1e-9)
    assert wrong.deviation is not None
    assert wrong.deviation > 0.02


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_fails_the_checks_that_name_it_and_no_other(fault: str) -> None:
    loss, expected = FAULTS[fault]
    assert failures(loss) == expected


def eigenvalues(loss: Loss) -> list[complex]:
    point = point_at(equilibrium_bias(loss))
    jacobian = torch.func.jacrev(lambda point: field(loss, point))(point)[:2, :2]
    return sorted(torch.linalg.eigvals(jacobian).tolist(), key=lambda value: (value.real, value.imag))


def test_the_dirac_gan_moves_as_the_literature_says() -> None:
    """Mescheder et al. 2018, lemma 2.3 (±f'(0) i: 1/2 for the GAN, 1 for the WGAN) and lemma 3.3 (R1)."""
    for name, frequency in {
        "minimax": 0.5,
        "non-saturating": 0.5,
        "wgan-clip": 1,
        "rpgan": 0.5,
        "hinge": 1,
        "lsgan": 0.5,
    }.items():
        assert eigenvalues(LOSSES[name]) == pytest.approx([-frequency * 1j, frequency * 1j], abs=1e-5)
    for gamma in (0.1, 1.0, 3.0):
        root = (gamma**2 / 4 - 0.25 + 0j) ** 0.5
        loss = Loss(NonSaturating(), (R1(gamma=gamma),), paper="-")
        expected = sorted((-gamma / 2 - root, -gamma / 2 + root), key=lambda value: (value.real, value.imag))
        assert eigenvalues(loss) == pytest.approx(expected, abs=1e-5)
        assert late_radius(loss, steps=3000) < 0.05
    for name in ("wgan-gp", "dragan"):
        assert late_radius(LOSSES[name], steps=3000) > 0.1


def test_lsgan_is_at_rest_halfway_between_its_labels() -> None:
    assert equilibrium_bias(LOSSES["lsgan"]) == pytest.approx(0.5, abs=1e-9)


def test_a_penalty_without_a_closed_form_is_still_held_to_one_value_in_all_shapes() -> None:
    class Plain:
        name, formula = "penalty_x", "E ‖∇f(x)‖"
        per_pixel = False

        def noise(self, rng: Rng, real: Tensor) -> Tensor:
            return real.new_empty(len(real), 0)

        def term(self, critic: Critic, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor:
            gradient = input_gradient(critic, real)
            square = gradient.square().sum(1) if self.per_pixel else gradient.flatten(1).square().sum(1)
            return (square + 1e-12).sqrt().mean()

    loss = Loss(Wasserstein(), (dataclass(frozen=True)(Plain)(),), paper="mine")
    results = verify({"": loss})[""]
    assert {check for check, result in results.items() if not result.passed} == set()
    assert results["dirac"].deviation is results["relu-mlp"].deviation is None
    Plain.per_pixel = True
    assert failures(loss) == {"linear"}


def test_a_deviation_that_is_no_number_and_an_exception_are_failures() -> None:
    def broken(loss: Loss):
        raise ValueError("no\nway")
        yield

    assert not run(Check(lambda loss: iter([(0.0, "a"), (float("nan"), "b")]), 1, ""), LOSSES["minimax"]).passed
    result = run(Check(broken, 1, ""), LOSSES["minimax"])
    assert not result.passed
    assert result.where == "ValueError: no"
    assert run(Check(lambda loss: iter([(0.5, "a"), (0.7, "b"), (0.6, "c")]), 1, ""), LOSSES["minimax"]).where == "b"


PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from gan_zoo.losses import Loss
from gan_zoo.losses.wasserstein import Wasserstein

@dataclass(frozen=True)
class Mine(Wasserstein):
    def generator_terms(self, score_real, score_fake):
        return {{"fake": {sign}score_fake.mean()}}

LOSSES = {{"mine": Loss(Mine(), paper="mine")}}
"""


def test_verify_prints_a_table_and_its_exit_code_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format(sign="-"))
    assert main(["verify", "mine", "hinge", "--plugin", str(path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == list(CHECKS)
    assert [line.split()[0] for line in out[1:3]] == ["mine", "hinge"]
    assert out[-1] == "2 losses, 0 failed checks"
    path.write_text(PLUGIN.format(sign="+"))
    assert main(["verify", "--plugin", str(path)]) == 1
    out = capsys.readouterr().out
    assert "FAILED mine: sign: deviation 1, allowed 0: scores of fakes after a generator step" in out
    assert "1e+00!" in out
    assert main(["verify", "mime", "--plugin", str(path)]) == 2
    assert "verify mime: unknown loss (did you mean 'mine'?)" in capsys.readouterr().err
