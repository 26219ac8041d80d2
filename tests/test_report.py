"""Reports from synthetic records: right numbers, the same bytes, hostile names, and records with holes."""

import csv
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from benchmarks.record import RUN_COLUMNS, Record
from benchmarks.report import build_report, check_report, scores_csv
from benchmarks.report.cells import Table, amount, measured, number, p_value, shortened
from benchmarks.report.document import document
from benchmarks.report.latex import escape as latex_escape
from benchmarks.report.latex import latex
from benchmarks.report.markdown import escape as markdown_escape
from benchmarks.report.markdown import markdown
from benchmarks.report.page import page
from benchmarks.report.results import Results
from benchmarks.report.style import look
from benchmarks.report.versus import build_comparison, diff_runs
from gan_zoo.errors import UserError

LOSSES = ["minimax", "non-saturating", "wgan-clip", "wgan-gp", "wgan-lp", "wgan-gp-hinge"]
POINTS = {"emd": ("min", "Earth mover's distance"), "modes_covered": ("max", "Modes covered")}
IMAGES = {"fid_digits": ("min", "FID (digits)"), "is_digits": ("max", "IS (digits)")}


def synthetic(losses=LOSSES, datasets=("8gaussians", "digits"), seeds=5, steps=2000, failing=("minimax",)) -> Record:
    """A record as a sweep would leave it: odd data sets are images; the failing losses diverge on seeds 0 and 3."""
    rng = np.random.default_rng(7)
    runs, metrics, samples = [], [], {}
    for position, dataset in enumerate(datasets):
        points = position % 2 == 0
        samples[f"data/{dataset}"] = _samples(rng, points, 1.0)
        for rank, loss in enumerate(losses):
            for seed in range(seeds):
                key = f"{position:02d}{rank:02d}{seed:04d}"
                failed = loss in failing and seed % 3 == 0
                step = 700 if failed else steps
                runs.append(_run(key, loss, dataset, seed, step, steps, failed))
                metrics += _logged(rng, key, rank, points, step)
                if not failed:
                    samples[f"{key}/samples"] = _samples(rng, points, 1 + 0.3 * rank)
                    if points:
                        samples[f"{key}/critic"] = _critic(rank)
    frame = pd.DataFrame(metrics, columns=["run_key", "step", "name", "value"])
    return Record(_meta(losses, datasets, seeds, steps), pd.DataFrame(runs), frame, samples)


def _run(key, loss, dataset, seed, step, steps, failed):
    return dict.fromkeys(RUN_COLUMNS, "") | {
        "run_key": key,
        "loss": loss,
        "dataset": dataset,
        "architecture": "mlp 2-128-128-128",
        "seed": seed,
        "status": "diverged" if failed else "done",
        "error": f"the critic's loss is not finite at step {step}" if failed else "",
        "step": step,
        "steps": steps,
        "n_critic": 5 if loss.startswith("wgan") else 1,
        "batch_size": 64,
        "optimizer": "Adam 1e-4 (0.5, 0.9)",
        "parameters_generator": 33_666,
        "parameters_critic": 33_537,
        "train_seconds": 0.004 * step * (1 + 0.01 * seed),
        "images_seen": step * 64 * (5 if loss.startswith("wgan") else 1),
        "iterations_per_second": 250.0 / (1 + 0.01 * seed),
        "timing_comparable": True,
        "device": "cpu",
        "threads": 1,
        "engine": "plain",
        "commit": "0123456789abcdef",
        "dirty": False,
        "mlflow_run_id": f"run{key}",
    }


def _logged(rng, key, rank, points, last):
    rows = []
    seed_effect = rng.normal(0, 0.08)
    for step in range(100, last + 1, 100):
        decay = 1 + 8 * np.exp(-step / 400)
        noise = np.exp(seed_effect + rng.normal(0, 0.05))
        if points:
            scores = {"emd": 0.05 * (1 + 0.4 * rank) * decay * noise, "modes_covered": max(0, 8 - rank - (step < 500))}
        else:
            scores = {"fid_digits": (4 + 3 * rank) * decay * noise, "is_digits": 9 / (decay**0.3 * noise)}
        terms = {
            "critic/wasserstein_estimate": (2 - 0.1 * rank) / decay + rng.normal(0, 0.02),
            "critic/penalty": 0.1 * decay * noise,
            "critic/grad_norm": 1 + rng.normal(0, 0.05) * (rank + 1),
            "generator/adversarial": -1 / decay + rng.normal(0, 0.05),
            "train_seconds": 0.004 * step,
            "iterations_per_second": 250.0,
        }
        rows += [(key, step, name, float(value)) for name, value in {**scores, **terms}.items()]
    return rows


def _samples(rng, points, spread):
    if points:
        angles = np.pi / 4 * rng.integers(8, size=1000)
        centres = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], 1)
        return (centres + rng.normal(0, 0.03 * spread, (1000, 2))).astype(np.float32)
    y, x = np.mgrid[-1:1:8j, -1:1:8j]
    radius = rng.uniform(0.4, 0.9, (64, 1, 1, 1))
    rings = 255 * np.exp(-20 * (np.hypot(x, y) - radius) ** 2) + rng.normal(0, 10 * spread, (64, 1, 8, 8))
    return np.clip(rings, 0, 255).astype(np.uint8)


def _critic(rank):
    y, x = np.mgrid[-3:3:128j, -3:3:128j]
    return (np.cos((1 + 0.2 * rank) * x) + np.sin(y + rank)).astype(np.float32)


def _meta(losses, datasets, seeds, steps):
    of = {dataset: (POINTS, IMAGES)[position % 2] for position, dataset in enumerate(datasets)}
    described = {
        name: {"direction": d, "label": label, "protocol": f"n = 1000, {name}", "lowest": 0, "highest": None}
        for metrics in of.values()
        for name, (d, label) in metrics.items()
    }
    return {
        "suite": "synthetic",
        "description": "A made-up sweep.",
        "commands": ["gan-zoo run synthetic", "gan-zoo report synthetic"],
        "losses": list(losses),
        "datasets": list(datasets),
        "seeds": list(range(seeds)),
        "steps": dict.fromkeys(datasets, steps),
        "primary": {dataset: next(iter(metrics)) for dataset, metrics in of.items()},
        "metrics": described,
        "overrides": {"wgan-clip": {"train": {"optimizer": "rmsprop", "lr": 5e-5}}},
        "loss_info": {
            loss: {
                "formula_critic": "E f(x~) - E f(x)",
                "formula_generator": "-E f(x~)",
                "paper": "A paper, 2017, eq. 3",
            }
            for loss in losses
        },
        "environment": {
            "python": "3.12",
            "torch": "2.13",
            "device": "cpu",
            "commit": "0123456789abcdef",
            "dirty": False,
        },
        "report": {"baseline": "wgan-gp"} if "wgan-gp" in losses else {},
    }


HOSTILE = ["<script>alert(1)</script>", r"a_{}&%$#^~\|`*[x](y)", "x" * 300, "naïve λ 損失"]
FEW = ["minimax", "wgan-gp", "wgan-lp"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small report on disk: three losses, points and images, three seeds, minimax failing on seed 0."""
    out = tmp_path_factory.mktemp("report")
    record = synthetic(FEW, seeds=3)
    for step in (100, 1000):
        for seed in range(3):
            record.samples[f"0101{seed:04d}/samples@{step}"] = record.samples[f"0101{seed:04d}/samples"]
    record.write(out / "export")
    files = build_report(out / "export", out)
    return out, files


def texts(record: Record, choice=None) -> tuple[str, str, str]:
    """Markdown, HTML and LaTeX of a record, without its figures."""
    results = Results(record, choice)
    blocks = document(results, [])
    tables = [block for block in blocks if isinstance(block, Table) and block.paper]
    return markdown("title", blocks), page("title", blocks, None), latex(tables, "suite")


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def test_a_report_is_complete(built):
    out, files = built
    names = {path.relative_to(out).as_posix() for path in files}
    assert {"report.md", "report.html", "table.tex", "table-siunitx.tex", "table.csv"} <= names
    for stem in (
        "final-8gaussians",
        "scores-digits",
        "samples-8gaussians",
        "samples-digits",
        "terms-digits",
        "pairs-digits",
    ):
        assert {f"figures/{stem}.pdf", f"figures/{stem}.png"} <= names
    assert {"figures/profiles.pdf", "figures/failures.png", "figures/samples-digits-1000.png"} <= names
    assert all(path.is_file() for path in files)
    linked = set(re.findall(r"\]\((figures/[^)]+)\)", (out / "report.md").read_text()))
    assert linked == {name for name in names if name.endswith(".png")}


def test_a_rebuild_gives_the_same_bytes_and_check_names_what_differs(built, tmp_path):
    out, _ = built
    shutil.copytree(out, tmp_path / "copy")
    assert check_report(out / "export", tmp_path / "copy") == []
    (tmp_path / "copy" / "table.csv").write_text("altered")
    (tmp_path / "copy" / "table.tex").unlink()
    (tmp_path / "copy" / "figures" / "stale.png").write_bytes(b"")
    differing = check_report(out / "export", tmp_path / "copy")
    assert differing == ["figures/stale.png", "table.csv", "table.tex"]


def test_cells_are_students_interval_of_the_last_scores_and_the_same_everywhere(built):
    out, _ = built
    record = Record.read(out / "export")
    runs = record.runs[(record.runs.loss == "wgan-lp") & (record.runs.dataset == "digits")]
    final = record.metrics[(record.metrics.name == "fid_digits") & (record.metrics.step == 2000)]
    values = final[final.run_key.isin(runs.run_key)].value.to_numpy()
    low, high = scipy_stats.t.interval(0.95, 2, values.mean(), scipy_stats.sem(values))
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    cell = next(row for row in rows if (row["loss"], row["metric"]) == ("wgan-lp", "fid_digits"))
    assert float(cell["mean"]) == pytest.approx(values.mean(), rel=1e-6)
    assert float(cell["half_width_95"]) == pytest.approx((high - low) / 2, rel=1e-6)
    assert (cell["n"], cell["n_failed"], cell["n_critic"]) == ("3", "0", "5")
    text = measured(float(cell["mean"]), float(cell["half_width_95"]))
    assert text in (out / "report.md").read_text()
    assert text in (out / "report.html").read_text()
    assert text.replace("±", r"$\pm$") in (out / "table.tex").read_text()
    assert text.replace("±", "+-") in (out / "table-siunitx.tex").read_text()


def test_failed_runs_are_counted_listed_and_never_averaged(built):
    out, _ = built
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert {(row["n"], row["n_failed"]) for row in rows if row["loss"] == "minimax"} == {("3", "1")}
    text = (out / "report.md").read_text()
    assert "| minimax | 8gaussians | 0 | diverged | 700 | the critic's loss is not finite at step 700 |" in text


def test_the_page_needs_nothing_but_itself(built):
    out, _ = built
    parsed = Page((out / "report.html").read_text())
    links = [value for _, name, value in parsed.attributes if name in ("src", "href")]
    assert all(link.startswith(("data:", "#")) for link in links)
    identifiers = [value for _, name, value in parsed.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)
    described = [value for tag, name, value in parsed.attributes if (tag, name) == ("img", "alt")]
    assert len(described) == parsed.tags.count("img")
    assert all(described)
    assert parsed.tags.count("input") == 1
    assert parsed.tags.count("script") == 1


def test_hostile_names_are_text_everywhere():
    record = synthetic(HOSTILE, ("a<b>_&|\\", "digits"), seeds=2, failing=HOSTILE[2:3])
    text, html, tex = texts(record)
    parsed = Page(html)
    assert parsed.tags.count("script") == 1
    assert "b" not in parsed.tags
    for name in HOSTILE:
        assert any(name in word for word in parsed.words)
    assert "<script" not in text
    for table in re.findall(r"(?m)(?:^\|.*\n)+", text):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table
    for line in tex.splitlines():
        assert not re.search(r"(?<!\\)[#_]", line.replace(r"\label{tab:suite-scores-a-b}", "")), line
        if line not in (r"\makebox[\textwidth]{%", "}"):
            assert line.count("{") - line.count(r"\{") == line.count("}") - line.count(r"\}"), line


def test_hostile_names_can_be_drawn(tmp_path):
    record = synthetic(HOSTILE[:3], ("../../a<b>_&|\\",), seeds=2, failing=())
    record.write(tmp_path / "export")
    files = build_report(tmp_path / "export", tmp_path / "out")
    assert all((tmp_path / "out") in path.parents for path in files)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX here")
def test_tables_compile_as_pasted(tmp_path):
    preamble = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    body = texts(synthetic(HOSTILE, ("a<b>_&|\\", "digits"), seeds=2))[2]
    (tmp_path / "paper.tex").write_text(f"{preamble}\n{body}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def test_one_seed_has_no_interval_no_test_and_no_bold():
    text, _, tex = texts(synthetic(FEW, seeds=1, failing=()))
    assert "One seed only" in text
    assert "nothing is bold" in text
    assert "**" not in text
    assert r"\textbf" not in tex
    assert "±" not in "".join(line for line in text.splitlines() if line.startswith("| wgan"))


def test_every_run_failed_is_a_report_of_failures(tmp_path):
    record = synthetic(FEW, seeds=2)
    record.runs["status"], record.runs["error"] = "failed", "out of memory"
    record.metrics, record.samples = record.metrics[:0], {}
    record.write(tmp_path / "export")
    files = build_report(tmp_path / "export", tmp_path)
    assert {path.stem for path in files if path.suffix == ".pdf"} == {"failures"}
    text = (tmp_path / "report.md").read_text()
    assert "Every run failed" in text
    assert "no loss can be called best" in text
    assert text.count("out of memory") == 12


def test_done_runs_without_scores_count_as_failed():
    record = synthetic(FEW, seeds=2, failing=())
    record.metrics = record.metrics[:0]
    rows = list(csv.DictReader(scores_csv(Results(record)).splitlines()))
    assert {(row["n"], row["n_failed"], row["mean"]) for row in rows} == {("2", "2", "")}


def test_runs_that_never_started_have_no_step_and_no_costs():
    record = synthetic(FEW, seeds=2)
    record.runs.loc[record.runs.status == "diverged", ["step", "train_seconds", "images_seen", "n_critic"]] = None
    record.runs = record.runs.astype({"step": "Int64", "images_seen": "Int64", "n_critic": "Int64"})
    assert "| minimax | 8gaussians | 0 | diverged |  |" in texts(record)[0]


def test_missing_seeds_are_said_and_not_counted():
    record = synthetic(FEW, seeds=3, failing=())
    record.runs = record.runs[~((record.runs.loss == "wgan-lp") & (record.runs.seed == 1))]
    rows = list(csv.DictReader(scores_csv(Results(record)).splitlines()))
    assert {(row["n"], row["n_failed"]) for row in rows if row["loss"] == "wgan-lp"} == {("2", "0")}
    assert "2 planned runs are missing" in texts(record)[0]


def test_incomparable_clocks_and_mixed_machines_are_said():
    record = synthetic(FEW, seeds=2, failing=())
    record.runs["timing_comparable"] = False
    record.runs.loc[0, "device"] = "cuda"
    text = texts(record)[0]
    assert "not comparable" in text
    assert "Runs differ in device: cpu; cuda" in text
    assert re.search(r"\| wgan-lp \|.*\| – \| – \|", text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: r.runs.__setitem__("optimizer", ["a", "b", *["a"] * (len(r.runs) - 2)]),
            "seeds differ in optimizer",
        ),
        (lambda r: r.meta.__setitem__("primary", {}), "primary"),
        (lambda r: r.meta["metrics"]["emd"].__setitem__("direction", "down"), "must be min or max"),
        (lambda r: r.meta.__setitem__("losses", []), "none may be empty"),
        (lambda r: r.meta.__setitem__("report", {"baseline": "nobody"}), "'nobody' is not in this report"),
        (lambda r: r.meta.__setitem__("report", {"rows": ["nobody"]}), "'nobody' is not in this record"),
    ],
)
def test_what_cannot_be_reported_is_one_clear_line(change, message):
    record = synthetic(FEW, seeds=2, failing=())
    change(record)
    with pytest.raises(UserError, match=message) as raised:
        texts(record)
    assert "\n" not in str(raised.value)


def test_a_choice_narrows_the_report():
    choice = {"rows": ["wgan-lp", "wgan-gp"], "columns": ["digits"], "metrics": ["is_digits"], "baseline": "wgan-lp"}
    text = texts(synthetic(FEW, seeds=2), choice)[0]
    table = text[text.index("## digits") : text.index("## Losses")]
    assert "FID" not in table.split("\n*")[0]
    assert "minimax" not in text
    assert "8gaussians" not in text[text.index("## Summary") : text.index("### Metrics")]
    assert "each loss against wgan-lp" in text


def test_time_to_target_takes_the_baselines_median_and_counts_misses():
    record = synthetic(FEW, seeds=3, failing=())
    text = texts(record)[0]
    finals = record.metrics[(record.metrics.name == "emd") & (record.metrics.step == 2000)]
    target = np.median(finals[finals.run_key.str.startswith("0001")].value)
    assert f"Earth mover's distance ≤ {number(float(target), 4)} (the median score of wgan-gp" in text
    assert re.search(r"\| wgan-gp \| [23]/3 \|", text)
    fixed = texts(record, {"targets": {"8gaussians": 1e-9}})[0]
    assert re.search(r"\| wgan-gp \| 0/3 \| ∞ \| ∞ \|", fixed)


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
    assert re.search(rf"\| wgan-lp \| {number(ratio)} \|", text[text.index("## digits") :])
    words = {
        "last": "last checkpoint",
        "mean-4": "mean of the last 4 checkpoints",
        "best": "best checkpoint of each run",
    }
    captions = [line for line in text.splitlines() if line.startswith("*") and "t-interval over the finished" in line]
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
    assert f"| wgan-gp | {' | '.join(cells)} |" in text
    assert "| last | best | mean of last 3 | sd over seeds | sd over samples | sd over checkpoints |" in text
    assert "over 4 draws of latents for the same final weights" in text
    without = texts(synthetic(FEW, seeds=3, failing=()))[0]
    assert "| last | mean of last 3 | sd over seeds | sd over checkpoints |" in without
    assert "evaluate.repeats 2 or more gives both" in without


def test_published_numbers_stand_apart_with_their_sources():
    """The data set of images goes by a name that others have published on."""
    record = synthetic(["non-saturating", "wgan-gp", "r3gan"], ("8gaussians", "cifar10"), seeds=2, failing=())
    text, _, tex = texts(record)
    table = text[text.index("## cifar10") : text.index("*cifar10: mean")]
    assert "| published FID | published IS |" in table
    assert re.search(r"\| wgan-gp \|.*\| \*15.57–55.8 \(10\)\* \| \*5.22–7.95 \(10\)\* \|", table)
    assert re.search(r"\| r3gan \|.*\| \*–\* \| \*–\* \|", table)
    assert (
        "| wgan-gp | WGAN-GP | FID | *22.29 ± 0.06* | ResNet, 100k steps, 50k/50k samples, one training run |" in text
    )
    assert "not comparable with our columns" in tex
    assert r"\textit{15.57--55.8 (10)}" in tex
    assert "published" not in text[text.index("## 8gaussians") : text.index("## cifar10")]
    assert "Gulrajani et al. 2017, table 3" in text[text.index("*cifar10: mean") :]


def test_rows_scored_differently_share_no_table():
    protocol = '{"fid_digits": "generated=%s; weights=%s", "is_digits": "parts=10"}'
    record = synthetic(FEW, seeds=2, failing=())
    images = record.runs.dataset == "digits"
    record.runs.loc[images, "protocol"] = protocol % (2500, "aa")
    text = texts(record)[0]
    assert "FID (digits): generated 2500; weights aa. IS (digits): parts 10." in text
    assert "6 runs do not say by which protocol they were scored" in text
    record.runs.loc[images & (record.runs.loss == "wgan-lp"), "protocol"] = protocol % (2500, "bb")
    differ = (
        r"data set 'digits', fid_digits: runs differ: weights=aa \(minimax seed 0\) and weights=bb \(wgan-lp seed 0\)"
    )
    with pytest.raises(UserError, match=differ) as raised:
        texts(record)
    assert "\n" not in str(raised.value)
    assert "weights bb" in texts(record, {"rows": ["wgan-lp"], "baseline": "wgan-lp"})[0]
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


def test_two_records_side_by_side(tmp_path):
    a, b = synthetic(FEW, seeds=3, failing=()), synthetic([*FEW, "hinge"], seeds=3, failing=())
    own = a.metrics.name == "emd"
    b.metrics = a.metrics.assign(value=a.metrics.value.where(~own, 2 * a.metrics.value))
    b.runs["commit"], b.meta["environment"]["torch"] = "fedcba", "2.15"
    b.meta["metrics"]["fid_digits"]["protocol"] = "n = 10"
    b.meta["metrics"]["fid_digits_5k"] = b.meta["metrics"]["fid_digits"]
    a.write(tmp_path / "a")
    b.write(tmp_path / "b")
    pages = build_comparison(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    text = pages[0].read_text()
    assert re.search(
        r"\| wgan-lp \|.*\| 2\.00 \| 2\.00 to 2\.00 \| < 0\.001 \| 3 \| equal \|", text.replace("&lt;", "<")
    )
    assert "not comparable" in text
    assert "| torch | 2.13 | 2.15 |" in text
    assert "only B has the losses hinge" in text
    assert "only B has the metrics fid_digits_5k" in text.replace("\\", "")
    assert "commit: A 0123456789abcdef; B fedcba" in text


def test_two_runs_side_by_side():
    record = synthetic(FEW, seeds=2, failing=())
    text = diff_runs(record, "00010000", record, "00020000")
    assert "| loss | wgan-gp | wgan-lp |" in text
    assert "| emd |" in text
    assert "optimizer" not in text
    with pytest.raises(UserError, match="6 runs have"):
        diff_runs(record, "00", record, "00020000")


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
    assert [p_value(x) for x in (0.0004, 0.0312, 1.0, float("nan"))] == ["< 0.001", "0.031", "1", "–"]
    assert [amount(x) for x in (5, 1280, 1_280_000)] == ["5", "1.28k", "1.28M"]
    assert len(shortened("x" * 300)) == 28


def test_escapes():
    assert latex_escape(r"a_{b}&5 %\~^") == r"a\_\{b\}\&5\,\%\textbackslash{}\textasciitilde{}\textasciicircum{}"
    assert latex_escape("é損x\u0303") == r"\'{e}[U+640D]\~{x}"
    assert markdown_escape("a|b_<i>*\\") == r"a\|b\_&lt;i&gt;\*\\"


def test_a_look_belongs_to_a_name():
    assert look("wgan-gp").colour == "#3f90da"
    assert look("a new loss") == look("a new loss")
    assert len({look(loss) for loss in [*LOSSES, "lsgan", "hinge", "r1", "dragan", "wgan-div", "r3gan"]}) == 12
    assert len({look(loss).colour for loss in LOSSES}) == len(LOSSES)


def test_reports_need_neither_torch_nor_mlflow_and_load_matplotlib_only_to_draw():
    code = "import sys, benchmarks.report; print(sorted({'torch', 'mlflow', 'matplotlib', 'yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
