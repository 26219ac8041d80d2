"""The layers of the nets against torch's own and against closed forms."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import grad, vmap

from gan_zoo.architectures import functions, initialise, layers
from gan_zoo.architectures.dcgan import Dcgan
from gan_zoo.errors import UserError
from gan_zoo.rng import Rng


def drawn(net: nn.Module) -> nn.Module:
    initialise(net, Rng(0, "net"))
    return net.double()


def normal(*shape: int, key: str = "x") -> Tensor:
    return Rng(0, "test", key).normal(*shape, dtype=torch.float64)


POINTS = torch.tensor([-3.0, -1.0, -1e-300, -0.0, 0.0, 1e-300, 0.5, 2.0], dtype=torch.float64)
EXPECTED = {
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "softplus": lambda x: torch.log1p(torch.exp(2 * x + 2)) / 2 - 1,
    "tanh": lambda x: 1 - 2 / (1 + torch.exp(2 * x)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_activation_and_two_derivatives_equal_torch(name: str) -> None:
    ours, theirs = functions.ACTIVATIONS[name].function, EXPECTED[name]
    for own, other in ((ours, theirs), (lambda x: ours(x) ** 3, lambda x: theirs(x) ** 3)):
        for order in range(3):
            torch.testing.assert_close(vmap(own)(POINTS), vmap(other)(POINTS), rtol=1e-12, atol=1e-12, msg=f"{order}")
            own, other = grad(own), grad(other)


@pytest.mark.parametrize("function", [functions.relu, functions.leaky_relu, functions.mean_pool])
def test_no_second_derivative_is_carried(function: Callable[[Tensor], Tensor]) -> None:
    """The gradient of a piecewise linear layer must not depend on its input in autograd's eyes; that of F.relu does."""
    x = normal(1, 1, 4, 4).requires_grad_()

    def carried(layer: Callable[[Tensor], Tensor]) -> bool:
        (gradient,) = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
        return gradient.requires_grad

    assert not carried(function)
    assert carried(F.relu)


def test_gate_elu_and_float32_stay_in_type() -> None:
    x = normal(2, 6, 3, 3)
    torch.testing.assert_close(functions.gated(x), torch.sigmoid(x[:, :3]) * torch.tanh(x[:, 3:]))
    torch.testing.assert_close(functions.ACTIVATIONS["elu"].function(x), torch.where(x > 0, x, x.exp() - 1))
    for activation in functions.ACTIVATIONS.values():
        assert activation.function(x.float()).dtype == torch.float32


def test_resampling_equals_torch() -> None:
    x = normal(2, 3, 6, 8)
    torch.testing.assert_close(functions.mean_pool(x), F.avg_pool2d(x, 2))
    torch.testing.assert_close(functions.upsample(x), F.interpolate(x, scale_factor=2))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_strided_forms_of_pool_and_upsampling_are_the_same_functions(size: int) -> None:
    x = normal(2, 3, 6, 8)
    for kind, expected in (
        (layers.ConvPool, lambda w, b: F.avg_pool2d(F.conv2d(x, w, b, padding=size // 2), 2)),
        (layers.UpsampleConv, lambda w, b: F.conv2d(F.interpolate(x, scale_factor=2), w, b, padding=size // 2)),
    ):
        net = drawn(kind(3, 4, size))
        torch.testing.assert_close(net(x), expected(net.weight, net.bias), rtol=1e-12, atol=1e-12)


def test_batch_norm_equals_torch_and_is_nan_uncalibrated() -> None:
    x = 3 + 2 * normal(8, 4, 5, 5)
    for kind, expected in ((layers.BatchNorm(4), nn.BatchNorm2d(4)), (layers.LayerNorm(4), nn.LayerNorm([4, 5, 5]))):
        torch.testing.assert_close(kind.double()(x), expected.double()(x))
    uncalibrated = layers.BatchNorm(4).double()
    uncalibrated(x)
    assert uncalibrated.eval()(x).isnan().all()


def test_spectral_norm_is_the_largest_singular_value_with_gradient_u_v() -> None:
    weight, start = normal(6, 5, 3), normal(6, key="start")
    u, s, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    converged = functions.spectral_norm(weight, start, iterations=500)
    torch.testing.assert_close(converged, s[0])
    slope = grad(lambda w: functions.spectral_norm(w, start, iterations=500))(weight)
    torch.testing.assert_close(slope.flatten(1), torch.outer(u[:, 0], v[0]), rtol=1e-6, atol=1e-8)
    assert functions.spectral_norm(weight, start, iterations=1) < s[0]


def test_spectral_critic_has_unit_layers_and_does_not_change_itself() -> None:
    critic = drawn(Dcgan(dim=8, critic_norm="spectral").critic((1, 28, 28)))
    before = {name: value.clone() for name, value in critic.named_buffers()}
    assert torch.equal(critic(normal(2, 1, 28, 28)), critic(normal(2, 1, 28, 28)))
    assert all(torch.equal(value, before[name]) for name, value in critic.named_buffers())
    for layer in critic.modules():
        if isinstance(layer, layers.Weighted):
            largest = torch.linalg.matrix_norm(layer.effective_weight().flatten(1), 2).item()
            assert 1 - 1e-12 <= largest < 1.1


def test_a_foreign_layer_is_refused() -> None:
    with pytest.raises(UserError, match="'1' \\(Linear\\) has no keyed initialisation"):
        initialise(nn.Sequential(layers.Linear(2, 2), nn.Linear(2, 1)), Rng(0))
