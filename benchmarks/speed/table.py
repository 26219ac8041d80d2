"""The results as files: everything in `speed.json`, tables in `README.md`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.speed.measure import Row

COMMAND = "nox -s speed"


def write(folder: Path, rows: Sequence[Row], throughput: Mapping[str, float], machine: Mapping[str, str]) -> None:
    """Writes both files of a measurement."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{**asdict(row), "fraction": row.fraction} for row in rows]
    content = {"machine": machine, "rows": lines, "cells_per_hour": throughput}
    (folder / "speed.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(markdown(rows, throughput, machine), encoding="utf-8")


def markdown(rows: Sequence[Row], throughput: Mapping[str, float], machine: Mapping[str, str]) -> str:
    """The tables with what they mean."""
    parts = [
        "# Speed of training\n",
        f"Made by `{COMMAND}`. " + "; ".join(f"{k}: {v}" for k, v in machine.items()) + ".\n",
    ]
    parts.append(
        "An iteration of WGAN-GP is five critic steps and one generator step. The limit is the time that the FLOPs of "
        "its matrix products and convolutions (zero padding counted) would take at the rate of the best 1024 x 1024 "
        "float32 product measured before and after; the textbook loop is the same training as public codes write it. "
        "Medians of interleaved rounds; stacked seeds count the iterations of every seed.\n"
    )
    for mode in dict.fromkeys(row.mode for row in rows):
        parts.append(f"## {mode[0].upper()}{mode[1:]}\n")
        parts.append(
            "| workload | engine | iterations/s | of the limit | against the textbook loop |\n|---|---|---:|---:|---:|"
        )
        parts.extend(line(row) for row in rows if row.mode == mode)
        parts.append("")
    if throughput:
        parts.append("## A sweep\n\nCells of 1000 steps, MLP 4x128, batch 128; training only.\n")
        parts.append("| how | cells per hour |\n|---|---:|")
        parts.extend(f"| {how} | {value:.0f} |" for how, value in throughput.items())
        parts.append("")
    return "\n".join(parts)


def line(row: Row) -> str:
    return (
        f"| {row.workload} | {row.engine} | {significant(row.iterations_per_second)} "
        f"| {row.fraction:.2f} | {row.speedup:.2f}x |"
    )


def significant(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
