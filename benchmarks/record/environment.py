"""Where a number was made: versions, commit and hardware, recorded with every run; and where data lies."""

import base64
import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = 'name = "gan-zoo"'
KINDS = ("*.py", "*.yaml", "*.toml", "*.lock")
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
    """The git commit of the code that runs, whether it was changed since, and a hash of the changes.

    Only the project's own repository counts: installed into another one, nothing is known.
    """
    changed = sorted(changed_files())
    known: dict[str, str | bool] = {"commit": "unknown", "dirty": True}
    if is_own_repository():
        known = {"commit": git("rev-parse", "--short=12", "HEAD"), "dirty": bool(changed)}
    return known | ({"changes": _hash_files(changed)} if changed else {})


@functools.cache
def changed_files() -> frozenset[Path]:
    """The files of code and settings that differ from the commit or are new; where the project is installed, those that
    differ from what was installed."""
    if not is_own_repository():
        return edited_files()
    changed = git("diff", "--name-only", "-z", "HEAD", "--", *KINDS)
    new = git("ls-files", "--others", "--exclude-standard", "-z", "--", *KINDS)
    return frozenset(ROOT / name for name in (changed + new).split("\0") if name)


def edited_files() -> frozenset[Path]:
    """The files of an installed package that are gone or differ from the hashes that its installation recorded."""
    try:
        installed = importlib.metadata.distribution("gan-zoo")
    except importlib.metadata.PackageNotFoundError:
        return frozenset()
    recorded = {Path(str(file.locate())): file.hash for file in installed.files or () if file.suffix == ".py"}
    if Path(__file__) not in recorded:  # what is installed is not what runs
        return frozenset()
    return frozenset(path for path, known in recorded.items() if known and not _has_hash(path, known))


def _has_hash(path: Path, known: importlib.metadata.FileHash) -> bool:
    """Whether a file is there with the hash of an installation's record."""
    if not path.is_file():
        return False
    digest = hashlib.new(known.mode, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == known.value


def _hash_files(paths: Iterable[Path]) -> str:
    """16 hexadecimal digits of the names and contents of files, of which some may be gone."""
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        content = path.read_bytes() if path.is_file() else b"gone"
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@functools.cache
def is_own_repository() -> bool:
    """Whether the code lies in a checkout of this project, and not in another one's, committed with it or not."""
    try:
        top = git("rev-parse", "--show-toplevel").removesuffix("\n")
        git("ls-files", "--error-unmatch", __file__)
        return Path(top).samefile(ROOT) and PROJECT in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, subprocess.CalledProcessError):
        return False


def git(*arguments: str) -> str:
    """The output of a git command in the folder of the code, whatever repository the environment names."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    return done.stdout if "-z" in arguments else done.stdout.strip()


def data_folder() -> Path:
    """Where data sets and classifiers are kept: $GAN_ZOO_DATA, or the user's cache; `~/...` where there is no home."""
    return Path(os.path.expanduser(os.environ.get("GAN_ZOO_DATA") or "~/.cache/gan-zoo"))
