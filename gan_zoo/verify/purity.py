"""Checks that a loss changes nothing that it is given, and of the form of its results."""

import json
import re
from collections.abc import Iterator

import torch
from torch import Tensor

from gan_zoo.losses.base import Critic, Loss
from gan_zoo.rng import Rng, global_state
from gan_zoo.verify.batches import deviation
from gan_zoo.verify.cases import Batch, batch, mlp, mlp_parameters, summed

SEEDS = 3


def interface(loss: Loss) -> Iterator[tuple[float, str]]:
    """0 where a rule of the interface is kept, 1 where it is broken."""
    for text in ("critic_formula", "generator_formula", "paper"):
        yield float(not getattr(loss, text)), f"{text} is empty"
    for part in (loss.adversarial, *loss.penalties):
        frozen = getattr(part, "__dataclass_params__", None)
        yield float(not (frozen and frozen.frozen)), f"{part}: not a frozen dataclass, so it may hold state"
    json.dumps(loss.config())
    for dtype in (torch.float32, torch.float64):
        samples = batch(loss, dtype=dtype)
        critic = mlp(mlp_parameters(2).to(dtype))
        terms = {"critic": samples.critic_terms(loss, critic)}
        terms["generator"] = loss.generator_terms(critic, samples.real, samples.fake)
        for player, named in terms.items():
            yield float(not named), f"no term of the {player}"
            for name, term in named.items():
                yield float(not re.fullmatch(r"\w+", name)), f"{player}'s {name!r}: not a word"
                yield float(term.shape != ()), f"{player}'s {name}: shape {tuple(term.shape)}, not a scalar"
                yield float(term.dtype != dtype), f"{player}'s {name}: {term.dtype} from samples of {dtype}"


def purity(loss: Loss) -> Iterator[tuple[float, str]]:
    """0 where nothing is touched and nothing is remembered, else 1."""
    before = global_state()
    samples, again = batch(loss), batch(loss)
    critic = mlp(mlp_parameters(2))
    values = [list(_all_terms(loss, samples, critic)) for _ in range(2)]
    yield float(not all(map(torch.equal, *values))), "the same twice gives different terms"
    untouched = [samples.real, samples.fake, *samples.noise], [again.real, again.fake, *again.noise]
    yield float(not all(map(torch.equal, *untouched))), "samples or noise were changed, or differ under one key"
    shifted = loss.noise(Rng(0, "verify", "noise"), samples.real + 5)
    yield float(not all(map(torch.equal, samples.noise, shifted))), "noise depends on the values of samples"
    other = loss.noise(Rng(1, "verify", "noise"), samples.real)
    stuck = [mine.numel() > 0 and torch.equal(mine, theirs) for mine, theirs in zip(samples.noise, other, strict=True)]
    yield float(any(stuck)), "noise does not depend on its key"
    yield float(before != global_state()), "a global random state was touched"


def _all_terms(loss: Loss, samples: Batch, critic: Critic) -> Iterator[Tensor]:
    yield from samples.critic_terms(loss, critic).values()
    yield from loss.generator_terms(critic, samples.real, samples.fake).values()


def stacked(loss: Loss) -> Iterator[tuple[float, str]]:
    """The critic's objective and gradient for several critics at once, and one by one."""
    samples = batch(loss)
    critics = torch.stack([mlp_parameters(2, key) for key in range(SEEDS)])

    def gradient(w: Tensor) -> Tensor:
        return torch.func.grad(lambda w: summed(samples.critic_terms(loss, mlp(w))))(w)  # type: ignore[no-any-return]

    together = torch.func.vmap(gradient)(critics)
    for i, w in enumerate(critics):
        alone = gradient(w)
        yield max(map(deviation, together[i], alone)), f"gradient of critic {i} of {SEEDS}"
