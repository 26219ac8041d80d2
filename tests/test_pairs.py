"""Pairs of laws with a known distance, and a critic that is trained alone between two laws and held to the truth."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.cli import main
from benchmarks.record.export import Record
from gan_zoo.datasets import Pair, load_dataset
from gan_zoo.datasets.pairs import Funnels, Lines
from gan_zoo.engine import ENGINES, stacked
from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES
from gan_zoo.metrics.transport import emd
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.step import Bound
from gan_zoo.trainer import advance, advance_stack, block_draws, initial_state, prepare, train, train_stack
from gan_zoo.truth import truths

PAIRS = ["funnels-2-4", "funnels-16-64", "lines-0.5"]


def pair(name: str) -> Any:
    found = load_dataset(name, root=Path())
    assert isinstance(found, Pair)
    return found


class Score(nn.Module):
    """A critic that is a function of points, times a weight of 1 (or another)."""

    def __init__(self, function: Any, weight: float = 1.0) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * self.function(x)


def bound(function: Any, weight: float = 1.0) -> Bound:
    net = Score(function, weight)
    return Bound(net, dict(net.named_parameters()))


@pytest.mark.parametrize("name", PAIRS)
def test_the_potential_falls_along_each_pair_by_its_length(name: str) -> None:
    x, y = pair(name).coupled(Rng(1, "test"), 500)
    length = (x - y).norm(dim=1)
    torch.testing.assert_close(pair(name).optimal_score(x) - pair(name).optimal_score(y), length, rtol=0, atol=1e-12)
    assert (length > 1e-3).double().mean() > 0.9


@pytest.mark.parametrize("name", PAIRS)
def test_no_other_pairing_of_coupled_samples_is_shorter(name: str) -> None:
    x, y = pair(name).coupled(Rng(2, "test"), 300)
    assert emd(x, y) == pytest.approx((x - y).norm(dim=1).mean().item(), rel=1e-12)


def test_moved_points_stay_in_the_cube_and_in_their_funnel() -> None:
    law = Funnels.of(2, 64)
    x, y = law.coupled(Rng(3, "test"), 2000)
    assert x.abs().max() <= 2.5
    lowest = [(torch.cdist(points, law.centres) + law.offsets).argmin(1) for points in (x, y)]
    assert (lowest[0] == lowest[1]).all()


@pytest.mark.parametrize("name", PAIRS)
def test_the_best_critic_has_the_scores_of_the_truth(name: str) -> None:
    law = pair(name)
    best = truths(LOSSES["wgan-gp"], bound(law.optimal_score), law, "pair", Rng(0, "test"))
    assert best["truth/w1_ratio"] == pytest.approx(1, abs=0.03)  # the truth is of other samples
    assert best["truth/gradient_error"] == pytest.approx(0, abs=1e-12)
    assert best["truth/gradient_cosine"] == pytest.approx(1, abs=1e-12)
    flat = truths(LOSSES["wgan-gp"], bound(law.optimal_score, weight=0.0), law, "pair", Rng(0, "test"))
    assert flat["truth/w1_ratio"] == 0
    assert flat["truth/w1_error"] == 1
    assert flat["truth/gradient_error"] == pytest.approx(1)


def test_the_best_discriminator_is_off_by_nothing() -> None:
    law = load_dataset("8gaussians", root=Path())

    def log_ratio(x: Tensor) -> Tensor:
        log_q = torch.distributions.Normal(0, 1).log_prob(x.double()).sum(1)
        return law.log_density(x.double()) - log_q

    best = truths(LOSSES["non-saturating"], bound(log_ratio), law, "normal", Rng(0, "test"))
    assert best == {"truth/discriminator_error": pytest.approx(0, abs=1e-6)}
    assert truths(LOSSES["wgan-gp"], bound(log_ratio), law, "normal", Rng(0, "test")) == {}


def spec(**train: Any) -> RunSpec:
    content = {
        "loss": "wgan-gp",
        "dataset": "funnels-2-4",
        "architecture": {"name": "mlp", "width": 8, "depth": 2},
        "train": {"steps": 3, "n_critic": 2, "batch_size": 5, "optimizer": {"name": "adam", "lr": 1e-2}, **train},
        "evaluate": {"every": 1, "samples": 20},
    }
    return run_spec(content)


def test_a_critic_alone_sees_the_law_of_fakes_and_has_no_opponent() -> None:
    law = pair("funnels-2-4")
    run = prepare(spec(fakes="pair"), law)
    state = initial_state(run)
    z = torch.cat([block_draws(run, 0)[0].z_critic.flatten(0, 1)])
    expected = law.fakes(Rng(0, "latents", 0), 16 * 3 * 5).unflatten(0, (16, 3, 5))[0, :-1].flatten(0, 1)
    assert torch.equal(z, expected)
    before = state.critic.vector.clone()
    terms = advance(train(run, state), 3)
    assert all(name.startswith("critic/") for name in terms)
    assert len(state.generator) == 0
    assert not torch.equal(before, state.critic.vector)


def test_engines_agree_about_a_critic_alone() -> None:
    law = pair("funnels-2-4")
    vectors = []
    for engine in ("plain", "closed-form"):
        run = prepare(spec(fakes="pair"), law)
        state = initial_state(run)
        advance(train(run, state, ENGINES[engine]), 3)
        vectors.append(state.critic.vector)
    run = prepare(spec(fakes="pair"), law)
    state = initial_state(run)
    (terms,) = advance_stack(train_stack([run], [state], stacked), 3)
    assert all(name.startswith("critic/") for name in terms)
    for vector in (*vectors, state.critic.vector):
        torch.testing.assert_close(vector, vectors[0], rtol=1e-3, atol=1e-5)


def test_the_law_of_fakes_is_part_of_what_a_run_is() -> None:
    assert spec().key == spec(fakes=None).key
    assert len({spec(fakes=law).key for law in (None, "pair", "normal", "noisy")}) == 4


def test_a_data_set_without_the_law_is_refused() -> None:
    with pytest.raises(UserError, match=r"train.fakes: pair: data set 'swissroll' is not a pair of laws"):
        prepare(spec(fakes="pair"), load_dataset("swissroll", root=Path()))


def test_a_critic_alone_is_run_and_recorded_as_any_cell(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "alone.yaml"
    path.write_text("""\
name: alone
losses: [wgan-gp]
datasets: [funnels-16-4]
seeds: 1
architecture: {name: mlp, width: 4, depth: 1}
train: {steps: 2, batch_size: 4, n_critic: 1, fakes: pair, optimizer: {name: adam, lr: 1e-3}}
evaluate: {every: 1, samples: 20, metrics: [emd]}
""")
    options = ["--results", str(results), "--workers", "0", "--data", str(tmp_path / "data")]
    assert main(["run", str(path), *options]) == 0
    record = Record.read(results / "alone" / "export")
    assert record.runs.status.tolist() == ["done"]
    assert record.runs.parameters_generator.tolist() == [0]
    assert {"truth/w1_ratio", "truth/gradient_cosine", "emd"} <= set(record.metrics.name)
    assert (results / "alone" / "report.html").is_file()


def test_lines_are_as_far_apart_as_they_say() -> None:
    assert Lines(0.5).wasserstein == 0.5
    assert emd(Lines(0.5).sample(Rng(0, "a"), 300), Lines(0.5).fakes(Rng(0, "b"), 300)) == pytest.approx(0.5, abs=0.02)
