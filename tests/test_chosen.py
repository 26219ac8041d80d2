"""The rule of `auto`: which engine a run gets, by net, length and device."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_zoo.datasets import load_dataset
from gan_zoo.engine import Players, choose_for_one, choose_for_stack, makes_stacks
from gan_zoo.errors import UserError
from gan_zoo.spec import run_spec
from gan_zoo.trainer import prepare

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
MLP = {"name": "mlp", "width": 8, "depth": 2}
LONG = 10_000  # generator steps with five critic steps each: 60,000 updates


def players(architecture: dict[str, Any] = MLP, steps: int = 100, loss: str = "wgan-gp") -> Players:
    spec = run_spec(
        {
            "loss": loss,
            "dataset": "digits",
            "architecture": architecture,
            "train": {"steps": steps, "batch_size": 8, "n_critic": 5, "optimizer": {"name": "adam", "lr": 1e-3}},
            "evaluate": {"every": 100, "samples": 100},
        }
    )
    return prepare(spec, load_dataset("digits", root=Path("unused"))).players


@pytest.mark.parametrize(
    ("architecture", "steps", "loss", "engine"),
    [
        (MLP, 100, "wgan-gp", "closed-form"),
        (MLP, 100, "minimax", "closed-form"),
        (MLP, LONG - 1, "wgan-gp", "closed-form"),
        (MLP, LONG, "wgan-gp", "compiled"),
        ({**MLP, "critic_norm": "layer"}, 100, "wgan-gp", "plain"),
        ({**MLP, "critic_norm": "spectral"}, 100, "sngan", "plain"),
        ({**MLP, "critic_norm": "spectral"}, LONG, "sngan", "compiled"),
        ({**MLP, "activation": "tanh"}, 100, "wgan-gp", "plain"),
    ],
)
def test_on_a_cpu_net_and_length_decide(architecture: dict[str, Any], steps: int, loss: str, engine: str) -> None:
    fast = replace(players(architecture, steps, loss), numerics="fast")
    assert choose_for_one("auto", fast, CPU).name == engine


@pytest.mark.parametrize(
    ("wanted", "numerics", "device", "stacks"),
    [
        ("auto", "reference", GPU, True),
        ("auto", "tf32", GPU, True),
        ("auto", "bf16", GPU, False),
        ("auto", "exact", GPU, False),
        ("auto", "reference", CPU, False),
        ("graph", "reference", GPU, False),
        ("stacked", "reference", CPU, True),
    ],
)
def test_cells_are_stacked_on_a_gpu_or_where_asked_for(wanted: str, numerics: Any, device: Any, stacks: bool) -> None:
    assert makes_stacks(wanted, numerics, device) == stacks


def test_reference_numerics_are_never_compiled_on_a_cpu() -> None:
    assert choose_for_one("auto", players(steps=LONG), CPU).name == "closed-form"
    with pytest.raises(UserError, match=r"engine compiled: its code, and so its bits, .*; ask for numerics fast"):
        choose_for_one("compiled", players(), CPU)
    assert choose_for_one("compiled", replace(players(), numerics="fast"), CPU).name == "compiled"


def test_convolutions_are_plain_however_long() -> None:
    spec = run_spec(
        {
            "loss": "wgan-gp",
            "dataset": "mnist",
            "architecture": {"name": "dcgan", "dim": 2},
            "train": {"steps": 10**6, "batch_size": 8, "n_critic": 5, "optimizer": {"name": "adam", "lr": 1e-3}},
            "evaluate": {"every": 100, "samples": 100},
        }
    )
    nets = spec.architecture.generator((1, 28, 28)), spec.architecture.critic((1, 28, 28))
    assert choose_for_one("auto", Players(*nets, spec.loss, spec.train), CPU).name == "plain"


def test_on_a_gpu_it_is_one_graph() -> None:
    assert choose_for_one("auto", players(), GPU).name == "graph"
    assert choose_for_one("stacked", players(), GPU).name == "graph"
    assert choose_for_stack(GPU).name == "stacked-graph"
    constant = players()
    decaying = replace(constant, train=replace(constant.train, lr_decay="linear"))
    assert choose_for_one("auto", decaying, GPU).name == "graph"


def test_a_stack_of_one_is_plain_and_a_name_is_taken_at_its_word() -> None:
    assert choose_for_one("stacked", players(), CPU).name == "plain"
    assert choose_for_stack(CPU).name == "stacked"
    assert choose_for_one("plain", players(steps=LONG), CPU).name == "plain"
    with pytest.raises(UserError, match="engine fast: unknown engine"):
        choose_for_one("fast", players(), CPU)
