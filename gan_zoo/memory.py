"""How many runs a device holds at once: from the memory that is free, and from what one of them is seen to take."""

import gc

import torch

from gan_zoo.errors import UserError
from gan_zoo.trainer import Run, advance, initial_state, train

SHARE = 0.45
"""Of the free memory that a stack may take: a captured graph keeps what an iteration needs apart from the warm-up's."""


def free_memory(device: torch.device | str) -> int | None:
    """Bytes that this process can still have of a GPU; None on a CPU, where nobody counts them."""
    if torch.device(device).type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def footprint(run: Run) -> int:
    """Bytes of a GPU that one run takes at most, measured in a plain iteration: state, draws, intermediate results."""
    before = torch.cuda.memory_allocated(run.device)
    torch.cuda.reset_peak_memory_stats(run.device)
    advance(train(run, initial_state(run)), 1)  # one iteration has all phases; later ones take no more
    return torch.cuda.max_memory_allocated(run.device) - before


def free_what_is_unused() -> None:
    """Gives a device back what is kept for tensors that are gone."""
    gc.collect()  # what refers to itself in a circle keeps its tensors until then
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def rows_that_fit(run: Run, wanted: int, sharers: int = 1) -> int:
    """How many runs like this one, `wanted` at most, train as one stack on its device, of which as many processes as
    `sharers` says have equal shares.

    Raises: UserError where not even one does.
    """
    free = free_memory(run.device)
    if free is None:
        return wanted
    try:
        one = footprint(run)
    except torch.OutOfMemoryError:
        one = free + 1
    if one > free:
        raise UserError(
            f"{run.spec.label}: {run.device} has {free / 1e9:.2f} GB free, too little for one run; end what else is on "
            "it, make the batch or the nets smaller, or use --device cpu"
        )
    return max(1, min(wanted, int(SHARE * free / sharers / max(one, 1))))
