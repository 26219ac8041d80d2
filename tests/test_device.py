"""A GPU as a device, shown by what torch says of one: which there are, what is free on it, how it is set."""

import os
from dataclasses import dataclass

import pytest
import torch

from benchmarks.sweep.messages import reason_of
from gan_zoo import device, memory
from gan_zoo.device import choose_devices, configure_process, gpu_settings, ran_out_of_memory
from gan_zoo.errors import UserError


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def refused(text: str) -> None:
    """In the place of torch's start of CUDA."""
    raise RuntimeError(text)


def test_a_gpu_that_is_not_there_is_named_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 1)
    with pytest.raises(UserError, match=r"^device cuda:7: not on this machine \(there are: cpu, cuda:0\)$"):
        choose_devices("cuda:7", 4)
    assert choose_devices("cuda", 4) == choose_devices("auto", 4) == ["cuda:0"]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (
            "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver.\nMore",
            "The NVIDIA driver on your system is too old (found version 11040)",
        ),
        ("Found no NVIDIA driver on your system. Please check", "Found no NVIDIA driver on your system"),
    ],
)
def test_a_driver_that_torch_cannot_use_is_named(said: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 0)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", lambda: refused(said))
    with pytest.raises(UserError) as caught:
        choose_devices("cuda", 4)
    known = f"device cuda: not on this machine, where torch can use no GPU ({fault}); use cpu"
    assert str(caught.value) == known
    assert choose_devices("auto", 4) == ["cpu"] * 4


def test_a_torch_without_cuda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 0)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(UserError, match=r"torch \S+ is built without CUDA"):
        choose_devices("cuda:0", 1)


def test_a_kernel_without_a_deterministic_form_is_named_in_one_line() -> None:
    error = RuntimeError(
        "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you set "
        "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for this operation"
    )
    known = "adaptive_avg_pool2d_backward_cuda has no deterministic form on a GPU: use another layer, --numerics fast"
    assert reason_of(error).startswith(known)
    assert device.undeterministic(RuntimeError("no kernel")) is None


@pytest.fixture
def settled() -> object:
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.backends.cudnn.deterministic = before[1]


@pytest.mark.usefixtures("settled")
def test_a_gpu_is_deterministic_but_in_fast_numerics_and_the_record_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "set_device", lambda name: None)
    monkeypatch.setattr(device, "compute_in", lambda *_: None)
    monkeypatch.delenv(device.WORKSPACE, raising=False)
    configure_process("cuda:0", 1)
    assert os.environ[device.WORKSPACE] == ":4096:8"
    assert torch.backends.cudnn.deterministic
    assert "deterministic algorithms chosen by rule, cuBLAS workspace :4096:8" in gpu_settings()
    configure_process("cuda:0", 1, "fast")
    assert not torch.backends.cudnn.deterministic
    assert "any algorithms chosen by rule" in gpu_settings()
    configure_process("cpu", 1, "fast")
    assert torch.are_deterministic_algorithms_enabled()


def test_a_lack_of_memory_is_seen_through_other_errors() -> None:
    short = torch.OutOfMemoryError("CUDA out of memory")
    outer = RuntimeError("capture invalidated")
    outer.__context__ = short
    assert ran_out_of_memory(short)
    assert ran_out_of_memory(outer)
    assert not ran_out_of_memory(RuntimeError("no memory"))
    assert not ran_out_of_memory(None)


@dataclass
class Known:
    """Of a run what its memory depends on."""

    @dataclass
    class Spec:
        label: str = "a / b / seed 0"

    spec = Spec()
    device = torch.device("cuda", 0)


@pytest.mark.parametrize(
    ("one", "wanted", "sharers", "rows"), [(10, 64, 1, 45), (10, 8, 1, 8), (10, 64, 4, 11), (900, 64, 1, 1)]
)
def test_rows_follow_from_what_is_free_and_what_one_takes(
    one: int, wanted: int, sharers: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
    monkeypatch.setattr(memory, "footprint", lambda run: one)
    assert memory.rows_that_fit(Known(), wanted, sharers) == rows  # type: ignore[arg-type]


@pytest.mark.parametrize("fails", [False, True])
def test_memory_too_small_for_one_run_is_said_in_one_line(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def footprint(run: object) -> int:
        if fails:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 3 * 10**9

    monkeypatch.setattr(memory, "free_memory", lambda device: 2 * 10**9)
    monkeypatch.setattr(memory, "footprint", footprint)
    with pytest.raises(UserError, match=r"^a / b / seed 0: cuda:0 has 2\.00 GB free, too little for one run; end "):
        memory.rows_that_fit(Known(), 4)  # type: ignore[arg-type]


def test_free_memory_counts_what_this_process_holds_in_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (500, 2000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 300)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 100)
    assert memory.free_memory("cuda:0") == 700
    assert memory.free_memory("cpu") is None
