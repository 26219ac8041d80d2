"""The findings as files: all of them in `speed.json`, tables in `README.md`, `speed.csv` and `speed.tex`."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path

from benchmarks.markup.blocks import Column, Entry, Table
from benchmarks.markup.latex import latex
from benchmarks.markup.markdown import table
from benchmarks.speed.bars import bar_table, significant
from benchmarks.speed.bench import ALL_CORES, PINNED
from benchmarks.speed.findings import Findings, bars
from benchmarks.speed.measure import Row
from benchmarks.speed.quickstart import times_faster

COMMAND = "nox -s speed"
GPU_COMMAND = "sh benchmarks/speed/gpu.sh"
COLUMNS = ("workload", "mode", "engine", "iterations_per_second", "fraction", "speedup", "rounds")


def write(folder: Path, findings: Findings) -> None:
    """Writes all files of what is measured so far."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.json").write_text(json.dumps(findings.to_dict(), indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(markdown(findings, (folder / "gpu.md").exists()), encoding="utf-8")
    (folder / "speed.tex").write_text(latex([_paper_table(findings)], "speed"), encoding="utf-8")
    with (folder / "speed.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        lines.writerows(map(attrgetter(*COLUMNS), findings.rows))


def markdown(findings: Findings, has_gpu: bool) -> str:
    """The tables with what they mean."""
    parts = [f"# Speed\n\nMade by `{COMMAND}`. {findings.machine_text}.\n", *_bar_lines(findings, has_gpu)]
    parts += _training_lines(findings)
    if findings.throughput:
        heads = ("workload", "how", "cells per hour", "against the textbook loop")
        rows = [(t.workload, t.how, f"{t.cells_per_hour:.0f}", f"{t.speedup:.2f}x") for t in findings.throughput]
        parts += ["## A sweep\n\nCells of 1000 steps, training only, wall clock.\n", numbers(heads, rows)]
    parts += _quickstart_lines(findings)
    parts += _profile_lines(findings)
    parts += _overhead_lines(findings)
    if findings.failures or findings.missing:
        reasons = [f"{each.workload}, {each.mode}: {each.engine}: {each.reason}" for each in findings.missing]
        parts += ["## Not measured\n", *(f"- {text}" for text in [*findings.failures, *reasons]), ""]
    return "\n".join(parts)


def _bar_lines(findings: Findings, has_gpu: bool) -> Iterator[str]:
    yield "## What was aimed at\n"
    if found := list(bars(findings)):
        yield bar_table(found)
    yield (
        "On a GPU: [gpu.md](gpu.md).\n"
        if has_gpu
        else f"On a GPU: not measured; `{GPU_COMMAND}` does it in one call.\n"
    )


def _training_lines(findings: Findings) -> Iterator[str]:
    if not findings.rows:
        return
    yield (
        "## Training\n\nAn iteration of WGAN-GP is five critic steps and one generator step. The limit is the time "
        "that the FLOPs of its matrix products and convolutions (zero padding counted) would take at the rate of this "
        "machine's best float32 product of square matrices (512, 1024 or 2048 a side), measured before and after; the "
        "textbook loop is the same training as public codes write it. It and the compiled engine compute in fast "
        "numerics, the other engines in portable reference numerics. Medians of interleaved rounds, compilation not "
        "counted; stacked seeds count the iterations of every seed.\n"
    )
    for mode in (PINNED, ALL_CORES):
        heads = ("workload", "engine", "iterations/s", "of the limit", "against the textbook loop", "rounds")
        yield f"### {mode[0].upper()}{mode[1:]}\n"
        yield numbers(heads, [_texts_of(row) for row in findings.rows if row.mode == mode])


def _texts_of(row: Row) -> tuple[str, ...]:
    return (
        row.workload,
        row.engine,
        significant(row.iterations_per_second),
        f"{row.fraction:.2f}",
        f"{row.speedup:.2f}x",
        str(row.rounds),
    )


def _quickstart_lines(findings: Findings) -> Iterator[str]:
    """The suite's own training work, and the factor for all of it."""
    if not findings.gains:
        return
    yield (
        "## The suite quickstart\n\nCPU milliseconds of an iteration on one pinned thread, with the suite's own nets, "
        "data, batches and optimisers. On equal draws in float64 the textbook loop, written independently, and the "
        "plain engine end with weights that agree to 1e-10 (`tests/test_speed.py`), and so do the engines "
        "(`tests/test_engines.py`): faster, with the same numbers.\n"
    )
    heads = (
        "loss",
        "data set",
        "textbook loop",
        "plain",
        "auto",
        "engine of auto",
        "plain is faster",
        "auto is faster",
    )
    rows = []
    for g in findings.gains:
        costs = f"{g.textbook:.2f}", f"{g.plain:.2f}", f"{g.auto:.2f}"
        gains = f"{g.textbook / g.plain:.2f}x", f"{g.textbook / g.auto:.2f}x"
        rows.append((g.loss, g.dataset, *costs, g.engine, *gains))
    yield numbers(heads, rows)
    total = times_faster(findings.gains)
    yield (
        f"All of the suite's iterations: plain {total['plain']:.2f}x, auto {total['auto']:.2f}x as fast as the "
        "textbook loop, on one thread each.\n"
    )


def _profile_lines(findings: Findings) -> Iterator[str]:
    """Where the time goes of what misses its bar."""
    if not findings.profiles:
        return
    yield (
        "## Why a bar is missed\n\nMilliseconds of an iteration under torch's profiler, which itself takes some at "
        "every operation, on one pinned thread: inside products and convolutions, inside all other operations of "
        "torch, and outside of any (Python, autograd, compiled code). The limit is what the products would take at the "
        "rate of the machine's best.\n"
    )
    heads = ("what", "engine", "in all", "products", "other operations", "outside", "limit")
    rows = []
    for each in findings.profiles:
        shares = [f"{part:.2f} ({part / each.total:.0%})" for part in (each.products, each.others, each.outside)]
        limit = "" if each.limit is None else f"{each.limit:.2f}"
        rows.append((each.what, each.engine, f"{each.total:.2f}", *shares, limit))
    yield numbers(heads, rows)


def _overhead_lines(findings: Findings) -> Iterator[str]:
    if not findings.clocks:
        return
    heads = ("cell", "samples scored", "training, s", "one evaluation, s", "recording, s", "of training", "start-up, s")
    yield (
        "## Beside training\n\nWall-clock seconds of cells of quickstart, run and recorded as in a sweep, one thread. "
        "Start-up: from the call, torch imported, to the first steps; the record is made and MLflow imported "
        "meanwhile. An evaluation scores the samples and looks at the critic. Recording: tracking, checkpoints, "
        "pictures. With Inception an evaluation costs what `python -m benchmarks.speed.metrics` measures.\n"
    )
    rows = []
    for c in findings.clocks:
        seconds = f"{c.train:.2f}", f"{c.evaluation:.2f}", f"{c.record:.2f}"
        rows.append((c.cell, str(c.samples), *seconds, f"{c.share:.1%}", f"{c.start_up:.1f}"))
    yield numbers(heads, rows)
    if findings.help_seconds is not None:
        yield f"`gan-zoo --help`: {findings.help_seconds:.2f} s.\n"


def numbers(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first two columns are text and the others numbers."""
    return table(heads, rows, numeric=range(2, len(heads))) + "\n"


def _paper_table(findings: Findings) -> Table:
    """The speed of one thread, for a paper."""
    texts = [Column(title, numeric=False) for title in ("Workload", "Engine")]
    columns = [*texts, *map(Column, ("Iterations/s", "Of the limit", "Speed-up"))]
    rows = [list(map(Entry, _texts_of(row)[:5])) for row in findings.rows if row.mode == PINNED]
    caption = f"Iterations of WGAN-GP per second, {PINNED}. {findings.machine_text}."
    return Table("training", caption, columns, rows)
