"""What one command does: `nox` tests, lints and writes the documentation, `nox -s benchmark` runs a suite.

Five environments under .nox serve all sessions: `full` has torch (tests, benchmark), `cluster` Ray and PostgreSQL's
driver as well, `light` has what reports and the MLflow UI need, `lint` the linters, `docs` what makes the site.
nox ties an environment to one session, so they are made here, with uv where it is present. An environment is installed
again only when the lock, the project's metadata or its Python changed.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint", "docs"]

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
BIN = "Scripts" if os.name == "nt" else "bin"
UV = shutil.which("uv")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "NO_MKDOCS_2_WARNING": "true",  # what a later MkDocs will do is no matter of the one in the lock
}


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(nox.project.load_toml(PROJECT), name))


def installs(name: str) -> list[list[str]]:
    """The arguments of the install commands of an environment, in order."""
    return {
        "full": [["--editable", str(ROOT), *group("tests")]],
        "light": [group("report"), ["--no-deps", "--editable", str(ROOT)]],
        "cluster": [["--editable", f"{ROOT}[server,ray]", *group("tests")]],
        "lint": [group("lint")],
        "docs": [group("docs")],
    }[name]


def environment(session: nox.Session, name: str) -> Path:
    """The folder of programs of the environment `name`, which is made or brought up to date first."""
    folder = ROOT / ".nox" / name
    python, stamp = folder / BIN / "python", folder / "installed"
    state = f"{sys.version} {installs(name)} {LOCK.read_text()} {PROJECT.read_text()}"
    wanted = hashlib.sha256(state.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / BIN
    shutil.rmtree(folder, ignore_errors=True)
    if UV:
        create, install = [UV, "venv"], [UV, "pip", "install", "--python", str(python)]
    else:
        create, install = [sys.executable, "-m", "virtualenv"], [str(python), "-m", "pip", "install"]
    session.run(*create, "--quiet", "--python", sys.executable, str(folder), external=True)
    for arguments in installs(name):
        session.run(*install, "--constraint", str(LOCK), *arguments, external=True)
    stamp.write_text(wanted)
    return folder / BIN


def run(session: nox.Session, programs: Path, program: str, *arguments: str) -> None:
    session.run(str(programs / program), *arguments, env=QUIET, external=True)


def suite_and_options(session: nox.Session) -> list[str]:
    """The words after `--`, with the default suite where they name none."""
    words = list(session.posargs)
    return words if words and not words[0].startswith("-") else ["quickstart", *words]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; words after `--` go to pytest."""
    words = session.posargs or ["--numprocesses", "auto", "--maxprocesses", "8"]
    run(session, environment(session, "full"), "pytest", *words)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Run the long part of the fault suite (kills, lost storage, mutated files); words after `--` go to pytest."""
    run(session, environment(session, "full"), "pytest", "-m", "faults", *session.posargs)


@nox.session(default=False)
def long(session: nox.Session) -> None:
    """Run the tests that compile for minutes; words after `--` go to pytest."""
    run(session, environment(session, "full"), "pytest", "-m", "long", *session.posargs)


@nox.session(default=False)
def cluster(session: nox.Session) -> None:
    """Run a sweep over PostgreSQL, MLflow's server and three Ray nodes; words after `--` go to pytest."""
    run(session, environment(session, "cluster"), "pytest", "-m", "cluster", *session.posargs)


@nox.session(default=False)
def portability(session: nox.Session) -> None:
    """Recompute the fingerprints of reference numerics on emulated processors of both makers; many minutes."""
    emulator = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    if emulator is None:
        session.skip("no qemu-x86_64 here; Debian and Ubuntu have it as qemu-user-static")
    python = environment(session, "full") / "python"
    for processor in ("EPYC-Milan", "Haswell-noTSX"):
        words = [str(python), "-m", "gan_zoo.fingerprints", *session.posargs]
        session.run(str(emulator), "-cpu", processor, *words, env={"OMP_NUM_THREADS": "1"}, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types, without torch."""
    programs = environment(session, "lint")
    run(session, programs, "ruff", "check", ".")
    run(session, programs, "mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Write the documentation as a site to build/docs, without torch; fails on a link that leads nowhere."""
    run(session, environment(session, "docs"), "mkdocs", "build", *session.posargs)


@nox.session(default=False)
def benchmark(session: nox.Session) -> None:
    """Run a suite and write its report: `nox -s benchmark -- [SUITE] [options of gan-zoo run]`."""
    run(session, environment(session, "full"), "gan-zoo", "run", *suite_and_options(session))


@nox.session(default=False)
def reproduce(session: nox.Session) -> None:
    """Recompute cells of an export: `nox -s reproduce -- [EXPORT] [options of gan-zoo reproduce]`."""
    run(session, environment(session, "full"), "gan-zoo", "reproduce", *session.posargs)


@nox.session(default=False)
def report(session: nox.Session) -> None:
    """Rebuild a report from the record, without training: `nox -s report -- [SUITE] [options of gan-zoo report]`."""
    run(session, environment(session, "light"), "gan-zoo", "report", *suite_and_options(session))


@nox.session(default=False)
def speed(session: nox.Session) -> None:
    """Measure this machine against a textbook loop and the arithmetic limit: `nox -s speed -- [--only MLP]`."""
    run(session, environment(session, "full"), "python", "-m", "benchmarks.speed", *session.posargs)


@nox.session(default=False)
def ui(session: nox.Session) -> None:
    """Open the MLflow UI on the record: `nox -s ui -- [results folder] [options of gan-zoo ui, as --port 5001]`."""
    run(session, environment(session, "light"), "gan-zoo", "ui", *session.posargs)
