"""A report's statements on its numbers are true: budgets, formulas, critics, and what real data scores."""

import csv

import pytest
from synthetic import FEW, synthetic, texts

from benchmarks.record.export import Record
from benchmarks.report.captions import budget_sentence
from benchmarks.report.document import document
from benchmarks.report.health import unhealthy_losses
from benchmarks.report.results import Results
from benchmarks.report.spreadsheet import scores_csv
from gan_zoo.errors import UserError

POINTS = ("8gaussians",)


def record(**changes: object) -> Record:
    return synthetic(FEW, POINTS, seeds=3, failing=(), **changes)


def rows_of(table: str, text: str) -> list[list[str]]:
    """The cells of every Markdown row that begins so."""
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith(f"| {table}")]


def test_a_budget_is_called_the_same_only_where_it_is() -> None:
    """minimax takes one critic step, the others five: 2000 steps of 64 images."""
    unlike = record()
    assert budget_sentence(Results(unlike)) == "Budgets differ: 128k to 640k real images (table recipes)."
    as_many = record()
    as_many.runs.loc[as_many.runs.loss == "minimax", ["steps", "images_seen"]] = [10_000, 640_000]
    assert budget_sentence(Results(as_many)) == (
        "All losses see 640k real images, in unlike steps: 1 to 5 critic steps to a generator step (table recipes)."
    )
    unlike.runs["n_critic"], unlike.runs["images_seen"] = 5, 640_000
    same = "All losses see 640k real images, in as many steps (table recipes)."
    assert budget_sentence(Results(unlike)) == same
    assert same in texts(unlike)[0]


def test_the_budgets_of_data_sets_are_told_apart_where_they_differ() -> None:
    both = synthetic(FEW, seeds=3, failing=())
    both.runs["n_critic"] = 5
    both.runs.loc[both.runs.dataset == both.runs.dataset.iloc[-1], "steps"] = 1000
    text = "640k real images on 8 Gaussians and 320k real images on Digits"
    assert budget_sentence(Results(both)) == f"All losses see {text}, in as many steps (table recipes)."


def test_without_runs_nothing_is_said_of_budgets() -> None:
    none = record()
    none.runs = none.runs[:0]
    assert budget_sentence(Results(none)) == ""


def test_images_seen_stand_in_every_table_of_scores() -> None:
    text = texts(synthetic(FEW, seeds=3, failing=()))[0]
    heads = [line for line in text.splitlines() if line.startswith("| Loss |") and "distance" in line]
    assert [line.count("images seen") for line in heads] == [2, 1]
    (first, *_) = rows_of("Minimax", text)
    assert (first[4], first[7]) == ("128k", "128k")


def test_formulas_stand_by_data_set_where_they_differ() -> None:
    known = synthetic(FEW, seeds=2, failing=())
    formula = {"generator": "-E f(x~)", "paper": "A paper"}
    ten = {loss: {**formula, "critic": "E f(x~) - E f(x) + 10 P"} for loss in FEW}
    little = {**ten["wgan-gp"], "critic": "E f(x~) - E f(x) + 0.1 P"}
    known.meta["formulas"] = {"8gaussians": {**ten, "wgan-gp": little}, "digits": ten}
    text = texts(known)[0].replace("\\", "")
    table = text[text.index("## Losses and recipes") :]
    assert "| WGAN-GP | wgan-gp | 8 Gaussians | E f(x~) - E f(x) + 0.1 P | -E f(x~) | A paper |" in table
    assert "| WGAN-GP | wgan-gp | Digits | E f(x~) - E f(x) + 10 P | -E f(x~) | A paper |" in table
    assert "| WGAN-LP | wgan-lp | 8 Gaussians, Digits | E f(x~) - E f(x) + 10 P | -E f(x~) | A paper |" in table
    assert "older than formulas by data set" not in table
    assert "older than formulas by data set" in texts(synthetic(FEW, seeds=2, failing=()))[0]


def with_critic(slope: float, estimate: float) -> Record:
    """wgan-gp asks for slopes of 1 and has these; minimax has the same and asks for nothing."""
    known = record()
    formula = {"generator": "-E f(x~)", "paper": "A paper"}
    asks = {**formula, "critic": "E f(x̃) - E f(x) + 0.1 E (‖∇f(x̂)‖ - 1)^2"}
    free = {**formula, "critic": "-E log σ(f(x))"}
    known.meta["formulas"] = {"8gaussians": {"minimax": free, "wgan-gp": asks, "wgan-lp": free}}
    name = known.metrics["name"]
    known.metrics.loc[name == "critic/grad_norm", "value"] = slope
    known.metrics.loc[name == "critic/wasserstein_estimate", "value"] = -estimate
    known.metrics.loc[name == "emd", "value"] = 0.5
    return known


@pytest.mark.parametrize(
    ("slope", "estimate", "fault"),
    [
        (9.9, 4.9, ""),
        (5000.0, 4.9, "its gradient norm is 5000 where the loss asks for 1"),
        (1.0, 600.0, "its estimate is 1200 times the exact distance"),
    ],
)
def test_an_unhealthy_critic_is_flagged_beside_its_score(slope: float, estimate: float, fault: str) -> None:
    known = with_critic(slope, estimate)
    results = Results(known)
    assert unhealthy_losses(results.on("8gaussians")) == ({"wgan-gp": fault} if fault else {})
    text, page, tex = texts(known)
    assert ("Unhealthy critics on 8 Gaussians (†): that of WGAN-GP: " in text) == bool(fault)
    marked = [row[2].endswith("†") for row in rows_of("WGAN-GP |", text) if "±" in row[2]]
    assert marked[0] == bool(fault)
    assert ('unhealthy critic"' in page) == bool(fault)
    assert (r"\dag{}" in tex) == bool(fault)
    flags = {row["loss"]: row["unhealthy"] for row in csv.DictReader(scores_csv(results).splitlines())}
    assert flags == {"minimax": "0", "wgan-gp": str(int(bool(fault))), "wgan-lp": "0"}


def test_real_data_stands_below_the_losses_and_in_no_ranking() -> None:
    known = record()
    known.meta["floor"] = {"8gaussians": {"emd": {"values": [0.08, 0.09, 0.1], "n": 500}}}
    without = [row[:10] for row in csv.reader(scores_csv(Results(record())).splitlines())]
    text, page, tex = texts(known)
    (row,) = rows_of("real data", text)
    assert row[1:4] == ["real data (floor)", "0.090 ± 0.025 (n = 500)", "–"]
    assert "held-out real data scored as if generated" in text
    assert "real data (floor)" in tex
    assert "real data (floor)</th>" in page
    scores = [row[:10] for row in csv.reader(scores_csv(Results(known)).splitlines())]
    (floor,) = [row for row in scores if row[4] == "real data (floor)"]
    assert [row for row in scores if row is not floor] == without
    assert floor[:5] == ["8gaussians", "emd", "min", "last", "real data (floor)"]
    assert floor[5:10] == ["0.09", "0.0248413771", "3", "0", "floor"]
    assert "real data" not in texts(record())[0]
    assert document(Results(known), [])[2] == document(Results(record()), [])[2], "the same summary"


def test_a_margin_is_a_share() -> None:
    assert Results(record(), {"margin": 0.25}).margin == 0.25
    for wrong in (0.0, -0.1, 1.5, "much", True):
        with pytest.raises(UserError, match=r"report.margin: expected a share above 0 and at most 1"):
            _ = Results(record(), {"margin": wrong}).margin
    assert "it is within 0.800 to 1.25, a margin of 25 %" in texts(record(), {"margin": 0.25})[0]
