"""Exact numerics: sums that no order changes, functions within an ulp, the same training whatever computes it."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan_zoo.datasets import load_dataset
from gan_zoo.engine import Engine, TrainState, check_engine, choose, plain
from gan_zoo.errors import UserError
from gan_zoo.evaluation import Evaluation
from gan_zoo.exact import Exact, arithmetic
from gan_zoo.exact.grid import Operands, product_bits, sum_bits
from gan_zoo.exact.sums import exact_sum
from gan_zoo.losses import LOSSES
from gan_zoo.metrics import Evaluator, default_metrics
from gan_zoo.numerics import environment
from gan_zoo.rng import Rng
from gan_zoo.spec import RunSpec, run_spec
from gan_zoo.trainer import Run, initial_state, prepare, sampler, train

ROOT = Path(__file__).resolve().parents[1]
SINGLE = [
    *(sign * torch.logspace(-44, 4.5, 20_001, dtype=torch.float64) for sign in (1, -1)),
    torch.linspace(-110, 100, 20_001, dtype=torch.float64),
]
EVERYWHERE = torch.cat(SINGLE).float()
"""float32 arguments of every size and sign."""

FUNCTIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[np.ndarray], Any]]] = {
    "exp": (torch.exp, np.exp),
    "log": (lambda x: torch.log(x.abs()), lambda x: np.log(np.abs(x))),
    "sigmoid": (torch.sigmoid, lambda x: np.exp(-np.logaddexp(0, -x))),
    "tanh": (torch.tanh, np.tanh),
    "softplus": (softplus, lambda x: np.logaddexp(0, x)),
    "sqrt": (lambda x: x.abs().sqrt(), lambda x: np.sqrt(np.abs(x))),
    "rsqrt": (lambda x: x.abs().rsqrt(), lambda x: 1 / np.sqrt(np.abs(x))),
    "sin": (torch.sin, np.sin),
    "cos": (torch.cos, np.cos),
    "x^6": (lambda x: x.pow(6), lambda x: x**6),
    "x^-3": (lambda x: x.pow(-3), lambda x: x**-3.0),
    "x^1.5": (lambda x: x.abs().pow(1.5), lambda x: np.abs(x) ** 1.5),
}
TWO_ROUNDINGS = {"rsqrt": 1.5}
"""A root and a division, each rounded right."""


@pytest.mark.parametrize("name", FUNCTIONS)
@np.errstate(over="ignore", divide="ignore")
def test_functions_are_right_to_half_an_ulp(name: str) -> None:
    function, truth = FUNCTIONS[name]
    with Exact():
        values = function(EVERYWHERE)
    expected = np.asarray(truth(EVERYWHERE.double().numpy()))
    rounded = expected.astype(np.float32)
    finite = np.isfinite(rounded)
    errors = np.abs(values.double().numpy()[finite] - expected[finite]) / np.spacing(np.abs(rounded[finite]))
    assert errors.max() < TWO_ROUNDINGS.get(name, 0.501)
    np.testing.assert_array_equal(values.numpy()[~finite], rounded[~finite])


@pytest.mark.parametrize("name", FUNCTIONS)
@np.errstate(all="ignore")
def test_functions_at_the_edges(name: str) -> None:
    function, truth = FUNCTIONS[name]
    edges = torch.tensor([0.0, torch.inf, -torch.inf, torch.nan])
    with Exact():
        values = function(edges)
    np.testing.assert_array_equal(values.numpy(), np.asarray(truth(edges.double().numpy())).astype(np.float32))


@pytest.mark.parametrize("k", [1, 2, 3, 64, 287, 288, 4096, 9 * 4096, 10**6])
def test_no_partial_sum_of_products_exceeds_float64(k: int) -> None:
    """At the bound: operands whose rounded size is the largest that the grid allows."""
    bits = product_bits(k)
    largest = 1.0 + torch.arange(512, dtype=torch.float64) * 2**-23
    units = []
    for x in largest.float():
        rounded = Operands()(x.reshape(1), k)
        unit = torch.tensor(1.5 * 2 ** (53 - bits)).double().mul(x).log2().floor().exp2() * 2**-52
        assert (rounded / unit == (rounded / unit).round()).all()
        units.append(float((rounded / unit).abs()))
    assert k * int(max(units)) ** 2 <= 2**53
    assert bits == 23 or k * (2 ** (bits + 2) + 1) ** 2 * 4 > 2**53 * 9  # and no coarser than need be


def test_sums_keep_more_than_a_float32() -> None:
    assert sum_bits(1) == 44
    assert sum_bits(2**20) == 30
    x = Rng(0, "terms").normal(100_000)
    assert float(exact_sum(x)) == pytest.approx(float(x.double().sum()), abs=1e-7)  # a float32 ulp there is 1.5e-5


def many_sizes(n: int, *shape: int) -> Tensor:
    """Numbers whose rows differ by a factor of a million."""
    x = Rng(0, "factor", n, *shape).normal(n, *shape)
    return x * torch.logspace(-4, 2, n).reshape(-1, *[1] * len(shape))


def test_no_order_changes_a_sum() -> None:
    """The strongest test: every algorithm, thread and vector unit adds in some order, and all orders agree."""
    x, order = many_sizes(3000, 5), Rng(1, "order").permutation(3000)
    with Exact():
        for reduce in (torch.sum, torch.mean, torch.std, torch.linalg.vector_norm):
            assert reduce(x, dim=0).equal(reduce(x[order], dim=0))
            assert reduce(x).equal(reduce(x[order]))
    assert not x.sum(0).equal(x[order].sum(0))  # in other numerics they do not


def test_no_order_changes_a_product() -> None:
    a, b, order = many_sizes(500, 40), many_sizes(500, 30), Rng(1, "order").permutation(500)
    bias = Rng(0, "bias").normal(30)
    with Exact():
        assert (a.t() @ b).equal(a[order].t() @ b[order])
        assert torch.addmm(bias, a.t(), b).equal(torch.addmm(bias, a[order].t(), b[order]))
        assert (a.t() @ b[:, 0]).equal(a[order].t() @ b[order, 0])
        assert (a[:, 0] @ b[:, 0]).equal(a[order, 0] @ b[order, 0])
    assert not (a.t() @ b).equal(a[order].t() @ b[order])


@pytest.mark.parametrize("transposed", [False, True])
def test_no_order_changes_a_convolution(transposed: bool) -> None:
    """Channels are what the output sums over, and samples what the gradient of the weight does."""
    x, weight = many_sizes(24, 20, 9, 9), Rng(0, "weight").normal(*((20, 8) if transposed else (8, 20)), 5, 5)
    channels, samples = Rng(1, "channels").permutation(20), Rng(1, "samples").permutation(24)
    convolve = torch.conv_transpose2d if transposed else torch.conv2d

    def gradients(x: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
        with Exact():
            y = convolve(x, weight, None, 2, 2)
            return y.detach(), *torch.autograd.grad((y * y.detach()).sum(), (x, weight))

    y, by_x, by_weight = gradients(x, weight)
    other = gradients(x[:, channels], weight[channels] if transposed else weight[:, channels])
    assert y.equal(other[0])
    assert by_x[:, channels].equal(other[1])
    other = gradients(x[samples], weight)
    assert by_weight.equal(other[2])


def test_products_are_as_good_as_those_of_float32() -> None:
    a, b = Rng(0, "a").normal(64, 1600), Rng(0, "b").normal(1600, 64)
    truth = a.double() @ b.double()
    with Exact():
        exact = a @ b
    error, usual = (float((c.double() - truth).norm() / truth.norm()) for c in (exact, a @ b))
    assert usual / 10 < error < 10 * usual
    assert error < 2e-6


def test_what_is_written_to_is_rounded_again() -> None:
    weight, x = Rng(0, "weight").normal(4, 4), torch.eye(4)
    with Exact():
        before = x @ weight
        weight[1:3].mul_(2)
        after = x @ weight
        weight.t().add_(1)
        last = x @ weight.t()
    assert after[1:3].equal(before[1:3] * 2)
    assert last.equal((after + 1).t())


@pytest.mark.parametrize("n", [1, 3, 15, 16, 17, 100, 1003])
def test_normal_draws_are_those_of_torch_up_to_rounding(n: int) -> None:
    usual, rng = Rng(3, "draws"), Rng(3, "draws")
    with Exact():
        exact = rng.normal(n, 1), rng.uniform(2)
    torch.testing.assert_close(exact[0], usual.normal(n, 1), rtol=1e-5, atol=2e-6)
    assert exact[1].equal(usual.uniform(2))  # and as many numbers were taken from the generator


@pytest.mark.parametrize(
    ("compute", "name"),
    [
        (lambda x: torch.erfinv(x), "aten.erfinv.default"),
        (lambda x: torch.linalg.cholesky(x @ x.t()), "aten.linalg_cholesky_ex.default"),
        (lambda x: x.double() @ x.double(), r"aten.mm.default of torch.float64"),
        (lambda x: torch.linalg.vector_norm(x, 3), "aten.linalg_vector_norm.default of order 3"),
        (lambda x: torch.cdist(x, x), "aten._cdist_forward.default"),
    ],
)
def test_what_is_not_known_to_be_exact_is_refused(compute: Callable[[Tensor], Tensor], name: str) -> None:
    with pytest.raises(UserError, match=rf"numerics exact: torch's operation {name} has no exact form here"), Exact():
        compute(Rng(0, "x").uniform(3, 3))


def test_other_engines_are_refused() -> None:
    for name in ("compiled", "graph", "stacked"):
        with pytest.raises(UserError, match=f"engine {name}: not in exact numerics; use plain, closed-form, auto"):
            check_engine(name, "exact")
    for name in ("plain", "closed-form", "auto"):
        check_engine(name, "exact")


def test_exact_within_exact_is_one() -> None:
    x = Rng(0, "x").normal(8, 8)
    with arithmetic("exact"):
        once = x @ x
        with arithmetic("exact"):
            assert once.equal(x @ x)
        assert once.equal(x @ x)
    with arithmetic("reference"):
        x.erfinv()


NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "points": ("8gaussians", {"name": "mlp", "width": 12, "depth": 2}),
    "digits": ("digits", {"name": "mlp", "width": 12, "depth": 2, "z_dim": 4}),
    "dcgan": ("28", {"name": "dcgan", "dim": 2, "z_dim": 2}),
    "resnet": ("32", {"name": "resnet", "dim": 2, "z_dim": 2}),
}
CELLS = [
    *(("points", name) for name, loss in LOSSES.items() if not loss.couples_batches),
    *(("digits", loss) for loss in ("minimax", "wgan-clip", "wgan-gp", "dragan")),
    *(("dcgan", loss) for loss in ("non-saturating", "sngan", "wgan-gp")),
    *(("resnet", loss) for loss in ("wgan-clip", "wgan-gp")),
]
"""A short run of each loss, and of each kind of net."""


class Noise:
    """Images of noise."""

    def __init__(self, size: int) -> None:
        self.shape = (1 if size == 28 else 3, size, size)

    def stream(self, seed: int, block: int, count: int) -> Tensor:
        return Rng(seed, "images", block).uniform(count, *self.shape) * 2 - 1


def cell(net: str, loss: str, numerics: Any = "exact", device: str = "cpu", **train: Any) -> Run:
    dataset, architecture = NETS[net]
    data = Noise(int(dataset)) if dataset.isdigit() else load_dataset(dataset, root=Path("unused"))
    if LOSSES[loss].critic_norm:
        architecture = {**architecture, "critic_norm": LOSSES[loss].critic_norm}
    optimizer = {"name": "rmsprop", "lr": 1e-3} if loss == "wgan-clip" else {"name": "adam", "lr": 1e-3}
    content = {
        "loss": loss,
        "dataset": dataset if not dataset.isdigit() else "8gaussians",
        "architecture": architecture,
        "train": {"steps": 2, "batch_size": 16, "n_critic": 2, "optimizer": optimizer, "lr_decay": "linear", **train},
        "evaluate": {"every": 1, "samples": 20},
    }
    return prepare(spec_of(content), data, device, numerics)  # type: ignore[arg-type]


def spec_of(content: dict[str, Any]) -> RunSpec:
    return run_spec(content, "test")


def trained(run: Run, engine: Engine = plain) -> TrainState:
    state = initial_state(run)
    for _ in train(run, state, engine):
        pass
    return state


def fingerprint(run: Run, engine: Engine = plain) -> str:
    """Of the weights after training, and of samples."""
    state = trained(run, engine)
    with arithmetic("exact"):
        z = Rng(0, "z").normal(20, run.z_dim)
    digest = hashlib.sha256(sampler(run, state)(z).cpu().numpy().tobytes())
    for weight in (*state.generator.values(), *state.critic.values()):
        digest.update(weight.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def fingerprints(device: str = "cpu") -> dict[str, str]:
    found = {f"{net} {loss}": fingerprint(cell(net, loss, device=device)) for net, loss in CELLS}
    found["closed-form"] = fingerprint(cell("points", "wgan-gp", device=device), choose("closed-form"))
    return found


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def bits() -> dict[str, str]:
    with threads(1):
        return fingerprints()


SETTINGS: dict[str, dict[str, str]] = {
    "oldest": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "SSE4_2"},
    "newest": {},
}
"""Neither is what this process was told by `gan_zoo.numerics`: AVX2, and MKL as on the oldest processor."""

SCRIPT = """
import json, torch
torch.set_num_threads(1)
torch.mm(*torch.rand(2, 99, 99))  # so that torch and MKL choose before the project is imported
import test_exact
print(json.dumps([torch.backends.cpu.get_cpu_capability(), test_exact.fingerprints()]))
"""


@pytest.mark.parametrize("setting", SETTINGS)
def test_bits_do_not_depend_on_instruction_sets(setting: str, bits: dict[str, str]) -> None:
    """Another process, in which torch, oneDNN and MKL take other instructions."""
    told = {name: value for name, value in os.environ.items() if name not in environment.SETTINGS}
    paths = f"{ROOT / 'tests'}{os.pathsep}{ROOT}"
    told |= {**SETTINGS[setting], environment.CHOICE: "fast", "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=told, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    capability, found = json.loads(done.stdout.splitlines()[-1])
    assert (capability == "DEFAULT") == (setting == "oldest")
    assert found == bits
    assert len(set(bits.values())) > len(bits) - 4  # wgan-lp is wgan-gp where every slope exceeds 1, and so on


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    """In products, sums and convolutions that are large enough to be shared out."""
    run = cell("dcgan", "wgan-gp", steps=1, batch_size=128, n_critic=1)
    found = []
    for n in (1, 2):
        with threads(n):
            found.append(fingerprint(run))
    assert found[0] == found[1]


@pytest.mark.parametrize("net", ["points", "digits", "dcgan", "resnet"])
def test_training_is_as_near_to_float64_as_float32_is(net: str) -> None:
    """After one iteration."""
    options: dict[str, Any] = {"steps": 1, "n_critic": 1}
    weights = {}
    for how, numerics, precision in (("exact",) * 2 + ("float32",), ("usual", "reference", "float32")):
        state = trained(cell(net, "wgan-gp", numerics, precision=precision, **options))
        weights[how] = torch.cat([w.flatten() for w in (*state.generator.values(), *state.critic.values())]).double()
    state = trained(cell(net, "wgan-gp", "reference", precision="float64", **options))
    truth = torch.cat([w.flatten() for w in (*state.generator.values(), *state.critic.values())])
    error, usual = (float((weights[how] - truth).norm() / truth.norm()) for how in ("exact", "usual"))
    assert error < max(10 * usual, 1e-6)
    assert error > 1e-12


def test_an_evaluation_is_exact(tmp_path: Path) -> None:
    """Samples, what the critic does and the scores: the same from one thread and from two, and near other numerics'."""
    data = load_dataset("digits", root=tmp_path)
    evaluator = Evaluator(data, default_metrics(data)[:1], 20, tmp_path, "cpu")
    run, reference = (cell("digits", "wgan-gp", numerics) for numerics in ("exact", "reference"))
    state, found = trained(run), []
    for n in (1, 2):
        with threads(n):
            found.append(Evaluation(run, data, evaluator)(state))  # type: ignore[arg-type]
    assert found[0] == found[1]
    assert Evaluation(reference, data, evaluator)(state) == pytest.approx(found[0], rel=1e-3)  # type: ignore[arg-type]
