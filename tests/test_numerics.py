"""Reference numerics on a CPU: the table of fingerprints, forced instruction sets, threads, and what is set when."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gan_zoo import fingerprints
from gan_zoo.device import configure_process
from gan_zoo.engine.descent import descend, optimizer_numbers
from gan_zoo.engine.state import new_optimizer
from gan_zoo.engine.weights import Weights
from gan_zoo.fingerprints.cells import Noise, run_of
from gan_zoo.numerics import environment, process
from gan_zoo.rng import Rng
from gan_zoo.spec import RMSprop

FEW = ("product", "exp", "convolution 3x3", "cell wgan-gp digits", "cell wgan-clip 8gaussians", "net dcgan")
portable = pytest.mark.skipif(
    environment.processor_fault() is not None, reason=f"no portable numerics here: {environment.processor_fault()}"
)
of_the_table = pytest.mark.skipif(
    fingerprints.table()["versions"] != fingerprints.versions(), reason="the table is of other versions"
)


def python(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A fresh process, told nothing but `variables`."""
    ours = {*environment.SETTINGS, environment.CHOICE}
    clean = {name: value for name, value in os.environ.items() if name not in ours}
    root = str(Path(__file__).resolve().parents[1])
    return subprocess.run(
        [sys.executable, *arguments], env={**clean, "PYTHONPATH": root, **variables}, capture_output=True, text=True
    )


@portable
@of_the_table
def test_this_processor_computes_as_the_table_says() -> None:
    """The operations named here differ on this processor: see gan_zoo.fingerprints."""
    configure_process("cpu", 1)
    assert process.fault() is None
    assert list(fingerprints.differences()) == []


@portable
@of_the_table
@pytest.mark.parametrize(
    ("variables", "threads"),
    [
        ({"MKL_CBWR": "AVX512", "ATEN_CPU_CAPABILITY": "avx512", "OPENBLAS_CORETYPE": "Zen"}, "1"),
        ({"MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "OMP_NUM_THREADS": "2"}, "2"),
    ],
)
def test_nothing_in_the_environment_and_no_second_thread_changes_a_bit(variables: dict[str, str], threads: str) -> None:
    done = python("-m", "gan_zoo.fingerprints", *FEW, "--threads", threads, **variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@portable
@of_the_table
def test_products_have_the_same_bits_where_onednn_may_use_all_that_the_processor_has() -> None:
    code = (
        "from gan_zoo import fingerprints\n"
        "from gan_zoo.device import configure_process\n"
        "from gan_zoo.numerics.environment import free_onednn\n"
        "free_onednn()\n"
        "configure_process('cpu', 1)\n"
        "print(list(fingerprints.differences(('product', 'cell wgan-gp digits', 'net mlp'))))\n"
    )
    done = python("-c", code)
    assert done.stdout == "[]\n", done.stderr


@portable
def test_a_process_that_was_to_convolve_nothing_refuses_to(monkeypatch: pytest.MonkeyPatch) -> None:
    run_of("wgan-gp", Noise((1, 28, 28)), "dcgan", {"dim": 4}, 2)
    monkeypatch.delenv(environment.ONEDNN)
    run_of("wgan-gp", Noise((1, 28, 28)), "mlp", {"width": 4}, 2)
    with pytest.raises(RuntimeError, match="let free in a process that was to convolve nothing, and now convolves"):
        run_of("wgan-gp", Noise((1, 28, 28)), "dcgan", {"dim": 4}, 2)


OTHER_KERNELS = "import os; os.environ['OPENBLAS_CORETYPE'] = 'Sandybridge'"
"""On some processors OpenBLAS would choose the right ones by itself."""


@portable
@pytest.mark.parametrize(
    ("first", "complaint"),
    [
        ("import torch; torch.ones(9, 9) @ torch.ones(9, 9)", "MKL was used before it was told to be portable"),
        (f"{OTHER_KERNELS}; import numpy", "NumPy brings no OpenBLAS, or loaded it before"),
    ],
)
def test_what_was_loaded_too_early_is_noticed(first: str, complaint: str) -> None:
    code = f"{first}\nimport gan_zoo\nfrom gan_zoo.numerics.process import fault, portable\n"
    done = python("-c", f"{code}print(fault())\nprint(portable('cpu', 'reference'))")
    assert done.stdout.startswith(complaint), done.stderr
    assert "import gan_zoo before numpy and torch, or ask for numerics fast" in done.stdout
    assert done.stdout.endswith("False\n")


def test_fast_takes_back_what_reference_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(environment.CHOICE, "reference")
    monkeypatch.setattr(environment, "processor_fault", lambda: None)
    environment.settle()
    assert {name: os.environ[name] for name in environment.SETTINGS} == environment.SETTINGS
    environment.settle("fast")
    assert not set(environment.SETTINGS) & set(os.environ)
    assert os.environ[environment.CHOICE] == "fast"


def test_no_setting_is_made_for_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels for AVX2 would crash there."""
    monkeypatch.setattr(environment, "processor_fault", lambda: "this processor has no avx2")
    for name in environment.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    environment.settle("reference")
    assert not set(environment.SETTINGS) & set(os.environ)
    monkeypatch.setenv(environment.CHOICE, "reference")


@pytest.mark.parametrize("rows", [1, 3, 64, 512])
@pytest.mark.parametrize("terms", [1, 2, 64, 700])
@pytest.mark.parametrize("columns", [1, 2, 64, 512])
@pytest.mark.parametrize("turned", [(False, False), (False, True), (True, False), (True, True)])
def test_products_are_products(rows: int, terms: int, columns: int, turned: tuple[bool, bool]) -> None:
    """Of factors in either order in memory, or with gaps: as in float64 to float32's precision."""
    configure_process("cpu", 1)
    rng = Rng(0, "factors")
    whole = rng.normal(rows, terms + 3), rng.normal(terms, columns + 5)
    a, b = whole[0][:, :terms], whole[1][:, :columns]
    a, b = (factor.t().contiguous().t() if turn else factor for factor, turn in zip((a, b), turned, strict=True))
    bias = rng.normal(columns)
    exact = a.double() @ b.double()
    torch.testing.assert_close((a @ b).double(), exact, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(torch.addmm(bias, a, b).double(), exact + bias.double(), rtol=1e-5, atol=1e-4)


def test_derivatives_go_through_the_products() -> None:
    """First and second derivatives of a product that oneDNN makes, by finite differences in float64."""
    configure_process("cpu", 1)
    a = Rng(0, "a").normal(128, 128).requires_grad_()
    b = Rng(0, "b").normal(128, 128)
    (slope,) = torch.autograd.grad((a @ b).square().sum(), a, create_graph=True)
    torch.testing.assert_close(slope.double(), 2 * a.double() @ b.double() @ b.double().t(), rtol=1e-4, atol=1e-2)
    (second,) = torch.autograd.grad(slope.sum(), a)
    expected = 2 * torch.ones(128, 128).double() @ b.double() @ b.double().t()
    torch.testing.assert_close(second.double(), expected, rtol=1e-4, atol=1e-2)


def test_rmsprop_is_torchs() -> None:
    weights, theirs = Weights.copy_of({"w": Rng(0, "vector").normal(101)}), Rng(0, "vector").normal(101)
    spec = RMSprop(1e-2, 0.9)
    optimizer, reference = new_optimizer(weights, spec), torch.optim.RMSprop([theirs], lr=1e-2, alpha=0.9)
    for i in range(5):
        gradient = Rng(0, "gradient", i).normal(101)
        descend(weights, optimizer, gradient, optimizer_numbers(spec))
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(weights.vector, theirs)
    assert optimizer.state[weights.vector]["step"].item() == 5


@portable
@pytest.mark.parametrize("module", ["benchmarks.speed.cluster", "benchmarks.speed.record"])
def test_a_speed_benchmark_sets_portable_numerics_before_numpy_is_loaded(module: str) -> None:
    code = f"import {module}; from gan_zoo.numerics.process import fault; print(fault())"
    assert python("-c", code).stdout == "None\n"
