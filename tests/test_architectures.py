"""Nets against hand counts, closed forms, torch's own layers and their own definition sample by sample."""

from collections.abc import Callable
from dataclasses import replace
from math import sqrt

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from gan_zoo.architectures import (
    ARCHITECTURES,
    Architecture,
    calibrate,
    check_architecture,
    initialise,
    layers,
)
from gan_zoo.architectures.dcgan import Dcgan
from gan_zoo.architectures.figure2 import Baseline
from gan_zoo.architectures.mlp import Mlp
from gan_zoo.architectures.resnet import ResNet
from gan_zoo.architectures.table1 import Settings, Table1
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng

SMALL: dict[str, Architecture] = {
    "mlp": Mlp(z_dim=3, width=7, depth=2),
    "dcgan": Dcgan(z_dim=3, dim=2, generator_norm="batch"),
    "resnet": ResNet(z_dim=3, dim=4),
    "table1": Table1(index=38, z_dim=3),
    "figure2-resnet101": ARCHITECTURES["figure2-resnet101"](z_dim=3, dim=4),
    **{name: kind(z_dim=3, dim=2) for name, kind in ARCHITECTURES.items() if issubclass(kind, Baseline)},
}
OF_THEIR_OWN = ("dirac", "line")
SMALL = {name: SMALL.get(name) or kind() for name, kind in ARCHITECTURES.items() if name not in OF_THEIR_OWN}
"""A net that is not named here is tested with its defaults, on the shapes that its own check takes; generators of one
point or line, which are no nets, are tested in test_dirac.py and test_line.py."""
SHAPES = [(2,), (1, 8, 8), (1, 28, 28), (3, 28, 28), (1, 32, 32), (3, 32, 32), (1, 64, 64), (3, 64, 64)]
CLAIMED = {
    "mlp": SHAPES,
    "dcgan": [shape for shape in SHAPES if shape[-1] >= 28],
    "resnet": [shape for shape in SHAPES if shape[-1] == 32],
    "table1": [shape for shape in SHAPES if shape[-1] in (28, 32)],
}


FILTER = 5 * 5


def claimed(name: str) -> list[tuple[int, ...]]:
    if name in CLAIMED:
        return CLAIMED[name]
    return [(1, 64, 64), (3, 64, 64)] if name.startswith("figure2") else [s for s in SHAPES if takes(SMALL[name], s)]


def takes(architecture: Architecture, shape: tuple[int, ...]) -> bool:
    try:
        architecture.check(shape)
    except UserError:
        return False
    return True


def smallest(name: str) -> tuple[int, ...]:
    return claimed(name)[0]


def drawn(net: nn.Module, *key: str | int, dtype: torch.dtype = torch.float64) -> nn.Module:
    initialise(net, Rng(0, *key))
    return net.to(dtype)


def normal(*shape: int, key: str = "x") -> Tensor:
    return Rng(0, "test", key).normal(*shape, dtype=torch.float64)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def conv(inputs: int, outputs: int, size: int) -> int:
    return inputs * outputs * size**2 + outputs


def test_parameter_counts_of_the_papers() -> None:
    toy = Mlp(width=512)
    assert count(toy.generator((2,))) == linear(2, 512) + 2 * linear(512, 512) + linear(512, 2)
    assert count(toy.critic((2,))) == linear(2, 512) + 2 * linear(512, 512) + linear(512, 1)
    mnist = Dcgan(generator_norm="batch")
    batch_norms = 2 * (256 + 128 + 64)
    assert count(mnist.generator((1, 28, 28))) == batch_norms + (
        linear(128, 4096) + conv(256, 128, 5) + conv(128, 64, 5) + conv(64, 1, 5)
    )
    assert count(mnist.critic((1, 28, 28))) == conv(1, 64, 5) + conv(64, 128, 5) + conv(128, 256, 5) + linear(4096, 1)
    block = 2 * conv(128, 128, 3)
    assert count(ResNet().generator((3, 32, 32))) == (
        linear(128, 2048) + 3 * (block + conv(128, 128, 1) + 4 * 128) + 2 * 128 + conv(128, 3, 3)
    )
    assert count(ResNet().critic((3, 32, 32))) == (
        conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1) + 3 * block + conv(128, 128, 1) + linear(128, 1)
    )


@pytest.mark.parametrize("index", range(8))
def test_depths_of_table_1_and_of_the_101_layer_net(index: int) -> None:
    def depth(net: nn.Module) -> int:
        names = [name for name, layer in net.named_modules() if isinstance(layer, layers.Weighted)]
        return sum("shortcut" not in name for name in names)

    table = Table1(index=index)
    with torch.device("meta"):
        assert depth(table.generator((3, 32, 32))) == table.settings.depth
        assert depth(table.critic((3, 32, 32))) == table.settings.critic_depth
    deep = SMALL["figure2-resnet101"]
    assert depth(deep.generator((3, 64, 64))) == depth(deep.critic((3, 64, 64))) == 101


def test_table_1_is_the_same_everywhere() -> None:
    assert Table1(index=17).settings == Settings("tanh", 20, "batch", 128, "leaky_relu", 8, "none", 128)
    drawn_settings = [Table1(index=i).settings for i in range(600)]
    for field, values in (("activation", 4), ("critic_depth", 4), ("dim", 3), ("critic_norm", 2)):
        found = [getattr(settings, field) for settings in drawn_settings]
        shares = [found.count(value) / 600 for value in set(found)]
        assert len(shares) == values
        assert all(abs(share - 1 / values) < 4 * sqrt(1 / values / 600) for share in shares)


@pytest.mark.parametrize(
    ("net", "layer", "std"),
    [
        (Mlp(width=512).critic((2,)), "hidden2", sqrt(2 / 512)),
        (Mlp(width=512).generator((1, 28, 28)), "output", sqrt(2 / (512 + 784))),
        (Dcgan().critic((1, 28, 28)), "down7", sqrt(4 / (FILTER * 64 + FILTER * 128 / 4))),
        (Dcgan().generator((1, 28, 28)), "up7", sqrt(4 / (FILTER * 256 / 4 + FILTER * 128))),
        (Dcgan(init="normal").generator((1, 28, 28)), "up7", 0.02),
        (ResNet().generator((3, 32, 32)), "block8.body.conv1", sqrt(4 / (9 * 128 + 9 * 128))),
        (ResNet().generator((3, 32, 32)), "block8.shortcut.conv", sqrt(2 / (128 + 128))),
    ],
)
def test_weights_have_the_stated_spread(net: nn.Module, layer: str, std: float) -> None:
    initialise(net, Rng(3, "spread"))
    weight = net.get_submodule(layer).weight.detach()
    kurtosis = 3.0 if std == 0.02 else 1.8
    error = sqrt((kurtosis - 1) / 4 / weight.numel())
    assert weight.std().item() == pytest.approx(std, rel=5 * error)
    assert abs(weight.mean().item()) < 5 * std / sqrt(weight.numel())
    assert (weight.abs().max() > 1.8 * std) == (std == 0.02)
    assert all(not p.any() for name, p in net.named_parameters() if name.endswith("bias"))


def test_weights_depend_on_their_name_and_key_only() -> None:
    shallow, deep = Mlp(depth=2).critic((2,)), Mlp(depth=3).critic((2,))
    torch.manual_seed(5)
    initialise(shallow, Rng(0, "critic"))
    torch.rand(7)
    rng = Rng(0, "critic")
    rng.normal(100)
    initialise(deep, rng)
    own, other = shallow.state_dict(), deep.state_dict()
    assert all(torch.equal(own[name], other[name]) for name in own)
    assert not torch.equal(own["hidden2.weight"][:, :2], own["hidden1.weight"])
    initialise(shallow, Rng(1, "critic"))
    assert not torch.equal(shallow.state_dict()["hidden1.weight"], other["hidden1.weight"])


@pytest.mark.parametrize("name", SMALL)
def test_every_claimed_shape_is_made_and_scored(name: str) -> None:
    architecture = SMALL[name]
    for shape in SHAPES:
        if shape not in claimed(name):
            with pytest.raises(UserError, match=r"makes images of \d"):
                architecture.check(shape)
            with pytest.raises(UserError):
                architecture.generator(shape)
            continue
        generator = drawn(architecture.generator(shape), "g", dtype=torch.float32)
        critic = drawn(architecture.critic(shape), "c", dtype=torch.float32)
        samples = generator(normal(4, architecture.z_dim).float())
        scores = critic(samples)
        assert samples.shape == (4, *shape)
        assert scores.shape == (4,)
        assert samples.isfinite().all()
        assert scores.unique().numel() == 4
        assert len(shape) == 1 or samples.abs().max() <= 1


NORMS = [(name, norm) for name in SMALL for norm in ("none", "layer", "batch", "spectral")]
NORMS = [(name, norm) for name, norm in NORMS if name != "table1" or norm in ("layer", "batch")]
NORMS = [(name, norm) for name, norm in NORMS if norm == "none" or hasattr(SMALL[name], "critic_norm")]


@pytest.mark.parametrize(("name", "norm"), NORMS)
def test_critic_mixes_samples_as_it_says(name: str, norm: str) -> None:
    architecture = replace(SMALL[name], critic_norm=norm) if hasattr(SMALL[name], "critic_norm") else SMALL[name]
    shape = smallest(name)
    critic = drawn(architecture.critic(shape), "c")
    gradient = grad(lambda x: critic(x)[0])(normal(3, *shape))
    assert gradient[0].any()
    mixes = bool(gradient[1:].any())
    if hasattr(architecture, "critic_norm"):
        assert mixes == (norm == "batch")
    assert architecture.critic_mixes_samples is mixes
    assert critic.per_sample is not mixes


@pytest.mark.parametrize("name", SMALL)
def test_calibration_keeps_its_batch_and_frees_the_samples(name: str) -> None:
    architecture, shape = SMALL[name], smallest(name)
    generator = drawn(architecture.generator(shape), "g")
    z = normal(16, architecture.z_dim)
    trained = generator(z)
    before = {key: value.clone() for key, value in generator.named_parameters()}
    calibrate(generator, z)
    assert not generator.training
    torch.testing.assert_close(generator(z), trained, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(generator(z[3:4]), trained[3:4], rtol=1e-9, atol=1e-9)
    assert all(torch.equal(value, before[key]) for key, value in generator.named_parameters())


def penalty(critic: nn.Module, x: Tensor) -> Callable[[dict[str, Tensor]], Tensor]:
    """E (|grad f| - 1)^2 as a function of the critic's parameters."""

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        slope = grad(lambda x: functional_call(critic, parameters, (x,)).sum())(x)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    return loss


@pytest.mark.parametrize("name", SMALL)
def test_gradient_of_gradient_pure_stacked_and_by_autograd(name: str) -> None:
    """The penalty's gradient of two seeds at once by vmap, one by one by torch.func, and by autograd, in float64."""
    architecture, shape = SMALL[name], smallest(name)
    critics = [drawn(architecture.critic(shape), seed) for seed in range(2)]
    x = normal(2, *shape)
    parameters, buffers = stack_module_state(critics)
    assert not buffers
    stacked = vmap(grad(penalty(critics[0], x)))(parameters)
    for seed, critic in enumerate(critics):
        own = dict(critic.named_parameters())
        single = grad(penalty(critic, x))(own)
        leaf = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
        loss = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        reverse = torch.autograd.grad(loss, list(own.values()), allow_unused=True, materialize_grads=True)
        scale = max(gradient.abs().max().item() for gradient in reverse)
        assert scale > 0
        for (key, gradient), expected in zip(single.items(), reverse, strict=True):
            torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-11 * scale)
            torch.testing.assert_close(stacked[key][seed], expected, rtol=1e-9, atol=1e-11 * scale)


@pytest.mark.parametrize("name", SMALL)
def test_generators_stack(name: str) -> None:
    architecture, shape = SMALL[name], smallest(name)
    generators = [drawn(architecture.generator(shape), seed) for seed in range(2)]
    z = normal(2, 3, architecture.z_dim)
    template = generators[0]

    def generate(parameters: dict[str, Tensor], z: Tensor) -> Tensor:
        return functional_call(template, parameters, (z,))

    stacked = vmap(generate)(stack_module_state(generators)[0], z)
    for generator, latents, samples in zip(generators, z, stacked, strict=True):
        torch.testing.assert_close(samples, generator(latents), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Mlp(width=0), "architecture mlp: width is 0, must be from 1 to 65536"),
        (lambda: Dcgan(dim=-1), "architecture dcgan: dim is -1"),
        (lambda: Table1(index=-1), "architecture table1: index is -1"),
        (lambda: Dcgan().critic((1, 8, 8)), "dcgan: makes images of 28x28, 32x32, 64x64, not samples of 8x8; use mlp"),
        (lambda: ResNet().generator((2,)), "resnet: makes images of 32x32, not samples of 2"),
    ],
)
def test_bad_options_and_shapes_are_one_line(build: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SMALL)
def test_sizes_are_checked_without_memory(name: str) -> None:
    check_architecture(ARCHITECTURES[name](), (3, 64, 64) if name.startswith("figure2") else (3, 32, 32))


def test_a_net_that_no_machine_holds_is_refused() -> None:
    with pytest.raises(UserError, match=r"Mlp.*: its generator has 4.3e\+12 parameters, and may have 1e\+09"):
        check_architecture(Mlp(width=65_536, depth=1_000), (2,))
