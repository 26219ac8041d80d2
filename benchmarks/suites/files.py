"""Suite files: where they lie, and what one says, its plugins loaded and the settings of `--set` put over it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.suites.document import Document, put, read_document
from benchmarks.suites.entries import entries_of, seen_from_here
from benchmarks.suites.settings import displace, under
from benchmarks.suites.shipped import suite_names, suites_folder
from benchmarks.suites.tuned import digest_of, refuse_changed_source
from gan_zoo.errors import UserError, printable, suggestion
from gan_zoo.plugins import load, read_plugin
from gan_zoo.validation import shown_name


def read_suite(name_or_path: str) -> Document:
    """The document of a suite, its plugins loaded; folders of images, which it names by paths from its own, by paths
    from here."""
    document, path = _document(name_or_path), Path(name_or_path)
    if not is_path(path):
        return document
    refuse_changed_source(document, path.parent, suites_folder())
    _load_plugins(document, path.parent)
    datasets = document.content.get("datasets")
    if not isinstance(datasets, list):  # which is refused with the other keys
        return document
    seen = [seen_from_here(entry, path.parent) for entry in datasets]
    return replace(document, content={**document.content, "datasets": seen})


def _document(name_or_path: str) -> Document:
    path = Path(name_or_path)
    if is_path(path):
        return read_document(path)
    if name_or_path not in suite_names():
        hint = suggestion(name_or_path, suite_names())
        raise UserError(f"unknown suite {shown_name(name_or_path)} ({hint}), or give a path to a .yaml file")
    return read_document(suites_folder() / f"{name_or_path}.yaml")


def _load_plugins(document: Document, folder: Path) -> None:
    """Runs the plugins that a suite file names. Raises: UserError that names the line."""
    for i, name in enumerate(entries_of(document.content, "plugins")):
        if isinstance(name, str):  # anything else is refused with the other keys
            try:
                load(read_plugin(folder / os.path.expanduser(name)))
            except UserError as error:
                raise document.error(("plugins", i), str(error)) from None


def with_settings(document: Document, settings: Mapping[str, str]) -> Document:
    """`document` with each setting (dotted key -> YAML text) put over it, in place of what it is an alternative to.

    Raises: UserError.
    """
    if not settings:
        return document
    if any(key.split(".")[0] == "plugins" for key in settings):
        raise UserError("--set plugins=...: does nothing, for plugins are read with the file: use --plugin FILE")
    for key, text in settings.items():
        document = put(document, key, text, f"--set {printable(key)}={printable(text) if len(text) < 60 else '...'}")
    typed = [tuple(key.split(".")) for key in settings]
    content = under(document.content, {})
    for path in typed:
        displace(content, path, kept=typed)
    return replace(document, content=content)


@dataclass(frozen=True)
class Source:
    """The content of a suite file under some settings, folders of images by paths from here; the folder that it lies in
    (None for the package's), and the digest of the file alone."""

    content: Mapping[str, Any]
    folder: Path | None
    digest: str


def source_of(name_or_path: str, settings: Mapping[str, str]) -> Source:
    """The source of a suite. Raises: UserError as from `load_suite`."""
    path = Path(name_or_path)
    folder = path.parent if is_path(path) else None
    digest = digest_of(_document(name_or_path).content, folder or suites_folder())
    return Source(with_settings(read_suite(name_or_path), settings).content, folder, digest)


def is_path(path: Path) -> bool:
    """Whether a suite was given by a path, not by its name."""
    return path.suffix in (".yaml", ".yml")
