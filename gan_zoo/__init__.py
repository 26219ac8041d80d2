"""The science of the GAN loss benchmark, and the names that Python users need of the whole.

    LOSSES, ARCHITECTURES, DATASETS, METRICS    everything registered, by name
    train, sweep, report                        a run, a suite, a report: see `benchmarks.api`
    Trained, Report                             what these give
    UserError                                   what is wrong with an input, in one line

They are imported when first asked for: what is set here must be set before torch and NumPy are.
"""

from importlib import import_module
from typing import Any

from gan_zoo.numerics.environment import settle

settle()

NAMES = {
    "ARCHITECTURES": "gan_zoo.architectures",
    "DATASETS": "gan_zoo.datasets",
    "LOSSES": "gan_zoo.losses",
    "METRICS": "gan_zoo.metrics.registry",
    "UserError": "gan_zoo.errors",
    "Report": "benchmarks.api",
    "Trained": "benchmarks.api",
    "report": "benchmarks.api",
    "sweep": "benchmarks.api",
    "train": "benchmarks.api",
}
"""Public name -> the module that has it."""

__all__ = list(NAMES)


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module 'gan_zoo' has no attribute '{name}'")
    return getattr(import_module(NAMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *NAMES})
