"""The numerical settings of a process, in one place: deterministic algorithms, reference precision, threads."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gan_zoo.errors import UserError
from gan_zoo.numerics import Numerics
from gan_zoo.numerics.process import compute_in

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def core_count() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_devices(wanted: str, cores: int) -> list[str]:
    """The devices that workers of a sweep sit on, one entry a worker.

    `auto` is every GPU, or without one each CPU core; `cpu` each core; `cuda` every GPU; `cuda:1` that one.
    Raises: UserError where there is no such device.
    """
    gpus = _gpu_count()
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        return ["cpu"] * cores
    if not gpus and (fault := _gpu_fault()):
        raise UserError(f"device {wanted}: not on this machine, where torch can use no GPU ({fault}); use cpu")
    known = [f"cuda:{i}" for i in range(gpus)]
    devices = known if wanted in ("auto", "cuda") else [device for device in known if device == wanted]
    if not devices:
        raise UserError(f"device {wanted}: not on this machine (there are: {', '.join(['cpu', *known])})")
    return devices


def _gpu_count() -> int:
    """The GPUs that torch can use; what it has to say of a driver is `_gpu_fault`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _gpu_fault() -> str:
    """Why torch can use no GPU, in one line: it is built without CUDA, or says what is wrong with the driver."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    try:
        torch.cuda.init()
    except Exception as error:
        return " ".join(str(error).split(". ")[0].split())
    return ""


def configure_process(device: str, threads: int, numerics: Numerics = "reference") -> None:
    """Settings for a process that computes on `device`: the same numbers every time, float32 without TF32.

    On a GPU in fast numerics alone kernels may be taken whose sums come in any order.
    """
    os.environ.setdefault(WORKSPACE, ":4096:8")  # read when cuBLAS starts
    compute_in(numerics, threads)
    # as `use_deterministic_algorithms`, which loads torch's compiler for a second to tell it: `compiled` does that
    torch.set_deterministic_debug_mode("error" if device == "cpu" or numerics != "fast" else "default")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = numerics != "fast"
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if device != "cpu":
        torch.cuda.set_device(device)


def gpu_settings() -> str:
    """What the numbers of a GPU depend on beside the code, as this process is set, in words for the record."""
    algorithms = "deterministic" if torch.are_deterministic_algorithms_enabled() else "any"
    chosen = "by trial" if torch.backends.cudnn.benchmark else "by rule"
    workspace = os.environ.get(WORKSPACE, "as it comes")
    return (
        f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, {algorithms} algorithms chosen {chosen}, "
        f"cuBLAS workspace {workspace}"
    )


def undeterministic(error: BaseException) -> str | None:
    """The kernel without a deterministic form that an error of torch is about, or None for any other error."""
    found = re.match(r"(\S+) does not have a deterministic implementation", str(error))
    return found[1] if found else None


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


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error is, or came of, a lack of memory on a GPU: one in a capture ends it by an error of its own."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def peak_memory(device: str) -> float | None:
    """The most memory that tensors took on a GPU since the process began, in MB; None on a CPU."""
    return None if device == "cpu" else torch.cuda.max_memory_allocated(device) / 1e6
