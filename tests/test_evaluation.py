"""Measures of a training state: the critic's diagnostics on critics of known slope, weight and loss."""

import math
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from test_engines import ARCHITECTURES as NETS
from test_engines import Noise, make_spec
from torch import Tensor, nn
from torch.func import functional_call

from gan_zoo.architectures import ARCHITECTURES
from gan_zoo.architectures.layers import BatchNorm, Critic, Linear
from gan_zoo.datasets import load_dataset
from gan_zoo.datasets.cloud import Cloud
from gan_zoo.diagnostics import Probes, bound_share, diagnose, gradient_norms, norm_summary, objective, weight_histogram
from gan_zoo.engine import TrainState
from gan_zoo.errors import UserError
from gan_zoo.evaluation import Evaluation, at_once, picture, see, showable, square_around
from gan_zoo.losses import LOSSES
from gan_zoo.metrics import Evaluator
from gan_zoo.rng import Rng
from gan_zoo.spec import run_spec
from gan_zoo.step import Bound
from gan_zoo.trainer import Run, advance, initial_state, prepare, train

PLACES = ("real", "fake", "between")


def make_run(
    loss: str = "wgan-gp", dataset: str = "8gaussians", evaluate: dict[str, int] | None = None, **training: object
) -> Run:
    settings = {"steps": 20, "batch_size": 8, "n_critic": 2, "optimizer": {"name": "adam", "lr": 1e-3}, **training}
    spec = run_spec(
        {
            "loss": loss,
            "dataset": dataset,
            "architecture": {"name": "mlp", "width": 16, "depth": 2},
            "train": settings,
            "evaluate": {"every": 20, "samples": 400, **(evaluate or {})},
        }
    )
    return prepare(spec, load_dataset(dataset, root=Path("unused")))


def trained(run: Run) -> TrainState:
    state = initial_state(run)
    advance(train(run, state), run.spec.train.steps)
    return state


def evaluation(run: Run) -> Evaluation:
    if run.spec.dataset.name == "digits":
        return Evaluation(run, run.data, lambda x: {"mean": x.mean().item()})  # type: ignore[arg-type]
    return Evaluation(run, run.data, Evaluator(run.data, ["emd", "good_samples"], 400, Path("unused"), "cpu"))  # type: ignore[arg-type]


def linear_critic(slope: float, shape: tuple[int, ...], bias: float = 0.25) -> Bound:
    """f(x) = slope <u, x> + bias with a unit vector u."""
    n = math.prod(shape)
    net = Critic({"flatten": nn.Flatten(), "output": Linear(n, 1)})
    direction = torch.linspace(1, 2, n)[None]
    return Bound(net, {"output.weight": slope * direction / direction.norm(), "output.bias": torch.tensor([bias])})


def clouds(shape: tuple[int, ...], n: int = 600) -> Probes:
    real, other, fake = (Rng(0, "clouds", name).normal(n, *shape) for name in PLACES)
    return Probes(real, other, fake + 1)


@pytest.mark.parametrize("shape", [(2,), (1, 5, 5), (3, 4, 4)])
@pytest.mark.parametrize("slope", [0.5, 1.5])
def test_a_linear_critic_has_one_slope_everywhere(slope: float, shape: tuple[int, ...]) -> None:
    critic, probes = linear_critic(slope, shape), clouds(shape)
    found = diagnose(LOSSES["wgan-gp"], critic, probes, Rng(0))
    for place in PLACES:
        quantiles = [found[f"diagnostics/grad_norm_{place}/{name}"] for name in ("q05", "q50", "q95")]
        assert quantiles == pytest.approx([slope] * 3, rel=1e-5)
        assert found[f"diagnostics/grad_norm_{place}/above_1"] == float(slope > 1)
    assert found["critic/grad_norm"] == pytest.approx(slope, rel=1e-5)
    assert found["diagnostics/layer_grad_norm/01_output"] == 1
    estimate = critic(probes.real).mean() - critic(probes.fake).mean()
    assert found["critic/wasserstein_estimate"] == pytest.approx(estimate.item(), rel=1e-4, abs=1e-5)
    assert found["critic/loss_held_out"] == pytest.approx(-estimate.item() + 10 * (slope - 1) ** 2, rel=1e-4)
    assert "critic/weights_at_bound" not in found


def test_quantiles_and_share_of_known_norms() -> None:
    norms = torch.arange(101) / 50
    assert norm_summary(norms) == pytest.approx({"q05": 0.1, "q50": 1.0, "q95": 1.9, "above_1": 50 / 101})


def test_a_critic_is_judged_on_training_and_on_held_out_samples() -> None:
    """A critic that scores its training samples 1 and all others 0 has a loss of -1 on the former, 0 on the latter."""
    lookup = nn.Module()
    lookup.forward = lambda x: (x[:, 0] > 5).float() + 0 * x[:, 1]  # type: ignore[method-assign]
    trained_on = torch.full((600, 2), 6.0)
    probes = Probes(torch.zeros(600, 2), trained_on, torch.full((600, 2), -1.0))
    wgan = LOSSES["wgan-clip"]
    assert objective(wgan, Bound(lookup, {}), probes.trained_on, probes.fake, ()) == -1
    assert objective(wgan, Bound(lookup, {}), probes.real, probes.fake, ()) == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_of_one_part_is_the_losss_own_sum(loss: str) -> None:
    probes, critic = clouds((2,), n=100), linear_critic(1.5, (2,))
    noise = LOSSES[loss].noise(Rng(0, "noise"), probes.real)
    terms = LOSSES[loss].critic_terms(critic, probes.real, probes.fake, noise)
    value = objective(LOSSES[loss], critic, probes.real, probes.fake, noise)
    assert value == pytest.approx(sum(term.item() for term in terms.values()), rel=1e-6)


def test_layer_signals_are_the_gradients_by_the_layers_outputs() -> None:
    """In float64 against central differences of a shift added to each layer's output."""
    net = ARCHITECTURES["mlp"](width=8, depth=3).critic((2,)).double()
    weights = {name: Rng(0, name).normal(*w.shape, dtype=torch.float64) / 2 for name, w in net.named_parameters()}
    x = Rng(0, "x").normal(5, 2, dtype=torch.float64)
    found = gradient_norms(Bound(net, weights), x)
    assert list(found.layers) == ["01_hidden1", "02_hidden2", "03_hidden3", "04_output"]
    for name, norm in found.layers.items():
        bias = f"{name[3:]}.bias"
        h = 1e-6

        def at(shift: Tensor, bias: str = bias) -> Tensor:
            return functional_call(net, {**weights, bias: weights[bias] + shift}, (x,))

        basis = torch.eye(len(weights[bias]), dtype=torch.float64)
        differences = torch.stack([(at(h * e) - at(-h * e)) / (2 * h) for e in basis])
        torch.testing.assert_close(norm, differences.norm(dim=0), rtol=1e-6, atol=1e-9)
    gradient = torch.func.grad(lambda points: functional_call(net, weights, (points,)).sum())(x)
    torch.testing.assert_close(found.inputs, gradient.norm(dim=1))


def test_the_signal_of_a_deep_clipped_critic_vanishes_layer_by_layer() -> None:
    """Weights of ±c with few inputs shrink what passes back by the same factor in every layer (figure 1b)."""
    net = ARCHITECTURES["mlp"](width=16, depth=6).critic((2,))
    weights = {name: torch.full_like(w, 0.01) for name, w in net.named_parameters()}
    norms = [norm.mean() for norm in gradient_norms(Bound(net, weights), torch.ones(4, 2)).layers.values()]
    ratios = [float(after / before) for after, before in pairwise(norms)]
    assert ratios[:-1] == pytest.approx([0.16] * 5, rel=1e-4)  # 16 units, each 0.01 of every unit after it


def test_gradient_norms_of_parts_equal_those_of_one_pass() -> None:
    run = make_run()
    critic = Bound(run.players.critic, initial_state(run).critic)
    x = Rng(0, "x").normal(700, 2)
    whole, parts = gradient_norms(critic, x), [gradient_norms(critic, part) for part in x.split(100)]
    torch.testing.assert_close(whole.inputs, torch.cat([part.inputs for part in parts]))


def test_a_critic_that_mixes_samples_is_shown_them_at_once() -> None:
    net = Critic({"hidden": Linear(2, 4), "norm": BatchNorm(4), "output": Linear(4, 1)})
    weights = {name: Rng(0, name).normal(*w.shape) for name, w in net.named_parameters()}
    x = Rng(0, "x").normal(700, 2)
    torch.testing.assert_close(gradient_norms(Bound(net, weights), x).scores, functional_call(net, weights, (x,)))


def test_the_share_of_clipped_weights_counts_both_bounds_and_nothing_else() -> None:
    c = 0.01
    weight = torch.tensor([c, -c, 0.5 * c, 0.0]).clamp_(-c, c)
    assert bound_share({"w": weight, "b": torch.tensor([1.0]).clamp_(-c, c)}, c) == {"critic/weights_at_bound": 0.6}
    assert bound_share({"w": weight}, None) == {}


def test_clipping_fills_the_bounds() -> None:
    run = make_run("wgan-clip", optimizer={"name": "rmsprop", "lr": 1e-2})
    state = trained(run)
    values = torch.cat([weight.flatten() for weight in state.critic.values()])
    expected = ((values == torch.tensor(0.01)) | (values == torch.tensor(-0.01))).double().mean().item()
    assert 0.1 < expected < 1
    assert evaluation(run)(state)["critic/weights_at_bound"] == expected


def test_the_histogram_counts_every_weight_once() -> None:
    weights = {"a": torch.tensor([[-1.0, 1.0], [1.0, 0.0]]), "b": torch.tensor([0.5])}
    centres, counts = weight_histogram(weights)
    assert counts.sum() == 5
    assert (counts[0], counts[32], counts[-1]) == (1, 1, 2)
    assert centres[[0, 32, 64]] == pytest.approx([-64 / 65, 0, 64 / 65])
    assert weight_histogram({"a": torch.zeros(3)})[1].sum() == 3


@pytest.mark.parametrize("dataset", ["8gaussians", "digits"])
def test_an_evaluation_is_a_pure_function_of_the_state(dataset: str) -> None:
    run = make_run(dataset=dataset)
    state, measure = trained(run), evaluation(run)
    before = {name: weight.clone() for name, weight in state.critic.items()}
    first, second = measure(state), measure(state)
    assert first == second
    assert all(math.isfinite(value) for value in first.values())
    assert all(torch.equal(weight, before[name]) for name, weight in state.critic.items())
    assert sum(name.startswith("diagnostics/") for name in first) == 3 * 4 + 3
    assert sum(name.startswith("critic/") for name in first) == 4
    assert np.isfinite(measure.weight_histogram(state)).all()


def test_samples_that_are_not_finite_leave_neither_score_nor_loss() -> None:
    run = make_run()
    state = initial_state(run)
    for weight in state.generator.values():
        weight.fill_(torch.inf)
    values = evaluation(run)(state)
    for name in ("emd", "good_samples", "critic/wasserstein_estimate", "critic/loss_held_out", "critic/loss_train"):
        assert math.isnan(values[name])


# uncertainty of a score


def repeated(**evaluate: int) -> Evaluation:
    run = make_run(evaluate=evaluate)
    scores, validation = (
        Evaluator(run.data, ["emd"], 400, Path("unused"), "cpu", validation=flag) for flag in (False, True)
    )  # type: ignore[arg-type]
    return Evaluation(run, run.data, scores, validation)  # type: ignore[arg-type]


def test_the_end_is_scored_on_samples_of_several_seeds() -> None:
    measure = repeated(repeats=3, seed=5)
    state = trained(measure.run)
    values = measure(state)
    assert [name for name in values if name.startswith("sampling/")] == [f"sampling/emd/{i}" for i in range(3)]
    for i in range(3):
        alone = evaluation(make_run(evaluate={"seed": 5 + i}))(state)
        assert values[f"sampling/emd/{i}"] == alone["emd"]
    assert values["sampling/emd/0"] == values["emd"]
    assert len({values[f"sampling/emd/{i}"] for i in range(3)}) == 3


def test_before_the_end_there_is_one_score_and_one_apart_from_it() -> None:
    measure = repeated(repeats=3)
    values = measure(initial_state(measure.run))
    assert {name for name in values if "emd" in name} == {"emd", "apart/emd"}
    assert values["emd"] != values["apart/emd"]
    assert values["emd"] == pytest.approx(values["apart/emd"], rel=0.2)


def test_the_score_apart_shares_neither_samples_nor_reference_with_the_reported_one() -> None:
    measure = repeated(repeats=2)
    state = trained(measure.run)
    real, other = (
        Evaluator(measure.data, ["emd"], 400, Path("unused"), "cpu", validation=flag) for flag in (False, True)
    )
    z = Rng(0, "evaluation", "latents apart").normal(400, 2)
    x = Bound(measure.run.players.generator, state.generator)(z)
    assert measure(state)["apart/emd"] == other(x)["emd"] != real(x)["emd"]


def test_repeats_change_the_key_of_a_run_and_their_default_does_not() -> None:
    plain, one, three = (make_run(evaluate=each).spec for each in ({}, {"repeats": 1}, {"repeats": 3}))
    assert plain.to_dict()["evaluate"]["repeats"] == 1
    assert plain.key == one.key != three.key
    assert run_spec(three.to_dict()) == three
    with pytest.raises(UserError, match=r"evaluate\.repeats: expected more than 0"):
        make_run(evaluate={"repeats": 0})


# the square of the plane that pictures of points show


@pytest.mark.parametrize(
    ("low", "high", "square"),
    [
        ((-1.4, -1.4), (1.4, 1.4), (0, 0, 3)),  # as 25gaussians
        ((-0.4, 0), (0.3, 0), (0, 0, 3)),
        ((2, 2), (2, 2), (0, 0, 3)),  # a single point
        ((-4, -4), (4, 4), (0, 0, 6)),
        ((100, 0), (200, 60), (150, 30, 75)),  # a quarter of the data's larger span is left on each side
        ((0.01, 0.02), (0.011, 0.02), (0.0105, 0.02, 0.00075)),
        ((5000, 0), (5000, 0), (5000, 0, 0.5)),
        ((-np.inf, 0), (1, 1), (0, 0, 3)),
    ],
)
def test_the_square_that_is_shown_holds_the_data(
    low: tuple[float, float], high: tuple[float, float], square: tuple[float, float, float]
) -> None:
    points = np.array([low, high, low], np.float32)
    assert square_around(points) == pytest.approx(square, rel=1e-6, abs=1e-12)


def test_contours_of_data_of_another_scale_lie_on_a_square_around_them(tmp_path: Path) -> None:
    """A linear critic's scores in the corners of the grid are its values in the corners of that square."""
    cloud = Cloud("far", torch.tensor([[100.0, 0.0], [200.0, 60.0]]), torch.tensor([[150.0, 30.0]]))
    run = make_run()
    usual = Evaluation(run, load_dataset("8gaussians", root=tmp_path), moments)
    far = Evaluation(run, cloud, moments)
    assert usual.square == (0, 0, 3)
    assert far.square == (150, 30, 75)
    state = initial_state(run)
    for measure in (usual, far):
        x, y, half = measure.square
        corners = [[x - half, y - half], [x + half, y - half], [x - half, y + half], [x + half, y + half]]
        known = Bound(run.players.critic, state.critic)(torch.tensor(corners)).numpy()
        scores = measure.critic_contour(state, 5)
        np.testing.assert_allclose(scores[[0, 0, -1, -1], [0, -1, 0, -1]], known, rtol=1e-5, atol=1e-6)


# several rows in one pass


class HeldOut(Noise):
    """Noise that an evaluation can be held against."""

    @property
    def kind(self) -> str:
        return "points" if len(self.shape) == 1 else "images"

    def held_out(self, rng: Rng, n: int) -> Tensor:
        return rng.normal(n, *self.shape)

    trained_on = held_out

    def to(self, device: torch.device | str) -> "HeldOut":
        return self


def moments(x: Tensor) -> dict[str, float]:
    return {"mean": x.double().mean().item(), "square": x.double().square().mean().item()}


def assert_seen_alike(runs: list[Run], tolerance: float) -> None:
    """Holds one pass over all runs, after a few steps, to a pass over each."""
    data, states = HeldOut(runs[0].data.shape), [initial_state(run) for run in runs]
    for run, state in zip(runs, states, strict=True):
        advance(train(run, state), run.spec.train.steps)
    evaluations = [Evaluation(run, data, moments, moments) for run in runs]
    alone = [measure(state) for measure, state in zip(evaluations, states, strict=True)]
    together = [seen.values() for seen in see(evaluations, states)]
    assert together[0] != together[1]
    for row, known in zip(together, alone, strict=True):
        assert list(row) == list(known)
        assert row == pytest.approx(known, rel=tolerance, abs=tolerance)
    for i, shown in enumerate(picture(evaluations, states, 9)):
        (known,) = picture(evaluations[i : i + 1], states[i : i + 1], 9)
        np.testing.assert_allclose(shown.samples, known.samples, atol=1e-5 if data.kind == "points" else 1)
        assert (shown.critic is None) == (known.critic is None) == (data.kind == "images")
        if known.critic is not None:
            np.testing.assert_allclose(shown.critic, known.critic, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("net", "loss"),
    [*product(["mlp", "dcgan"], ["wgan-clip", "wgan-gp", "sngan"]), ("resnet", "wgan-gp")],
)
def test_rows_of_unlike_numbers_seen_in_one_pass_are_seen_as_alone(net: str, loss: str) -> None:
    numbers = {"wgan-clip": "weight_clip", "wgan-gp": "weight"}
    runs = []
    for seed in range(2):
        spec = replace(make_spec(net, loss, steps=2), seed=seed)
        fields = {numbers[loss]: 0.02 * (seed + 1)} if loss in numbers else {}
        runs.append(prepare(replace(spec, loss=spec.loss.with_fields(**fields)), HeldOut(NETS[net][0])))
    assert_seen_alike(runs, 1e-9)


def test_on_a_cpu_rows_are_seen_one_by_one_and_on_a_gpu_as_many_as_memory_is_bounded_with() -> None:
    run = make_run()
    assert at_once(run) == 1
    assert at_once(replace(run, device=torch.device("cuda"))) == 2**22 // 1000
    images = prepare(make_spec("resnet", "hinge"), HeldOut((3, 32, 32)))
    assert at_once(replace(images, device=torch.device("cuda"))) == 2


def test_points_are_shown_by_their_first_two_coordinates() -> None:
    line, plane, space = torch.ones(4, 1), torch.rand(4, 2), torch.rand(4, 3)
    assert showable(line).tolist() == [[1, 0]] * 4
    assert showable(plane).tolist() == plane.tolist()
    assert showable(space).tolist() == space[:, :2].tolist()
