"""The generator that begins as a parallel line: where it begins, and that it can become the line of the data."""

from pathlib import Path

import pytest
import torch

from gan_zoo.architectures import check_architecture, initialise
from gan_zoo.architectures.line import Line
from gan_zoo.datasets import load_dataset
from gan_zoo.errors import UserError
from gan_zoo.metrics.transport import emd
from gan_zoo.rng import Rng


def test_it_begins_at_the_distance_of_the_pair_of_its_name() -> None:
    data = load_dataset("lines-2", root=Path())
    generator = Line(apart=2.0).generator((2,))
    initialise(generator, Rng(0, "net"))
    fakes = generator(Rng(0, "z").normal(1000, 1)).detach()
    assert torch.equal(fakes[:, 0], torch.full((1000,), 2.0))
    assert fakes[:, 1].min() >= 0
    assert fakes[:, 1].max() <= 1
    assert emd(data.sample(Rng(0, "x"), 1000), fakes) == pytest.approx(2, abs=0.01)
    with torch.no_grad():
        generator.bias.zero_()
    assert emd(data.sample(Rng(0, "x"), 1000), generator(Rng(0, "z").normal(1000, 1)).detach()) < 0.05


def test_heights_are_uniform() -> None:
    """The distribution function of the fraction of N(0, 1) is u, within the error of 10^6 draws at each tenth."""
    generator = Line().generator((2,))
    initialise(generator, Rng(0, "net"))
    heights = generator(Rng(1, "z").normal(1_000_000, 1)).detach()[:, 1]
    for tenth in range(1, 10):
        assert (heights < tenth / 10).double().mean() == pytest.approx(tenth / 10, abs=0.0025)


def test_other_samples_than_points_of_the_plane_are_refused_in_a_line() -> None:
    with pytest.raises(UserError, match=r"^line: makes points of the plane.*use mlp$"):
        check_architecture(Line(), (1,))
