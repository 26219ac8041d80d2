"""Everything that a run of the speed benchmark found, and the bars that it is held to."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.speed.bars import Bar
from benchmarks.speed.bench import PINNED
from benchmarks.speed.measure import Missing, Row
from benchmarks.speed.overheads import Clocks
from benchmarks.speed.profile import Profile
from benchmarks.speed.quickstart import Gain, times_faster
from benchmarks.speed.sweep import Throughput

FRACTIONS = {"4x512": 0.75, "4x128": 0.55, "MLP 784": 0.5, "dim 64": 0.72, "ResNet": 0.62}
SPEEDUPS = {"4x128": 1.8, "4x512": 1.25, "MLP 784": 1.8, "dim 64": 1.1}
QUICKSTART, SWEEP, SHARE, START_UP, HELP = 1.8, 2.0, 0.02, 10.0, 0.5


@dataclass
class Findings:
    """The measurements so far."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    throughput: list[Throughput] = field(default_factory=list)
    gains: list[Gain] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    clocks: list[Clocks] = field(default_factory=list)
    help_seconds: float | None = None
    failures: list[str] = field(default_factory=list)
    """parts that could not be measured, and why"""

    @property
    def machine_text(self) -> str:
        return "; ".join(f"{key}: {value}" for key, value in self.machine.items())

    def to_dict(self) -> dict[str, Any]:
        content = asdict(self)
        for line, row in zip(content["rows"], self.rows, strict=True):
            line["fraction"] = row.fraction
        return content


def _of_one_run(findings: Findings) -> list[Row]:
    """The rows that bars of training are of."""
    return [row for row in findings.rows if row.mode == PINNED and row.engine not in ("textbook", "stacked")]


def _quickstart_bar(findings: Findings) -> Bar:
    what = "quickstart, all of its training: times the textbook loop"
    return Bar(what, QUICKSTART, times_faster(findings.gains)["auto"], "auto")


def missed(findings: Findings) -> list[Row | Gain]:
    """What is to be profiled: the best engine of each workload that misses a bar, and of quickstart, where that does,
    the cell that gains least."""
    names = {bar.what.rpartition(":")[0] for bar in bars(findings) if not bar.reached}
    best: dict[str, Row] = {}
    for row in _of_one_run(findings):
        if row.workload in names and row.speedup > best.get(row.workload, row).speedup - 1e-9:
            best[row.workload] = row
    least = min(findings.gains, key=lambda gain: gain.textbook / gain.auto, default=None)
    short = least is not None and not _quickstart_bar(findings).reached
    return [*best.values(), *([least] if least is not None and short else [])]


def bars(findings: Findings) -> Iterator[Bar]:
    """The bars of all that was measured. Engines that stack seeds take no part: a bar is of one run."""
    if findings.gains:
        yield _quickstart_bar(findings)
    pinned = _of_one_run(findings)
    for part, wanted in FRACTIONS.items():
        if own := [row for row in pinned if part in row.workload]:
            best = max(own, key=lambda row: row.fraction)
            yield Bar(f"{best.workload}: fraction of the limit", wanted, best.fraction, best.engine)
    for part, wanted in SPEEDUPS.items():
        if own := [row for row in pinned if part in row.workload]:
            best = max(own, key=lambda row: row.speedup)
            yield Bar(f"{best.workload}: times the textbook loop", wanted, best.speedup, best.engine)
    for workload in dict.fromkeys(each.workload for each in findings.throughput):
        fastest = max(
            (each for each in findings.throughput if each.workload == workload), key=lambda each: each.speedup
        )
        yield Bar(f"sweep, {workload}: times the textbook loop", SWEEP, fastest.speedup, fastest.how)
    for clocks in findings.clocks:
        what = f"{clocks.cell}: tracking, checkpoints and pictures, share of training"
        yield Bar(what, SHARE, clocks.share, at_most=True)
        yield Bar(f"{clocks.cell}: start-up to first steps, s", START_UP, clocks.start_up, at_most=True)
    if findings.help_seconds is not None:
        yield Bar("gan-zoo --help, s", HELP, findings.help_seconds, at_most=True)
