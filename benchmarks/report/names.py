"""Names of losses and data sets for people, of files for data sets of any name, and pages written alike everywhere."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.markup.blocks import Entry, shortened
from gan_zoo.files import replacing

DISPLAY = {
    "minimax": "Minimax GAN",
    "non-saturating": "NS-GAN",
    "dragan": "DRAGAN",
    "r1": "NS-GAN + R1",
    "r1-r2": "NS-GAN + R1 + R2",
    "lsgan": "LSGAN",
    "hinge": "Hinge GAN",
    "sngan": "SNGAN",
    "wgan-clip": "WGAN (clipping)",
    "wgan-gp": "WGAN-GP",
    "wgan-lp": "WGAN-LP",
    "wgan-gp-hinge": "WGAN-GP (hinge)",
    "wgan-div": "WGAN-div",
    "wgan-sn": "WGAN-SN",
    "wgan-ct": "WGAN-CT",
    "rpgan": "RpGAN",
    "r3gan": "R3GAN",
    "8gaussians": "8 Gaussians",
    "25gaussians": "25 Gaussians",
    "swissroll": "Swiss roll",
    "dirac": "Dirac",
    "digits": "Digits",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "stacked-mnist": "StackedMNIST",
}


def display(name: str) -> str:
    """The name of a loss or data set as papers print it; one of somebody's own is printed as it is."""
    return DISPLAY.get(name, name)


def shown(name: str, limit: int = 28) -> str:
    """The same where there is little room."""
    return shortened(display(name), limit)


def named(name: str) -> Entry:
    """A field of a table with a loss or data set; CSV, colours and a terminal go by the name that commands take."""
    return Entry(display(name), name)


def slug(name: str) -> str:
    """A file name for any data set's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "data"


def unique_slugs(names: Sequence[str]) -> dict[str, str]:
    """Name -> the part of file names that identifies it; unique, whatever the names are."""
    slugs = list(map(slug, names))
    unique = {}
    for position, (name, short) in enumerate(zip(names, slugs, strict=True)):
        unique[name] = short if slugs.count(short) == 1 else f"{short}-{position}"
    return unique


def write_pages(folder: Path, pages: Mapping[str, str]) -> list[Path]:
    """Writes each text under its name into `folder`, in the same bytes on every system; the files written."""
    written = []
    for name, text in pages.items():
        path = folder / name
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written
