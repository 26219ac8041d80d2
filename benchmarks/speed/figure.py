"""The figure: how close each engine comes to the arithmetic limit."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from benchmarks.report.figures.style import PAGE, drawing, save
from benchmarks.speed.measure import Row

COLUMNS = ("workload", "engine", "fraction")
COLOURS = {
    "textbook": "#94a4a2",
    "plain": "#3f90da",
    "closed-form": "#ffa90e",
    "compiled": "#bd1f01",
    "stacked": "#832db6",
}


def draw(path: Path, rows: Sequence[Row], machine: str) -> None:
    """One group of bars a workload, as an SVG that is the same for the same rows."""
    if not rows:
        return
    workloads = list(dict.fromkeys(row.workload for row in rows))
    measured = {row.engine for row in rows}
    engines = [engine for engine in COLOURS if engine in measured]
    frame = pd.DataFrame([(row.workload, row.engine, row.fraction) for row in rows], columns=list(COLUMNS))
    with drawing():
        figure = Figure(figsize=(PAGE, 0.9 * len(workloads) + 1))
        axes = figure.subplots()
        seaborn.barplot(
            frame,
            x="fraction",
            y="workload",
            hue="engine",
            order=workloads,
            hue_order=engines,
            palette=COLOURS,
            saturation=1,
            errorbar=None,
            ax=axes,
        )
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set(xlabel=f"fraction of the arithmetic limit, one thread\n{machine}", ylabel="")
        axes.grid(axis="y", visible=False)
        seaborn.move_legend(axes, "lower center", bbox_to_anchor=(0.5, 1), ncols=len(engines), title="")
        save(figure, path.parent, path.stem, (path.suffix,))
