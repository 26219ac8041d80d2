"""A critic that trains alone: by every engine, from checkpoint to report, and nothing else is changed by it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.claims.measure import Cell
from benchmarks.cli import main
from benchmarks.record.export import Record
from benchmarks.suites.suite import load_suite
from gan_zoo.datasets import load_dataset
from gan_zoo.engine import ENGINES, stacked
from gan_zoo.engine.graph import graph
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.trainer import BLOCK, advance, advance_stack, block_draws, initial_state, prepare, train, train_stack

PUBLISHED = Path(__file__).parents[1] / "results"


def spec(**train: Any) -> RunSpec:
    content = {
        "loss": "wgan-gp",
        "dataset": "funnels-2-4",
        "architecture": {"name": "mlp", "width": 8, "depth": 2},
        "train": {"steps": 3, "n_critic": 2, "batch_size": 5, "optimizer": {"name": "adam", "lr": 1e-2}, **train},
        "evaluate": {"every": 1, "samples": 20},
    }
    return run_spec(content)


def law(name: str = "funnels-2-4") -> Any:
    return load_dataset(name, root=Path())


def test_a_critic_alone_sees_the_law_of_fakes_and_has_no_opponent() -> None:
    run = prepare(spec(fakes="pair"), law())
    state = initial_state(run)
    drawn = law().fakes(Rng(0, "latents", 0), BLOCK * 3 * 5).unflatten(0, (BLOCK, 3, 5))
    assert torch.equal(block_draws(run, 0)[1].z_critic, drawn[1, :-1])
    before = state.critic.vector.clone()
    terms = advance(train(run, state), 3)
    assert all(name.startswith("critic/") for name in terms)
    assert len(state.generator) == 0
    assert not torch.equal(before, state.critic.vector)


def test_its_first_step_is_along_the_gradient_of_its_own_objective() -> None:
    run = prepare(spec(fakes="pair", n_critic=1, optimizer={"name": "rmsprop", "lr": 1e-3}), law())
    state = initial_state(run)
    (draws,) = block_draws(run, 0)[:1]
    weights = {name: weight.clone().requires_grad_() for name, weight in state.critic.items()}
    net = run.players.critic

    def critic(x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(net, weights, (x,))  # type: ignore[no-any-return]

    noise = tuple(draw[0] for draw in draws.noise)
    objective = sum(run.spec.loss.critic_terms(critic, draws.real[0], draws.z_critic[0], noise).values())
    assert isinstance(objective, torch.Tensor)
    gradient = torch.cat([part.flatten() for part in torch.autograd.grad(objective, list(weights.values()))])
    before = state.critic.vector.clone()
    advance(train(run, state), 1)
    step = gradient / ((0.01 * gradient.square()).sqrt() + 1e-8)
    # but for the last bias, whose gradient is 0 up to rounding
    torch.testing.assert_close(state.critic.vector[:-1], (before - 1e-3 * step)[:-1], rtol=1e-3, atol=1e-6)


def test_engines_agree_about_a_critic_alone() -> None:
    vectors = []
    for engine in (ENGINES["plain"], ENGINES["closed-form"], graph):
        run = prepare(spec(fakes="pair", precision="float64"), law())
        state = initial_state(run)
        advance(train(run, state, engine), 3)
        vectors.append(state.critic.vector)
    runs = [prepare(spec(fakes="pair", precision="float64"), law()) for _ in range(2)]
    states = [initial_state(run) for run in runs]
    rows = advance_stack(train_stack(runs, states, stacked), 3)
    assert all(name.startswith("critic/") for row in rows for name in row)
    for vector in (*vectors, *(state.critic.vector for state in states)):
        torch.testing.assert_close(vector, vectors[0], rtol=1e-10, atol=1e-12)


def test_the_law_of_fakes_is_part_of_what_a_run_is() -> None:
    assert spec().key == spec(fakes=None).key
    assert spec().canonical == spec(fakes=None).canonical
    assert len({spec(fakes=fakes).key for fakes in (None, "pair", "normal", "noisy")}) == 4
    alone = spec(fakes="pair")
    assert run_spec(json.loads(alone.canonical)) == alone


@pytest.mark.parametrize("runs", sorted(PUBLISHED.glob("*/*/export/runs.csv")), ids=lambda path: path.parts[-3])
def test_every_published_cell_is_still_known_by_its_form_and_key(runs: Path) -> None:
    csv.field_size_limit(10**8)
    with runs.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[:: max(1, len(rows) // 40)]:
        content = json.loads(row["spec"])
        known = measured(content) if "measure" in content else run_spec(content)
        assert (known.canonical, known.key) == (row["spec"], row["run_key"])


def measured(content: dict[str, Any]) -> Cell:
    """The cell of a claim for which nothing is trained."""
    return Cell(content["dataset"], tuple(content["sizes"]), content["seed"])


def test_what_a_suite_says_wrong_of_it_is_one_line() -> None:
    with pytest.raises(UserError, match=r"train.fakes: pair: data set 'swissroll' is not a pair of distributions"):
        prepare(spec(fakes="pair"), law("swissroll"))
    with pytest.raises(UserError, match=r"train.fakes: noisy: data set 'digits' is not points"):
        prepare(spec(fakes="noisy"), law("digits"))
    with pytest.raises(UserError, match=r"train.fakes: expected 'pair', 'normal' or 'noisy'"):
        spec(fakes="pears")
    content = {**spec(fakes="pair").to_dict(), "evaluate": {"every": 1, "samples": 20, "repeats": 2}}
    with pytest.raises(UserError, match=r"evaluate.repeats: a critic that trains alone has no latents"):
        run_spec(content)


SUITE = """\
name: alone
losses: [wgan-gp, wgan-clip]
datasets: [funnels-16-4, lines-1]
seeds: 2
architecture: {name: mlp, width: 4, depth: 1}
train: {steps: 4, batch_size: 4, n_critic: 1, fakes: pair, optimizer: {name: adam, lr: 1e-3}}
evaluate: {every: 2, samples: 50}
"""


def test_a_critic_alone_is_run_recorded_and_reported_as_any_cell(results: Path, tmp_path: Path) -> None:
    path = tmp_path / "alone.yaml"
    path.write_text(SUITE)
    options = ["--results", str(results), "--data", str(tmp_path / "data")]
    assert main(["run", str(path), *options, "--workers", "0"]) == 0
    record = Record.read(results / "alone" / "export")
    assert record.runs.status.tolist() == ["done"] * 8
    assert record.runs.parameters_generator.tolist() == [0] * 8
    assert list(record.meta["primary"].values()) == ["w1_error", "w1_error"]
    logged = set(record.metrics.name)
    assert {"w1_error", "gradient_error", "gradient_cosine", "truth/estimate", "truth/batch"} <= logged
    assert not {name for name in logged if name.startswith("generator/")}
    report = (results / "alone" / "report.md").read_text()
    assert "| exact transport of batches |" in report
    assert "real data" not in report

    spec_of = {row.run_key: row.spec for row in record.runs.itertuples()}
    assert all(cell.canonical == spec_of[cell.key] for cell in load_suite(str(path)).cells)
    assert main(["report", str(results / "alone"), "--check"]) == 0
    assert main(["reproduce", str(results / "alone" / "export"), "--cells", "2", *options[2:], "--workers", "0"]) == 0
