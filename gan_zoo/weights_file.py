"""The weights that a run leaves: into a file, and back into a generator."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gan_zoo.engine import TrainState
from gan_zoo.errors import UserError
from gan_zoo.files import reason, shown
from gan_zoo.spec import RunSpec
from gan_zoo.trainer import Run, latents, trained_generator

HASH = "weights_hash"
"""The key in a file of weights under which it has the `weights_hash` of its content."""


def final_weights(run: Run, state: TrainState) -> dict[str, Tensor]:
    """Weights to keep, on the CPU: `generator.*`, ready for evaluation, and `critic.*`."""
    nets = {"generator": trained_generator(run, state).state_dict(), "critic": state.critic}
    kept = {}
    for net, tensors in nets.items():
        for name, tensor in tensors.items():
            kept[f"{net}.{name}"] = tensor.detach().cpu().clone()
    return kept


def load_generator(spec: RunSpec, shape: tuple[int, ...], path: Path, device: torch.device | str) -> nn.Module:
    """The generator of samples of `shape` that a run of `spec` left at `path`, ready for use.

    Raises: UserError where there are no weights, damaged ones, or those of another net.
    """
    content = _read_weights(path)
    weights = {name.removeprefix("generator."): w for name, w in content.items() if name.startswith("generator.")}
    if not weights:
        raise UserError(f"{path}: holds no weights named generator.*: give those that a run left")
    spec.architecture.check(shape)
    net = spec.architecture.generator(shape).to(next(iter(weights.values())).dtype)
    try:
        net.load_state_dict(weights)
    except RuntimeError as failure:
        reason = " ".join(str(failure).split())[:200]
        raise UserError(f"{path}: these weights are of another net than its spec says ({reason})") from None
    return net.to(device).eval().requires_grad_(False)  # type: ignore[no-any-return]


def _read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights. Raises: UserError where it holds none, or is not what a run wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            said = (file.metadata() or {}).get(HASH)
    except (OSError, SafetensorError, ValueError, TypeError) as failure:
        raise UserError(f"cannot read weights from {shown(path)} ({reason(failure)})") from None
    if said is not None and said != weights_hash(weights):
        raise UserError(f"{shown(path)}: damaged or altered (its hash is another): take it from the record again")
    return weights


def make_samples(net: nn.Module, spec: RunSpec, n: int, seed: int, device: torch.device | str) -> Tensor:
    """The `n` samples that an evaluation of `spec` with this seed would score, of a generator ready for use."""
    z = latents(spec, seed, n, device).to(next(net.parameters()).dtype)
    return torch.cat([net(part) for part in z.split(500)]).float()


def weights_hash(weights: Mapping[str, Tensor]) -> str:
    """16 hexadecimal digits that change with any bit of any weight."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()
