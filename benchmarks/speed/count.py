"""Costs that do not depend on the machine: tensor operations and floating-point operations of an iteration."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

IN_PLACE = {torch.ops.aten.addmm_: torch.ops.aten.addmm}
"""Operations that torch's registry of FLOPs leaves out, and the ones with the same count."""


class Count(TorchDispatchMode):
    """Counts what runs inside it: `operations` (without views), and `flops` of matrix products and convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operations += not func.is_view
        packet = IN_PLACE.get(func.overloadpacket, func.overloadpacket)
        if packet in flop_registry:
            self.flops += flop_registry[packet](*args, **(kwargs or {}), out_val=result)
        return result


def cost(run: Callable[[], object]) -> Count:
    """The cost of one call."""
    with Count() as count:
        run()
    return count
