"""GAN training as public codes write it: torch's own layers and optimisers with their defaults, a pass each for real
and fake, `autograd.grad` with `create_graph`, losses read with `.item()` in every step, a DataLoader for images.

Of `gan_zoo.losses` it reads the hyper-parameters and no formula: on equal draws it is an independent check of the
engines as well.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from gan_zoo.architectures.functions import leaky_relu, mean_pool, relu, upsample
from gan_zoo.architectures.layers import Apply, BatchNorm, Conv, ConvPool, LayerNorm, Linear, UpConv, UpsampleConv
from gan_zoo.engine.plain import Live
from gan_zoo.losses.base import Loss, Penalty
from gan_zoo.losses.minimax import Minimax, NonSaturating
from gan_zoo.losses.penalties import GradientNorm
from gan_zoo.losses.wasserstein import Wasserstein
from gan_zoo.rng import Rng
from gan_zoo.spec import Adam, RMSprop
from gan_zoo.trainer import Run, initial_state

FUNCTIONS = {
    relu: nn.ReLU,
    leaky_relu: lambda: nn.LeakyReLU(0.2),
    mean_pool: lambda: nn.AvgPool2d(2),
    upsample: lambda: nn.Upsample(scale_factor=2),
}


def _textbook_layer(layer: nn.Module) -> nn.Module:
    """torch's own layers for one of ours, with the same weights."""
    if isinstance(layer, Apply):
        return FUNCTIONS[layer.function]() if layer.function in FUNCTIONS else layer
    if isinstance(layer, BatchNorm):
        return _with_weights(nn.BatchNorm2d(len(layer.weight)), layer)
    if isinstance(layer, LayerNorm):
        return _with_weights(nn.GroupNorm(1, len(layer.weight)), layer)
    if isinstance(layer, Linear):
        return _with_weights(nn.Linear(layer.weight.shape[1], layer.weight.shape[0]), layer)
    if isinstance(layer, UpConv):
        inputs, outputs, size, _ = layer.weight.shape
        return _with_weights(nn.ConvTranspose2d(inputs, outputs, size, 2, size // 2, output_padding=1), layer)
    if isinstance(layer, Conv):
        outputs, inputs, size, _ = layer.weight.shape
        conv = _with_weights(nn.Conv2d(inputs, outputs, size, layer.stride, size // 2), layer)
        before = [nn.Upsample(scale_factor=2)] if isinstance(layer, UpsampleConv) else []
        after = [nn.AvgPool2d(2)] if isinstance(layer, ConvPool) else []
        return nn.Sequential(*before, conv, *after) if before or after else conv
    return layer


def _with_weights(new: nn.Module, old: nn.Module) -> nn.Module:
    weight = next(old.parameters())
    new.to(weight.device, weight.dtype)
    new.load_state_dict(old.state_dict(), strict=False)
    return new


def textbook_nets(run: Run) -> tuple[nn.Module, nn.Module]:
    """Generator and critic of torch's own layers, with the initial weights of `run`."""
    state, players = initial_state(run), run.players
    pairs = ((players.generator, state.generator), (players.critic, state.critic))
    generator, critic = (_textbook_net(Live.bind(net, weights).net) for net, weights in pairs)
    return generator, critic


def _textbook_net(net: nn.Module) -> nn.Module:
    """The same net of torch's own layers."""
    made = copy.deepcopy(net)
    for name, layer in made.named_children():
        replaced = _textbook_layer(layer)
        setattr(made, name, _textbook_net(layer) if replaced is layer and list(layer.children()) else replaced)
    return made.requires_grad_()


class Source(NamedTuple):
    """The source of a training's batches: real samples (N, ...), latents (N, z_dim), eps (N,) of penalties."""

    real: Iterator[Tensor]
    latents: Iterator[Tensor]
    eps: Iterator[Tensor]


def own_source(run: Run) -> Source:
    """Everything drawn when it is needed."""
    rng, n = Rng(run.spec.seed, "textbook", device=run.device), run.spec.train.batch_size
    return Source(
        _real_batches(run),
        endless(lambda: rng.normal(n, run.z_dim).to(run.dtype)),
        endless(lambda: rng.uniform(n).to(run.dtype)),
    )


def endless(draw: Callable[[], Tensor]) -> Iterator[Tensor]:
    while True:
        yield draw()


def _real_batches(run: Run) -> Iterator[Tensor]:
    """Points drawn batch by batch, or images through a shuffling DataLoader."""
    data, batch, block = run.data, run.spec.train.batch_size, 0
    while len(data.shape) == 1:
        yield data.stream(run.spec.seed, block, batch).to(run.dtype)
        block += 1
    images = TensorDataset(data.stream(0, 0, 2000).cpu())
    while True:
        for (real,) in DataLoader(images, batch, shuffle=True, drop_last=True):
            yield real.to(run.device, run.dtype)


@dataclass(frozen=True)
class Objective:
    """The objectives of both players: of the scores of real and fake, and of those of fake."""

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def cross_entropy(score: Tensor, label: float) -> Tensor:
    return binary_cross_entropy_with_logits(score, torch.full_like(score, label))


def _discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    return cross_entropy(real, 1) + cross_entropy(fake, 0)


OBJECTIVES = {
    Minimax: Objective(_discriminator_loss, lambda fake: -cross_entropy(fake, 0)),
    NonSaturating: Objective(_discriminator_loss, lambda fake: cross_entropy(fake, 1)),
    Wasserstein: Objective(lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
}


def _gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, settings: Penalty) -> Tensor:
    """The penalty on lines between real and fake samples (N, ...), eps (N,)."""
    assert isinstance(settings, GradientNorm)
    eps = eps.view(-1, *[1] * (real.ndim - 1))
    x_hat = (eps * real + (1 - eps) * fake).requires_grad_()
    score = critic(x_hat)
    (gradient,) = torch.autograd.grad(score, x_hat, torch.ones_like(score), create_graph=True, retain_graph=True)
    excess = gradient.view(len(real), -1).norm(2, dim=1) - settings.target
    excess = excess.clamp(min=0) if settings.one_sided else excess
    return settings.weight * (excess**settings.power).mean()


def _optimizer_of(net: nn.Module, spec: Adam | RMSprop) -> torch.optim.Optimizer:
    if isinstance(spec, Adam):
        return torch.optim.Adam(net.parameters(), lr=spec.lr, betas=spec.betas)
    return torch.optim.RMSprop(net.parameters(), lr=spec.lr, alpha=spec.alpha)


def critic_loss(
    critic: nn.Module, loss: Loss, real: Tensor, fake: Tensor, eps: Iterator[Tensor]
) -> tuple[Tensor, Tensor]:
    """The critic's objective, and its penalties' share; real and fake (N, ...)."""
    penalties = [_gradient_penalty(critic, real, fake, next(eps), settings) for settings in loss.penalties]
    penalty = torch.stack(penalties).sum() if penalties else torch.zeros(())
    return OBJECTIVES[type(loss.adversarial)].critic(critic(real), critic(fake)) + penalty, penalty


def textbook(run: Run, generator: nn.Module, critic: nn.Module, source: Source) -> Iterator[dict[str, float]]:
    """Trains the nets, of torch's own layers, for ever; yields what it logs in every iteration."""
    loss, train = run.spec.loss, run.spec.train
    optimizers = [_optimizer_of(net, train.optimizer) for net in (generator, critic)]
    falling = optimizers if train.lr_decay == "linear" else []
    rates = [LambdaLR(optimizer, lambda step: 1 - step / train.steps) for optimizer in falling]
    while True:
        for _ in range(train.n_critic):
            fake = generator(next(source.latents)).detach()
            optimizers[1].zero_grad()
            objective, penalty = critic_loss(critic, loss, next(source.real), fake, source.eps)
            objective.backward()
            optimizers[1].step()
            clip(critic, loss.weight_clip)
            logged = {"critic": objective.item(), "penalty": penalty.item()}
        optimizers[0].zero_grad()
        generator_loss = OBJECTIVES[type(loss.adversarial)].generator(critic(generator(next(source.latents))))
        generator_loss.backward()
        optimizers[0].step()
        for rate in rates:
            rate.step()
        yield {**logged, "generator": generator_loss.item()}


def clip(critic: nn.Module, c: float | None) -> None:
    if c is not None:
        for parameter in critic.parameters():
            parameter.data.clamp_(-c, c)
