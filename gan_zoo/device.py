"""The numerical settings of a process, in one place: deterministic algorithms, reference precision, threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gan_zoo.errors import UserError
from gan_zoo.numerics import Numerics
from gan_zoo.numerics.process import compute_in


def core_count() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_devices(wanted: str, cores: int) -> list[str]:
    """The devices that workers of a sweep sit on, one entry a worker.

    `auto` is every GPU, or without one each CPU core; `cpu` each core; `cuda` every GPU; `cuda:1` that one.
    Raises: UserError where there is no such device.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        return ["cpu"] * cores
    known = [f"cuda:{i}" for i in range(gpus)]
    devices = known if wanted in ("auto", "cuda") else [device for device in known if device == wanted]
    if not devices:
        raise UserError(f"device {wanted}: not on this machine (there are: {', '.join(['cpu', *known])})")
    return devices


def configure_process(device: str, threads: int, numerics: Numerics = "reference") -> None:
    """Settings for a process that computes on `device`: the same numbers every time, float32 without TF32."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    compute_in(numerics, threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if device != "cpu":
        torch.cuda.set_device(device)


@contextmanager
def tf32() -> Iterator[None]:
    """Within it, matrix products and convolutions on a GPU round their factors to TF32's ten bits."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = True
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def device_name(device: str) -> str:
    """The name of the hardware behind a torch device."""
    if device != "cpu":
        return str(torch.cuda.get_device_name(device))
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        import platform

        return platform.processor() or platform.machine()


def peak_memory(device: str) -> float | None:
    """The most memory that tensors took on a GPU since the process began, in MB; None on a CPU."""
    return None if device == "cpu" else torch.cuda.max_memory_allocated(device) / 1e6
