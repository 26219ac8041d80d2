"""The figure: how close each engine comes to the arithmetic limit."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.measure import Row

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
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    workloads = list(dict.fromkeys(row.workload for row in rows))
    engines = [engine for engine in COLOURS if any(row.engine == engine for row in rows)]
    with plt.rc_context({"svg.hashsalt": "speed", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(7, 0.9 * len(workloads) + 1), layout="constrained")
        height = 0.8 / len(engines)
        for i, engine in enumerate(engines):
            own = [(workloads.index(row.workload), row.fraction) for row in rows if row.engine == engine]
            places = [place + (i - (len(engines) - 1) / 2) * height for place, _ in own]
            axes.barh(places, [fraction for _, fraction in own], height, color=COLOURS[engine], label=engine)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_yticks(range(len(workloads)), workloads)
        axes.invert_yaxis()
        axes.set_xlabel(f"fraction of the arithmetic limit, one thread\n{machine}")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(engines), frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        plt.close(figure)
