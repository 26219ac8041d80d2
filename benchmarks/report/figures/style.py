"""How every figure looks, and how it is saved so that the same drawing gives the same bytes."""

import hashlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_zoo.errors import brief
from gan_zoo.files import replacing

if TYPE_CHECKING:
    import matplotlib.figure

FORMS = (".pdf", ".png", ".svg")
"""In which a figure is saved."""
PAGE, COLUMN = 6.75, 3.25  # inches: the text width of a two-column paper, and one of its columns
NARROW = 4.5
"""Inches below which a figure has room for fewer panels side by side."""
POINTS = 7.5  # of text; tick labels are a little smaller


class Paper(NamedTuple):
    """The width of a paper's figures in inches, and of their text in points, at the size that they are printed at."""

    width: float
    points: float


PAPERS = {"neurips": Paper(5.5, 8.0), "icml": Paper(PAGE, 8.0), "one-column": Paper(COLUMN, POINTS)}
"""What `--width` knows by name: the text of NeurIPS, both columns of ICML, one of them."""
LEAST, MOST = 6.0, 60.0  # centimetres


def paper(text: str) -> Paper:
    """The paper of a name, or of a width in centimetres. Raises: ValueError in words for any other text."""
    if text in PAPERS:
        return PAPERS[text]
    known = re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text, re.ASCII)
    if not known or not LEAST <= float(text) <= MOST:
        raise ValueError(f"expected {', '.join(PAPERS)}, or centimetres from {LEAST:g} to {MOST:g}, got {brief(text)}")
    width = float(text) / 2.54
    return Paper(width, 8.0 if width >= NARROW else POINTS)


# Petroff 2021 (arXiv 2107.02270): chosen to be told apart with colour-vision deficiencies, too.
PETROFF10 = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.5, 1.2, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (8, 2)),
)
MARKERS = "osD^vP*X<>"
KNOWN = {
    "wgan-gp": (0, 0, 0),
    "non-saturating": (1, 1, 1),
    "wgan-clip": (2, 2, 2),
    "wgan-lp": (4, 3, 3),
    "wgan-gp-hinge": (5, 4, 4),
    "minimax": (8, 5, 5),
    "hinge": (6, 0, 6),
    "lsgan": (9, 1, 7),
    "r1": (7, 2, 8),
    "dragan": (3, 3, 9),
    "wgan-div": (6, 2, 0),
    "r3gan": (3, 0, 1),
    "r1-r2": (7, 0, 1),
    "sngan": (8, 0, 6),
    "rpgan": (9, 0, 2),
    "wgan-sn": (4, 1, 5),
    "wgan-ct": (1, 3, 7),
}
SEABORN = 9.6  # points of text in its context for papers
RC = {
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "font.family": "DejaVu Sans",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-5, 6),
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.handlelength": 3.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
    "text.hinting": "none",
    "text.parse_math": False,
    "svg.hashsalt": "gan-zoo",
    "image.interpolation": "nearest",
    "image.cmap": "gray",
}
"""Settings in which figures differ from seaborn's theme."""


@dataclass(frozen=True)
class Look:
    """A loss's colour, dash and marker: a property of its name, the same in every figure of every report."""

    colour: str
    dash: str | tuple[int, tuple[float, ...]]
    marker: str


def look(loss: str) -> Look:
    """The look of a loss; a name that is new here gets its own from a hash of it."""
    digest = hashlib.blake2b(loss.encode(), digest_size=3).digest()
    colour, dash, marker = KNOWN.get(loss, (digest[0] % 10, digest[1] % len(DASHES), digest[2] % len(MARKERS)))
    return Look(PETROFF10[colour], DASHES[dash], MARKERS[marker])


def semantics(losses: list[str]) -> dict[str, Any]:
    """Arguments for seaborn's functions on a frame with a column `loss`: these losses' colours and markers."""
    palette, markers = {}, {}
    for loss in losses:
        palette[loss] = look(loss).colour
        markers[loss] = look(loss).marker
    order = {"hue_order": losses, "style_order": losses}
    return {"hue": "loss", "style": "loss", "palette": palette, "markers": markers, "legend": False, **order}


def dashes(losses: list[str]) -> dict[str, str | tuple[float, ...]]:
    """These losses' dashes in seaborn's spelling."""
    spelled: dict[str, str | tuple[float, ...]] = {}
    for loss in losses:
        dash = look(loss).dash
        spelled[loss] = "" if isinstance(dash, str) else dash[1]
    return spelled


def colour(loss: str) -> str:
    """The colour of a loss, the same in every figure and table."""
    return look(loss).colour


@contextmanager
def drawing(points: float = POINTS, /, **settings: Any) -> Iterator[None]:
    """Matplotlib with seaborn's theme, text of so many points, this project's settings and these, and nobody else's,
    while the block lasts."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that cannot be written to
    import matplotlib
    import seaborn

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(seaborn.axes_style("ticks"))
        matplotlib.rcParams.update(seaborn.plotting_context("paper", font_scale=points / SEABORN))
        matplotlib.rcParams.update(RC | settings)
        yield


def columns_for(count: int) -> int:
    """Columns of a grid of `count` panels: three or four, whichever leaves fewer places empty."""
    return min(count, 3 if count < 10 and -count % 3 < -count % 4 else 4)


def save(figure: "matplotlib.figure.Figure", folder: Path, name: str, endings: tuple[str, ...] = FORMS) -> list[Path]:
    """The figure as `name` with each ending in `folder`, without a date or a version in the files.

    Each is printed by its own canvas: `savefig` draws twice wherever a layout engine was at work. A canvas leaves its
    own resolution on the figure.
    """
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    _lay_out(figure)
    dpi = figure.dpi
    paths = []
    for ending in endings:
        path = folder / f"{name}{ending}"
        paths.append(path)
        figure.set_dpi(dpi)
        with replacing(path) as partial:
            if ending == ".pdf":
                dateless = dict.fromkeys(("CreationDate", "Producer", "Creator"))
                FigureCanvasPdf(figure).print_pdf(partial, metadata=dateless)
            elif ending == ".svg":
                _print_svg(figure, partial)
            else:
                _save_png(figure, partial)
    return paths


def as_svg(figure: "matplotlib.figure.Figure") -> str:
    """The text of the figure as SVG, without a date or a version."""
    _lay_out(figure)
    buffer = io.StringIO()
    _print_svg(figure, buffer)
    return buffer.getvalue()


def _lay_out(figure: "matplotlib.figure.Figure") -> None:
    """Place everything once and for all, by the layout engine alone: a drawing in vain takes as long again."""
    engine = figure.get_layout_engine()
    if engine is not None and figure.axes:
        engine.execute(figure)
    figure.set_layout_engine("none")


def _print_svg(figure: "matplotlib.figure.Figure", target: Path | io.StringIO) -> None:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure).print_svg(target, metadata=dict.fromkeys(("Date", "Creator")))


def _save_png(figure: "matplotlib.figure.Figure", path: Path) -> None:
    """A PNG of 256 colours, a third of the size; in full colour where the figure shows colour images."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # Pictures in colour would show bands in so few of them.
    if not _shows_colour_images(figure):
        picture = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    picture.save(path, format="png", optimize=True)


def _shows_colour_images(figure: "matplotlib.figure.Figure") -> bool:
    for axes in figure.axes:
        for image in axes.images:
            if np.ndim(np.asarray(image.get_array())) == 3:
                return True
    return False
