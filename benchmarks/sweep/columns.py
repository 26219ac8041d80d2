"""The columns of the run table about a cell: by its spec, by where and how it runs, and once it has ended."""

import json
from typing import Any

from benchmarks.record.environment import environment
from benchmarks.sweep.context import Context
from gan_zoo.device import device_name, gpu_settings, peak_memory
from gan_zoo.engine import TrainState
from gan_zoo.metrics import AnyEvaluator
from gan_zoo.numerics.process import portable, threads_matter
from gan_zoo.spec import RunSpec


def columns(spec: RunSpec) -> dict[str, Any]:
    """The columns that follow from the spec alone."""
    return {
        "loss": spec.loss_name,
        "dataset": spec.dataset.name,
        "architecture": text(spec.to_dict()["architecture"]),
        "seed": spec.seed,
        "steps": spec.train.steps,
        "n_critic": spec.train.n_critic,
        "batch_size": spec.train.batch_size,
        "optimizer": str(spec.train.optimizer),
    }


def circumstances(spec: RunSpec, context: Context) -> dict[str, Any]:
    """Where and how a cell runs."""
    return {
        **environment(device_name(context.device)),
        "device": device_name(context.device),
        "threads": context.threads,
        "numerics": numerics_text(spec, context),
        **({} if context.device == "cpu" else {"gpu_settings": gpu_settings()}),
    }


def numerics_text(spec: RunSpec, context: Context) -> str:
    """The arithmetic of a run: its precision, and what relaxes it ("float32, bf16") or makes its bits the same on other
    processors ("float32, portable"). Yesterday's records, and `fast`, say the precision alone; and the number of
    threads where more than one has a part in the numbers ("float32, 2 threads")."""
    device, numerics, threads = context.device, context.numerics, context.threads
    if portable(device, numerics):
        return f"{spec.train.precision}, portable"
    relaxed = [numerics] if numerics not in ("reference", "fast") else []
    cut = [f"{threads} threads"] if threads > 1 and threads_matter(device, numerics) else []
    return ", ".join([spec.train.precision, *relaxed, *cut])


def results(spec: RunSpec, context: Context, state: TrainState, evaluator: AnyEvaluator) -> dict[str, Any]:
    """The columns of a cell that ended, beside its metrics."""
    sizes = {
        "parameters_generator": state.generator.vector.numel(),
        "parameters_critic": state.critic.vector.numel(),
    }
    memory = peak_memory(context.device)
    protocols = {metric.name: dict(metric.protocol) for metric in evaluator.metrics.values()}
    return {
        **sizes,
        "images_seen": state.step * spec.train.n_critic * spec.train.batch_size,
        **({} if memory is None else {"peak_memory_mb": round(memory)}),
        "protocol": json.dumps(protocols, ensure_ascii=False),
    }


def text(mapping: dict[str, Any]) -> str:
    """A named mapping in one short line: mlp z_dim=2 width=128."""
    words = [mapping["name"]]
    for key, value in mapping.items():
        if key != "name" and value not in (None, "none"):
            words.append(f"{key}={value}")
    return " ".join(words)


def flat(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    result: dict[str, Any] = {}
    for key, value in mapping.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return result
