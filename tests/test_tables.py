"""Tables: which checkpoint, which spread, scored how, beside whose numbers; and the same cells in every markup."""

import csv
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats
from synthetic import FEW, HOSTILE, Page, synthetic, texts

from benchmarks.markup.blocks import Column, Entry, Table, amount, measured, number, shortened
from benchmarks.markup.latex import escape as latex_escape
from benchmarks.markup.latex import latex
from benchmarks.markup.markdown import anchor
from benchmarks.markup.markdown import escape as markdown_escape
from benchmarks.markup.plain import plain
from benchmarks.record.export import Record
from benchmarks.report.captions import BEST, UNDECIDED, WORSE
from benchmarks.report.document import document
from benchmarks.report.published import facts
from benchmarks.report.results import Results
from benchmarks.report.spreadsheet import scores_csv
from gan_zoo.errors import UserError


@pytest.mark.parametrize(
    ("title", "place"),
    [("dirac-gan", "dirac-gan"), ("Ready to run", "ready-to-run"), ("R1 & R2, tied?", "r1--r2-tied")],
)
def test_links_lead_to_what_github_calls_a_heading(title: str, place: str) -> None:
    assert anchor(title) == place


def test_published_numbers_name_registered_losses_and_their_sources():
    from gan_zoo.losses import LOSSES as REGISTERED

    assert len(facts()) == len(set(facts()))
    for fact in facts():
        assert fact.loss in REGISTERED
        assert fact.metric in ("fid", "is")
        assert fact.number > 0
        assert fact.called
        assert fact.source


def typeset(folder: Path, columns: str, body: str) -> str:
    """The output of pdflatex of an article with these tables."""
    preamble = rf"\documentclass[{columns}]{{article}}\usepackage{{booktabs,siunitx}}\begin{{document}}"
    (folder / "paper.tex").write_text(f"{preamble}\n{body}\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout.decode(errors="replace")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX here")
@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_tables_compile_as_pasted(tmp_path, columns):
    """With everyday names nothing sticks out of the page; with hostile ones every table of a report is still set."""
    if not subprocess.run(["kpsewhich", "siunitx.sty"], capture_output=True, check=False).stdout:
        pytest.skip("this TeX has no siunitx")
    results = Results(synthetic(["non-saturating", "wgan-gp", "wgan-gp-hinge"], ("8gaussians", "cifar10"), seeds=3))
    tables = [block for block in document(results, []) if isinstance(block, Table) and block.paper]
    report = typeset(tmp_path, columns, latex(tables, "suite") + latex(tables, "suite", siunitx=True))
    assert "Overfull" not in report
    hostile = Results(synthetic(HOSTILE, ("a<b>_&|\\", "digits"), seeds=2))
    typeset(tmp_path, columns, latex([block for block in document(hostile, []) if isinstance(block, Table)], "a_b"))


def test_time_to_target_takes_the_baselines_median_and_counts_misses():
    record = synthetic(FEW, seeds=3, failing=())
    text = texts(record)[0]
    finals = record.metrics[(record.metrics.name == "emd") & (record.metrics.step == 2000)]
    target = np.median(finals[finals.run_key.str.startswith("0001")].value)
    assert f"Earth mover's distance ≤ {number(float(target), 4)} (the median score of WGAN-GP" in text
    assert re.search(r"\| WGAN-GP \| [23]/3 \|", text)
    fixed = texts(record, {"targets": {"8gaussians": 1e-9}})[0]
    assert re.search(r"\| WGAN-GP \| 0/3 \| ∞ \| ∞ \|", fixed)


def repeated(record: Record, draws: int = 4) -> Record:
    """The record as `evaluate.repeats` leaves it: scores of the primary metrics apart, and of several draws."""
    primary = record.metrics[record.metrics.name.isin(record.meta["primary"].values())]
    rng = np.random.default_rng(11)
    apart = primary.assign(name="apart/" + primary.name, value=primary.value * rng.uniform(0.5, 1.5, len(primary)))
    last = primary[primary.step == 2000]
    sampled = [
        last.assign(name="sampling/" + last.name + f"/{i}", value=last.value * rng.uniform(0.9, 1.1, len(last)))
        for i in range(draws)
    ]
    record.metrics = pd.concat([record.metrics, apart, *sampled])
    return record


def scores_of(record: Record, name: str, loss: str, dataset: str) -> pd.DataFrame:
    """A row a step, a column a seed: straight from the record."""
    runs = record.runs[(record.runs.loss == loss) & (record.runs.dataset == dataset)]
    logged = record.metrics[record.metrics.name == name].merge(runs[["run_key", "seed"]], on="run_key")
    return logged.pivot_table(index="step", columns="seed", values="value")


def interval(values) -> str:
    """Mean ± half-width by SciPy."""
    return measured(values.mean(), scipy_stats.sem(values) * scipy_stats.t.ppf(0.975, len(values) - 1))


@pytest.mark.parametrize("rule", ["last", "best", "mean-4"])
def test_every_number_follows_the_checkpoint_rule(rule):
    record = repeated(synthetic(FEW, seeds=3, failing=()))
    chosen = {loss: scores_of(record, "apart/fid_digits", loss, "digits").idxmin() for loss in FEW}
    assert (chosen["wgan-lp"] != 2000).any()

    def by_rule(metric: str, loss: str) -> pd.Series:
        curve = scores_of(record, metric, loss, "digits")
        best = pd.Series({seed: curve[seed][step] for seed, step in chosen[loss].items()})
        return {"last": curve.iloc[-1], "mean-4": curve.tail(4).mean(), "best": best}[rule]

    fid = by_rule("fid_digits", "wgan-lp")
    text, html, tex = texts(record, {"checkpoint": rule})
    cell, of_is = interval(fid), interval(by_rule("is_digits", "wgan-lp"))
    assert f"{cell} | {of_is}" in text.replace("**", "")
    assert cell in html
    assert cell.replace("±", r"$\pm$") in tex
    rows = list(csv.DictReader(scores_csv(Results(record, {"checkpoint": rule})).splitlines()))
    row = next(row for row in rows if (row["loss"], row["metric"]) == ("wgan-lp", "fid_digits"))
    assert (float(row["mean"]), row["checkpoint"]) == (pytest.approx(fid.mean(), rel=1e-6), rule)
    ratio = np.exp(np.log(fid / by_rule("fid_digits", "wgan-gp")).mean())
    assert re.search(rf"\| WGAN-LP \| {number(ratio)} \|", text[text.index("## Digits") :])
    words = {
        "last": "last checkpoint",
        "mean-4": "mean of the last 4 checkpoints",
        "best": "best checkpoint of each run",
    }
    captions = [line for line in text.splitlines() if line.startswith("*") and "Bold: best" in line]
    assert len(captions) == 3
    assert all(words[rule] in line for line in captions)
    assert text.count(f"({words[rule]}") >= 4


def test_the_best_checkpoint_is_never_chosen_by_the_score_itself():
    with pytest.raises(UserError, match=r"report.checkpoint: best: loss 'minimax' on '8gaussians'.*evaluate.repeats"):
        texts(synthetic(FEW, seeds=2, failing=()), {"checkpoint": "best"})
    with pytest.raises(UserError, match=r"mean-99: .* has 20 evaluations only"):
        texts(synthetic(FEW, seeds=2, failing=()), {"checkpoint": "mean-99"})
    with pytest.raises(UserError, match=r"report.checkpoint: expected last, best or mean-K \(as mean-3\), got 'first'"):
        texts(synthetic(FEW, seeds=2, failing=()), {"checkpoint": "first"})


def test_three_spreads_stand_side_by_side_and_none_is_taken_for_another():
    record = repeated(synthetic(FEW, seeds=3, failing=()))
    text = texts(record)[0]
    curve = scores_of(record, "emd", "wgan-gp", "8gaussians")
    draws = pd.concat([scores_of(record, f"sampling/emd/{i}", "wgan-gp", "8gaussians") for i in range(4)])
    chosen = scores_of(record, "apart/emd", "wgan-gp", "8gaussians").idxmin()
    best = pd.Series({seed: curve[seed][step] for seed, step in chosen.items()})
    spreads = [curve.iloc[-1].std(), np.sqrt(draws.var().mean()), np.sqrt(curve.tail(3).var().mean())]
    cells = [interval(curve.iloc[-1]), interval(best), interval(curve.tail(3).mean()), *(number(x, 2) for x in spreads)]
    assert f"| WGAN-GP | {' | '.join(cells)} |" in text
    assert "| last | best | mean of last 3 | sd over seeds | sd over samples | sd over checkpoints |" in text
    assert "over 4 draws of latents for the same final weights" in text
    without = texts(synthetic(FEW, seeds=3, failing=()))[0]
    assert "| last | mean of last 3 | sd over seeds | sd over checkpoints |" in without
    assert "evaluate.repeats 2 or more gives both" in without


def test_published_numbers_stand_apart_with_their_sources():
    """The data set of images goes by a name that others have published on."""
    record = synthetic(["non-saturating", "wgan-gp", "r3gan"], ("8gaussians", "cifar10"), seeds=2, failing=())
    text, _, tex = texts(record)
    scores = text[text.index("## CIFAR-10") : text.index("*CIFAR-10: mean")]
    assert "22.29" not in scores
    assert "published" not in scores
    assert (
        "| WGAN-GP | WGAN-GP | FID | *22.29 ± 0.06* | ResNet, 100k steps, 50k/50k samples, one training run |" in text
    )
    assert "these rows are not comparable with our tables, nor with each other" in tex
    assert r"\textit{22.29 $\pm$ 0.06}" in tex
    assert "Gulrajani et al. 2017, table 3" in text[text.index("*CIFAR-10: mean") :]


def test_rows_scored_differently_share_no_table():
    protocol = '{"fid_digits": "generated=%s; weights=%s", "is_digits": "parts=10"}'
    record = synthetic(FEW, seeds=2, failing=())
    images = record.runs.dataset == "digits"
    record.runs.loc[images, "protocol"] = protocol % (2500, "aa")
    text = texts(record)[0]
    assert "- FID (Digits): generated 2500; weights aa.\n- IS (Digits): parts 10." in text
    assert "6 runs do not say by which protocol they were scored" in text
    record.runs.loc[images & (record.runs.loss == "wgan-lp"), "protocol"] = protocol % (2500, "bb")
    differ = (
        r"data set 'digits', fid_digits: runs differ: weights=aa \(minimax seed 0\) and weights=bb \(wgan-lp seed 0\)"
    )
    with pytest.raises(UserError, match=differ) as raised:
        texts(record)
    assert "\n" not in str(raised.value)
    assert "weights bb" in texts(record, {"rows": ["wgan-lp"], "baseline": "wgan-lp"})[0]
    record.runs.loc[0, "protocol"] = "n=10"
    with pytest.raises(UserError, match="minimax seed 0 on '8gaussians': protocol: not JSON: n=10"):
        texts(record)
    record.runs.loc[0, "protocol"] = ""
    record.runs.loc[images & (record.runs.loss == "wgan-lp"), "protocol"] = '{"fid_digits_10k": "generated=10000"}'
    with pytest.raises(UserError, match=r"fid_digits: .*not scored by it, but by fid_digits_10k \(wgan-lp seed 0\)"):
        texts(record)


def test_runs_of_other_numerics_share_no_table():
    record = synthetic(FEW, seeds=2, failing=())
    record.runs["numerics"] = ["float32"] * (len(record.runs) - 1) + ["float32, bf16"]
    with pytest.raises(
        UserError, match=r"data set 'digits', numerics: runs differ: float32 \(.*float32, bf16 \(wgan-lp"
    ):
        texts(record)
    assert "cpu, 1 thread, float32." in texts(record, {"columns": ["8gaussians"]})[0]


def test_numbers_are_rounded_where_the_interval_says():
    assert measured(12.3456, 0.234) == "12.35 ± 0.23"
    assert measured(-0.00123, 0.0001) == "−0.00123 ± 0.00010"
    assert measured(1234.5, 200.0) == "1234 ± 200"
    assert measured(8.0, 0.0) == "8 ± 0"
    assert measured(8.0, float("nan")) == "8"
    assert measured(float("nan"), 1.0) == "–"
    assert [number(x) for x in (1.5, 0.3, 250.0, 1234.6, float("inf"), 2e-9)] == [
        "1.50",
        "0.300",
        "250",
        "1235",
        "∞",
        "2.00e−09",
    ]
    assert [amount(x) for x in (5, 1280, 1_280_000)] == ["5", "1.28k", "1.28M"]
    assert len(shortened("x" * 300)) == 28


def test_siunitx_has_numbers_and_half_widths_in_columns_of_their_own():
    """siunitx's own form of an uncertainty drops one of 0, and sets signs unevenly."""
    columns = [Column("Loss", numeric=False), Column("modes covered ↑"), Column("failed"), Column("KID ↓")]
    rows = [
        [Entry("a"), Entry("8 ± 0", 8.0, BEST), Entry("0/5"), Entry("−0.005 ± 0.015", -0.005)],
        [Entry("b"), Entry("7.88 ± 0.30", 7.88, UNDECIDED), Entry("0/5"), Entry("11 ± 13", 11.0)],
        [Entry("real", note="(n = 297)"), Entry("8"), Entry("–"), Entry("–")],
    ]
    lines = latex([Table("t", "", columns, rows)], "suite", siunitx=True).splitlines()
    modes = r"S[table-format=1.2]@{\;}c@{\;}S[table-format=1.2]@{\;}l"
    kid = r"S[table-format=-2.3]@{\;}c@{\;}S[table-format=2.3]"
    bold = r"\fontseries{b}\selectfont"
    assert rf"\begin{{tabular}}{{@{{}}l{modes}r{kid}@{{}}}}" in lines
    assert rf"a & {bold} 8 & $\pm$ & {bold} 0 &  & 0/5 & -0.005 & $\pm$ & 0.015 \\" in lines
    assert r"b & 7.88 & $\pm$ & 0.30 & ? & 0/5 & 11 & $\pm$ & 13 \\" in lines
    assert r"real {\tiny (n = 297)} & 8 &  &  &  & -- & {--} &  &  \\" in lines
    assert r" & \multicolumn{4}{c}{modes covered} &  & \multicolumn{3}{c}{} \\" in lines


def test_a_protocol_stands_below_a_short_caption_in_every_markup():
    text, html, tex = texts(synthetic(FEW, seeds=3, failing=()))
    caption = "Digits: mean ± half-width of the 95 % t-interval over the finished of 3 training seeds, last checkpoint."
    assert f"*{caption} Bold: best;" in text
    below = text[text.index(caption) :].split("</details>")[0]
    assert "<details><summary>Protocol</summary>\n\n- Verdicts: best is" in below
    assert "- Hardware: cpu, 1 thread." in below
    parsed = Page(html)
    assert sum(word == "Protocol" for word in parsed.words) > 3
    assert re.search(r"\\end\{tabular\}%\n\}\n\\par\\smallskip\n.*Protocol\. \\textit\{Verdicts:\} best is", tex)
    results = Results(synthetic(FEW, ("8gaussians", "cifar10"), seeds=3, failing=()))
    captions = {block.name: block.caption for block in document(results, []) if isinstance(block, Table)}
    assert {name for name, words in captions.items() if len(words) > 320} == set()


def test_escapes():
    assert latex_escape(r"a_{b}&5 %\~^") == r"a\_\{b\}\&5\,\%\textbackslash{}\textasciitilde{}\textasciicircum{}"
    assert latex_escape("é損x\u0303") == r"\'{e}[U+640D]\~{x}"
    assert markdown_escape("a|b_<i>*\\") == r"a\|b\_&lt;i&gt;\*\\"


def test_a_terminal_s_table_keeps_digits_under_digits():
    columns = [Column("Loss", numeric=False), Column("FID ↓"), Column("failed / n")]
    rows = [
        [Entry("wgan-gp"), Entry("1.46 ± 0.06", 1.46, BEST), Entry("0/5", 0.0)],
        [Entry("lp"), Entry("11.54 ± 0.06", 11.54, UNDECIDED, note="(1/5 failed)"), Entry("0/5", 0.0)],
        [Entry("real"), Entry("0.92", 0.92, WORSE), Entry("–")],
    ]
    assert plain(Table("t", "", columns, rows)).split("\n") == [
        "Loss                           FID ↓  failed / n",
        "wgan-gp                1.46 ± 0.06 *         0/5",
        "lp       11.54 ± 0.06 (1/5 failed) ?         0/5",
        "real                          0.92             –",
    ]
