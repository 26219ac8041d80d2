"""The image files under a folder, and a count of all that is there beside them.

Links are followed, but not back into a folder that they lie in. What is hidden (.ipynb_checkpoints, ._x.png, __MACOSX)
is left out. A link to nothing and a folder that may not be opened are errors: what was meant is not there.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gan_zoo.errors import UserError, plural
from gan_zoo.files import reason, shown

SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
HIDDEN = {"__MACOSX", "@eaDir", "@Recycle", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
"""Folders that systems put beside images, with thumbnails, deleted files and the like in them; and whatever begins with
a dot."""
MAX_FILES, MAX_FOLDERS = 5_000_000, 100_000
NAMED = 5
"""How many names a note gives as examples."""


@dataclass
class Listing:
    """`images` are sorted by path; the rest is what was seen beside them."""

    folder: Path
    images: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    hidden: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    loops: list[Path] = field(default_factory=list)

    def notes(self) -> list[str]:
        """A line for each kind of thing that is left out, with its count."""
        notes = []
        if self.hidden:
            notes.append(f"{plural(self.hidden.total(), 'hidden image')} left out ({examples(self.hidden)})")
        if self.others:
            notes.append(f"{plural(self.others.total(), 'file')} of other kinds left out ({examples(self.others)})")
        if self.loops:
            names = [shown(path.relative_to(self.folder)) for path in self.loops]
            notes.append(f"{plural(len(names), 'link')} back to a folder above not followed ({examples(names)})")
        if empty := self._empty():
            names = [f"{shown(path.relative_to(self.folder))}/" for path in empty]
            notes.append(f"{plural(len(names), 'folder')} without images left out ({examples(names)})")
        return notes

    def _empty(self) -> list[Path]:
        """Folders that hold no image, however deep."""
        filled: set[Path] = set()
        for image in self.images:
            filled.update(image.parents)
        return sorted(folder for folder in self.folders if folder not in filled)


@dataclass(frozen=True)
class Folder:
    """A folder on the way down: `above` are the real folders that it lies in up to the root, itself included; `hidden`
    the name of the hidden thing that it belongs to, or ""."""

    path: Path
    above: frozenset[tuple[int, int]]
    hidden: str = ""


def list_images(folder: Path) -> Listing:
    """The files under `folder`, however deep. Raises: UserError for links to nothing, folders that may not be opened,
    and more than five million files or a hundred thousand folders."""
    listing = Listing(folder)
    real = folder.resolve()
    unopened = [Folder(folder, frozenset(identity(each.stat()) for each in (real, *real.parents)))]
    files = folders = 0
    while unopened:
        inside = unopened.pop()
        folders += 1
        if not inside.hidden and inside.path != folder:
            listing.folders.append(inside.path)
        for path, about in entries(inside):
            if stat.S_ISDIR(about.st_mode):
                unopened += below(listing, inside, path, about)
            else:
                files += 1
                _sort_in(listing, inside, path, about)
        if files > MAX_FILES or folders > MAX_FOLDERS:
            bounds = f"{MAX_FILES:,} files in {MAX_FOLDERS:,} folders"
            raise UserError(f"{shown(folder)} holds more than the {bounds} that are read; give a smaller folder")
    listing.images.sort()
    return listing


def entries(inside: Folder) -> Iterator[tuple[Path, os.stat_result]]:
    """The entries of a folder, links followed; in a hidden one, what cannot be read is passed over."""
    try:
        names = os.listdir(inside.path)
    except OSError as failure:
        if inside.hidden:
            return
        raise UserError(f"cannot open the folder {shown(inside.path)} ({reason(failure)})") from None
    for name in names:
        path = inside.path / name
        try:
            yield path, path.stat()
        except OSError as failure:
            if not (inside.hidden or _is_hidden(name)):
                what = "is a link to nothing" if path.is_symlink() else "cannot be read"
                raise UserError(f"{shown(path)} {what} ({reason(failure)}); mend or remove it") from None


def below(listing: Listing, inside: Folder, path: Path, about: os.stat_result) -> list[Folder]:
    """The folder `path`, to be opened as well; none where it is one that it lies in."""
    hidden = inside.hidden or (path.name if _is_hidden(path.name) else "")
    if identity(about) in inside.above:
        if not hidden:
            listing.loops.append(path)
        return []
    return [Folder(path, inside.above | {identity(about)}, hidden)]


def _sort_in(listing: Listing, inside: Folder, path: Path, about: os.stat_result) -> None:
    """Put a file where it belongs."""
    is_image = stat.S_ISREG(about.st_mode) and path.suffix.lower() in SUFFIXES
    if inside.hidden or _is_hidden(path.name):
        if is_image:
            listing.hidden[inside.hidden or path.name] += 1
    elif is_image:
        listing.images.append(path)
    else:
        special = "" if stat.S_ISREG(about.st_mode) else "special "
        listing.others[special + (path.suffix.lower() or "no suffix")] += 1


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in HIDDEN


def identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def examples(names: Iterable[str]) -> str:
    """The first few of some names, on one line."""
    known = sorted(shown(name) for name in names)
    return ", ".join(known[:NAMED]) + (", ..." if len(known) > NAMED else "")
