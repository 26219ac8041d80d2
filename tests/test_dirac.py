"""The Dirac-GAN: two numbers that move as its recursion in closed form says."""

import math
from pathlib import Path

import pytest

from gan_zoo.architectures import check_architecture
from gan_zoo.datasets import load_dataset
from gan_zoo.errors import UserError
from gan_zoo.spec import run_spec
from gan_zoo.trainer import advance, initial_state, prepare, train

STEP, STEPS = 0.2, 40


def sigmoid(t: float) -> float:
    return 1 / (1 + math.exp(-t))


@pytest.mark.parametrize(("loss", "damped"), [("non-saturating", 0.0), ({"name": "r1", "gamma": 0.3}, 0.3)])
def test_both_numbers_descend_their_objectives_in_turn(loss: object, damped: float) -> None:
    content = {
        "loss": loss,
        "dataset": "dirac",
        "architecture": {"name": "dirac"},
        "train": {
            "steps": STEPS,
            "batch_size": 3,
            "n_critic": 1,
            "optimizer": {"name": "sgd", "lr": STEP},
            "precision": "float64",
        },
        "evaluate": {"every": STEPS, "samples": 10},
    }
    run = prepare(run_spec(content), load_dataset("dirac", root=Path()))
    state = initial_state(run)
    theta, psi = state.generator.vector.item(), state.critic.vector.item()
    for _ in range(STEPS):
        psi -= STEP * (theta * sigmoid(psi * theta) + damped * psi)  # of -log(1 - sigma(psi theta)) + gamma/2 psi^2
        theta += STEP * psi * sigmoid(-psi * theta)  # of -log sigma(psi theta)
    advance(train(run, state), STEPS)
    assert state.critic.vector.item() == pytest.approx(psi, abs=1e-6)
    assert state.generator.vector.item() == pytest.approx(theta, abs=1e-6)


def test_samples_of_more_than_a_number_are_refused_in_a_line() -> None:
    from gan_zoo.architectures.dirac import Dirac

    with pytest.raises(UserError, match=r"^dirac: makes single numbers.*use mlp$"):
        check_architecture(Dirac(), (2,))
