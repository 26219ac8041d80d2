"""Training: equal to an independent loop, the same for a key, resumed bit for bit, paired across losses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from gan_zoo.checkpoint import load_checkpoint, save_checkpoint
from gan_zoo.datasets import load_dataset
from gan_zoo.engine import Draws, Iteration, Players, TrainState, plain
from gan_zoo.losses import LOSSES
from gan_zoo.spec import run_spec
from gan_zoo.trainer import BLOCK, Run, advance, block_draws, initial_state, prepare, sampler, train
from gan_zoo.weights_file import final_weights, weights_hash


def make_run(loss: Any = "wgan-gp", dataset: str = "8gaussians", seed: int = 0, **changes: Any) -> Run:
    architecture = changes.pop("architecture", {"name": "mlp", "width": 16, "depth": 2})
    training = {
        "steps": 40,
        "batch_size": 8,
        "n_critic": 2,
        "optimizer": {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9]},
    }
    spec = run_spec(
        {
            "loss": loss,
            "dataset": dataset,
            "architecture": architecture,
            "train": {**training, **changes},
            "evaluate": {"every": 20, "samples": 100},
            "seed": seed,
        }
    )
    return prepare(spec, load_dataset(dataset, root=Path("unused")))


def run_to(run: Run, state: TrainState, step: int) -> TrainState:
    iterations = train(run, state)
    while state.step < step:
        next(iterations)
    return state


def digest(run: Run, state: TrainState) -> str:
    return weights_hash(final_weights(run, state))


def textbook_wgan_gp(run: Run, steps: int) -> tuple[nn.Module, nn.Module]:
    """WGAN-GP as a textbook writes it: modules, autograd.grad, one pass each for real and fake."""
    state = initial_state(run)
    generator, critic = run.players.generator, run.players.critic
    for net, weights in ((generator, state.generator), (critic, state.critic)):
        net.load_state_dict(weights, strict=False)
        net.requires_grad_()
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.9)) for net in (generator, critic)]
    draws = [draw for block in range(-(-steps // BLOCK)) for draw in block_draws(run, block)]
    for draw in draws[:steps]:
        for real, z, (eps,) in zip(draw.real, draw.z_critic, zip(*draw.noise, strict=True), strict=True):
            fake = generator(z).detach()
            x_hat = (eps[:, None] * real + (1 - eps[:, None]) * fake).requires_grad_()
            (gradient,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
            penalty = 10 * ((gradient.norm(dim=1) - 1) ** 2).mean()
            optimizers[1].zero_grad()
            (critic(fake).mean() - critic(real).mean() + penalty).backward()
            optimizers[1].step()
        optimizers[0].zero_grad()
        (-critic(generator(draw.z_generator)).mean()).backward()
        optimizers[0].step()
    return generator, critic


def test_trainer_equals_a_textbook_loop_in_float64() -> None:
    run = make_run(precision="float64")
    state = run_to(run, initial_state(run), 40)
    generator, critic = textbook_wgan_gp(make_run(precision="float64"), 40)
    for net, weights in ((generator, state.generator), (critic, state.critic)):
        for name, parameter in net.named_parameters():
            torch.testing.assert_close(weights[name], parameter.detach(), rtol=1e-8, atol=1e-10)


def test_weight_clipping_holds_every_weight_and_reaches_the_bound() -> None:
    run = make_run("wgan-clip", optimizer={"name": "rmsprop", "lr": 1e-3})
    state = initial_state(run)
    largest = [state.critic.vector.abs().max().item() for _ in train(run, state)]
    assert largest == pytest.approx([0.01] * run.spec.train.steps, abs=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_same_spec_gives_same_bits_and_another_seed_others(loss: str) -> None:
    first, second, other = (make_run(loss, seed=seed) for seed in (0, 0, 1))
    digests = [digest(run, run_to(run, initial_state(run), 20)) for run in (first, second, other)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("stop", [1, BLOCK - 1, BLOCK, BLOCK + 5])
@pytest.mark.parametrize(
    "optimizer", [{"name": "adam", "lr": 1e-3}, {"name": "rmsprop", "lr": 1e-3}], ids=["adam", "rmsprop"]
)
def test_resume_from_a_checkpoint_equals_the_straight_run(tmp_path: Path, stop: int, optimizer: dict[str, Any]) -> None:
    run = make_run(optimizer=optimizer, lr_decay="linear")
    straight = run_to(run, initial_state(run), 40)
    stopped = run_to(run, initial_state(run), stop)
    save_checkpoint(tmp_path / "c.pt", stopped, run.spec.key, "r1", {"train": 1.5})
    fresh = make_run(optimizer=optimizer, lr_decay="linear")
    resumed = initial_state(fresh)
    assert load_checkpoint(tmp_path / "c.pt", resumed, run.spec.key, "r1", 40) == {"train": 1.5}
    assert resumed.step == stop
    assert digest(fresh, run_to(fresh, resumed, 40)) == digest(run, straight)


def test_resume_on_images_with_batch_normalisation_equals_the_straight_run(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "dataset": "digits",
        "architecture": {"name": "mlp", "width": 16, "generator_norm": "batch"},
    }
    run = make_run(**options)
    straight = run_to(run, initial_state(run), 40)
    save_checkpoint(tmp_path / "c.pt", run_to(run, initial_state(run), 19), run.spec.key, "r1", {})
    resumed = initial_state(run)
    load_checkpoint(tmp_path / "c.pt", resumed, run.spec.key, "r1", 40)
    assert digest(run, run_to(run, resumed, 40)) == digest(run, straight)


def test_losses_at_one_seed_share_weights_data_and_latents() -> None:
    runs = [make_run(loss) for loss in LOSSES]
    states, draws = [initial_state(run) for run in runs], [block_draws(run, 3) for run in runs]
    for state, own in zip(states[1:], draws[1:], strict=True):
        for net in ("generator", "critic"):
            assert all(
                torch.equal(a, b)
                for a, b in zip(getattr(states[0], net).values(), getattr(state, net).values(), strict=True)
            )
        for first, second in zip(draws[0], own, strict=True):
            assert torch.equal(first.real, second.real)
            assert torch.equal(first.z_critic, second.z_critic)
            assert torch.equal(first.z_generator, second.z_generator)


def test_draws_do_not_depend_on_the_number_of_steps() -> None:
    short, long = (block_draws(make_run(steps=steps), 2) for steps in (BLOCK * 2 + 3, 400))
    assert len(short) == 3
    assert all(
        torch.equal(a.real, b.real) and torch.equal(a.noise[0], b.noise[0]) for a, b in zip(short, long, strict=False)
    )


def test_linear_decay_reaches_zero_at_the_end() -> None:
    """The step t of T at the rate lr is one at the constant rate (1 - t / T) lr."""
    run = make_run(steps=4, lr_decay="linear")
    state = initial_state(run)
    for rate in (1e-3, 0.75e-3, 0.5e-3, 0.25e-3):
        constant = make_run(steps=4, optimizer={"name": "adam", "lr": rate, "betas": [0.5, 0.9]})
        expected = initial_state(constant)
        expected.load(state.to_dict())
        advance(train(run, state), 1)
        advance(train(constant, expected), 1)
        assert torch.equal(state.generator.vector, expected.generator.vector)
        assert torch.equal(state.critic.vector, expected.critic.vector)


def test_advance_gives_the_mean_of_each_term() -> None:
    run = make_run()
    one_by_one = [{name: value.item() for name, value in terms.items()} for terms in train(run, initial_state(run))]
    means = advance(train(run, initial_state(run)), 40)
    assert means.keys() == {"critic/real", "critic/fake", "critic/penalty_interpolates", "generator/fake"}
    for name, value in means.items():
        assert value == pytest.approx(sum(row[name] for row in one_by_one) / 40, rel=1e-5)


def test_samples_do_not_depend_on_their_batch() -> None:
    run = make_run(dataset="digits", architecture={"name": "mlp", "width": 16, "generator_norm": "batch"})
    sample = sampler(run, run_to(run, initial_state(run), 10))
    z = torch.linspace(-1, 1, 1200).reshape(600, 2)
    torch.testing.assert_close(sample(z)[:3], sample(z[:3]), rtol=1e-5, atol=1e-5)


def test_trained_weights_are_saved_ready_for_use() -> None:
    run = make_run()
    state = run_to(run, initial_state(run), 10)
    weights = final_weights(run, state)
    z = torch.ones(4, 2)
    expected = functional_call(run.players.generator, dict(state.generator), (z,))
    net = run.spec.architecture.generator((2,))
    net.load_state_dict(
        {name.removeprefix("generator."): w for name, w in weights.items() if name.startswith("generator.")}
    )
    torch.testing.assert_close(net.eval()(z), expected)


def test_a_wgan_gp_critic_learns_the_distance_between_two_points() -> None:
    """For data at 0 against fakes that stay at (3, 0), the optimal 1-Lipschitz critic tells them apart by W1 = 3."""
    run = make_run(n_critic=1, steps=1)
    critic, loss = run.players.critic, LOSSES["wgan-gp"]
    state = initial_state(run)
    weights = {name: weight.clone().requires_grad_() for name, weight in state.critic.items()}
    optimizer = torch.optim.Adam(weights.values(), lr=3e-3)
    real, fake = torch.zeros(16, 2), torch.tensor([3.0, 0.0]).expand(16, 2)
    eps = torch.linspace(0, 1, 16)
    for _ in range(400):
        optimizer.zero_grad()
        terms = loss.critic_terms(lambda x: functional_call(critic, weights, (x,)), real, fake, (eps,))
        sum(terms.values()).backward()
        optimizer.step()
    estimate = -(terms["real"] + terms["fake"]).item()
    # with weight lambda = 10 the optimum of  -3 s + 10 (s - 1)^2  is the slope s = 1.15
    assert estimate == pytest.approx(3 * 1.15, abs=0.1)


def test_tf32_holds_within_a_step_and_not_between_steps() -> None:
    """Between steps samples are scored, which no option of training may touch."""
    run = make_run(steps=3)
    run = replace(run, players=replace(run.players, numerics="tf32"))
    within = list[tuple[bool, bool]]()

    def allowed() -> tuple[bool, bool]:
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    def watching(players: Players, state: TrainState) -> Iteration:
        iteration = plain(players, state)

        def watched(draws: Draws) -> dict[str, Tensor]:
            within.append(allowed())
            return iteration(draws)

        return watched

    before = allowed()
    assert [allowed() for _ in train(run, initial_state(run), watching)] == [before] * 3
    assert within == [(True, True)] * 3
    assert before != (True, True)


def test_step_counter_and_end() -> None:
    run = make_run(steps=5)
    state = initial_state(run)
    assert len(list(train(run, state))) == 5
    assert state.step == 5
    assert list(train(run, state)) == []
