"""Names and protocols of records: made and taken apart in one place, also as older exports spell them."""

import json

import pytest

from benchmarks.record.protocols import differing, protocol_text, read_protocol
from benchmarks.record.vocabulary import (
    critic_scores,
    final_samples,
    is_player_term,
    is_score,
    layer_depth,
    of_run,
    real_data,
    sample_step,
    samples_at,
)

OLD = "measure=exact W1 between 1000 and 1000 points; generated=2500; law=8gaussians f1b9ee516702"
NEW = {
    "measure": "exact W1 between 1000 and 1000 points",
    "generated": "2500",
    "distribution": "8gaussians f1b9ee516702",
}


@pytest.mark.parametrize("recorded", [OLD, NEW, json.loads(json.dumps(NEW)), protocol_text(NEW)])
def test_a_protocol_is_the_same_in_old_and_new_exports(recorded: object) -> None:
    assert read_protocol(recorded) == NEW


def test_parts_without_a_value_and_missing_protocols_are_kept() -> None:
    assert read_protocol("float32, portable") == {"float32, portable": ""}
    assert protocol_text(read_protocol("a=1; b")) == "a=1; b"
    assert read_protocol(None) == read_protocol("") == {}


def test_only_what_is_not_in_both_protocols_differs() -> None:
    other = {**NEW, "generated": "5000", "weights": "aa"}
    assert differing(NEW, other) == ("generated=2500", "generated=5000; weights=aa")
    assert differing(NEW, dict(NEW)) == ("", "")


def test_arrays_of_a_run_are_named_and_found_again() -> None:
    name = of_run("0123", samples_at(400))
    assert name == "0123/samples@400"
    assert sample_step(name, "0123") == 400
    assert sample_step(name, "4567") is sample_step(final_samples("0123"), "0123") is None
    assert critic_scores(name) == "0123/critic@400"
    assert of_run("0123", real_data("digits")) == real_data("digits") == "data/digits"


def test_scores_and_terms_of_players_are_told_apart() -> None:
    names = ("emd", "apart/emd", "sampling/emd/0", "critic/penalty", "generator/adversarial", "diagnostics/x")
    assert [name for name in names if is_score(name)] == ["emd"]
    assert [name for name in names if is_player_term(name)] == ["critic/penalty", "generator/adversarial"]
    assert layer_depth("diagnostics/layer_grad_norm/10_output") == 10
