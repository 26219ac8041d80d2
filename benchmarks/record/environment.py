"""Where a number was made: versions, commit and hardware, recorded with every run; and where data lies."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

PACKAGES = ("torch", "torchvision", "torch-fidelity", "numpy", "scipy", "scikit-learn", "mlflow")


def environment(device_name: str) -> dict[str, str | bool]:
    """Versions, commit and hardware by name."""
    versions = {name: version(name) for name in PACKAGES}
    return {
        "gan-zoo": version("gan-zoo"),
        "python": platform.python_version(),
        **versions,
        **commit(),
        "system": f"{platform.system()} {platform.machine()}",
        "hardware": device_name,
    }


@functools.cache
def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@functools.cache
def commit() -> dict[str, str | bool]:
    """The git commit of the code that runs and whether it was changed since; outside a checkout nothing is known."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "*.py", "*.yaml", "*.toml", "*.lock")
        return {"commit": git("rev-parse", "--short=12", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "dirty": True}


def data_folder() -> Path:
    """Where data sets and classifiers are kept: $GAN_ZOO_DATA, or the user's cache; `~/...` where there is no home."""
    return Path(os.path.expanduser(os.environ.get("GAN_ZOO_DATA") or "~/.cache/gan-zoo"))
