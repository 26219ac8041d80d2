"""Verdicts by rule: whether the interval of a statistic lies in the range that a criterion gives.

    reproduced    the whole interval lies in the range
    refuted       the whole interval lies outside of it
    cannot tell   it crosses an end of it, or a run that the criterion needs has no value

The interval is Student's over seeds, on the scale of the statistic (logarithms for ratios), simultaneous for the K
criteria of a claim by Bonferroni's correction; its level is 95 %. A claim is reproduced where all its criteria are, and
refuted where one is.

    mean ± t_{n-1, 1 - alpha / (2 K)} s / sqrt(n)

A ratio whose numerator reads exactly 0 has the logarithm -inf. Where some of the n values are infinite there is no
mean; then the interval is the one of the median that needs no distribution, from the least value to the greatest
(Thompson 1936). Its level is 1 - 2^(1 - n): where that is less than the criterion's it settles nothing, unless all
values are one and the same.

So many seeds could have seen an effect of (t_{n-1, 1 - alpha / (2 K)} + t_{n-1, 0.8}) s / sqrt(n) beyond the end of the
range with a probability of about 0.8 (Lachin 1981, eq. 1, with t in place of z).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from benchmarks.claims.claim import Claim, Criterion, digest_of
from benchmarks.record.export import Record
from benchmarks.report.results import Results
from benchmarks.report.statistics import Array, t_interval
from gan_zoo.errors import UserError, suggestion

REPRODUCED, REFUTED, CANNOT_TELL, OPEN = "reproduced", "refuted", "cannot tell", "not run"
LEVEL, POWER = 0.95, 0.8  # the usual ones (Cohen 1988)


@dataclass(frozen=True)
class Finding:
    """The answer of runs to a criterion. The estimate and its interval are on the scale that people read.

    `n` of `planned` runs gave a value; `seen` is the smallest effect beyond the range's end that they could have seen:
    a factor where the statistic is a ratio, else a difference.
    """

    criterion: Criterion
    n: int
    planned: int
    estimate: float
    low: float
    high: float
    seen: float
    verdict: str


@dataclass(frozen=True)
class Judgement:
    """A claim with its findings, one a criterion (none before it was run), what the runs cost, a remark where its
    criteria were not those that the runs were begun with, and the runs' results, which figures are drawn from."""

    claim: Claim
    findings: Sequence[Finding] = ()
    seconds: float = math.nan
    remark: str = ""
    results: Results | None = None

    @property
    def verdict(self) -> str:
        """One for all criteria."""
        verdicts = [finding.verdict for finding in self.findings]
        for decisive in (REFUTED, CANNOT_TELL):
            if decisive in verdicts:
                return decisive
        return REPRODUCED if verdicts else OPEN

    @property
    def deciding(self) -> Finding | None:
        """The first finding that has the claim's verdict."""
        return next((finding for finding in self.findings if finding.verdict == self.verdict), None)


def judge(claim: Claim, record: Record) -> Judgement:
    """The judgement of a record on a claim.

    Raises: UserError where the record is of other cells, or lacks a quantity that a criterion is about.
    """
    _check_record(claim, record)
    results = Results(record)
    findings = [finding(criterion, claim, results) for criterion in claim.criteria]
    seconds = float(record.runs.train_seconds.sum())
    return Judgement(claim, findings, seconds, _remark_on(claim, record), results)


def _check_record(claim: Claim, record: Record) -> None:
    """Raises: UserError unless the record has the very cells of the claim's suite."""
    planned = {cell.key for cell in claim.suite.cells}
    if set(record.runs.run_key) != planned:
        raise UserError(
            f"{claim.name}: the record of '{claim.suite.name}' is of other settings than it has now: "
            f"run `gan-zoo claims run {claim.name}`"
        )


def _remark_on(claim: Claim, record: Record) -> str:
    """A remark where the criteria of today are not all that sweeps of the record were begun with."""
    recorded: list[str] = record.meta.get("claims", {}).get(claim.name, [])
    if not recorded:
        return "criteria written after the runs: no sweep recorded them"
    earlier = [digest_of(said) for said in recorded if said != claim.terms]
    if earlier:
        return f"criteria changed after a run was begun: {claim.digest} now, before {', '.join(earlier)}"
    return ""


def finding(criterion: Criterion, claim: Claim, results: Results) -> Finding:
    """The answer of a record to one criterion of a claim."""
    level = 1 - (1 - LEVEL) / len(claim.criteria)
    return finding_of(criterion, _values_of(criterion, claim, results), level)


def finding_of(criterion: Criterion, values: Array, level: float) -> Finding:
    """The answer of a number a planned seed, NaN where it has none, to a criterion at this level."""
    n = int((~np.isnan(values)).sum())
    if np.isinf(values).any():
        low, middle, high = median_interval(values)
        settled, seen = low == high or 1 - 2.0 ** (1 - n) >= level, math.nan
    else:
        middle, half = (float(each) for each in t_interval(values, level))
        low, high = middle - half, middle + half
        settled, seen = True, visible(half, n, level)
    verdict = verdict_of(low, high, criterion) if settled and n == len(values) else CANNOT_TELL
    shown = criterion.kind.shown
    return Finding(criterion, n, len(values), shown(middle), shown(low), shown(high), shown(seen), verdict)


def median_interval(values: Array) -> tuple[float, float, float]:
    """The least value, the lower one of the two in the middle, and the greatest, of those that are not NaN."""
    ordered = np.sort(values[~np.isnan(values)])
    return float(ordered[0]), float(ordered[(len(ordered) - 1) // 2]), float(ordered[-1])


def visible(half: float, n: int, level: float) -> float:
    """The effect that n seeds could have seen, by the half-width of their interval."""
    if n < 2:
        return math.nan
    return half * float(1 + student.ppf(POWER, n - 1) / student.ppf(0.5 + level / 2, n - 1))


def verdict_of(low: float, high: float, criterion: Criterion) -> str:
    """The verdict by an interval on the scale of the values."""
    kept = criterion.kind.kept
    least = -math.inf if criterion.at_least is None else kept(criterion.at_least)
    most = math.inf if criterion.at_most is None else kept(criterion.at_most)
    if low >= least and high <= most:
        return REPRODUCED
    return REFUTED if high < least or low > most else CANNOT_TELL


def _values_of(criterion: Criterion, claim: Claim, results: Results) -> Array:
    """The statistic of each planned seed; NaN where a run has none.

    Raises: UserError where no run logged a quantity.
    """
    curves = []
    for quantity in criterion.quantities:
        dataset = results.on(quantity.dataset or claim.suite.datasets[0])
        curve = dataset.finished_curve(quantity.loss, quantity.metric)
        if curve.empty and dataset.finished_seeds(quantity.loss):
            logged = sorted({name for _, loss, name in results.curves if loss == quantity.loss})
            raise UserError(f"{claim.name}: '{quantity.metric}' was not logged ({suggestion(quantity.metric, logged)})")
        curves.append(curve.reindex(columns=list(claim.suite.seeds)))
    if any(curve.empty for curve in curves):
        return np.full(len(claim.suite.seeds), np.nan)
    return criterion.kind.values(*curves)
