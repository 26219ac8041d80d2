"""Reports from synthetic records: right numbers, the same bytes, hostile names, and records with holes."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy import stats as scipy_stats
from synthetic import FEW, HOSTILE, LOSSES, Page, executed, synthetic, texts

from benchmarks.cli import main
from benchmarks.markup.blocks import measured
from benchmarks.markup.page import page
from benchmarks.markup.plain import plain
from benchmarks.markup.spreadsheet import table_csv
from benchmarks.record.export import Record
from benchmarks.record.store import Store
from benchmarks.report.build import build_report, check_report
from benchmarks.report.figures.style import colour, look
from benchmarks.report.names import display
from benchmarks.report.provenance import rebuild_command
from benchmarks.report.results import Results
from benchmarks.report.spreadsheet import scores_csv
from benchmarks.report.tables import scores_table
from benchmarks.report.terminal import LEGEND, ONE_SEED, scores_text
from gan_zoo.errors import UserError


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


def test_a_report_is_complete(built):
    out, files = built
    names = {path.relative_to(out).as_posix() for path in files}
    assert {"report.md", "report.html"} <= names
    assert {f"table{ending}" for ending in (".tex", "-siunitx.tex", ".md", ".html", ".csv")} <= names
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
    assert text.replace("±", r"& $\pm$ &") in (out / "table-siunitx.tex").read_text()


def test_one_table_or_figure_is_made_again_by_the_command_that_the_report_names(built, tmp_path, capsys):
    """Each of a table's files holds the same cells as the whole report; a figure has the same bytes."""
    out, _ = built
    commands = (out / "report.md").read_text().split("```")[1]
    assert "gan-zoo report synthetic --from-export --only NAME" in commands
    call = ["report", str(out), "--from-export", "--out", str(tmp_path)]
    assert main([*call, "--only", "scores-digits", "baseline-digits", "pairs-digits"]) == 0
    printed = {line.removeprefix(f"{tmp_path}/") for line in capsys.readouterr().out.splitlines()}
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    endings = (".tex", "-siunitx.tex", ".md", ".html", ".csv")
    assert {f"tables/{name}-digits{ending}" for name in ("scores", "baseline") for ending in endings} < made
    assert printed == made
    assert {path.split("/")[1].split("-")[0] for path in made if path.startswith("figures/")} == {"scores", "pairs"}
    for path in (tmp_path / "figures").iterdir():
        assert path.read_bytes() == (out / "figures" / path.name).read_bytes()
    rows = list(csv.DictReader((tmp_path / "tables" / "scores-digits.csv").read_text().splitlines()))
    whole = [
        row for row in csv.DictReader((out / "table.csv").read_text().splitlines()) if row["metric"] == "fid_digits"
    ]
    fid = "FID (Digits)\u00a0↓"
    assert [(row["Loss"], row[fid], row[f"{fid}, half-width 95 %"], row[f"{fid}, verdict"]) for row in rows] == [
        (row["loss"], row["mean"], row["half_width_95"], row["verdict"]) for row in whole
    ]
    for name, page_name in (("scores-digits.md", "report.md"), ("scores-digits-siunitx.tex", "table-siunitx.tex")):
        table = (tmp_path / "tables" / name).read_text().splitlines()
        assert set(table[2:]) <= set((out / page_name).read_text().splitlines())
    assert main(["report", str(out), "--check", "--only", "scores-digits"]) == 2
    assert "--only: makes parts of one report" in capsys.readouterr().err
    assert main([*call, "--only", "scores-digit"]) == 2
    assert "--only scores-digit: not in this report: choose from primary, " in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--only", "primry"], ["--losses", "wgan-pg"], ["--baseline", "wgan-pg"]])
def test_a_refused_report_leaves_no_export(tmp_path, monkeypatch, words):
    """Nor the folders around it, whether --out names them or the choice does; one that was there stays."""
    monkeypatch.setattr(Store, "record", lambda *_: synthetic(FEW[:1], seeds=1, failing=()))
    there = tmp_path / "there"
    synthetic(FEW[:1], seeds=2, failing=()).write(there / "export")
    call = ["report", "synthetic", "--results", str(tmp_path / "results"), *words]
    for place in ([], ["--out", str(tmp_path / "a" / "b")], ["--out", str(there)]):
        assert main([*call, *place]) == 2
    assert list(tmp_path.iterdir()) == [there]
    assert Record.read(there / "export").meta["seeds"] == [0]


def test_a_rebuild_command_repeats_what_the_report_was_narrowed_to():
    record = synthetic(HOSTILE[:2], ("a<b>", "digits"), seeds=2, failing=())
    results = Results(record, {"rows": [HOSTILE[1]], "checkpoint": "mean-2"})
    command = rebuild_command(results, "scores-a-b")
    words = ["gan-zoo", "report", "synthetic", "--from-export", "--rows", HOSTILE[1], "--checkpoint", "mean-2"]
    assert shlex.split(command) == [*words, "--only", "scores-a-b"]


def test_failed_runs_are_counted_listed_and_never_averaged(built):
    out, _ = built
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert {(row["n"], row["n_failed"]) for row in rows if row["loss"] == "minimax"} == {("3", "1")}
    text = (out / "report.md").read_text()
    assert "| Minimax GAN | 8 Gaussians | 0 | diverged | 700 | the critic's loss is not finite at step 700 |" in text


def test_the_page_needs_nothing_but_itself(built):
    out, _ = built
    parsed = Page((out / "report.html").read_text())
    links = [value for _, name, value in parsed.attributes if name in ("src", "href")]
    assert {link.split(":")[0] for link in links if not link.startswith(("#", "figures/"))} == {"data"}
    identifiers = [value for _, name, value in parsed.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)
    described = [value for tag, name, value in parsed.attributes if (tag, name) == ("img", "alt")]
    assert len(described) == parsed.tags.count("img")
    assert all(described)
    assert parsed.tags.count("input") == 0  # the script makes the player's
    assert executed(parsed) == 4


def test_hostile_names_are_text_everywhere():
    record = synthetic(HOSTILE, ("a<b>_&|\\", "digits"), seeds=2, failing=HOSTILE[2:3])
    text, html, tex = texts(record)
    parsed = Page(html)
    assert executed(parsed) == 1
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
    assert {path.relative_to(tmp_path / "out").parts[0] for path in files} >= {"report.md", "report.html", "figures"}


def test_one_seed_has_no_interval_no_test_and_no_bold():
    text, _, tex = texts(synthetic(FEW, seeds=1, failing=()))
    assert "One seed only" in text
    assert "nothing is bold" in text
    assert "**" not in text
    assert r"\textbf" not in tex
    assert "±" not in "".join(line for line in text.splitlines() if line.startswith("| WGAN"))


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
    assert "| Minimax GAN | 8 Gaussians | 0 | diverged |  |" in texts(record)[0]


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
    assert re.search(r"\| WGAN-LP \|.*\| – \| – \|", text)


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
    table = text[text.index("## Digits") : text.index("## Losses")]
    assert "FID" not in table.split("\n*")[0]
    assert "Minimax" not in text
    assert "8 Gaussians" not in text[text.index("## Summary") : text.index("### Metrics")]
    assert "each loss against WGAN-LP" in text


def test_names_are_for_people_in_tables_and_those_of_commands_in_csv_and_in_a_terminal():
    from gan_zoo.losses import LOSSES as REGISTERED

    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert {name for name in REGISTERED if f"| `{name}` | {display(name)} |" not in readme} == set()
    names = {
        "wgan-gp": "WGAN-GP",
        "8gaussians": "8 Gaussians",
        "swissroll": "Swiss roll",
        "mnist": "MNIST",
        "mine": "mine",
    }
    assert {name: display(name) for name in names} == names
    results = Results(synthetic(["wgan-gp", "mine"], ("8gaussians",), seeds=2, failing=()))
    table = scores_table(results.on("8gaussians"))
    assert [row[0].text for row in table.rows] == ["WGAN-GP", "mine"]
    for text in (table_csv(table), plain(table)):
        assert "wgan-gp" in text
        assert "WGAN-GP" not in text
    assert 'style="background: #3f90da"' in page("", [table], None, colour)
    record = synthetic(["wgan-gp"], ("mnist",), seeds=2, failing=())
    record.meta["metrics"]["emd"]["label"] = "FID (mnist)"
    assert Results(record).metrics["emd"].titled == "FID (MNIST)\u00a0↓"


@pytest.mark.parametrize(("losses", "seeds", "marks"), [(FEW, 2, LEGEND), (FEW, 1, ONE_SEED), (["wgan-gp"], 2, None)])
def test_a_terminal_explains_marks_where_there_are_verdicts(losses, seeds, marks, tmp_path):
    synthetic(losses, ("8gaussians",), seeds=seeds, failing=()).write(tmp_path)
    text = scores_text(tmp_path)
    assert text.split("\n\n")[1:] == ([marks] if marks else [])
    assert ("worse" in text) == (marks == LEGEND)


def test_a_look_belongs_to_a_name():
    assert look("wgan-gp").colour == "#3f90da"
    assert look("a new loss").colour == "#ffa90e"  # in every process, whatever else there is
    assert len({look(loss) for loss in [*LOSSES, "lsgan", "hinge", "r1", "dragan", "wgan-div", "r3gan"]}) == 12
    assert len({look(loss).colour for loss in LOSSES}) == len(LOSSES)


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "torch_fidelity", "mlflow", "ruamel", "pydantic", "sklearn"):
            raise ModuleNotFoundError(f"there is no {name} here", name=name)
sys.meta_path.insert(0, Blocked())
from benchmarks.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [["--check"], ["--from-export", "--only", "primary", "pairs-digits"], ["again"]])
def test_a_report_is_made_from_the_export_alone_without_torch_mlflow_or_yaml(built, tmp_path, words):
    out, _ = built
    words = [str(out) if word == "again" else word for word in words]
    place = [] if "--check" in words else ["--out", str(tmp_path)]
    command = [sys.executable, "-c", BLOCKED, "report", str(out), *words, *place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_reports_need_neither_torch_nor_mlflow_and_load_matplotlib_only_to_draw():
    heavy = "{'torch', 'mlflow', 'matplotlib', 'ruamel'}"
    code = f"import sys, benchmarks.report; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_home_that_cannot_be_written_to_costs_no_words():
    drawn = "with drawing():\n    import matplotlib\n    matplotlib.get_cachedir()"
    code = f"from benchmarks.report.figures.style import drawing\n{drawn}"
    environment = {**os.environ, "HOME": "/dev/null", "MPLCONFIGDIR": "/dev/null/x", "XDG_CACHE_HOME": "/dev/null/x"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
