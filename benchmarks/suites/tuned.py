"""A tuned suite: a suite file that a search wrote, with how it came about, held to the suite that it came from.

tuned:
  source: quickstart            the suite that was tuned: a name, or a path from this file's folder
  digest: 1f0c...               of what that suite says; where it says something else by now, the file is refused
  settings: 50
  seed: 0
  chosen_by: fid_digits on the validation split
  adaptive: Optuna 5.0.0, ...   by what settings followed from scores, where they did
  chosen: {wgan-gp/digits: {trial: 17, validation: 12.1, score: 12.4, finished: 49}}
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from benchmarks.suites.document import Document, read_document
from gan_zoo.errors import UserError
from gan_zoo.spec import Seed
from gan_zoo.validation import strict

ENDING = "-tuned"
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]


@strict
@dataclass(frozen=True)
class ChosenTrial:
    """The trial that was chosen of a loss on a data set: its number, its scores on the validation split and on the data
    that are reported, and how many trials came to their end."""

    trial: Count
    validation: float
    score: float
    finished: Count


@strict
@dataclass(frozen=True)
class Tuned:
    """How a tuned suite came about; `adaptive`: what made settings follow from scores, if anything did."""

    source: Text
    digest: Text
    settings: Annotated[int, Field(gt=0)]
    seed: Seed
    chosen_by: str = ""
    adaptive: str = ""
    chosen: dict[str, ChosenTrial] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        return asdict(self)


def digest_of(content: Mapping[str, Any], folder: Path) -> str:
    """16 hexadecimal digits of what a suite in `folder` says, comments and layout aside, and of the plugins that it
    names."""
    digest = hashlib.blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=8)
    names = content.get("plugins")
    for name in names if isinstance(names, list) else []:
        path = folder / os.path.expanduser(str(name))
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def refuse_changed_source(document: Document, folder: Path, package: Path) -> None:
    """Raises: UserError where `document`, a suite in `folder`, was tuned and its source, there or in the `package`'s
    folder of suites, is gone or says something else now."""
    tuned = document.content.get("tuned")
    if not (isinstance(tuned, Mapping) and isinstance(tuned.get("source"), str)):
        return  # which whoever checks the keys will refuse, where it is wrong
    source = tuned["source"]
    is_path = source.endswith((".yaml", ".yml"))
    path = folder / source if is_path else package / f"{source}.yaml"
    remedy = f"run gan-zoo tune {source} again, or leave `tuned` out to run these settings as they are"
    if not path.is_file():
        raise document.error(("tuned", "source"), f"there is no suite {source} to hold it to: {remedy}")
    try:
        now = digest_of(read_document(path).content, path.parent)
    except UserError as error:
        raise document.error(("tuned", "source"), str(error)) from None
    if now != tuned.get("digest"):
        raise document.error(("tuned", "source"), f"{source} has changed since it was tuned: {remedy}")


def suite_text(content: Mapping[str, Any], comment: str) -> str:
    """A suite as a YAML file: a key a line, overrides and what was chosen a line each."""
    lines = [f"# {comment}"]
    for key, value in content.items():
        if key in ("overrides", "tuned") and value:
            lines += [f"{key}:", *_lines(value, "  ")]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join([*lines, ""])


def _lines(value: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for key, each in value.items():
        if key == "chosen":
            lines += [f"{indent}{key}:", *_lines(each, f"{indent}  ")]
        else:
            lines.append(f"{indent}{_flow(key)}: {_flow(each)}")
    return lines


def _flow(value: Any) -> str:
    """JSON, of which all is YAML."""
    return json.dumps(value, ensure_ascii=False)
