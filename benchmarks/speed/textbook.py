"""WGAN-GP as public codes write it: torch's own layers, a pass each for real and fake, `autograd.grad` with
`create_graph`, Adam with its defaults, losses read with `.item()` in every step, a DataLoader for images.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from gan_zoo.architectures.functions import leaky_relu, mean_pool, relu, upsample
from gan_zoo.architectures.layers import Apply, BatchNorm, Conv, ConvPool, LayerNorm, Linear, UpConv, UpsampleConv
from gan_zoo.rng import Rng
from gan_zoo.trainer import Run

FUNCTIONS = {
    relu: nn.ReLU,
    leaky_relu: lambda: nn.LeakyReLU(0.2),
    mean_pool: lambda: nn.AvgPool2d(2),
    upsample: lambda: nn.Upsample(scale_factor=2),
}


def textbook_layer(layer: nn.Module) -> nn.Module:
    """torch's own layers for one of ours, with the same weights."""
    if isinstance(layer, Apply):
        return FUNCTIONS[layer.function]() if layer.function in FUNCTIONS else layer
    if isinstance(layer, BatchNorm):
        return with_weights(nn.BatchNorm2d(len(layer.weight)), layer)
    if isinstance(layer, LayerNorm):
        return with_weights(nn.GroupNorm(1, len(layer.weight)), layer)
    if isinstance(layer, Linear):
        return with_weights(nn.Linear(layer.weight.shape[1], layer.weight.shape[0]), layer)
    if isinstance(layer, UpConv):
        inputs, outputs, size, _ = layer.weight.shape
        return with_weights(nn.ConvTranspose2d(inputs, outputs, size, 2, size // 2, output_padding=1), layer)
    if isinstance(layer, Conv):
        outputs, inputs, size, _ = layer.weight.shape
        conv = with_weights(nn.Conv2d(inputs, outputs, size, layer.stride, size // 2), layer)
        before = [nn.Upsample(scale_factor=2)] if isinstance(layer, UpsampleConv) else []
        after = [nn.AvgPool2d(2)] if isinstance(layer, ConvPool) else []
        return nn.Sequential(*before, conv, *after) if before or after else conv
    return layer


def with_weights(new: nn.Module, old: nn.Module) -> nn.Module:
    weight = next(old.parameters())
    new.to(weight.device, weight.dtype)
    new.load_state_dict(old.state_dict(), strict=False)
    return new


def textbook_net(net: nn.Module) -> nn.Module:
    """The same net of torch's own layers."""
    made = copy.deepcopy(net)
    for name, layer in made.named_children():
        replaced = textbook_layer(layer)
        setattr(made, name, textbook_net(layer) if replaced is layer and list(layer.children()) else replaced)
    return made.requires_grad_()


def real_batches(run: Run) -> Iterator[Tensor]:
    """Points drawn batch by batch, or images through a shuffling DataLoader."""
    data, batch = run.data, run.spec.train.batch_size
    if len(data.shape) == 1:
        rng = Rng(run.spec.seed, "textbook data", device=run.device)
        while True:
            yield rng.normal(batch, *data.shape).to(run.dtype)
    images = TensorDataset(data.stream(0, 0, 2000).cpu())
    while True:
        for (real,) in DataLoader(images, batch, shuffle=True, drop_last=True):
            yield real.to(run.device, run.dtype)


def textbook_critic_loss(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
    """The critic's loss with its penalty, and the penalty; eps (N,)."""
    eps = eps.view(-1, *[1] * (real.ndim - 1))
    x_hat = (eps * real + (1 - eps) * fake).requires_grad_()
    score = critic(x_hat)
    (gradient,) = torch.autograd.grad(score, x_hat, torch.ones_like(score), create_graph=True, retain_graph=True)
    penalty = 10 * ((gradient.view(len(real), -1).norm(2, dim=1) - 1) ** 2).mean()
    return critic(fake).mean() - critic(real).mean() + penalty, penalty


def textbook(run: Run, generator: nn.Module, critic: nn.Module) -> Iterator[dict[str, float]]:
    """Trains copies of the nets, which hold initial weights, for ever; yields what it logs in every iteration."""
    generator, critic = textbook_net(generator), textbook_net(critic)
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-4, betas=(0.5, 0.9)) for net in (generator, critic)]
    rng, n = Rng(run.spec.seed, "textbook", device=run.device), run.spec.train.batch_size
    batches = real_batches(run)
    while True:
        for _ in range(run.spec.train.n_critic):
            real = next(batches)
            fake = generator(rng.normal(n, run.z_dim).to(run.dtype)).detach()
            optimizers[1].zero_grad()
            loss, penalty = textbook_critic_loss(critic, real, fake, rng.uniform(n).to(run.dtype))
            loss.backward()
            optimizers[1].step()
            logged = {"critic": loss.item(), "penalty": penalty.item()}
        optimizers[0].zero_grad()
        generator_loss = -critic(generator(rng.normal(n, run.z_dim).to(run.dtype))).mean()
        generator_loss.backward()
        optimizers[0].step()
        yield {**logged, "generator": generator_loss.item()}
