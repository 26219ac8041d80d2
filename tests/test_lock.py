"""The lock: the one version of everything that the project, its extras and its groups ask for."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def asked() -> list[str]:
    """Every requirement in the project's metadata."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = content["project"]
    lists = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *content["dependency-groups"].values(),
    ]
    return sorted({text for texts in lists for text in texts})


@pytest.mark.parametrize("text", asked())
def test_the_lock_has_a_version_that_the_project_takes(text: str) -> None:
    locked = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines())
    versions = {canonicalize_name(name): version for name, version in locked.items()}
    wanted = Requirement(text)
    assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)])
