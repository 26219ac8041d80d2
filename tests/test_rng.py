"""Keyed streams: what a key determines, and what it keeps apart."""

import numpy as np
import torch

from gan_zoo.rng import Rng


def test_same_key_gives_same_stream_whatever_was_drawn_elsewhere() -> None:
    first = Rng(3, "latents", 7).normal(5, 2)
    torch.manual_seed(0)
    Rng(3, "penalty", 7).uniform(100)
    assert torch.equal(first, Rng(3, "latents", 7).normal(5, 2))


def test_every_part_of_a_key_matters() -> None:
    keys = [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a", "1"), (0, "a"), (0, "a", 1, 0), (0, "a1")]
    seeds = {Rng(seed, *key).state_seed for seed, *key in keys}
    assert len(seeds) == len(keys)


def test_state_seed_is_the_documented_hash() -> None:
    """Recorded once: changing it would change every published number."""
    assert Rng(0, "init", "generator").state_seed == 2685116676187634610
    assert 0 <= Rng(2**40, "x").state_seed < 2**63


def test_child_extends_the_key_and_ignores_draws() -> None:
    parent = Rng(1, "init")
    parent.normal(10)
    assert torch.equal(parent.child("weight").normal(4), Rng(1, "init", "weight").normal(4))


def test_draws_leave_global_streams_alone() -> None:
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    rng = Rng(0, "x")
    rng.normal(3), rng.uniform(3), rng.integers(5, (3,)), rng.permutation(4), rng.numpy().normal()
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(before_numpy, np.random.get_state()[1])  # noqa: NPY002


def test_distributions_have_their_moments() -> None:
    rng, n = Rng(0, "moments"), 200_000
    normal, uniform, whole = rng.normal(n), rng.uniform(n), rng.integers(8, (n,))
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    assert abs(uniform.mean() - 0.5) < 0.005
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert set(whole.unique().tolist()) == set(range(8))
    assert sorted(rng.permutation(50).tolist()) == list(range(50))
