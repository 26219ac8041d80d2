"""Optimisers that only their own code knows: one step of it, and what is asked of that code beforehand.

Where bits are to be portable every operation of it is seen, below autograd, and one of which they are not known is
refused: square roots are taken by `numerics.roots`, the rest of the table is IEEE's own operations an element.
"""

import copy
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gan_zoo.errors import UserError
from gan_zoo.numerics import Numerics
from gan_zoo.numerics.process import portable
from gan_zoo.numerics.roots import root
from gan_zoo.optimizers import is_known_everywhere

aten = torch.ops.aten

PORTABLE = """
    add add_ sub sub_ rsub mul mul_ div div_ addcmul addcmul_ addcdiv addcdiv_ lerp lerp_ neg neg_ abs abs_ sign sign_
    sgn reciprocal reciprocal_ rsqrt rsqrt_ maximum minimum max min amax amin clamp clamp_ clamp_min clamp_min_
    eq ne lt le gt ge where masked_fill masked_fill_ nan_to_num isnan isfinite all any logical_and logical_or
    copy_ clone fill_ zero_ zeros zeros_like ones ones_like empty empty_like full full_like new_zeros new_empty
    scalar_tensor lift_fresh _to_copy alias detach view _unsafe_view reshape expand select slice unsqueeze squeeze cat
    stack _local_scalar_dense
"""
"""Names of operations of one IEEE operation an element or none, and of copies."""
KNOWN = frozenset(PORTABLE.split())
TRIALS = 8
"""Steps that settings are tried on: some rectify, or begin to average, after a few."""


class Watched(TorchDispatchMode):
    """Within it an operation has portable bits, or is refused by a UserError that names it."""

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is aten.sqrt.default:
            return root(args[0])
        if func is aten.sqrt_.default:
            return args[0].copy_(root(args[0]))
        name = func.overloadpacket.__name__
        if func.namespace not in ("aten", "profiler") or (func.namespace == "aten" and name not in KNOWN):
            raise UserError(
                f"numerics reference: {func}, which the optimizer does, is not known to have the same bits on every "
                "processor; use --numerics fast, or another optimizer"
            )
        return func(*args, **(kwargs or {}))


def own_step(
    optimizer: torch.optim.Optimizer, vector: Tensor, gradient: Tensor, lr: float | None, watched: bool
) -> None:
    """One step of `optimizer` along the gradient of its one `vector`, at this learning rate where it has one."""
    vector.grad = gradient
    rates = [group.get("lr") for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        if lr is not None:
            group["lr"] = lr
    context: AbstractContextManager[object] = Watched() if watched else nullcontext()
    with context:
        optimizer.step()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if lr is not None:
            group["lr"] = rate  # a decayed one is no setting, which checkpoints are held to


def is_watched(vector: Tensor, numerics: Numerics) -> bool:
    """Whether steps on this vector are to have portable bits."""
    return portable(vector.device, numerics)


def after_a_step(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The content of an optimiser as it will be once it has taken a step, for its form; itself stays as it is."""
    twin = copy.deepcopy(optimizer)
    for group in twin.param_groups:
        for vector in group["params"]:
            vector.grad = torch.zeros_like(vector)
    with torch.no_grad():
        twin.step()
    return dict(twin.state_dict())


def check_optimizer(settings: Any, numerics: Numerics, device: torch.device | str) -> None:
    """Tries optimiser settings on a vector. Raises: UserError where their code fails, does what it may not do, or does
    what these numerics cannot have."""
    if is_known_everywhere(settings):
        return
    if numerics == "exact":
        raise UserError(f"numerics exact: only of adam and rmsprop, not of '{settings}'; use numerics reference")
    vector = torch.linspace(-1, 1, 5, device=device)
    place = vector.data_ptr()
    try:
        optimizer = settings.optimizer(vector)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise TypeError("its method optimizer gave no torch.optim.Optimizer")
        watched = is_watched(vector, numerics)
        for _ in range(TRIALS):
            own_step(optimizer, vector, vector.clone(), getattr(settings, "lr", None), watched)
        copy.deepcopy(optimizer).load_state_dict(optimizer.state_dict())
    except UserError as error:
        raise UserError(f"train.optimizer: '{settings}': {error}") from None
    except Exception as error:
        why = f"{type(error).__name__}: {error}".split("\n")[0]
        raise UserError(f"train.optimizer: '{settings}': cannot take a step ({why})") from error
    (group,) = optimizer.param_groups if len(optimizer.param_groups) == 1 else (None,)
    if group is None or group["params"] != [vector] or vector.data_ptr() != place:
        raise UserError(f"train.optimizer: '{settings}': has to change the vector that it is given in its place")
