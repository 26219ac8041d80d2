"""The cost of an iteration, counted and not timed: tensor operations and FLOPs of every loss and engine.

The recorded numbers are upper bounds: what costs more is to be mended, what costs less is welcome. A loss without one
is not counted. Five critic steps and one generator step on an MLP 2-128-128-128, batch 128; torch 2.15.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, fx
from torch._dynamo.backends.common import aot_autograd

from benchmarks.speed.count import Count, cost
from benchmarks.speed.textbook import critic_loss, own_source, textbook, textbook_nets
from benchmarks.speed.workloads import WORKLOADS, Workload
from gan_zoo.engine import Engine
from gan_zoo.engine.closed_form import closed_form
from gan_zoo.engine.compiled import compiled
from gan_zoo.engine.graph import graph
from gan_zoo.engine.plain import Live, plain
from gan_zoo.losses import LOSSES
from gan_zoo.trainer import Run, block_draws, initial_state, train, train_stack

TOY = WORKLOADS["MLP 4x128, batch 128"]
SEEDS = 2


class Recorded(NamedTuple):
    """Operations by engine, `stacked` for two seeds; FLOPs of the plain engine."""

    plain: int
    closed_form: int | None
    stacked: int
    megaflops: float


RECORDED = {
    "minimax": Recorded(plain=242, closed_form=282, stacked=387, megaflops=339.0),
    "non-saturating": Recorded(plain=242, closed_form=282, stacked=387, megaflops=339.0),
    "dragan": Recorded(plain=537, closed_form=552, stacked=813, megaflops=508.6),
    "r1": Recorded(plain=517, closed_form=532, stacked=788, megaflops=508.6),
    "r1-r2": Recorded(plain=792, closed_form=792, stacked=1189, megaflops=678.2),
    "lsgan": Recorded(plain=285, closed_form=325, stacked=452, megaflops=339.0),
    "hinge": Recorded(plain=245, closed_form=285, stacked=390, megaflops=339.0),
    "sngan": Recorded(plain=1793, closed_form=None, stacked=2486, megaflops=343.7),
    "wgan-clip": Recorded(plain=225, closed_form=265, stacked=370, megaflops=339.0),
    "wgan-gp": Recorded(plain=515, closed_form=530, stacked=786, megaflops=508.6),
    "wgan-lp": Recorded(plain=510, closed_form=525, stacked=781, megaflops=508.6),
    "wgan-gp-hinge": Recorded(plain=510, closed_form=525, stacked=781, megaflops=508.6),
    "wgan-div": Recorded(plain=515, closed_form=530, stacked=786, megaflops=508.6),
    "wgan-sn": Recorded(plain=1768, closed_form=None, stacked=2461, megaflops=343.7),
    "wgan-ct": Recorded(plain=297, closed_form=337, stacked=442, megaflops=356.0),
    "rpgan": Recorded(plain=219, closed_form=259, stacked=364, megaflops=356.0),
    "r3gan": Recorded(plain=769, closed_form=769, stacked=1166, megaflops=695.1),
}

TRACED = {"hinge": 233, "wgan-gp": 503}
"""Operations of the steps as they are compiled, before any are fused."""


def run_of(loss: str, workload: Workload = TOY, seed: int = 0) -> Run:
    """The workload with another loss, and with the critic that this asks for."""
    if LOSSES[loss].critic_norm:
        workload = replace(workload, architecture=replace(workload.architecture, critic_norm=LOSSES[loss].critic_norm))
    run = workload.run(seed)
    return replace(run, spec=replace(run.spec, loss=LOSSES[loss]), players=replace(run.players, loss=LOSSES[loss]))


def iteration_cost(run: Run, engine: Engine) -> Count:
    """Of the second iteration, since the first may prepare something."""
    iterations = train(run, initial_state(run), engine)
    next(iterations)
    return cost(lambda: next(iterations))


def assert_no_more_than_recorded(count: float, recorded: float, tolerance: float = 0.03) -> None:
    """Operations differ a little between versions of torch; one more in each of the critic's steps is noticed."""
    change = count / recorded - 1
    assert count > 0
    assert change <= tolerance, f"{count:g} is {change:+.1%} from {recorded:g}: find out what costs more"


@pytest.mark.parametrize("loss", RECORDED)
def test_the_plain_engine_costs_as_recorded(loss: str) -> None:
    count = iteration_cost(run_of(loss), plain)
    assert_no_more_than_recorded(count.operations, RECORDED[loss].plain, 0.015)
    assert_no_more_than_recorded(count.flops / 1e6, RECORDED[loss].megaflops, 0.001)


@pytest.mark.parametrize("loss", [loss for loss, recorded in RECORDED.items() if recorded.closed_form])
def test_the_closed_form_costs_as_recorded(loss: str) -> None:
    count = iteration_cost(run_of(loss), closed_form)
    recorded = RECORDED[loss]
    assert recorded.closed_form is not None
    assert_no_more_than_recorded(count.operations, recorded.closed_form, 0.015)
    assert_no_more_than_recorded(count.flops / 1e6, recorded.megaflops, 0.002)


@pytest.mark.parametrize("loss", RECORDED)
def test_stacked_seeds_cost_as_recorded(loss: str) -> None:
    """Fewer operations than the runs alone, and the same FLOPs."""
    runs = [run_of(loss, seed=seed) for seed in range(SEEDS)]
    iterations = train_stack(runs, [initial_state(run) for run in runs])
    next(iterations)
    count = cost(lambda: next(iterations))
    assert_no_more_than_recorded(count.operations, RECORDED[loss].stacked)
    assert count.operations < SEEDS * RECORDED[loss].plain
    assert_no_more_than_recorded(count.flops / 1e6, SEEDS * RECORDED[loss].megaflops, 0.02)


@pytest.mark.parametrize("loss", ["wgan-clip", "wgan-gp"])
def test_what_a_graph_captures_is_the_plain_iteration(loss: str) -> None:
    """With nothing beside it but a copy of each draw into its buffer."""
    run = run_of(loss)
    own, expected = iteration_cost(run, graph), iteration_cost(run, plain)
    assert own.operations == expected.operations + len(block_draws(run, 0)[0].tensors)
    assert own.flops == expected.flops


@pytest.mark.parametrize("loss", TRACED)
def test_the_steps_are_compiled_from_as_much_as_recorded(loss: str) -> None:
    count = Count()

    def counted(traced: fx.GraphModule, example: Sequence[Tensor]) -> Callable[..., object]:
        def run(arguments: list[Tensor]) -> object:
            with count:
                return traced(*arguments)

        run._boxed_call = True  # type: ignore[attr-defined]
        return run

    run = run_of(loss)
    iterations = train(run, initial_state(run), functools.partial(compiled, backend=aot_autograd(fw_compiler=counted)))
    next(iterations)
    assert_no_more_than_recorded(count.operations, TRACED[loss])
    assert_no_more_than_recorded(count.flops / 1e6, RECORDED[loss].megaflops, 0.001)


def test_the_penalty_on_convolutions_has_no_dead_pass() -> None:
    """FLOPs of DCGAN's iteration; torch's own leaky ReLU takes 14 % more."""
    count = iteration_cost(run_of("wgan-gp", WORKLOADS["DCGAN 28x28 dim 16, batch 50"]), plain)
    assert_no_more_than_recorded(count.flops / 1e6, 9322.2, 1e-4)
    assert_no_more_than_recorded(count.operations, 509, 0.015)


def test_the_count_of_known_operations() -> None:
    a, b, c = torch.ones(2, 3), torch.ones(3, 4), torch.ones(2, 4)
    assert cost(lambda: a @ b).flops == 2 * 2 * 3 * 4
    assert cost(lambda: c.addmm_(a, b)).flops == 2 * 2 * 3 * 4
    assert cost(lambda: (a + a).t().relu()).operations == 2
    images, filters = torch.ones(5, 3, 8, 8), torch.ones(4, 3, 3, 3)
    assert cost(lambda: torch.conv2d(images, filters, padding=1)).flops == 2 * 5 * 4 * 8 * 8 * 3 * 3 * 3


@pytest.mark.parametrize("name", [name for name in WORKLOADS if "dim 64" not in name])
def test_the_textbook_loop_does_the_same_work(name: str) -> None:
    """Same functions, same critic loss, same gradients: what the speed benchmark compares differs in speed alone."""
    run = replace(WORKLOADS[name], batch=2).run(precision="float64")
    state = initial_state(run)
    nets = Live.bind(run.players.generator, state.generator).net, Live.bind(run.players.critic, state.critic).net
    textbook_generator, textbook_critic = textbook_nets(run)
    draws = block_draws(run, 0)[0]
    torch.testing.assert_close(textbook_generator(draws.z_generator), nets[0](draws.z_generator))
    real, fake, (eps,) = draws.real[0], draws.real[1], (noise[0] for noise in draws.noise)
    loss, penalty = critic_loss(textbook_critic, run.spec.loss, real, fake, iter([eps]))
    terms = run.spec.loss.critic_terms(Live(nets[1], True), real, fake, (eps,))
    assert penalty.item() == pytest.approx(terms["penalty_interpolates"].item())
    gradients = torch.autograd.grad(loss, list(textbook_critic.parameters()))
    expected = torch.autograd.grad(sum(terms.values()), list(nets[1].parameters()))
    for own, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-8, atol=1e-10)


def test_the_textbook_loop_trains() -> None:
    run = TOY.run()
    logged = list(itertools.islice(textbook(run, *textbook_nets(run), own_source(run)), 20))
    assert logged[-1].keys() == {"critic", "penalty", "generator"}
    assert logged[-1]["penalty"] < logged[0]["penalty"]
