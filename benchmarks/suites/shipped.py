"""The suites that come with the package: their folder and names, without loading any."""

from importlib import resources
from pathlib import Path


def suites_folder() -> Path:
    """Where they lie."""
    return Path(str(resources.files("benchmarks"))) / "suites"


def suite_names() -> list[str]:
    """Their names."""
    return sorted(path.stem for path in suites_folder().iterdir() if path.suffix == ".yaml")
