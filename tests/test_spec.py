"""Specs: one canonical form both ways, an identity that changes with every number that matters, errors at the key."""

import json
import os
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from benchmarks.report.dataset_results import FLOOR
from gan_zoo.losses import ADVERSARIAL, LOSSES, PENALTIES
from gan_zoo.spec import REFUSALS, RunSpec, TrainSpec, run_spec
from gan_zoo.validation import SpecError


def content(**changes: Any) -> dict[str, Any]:
    return {
        "loss": "wgan-gp",
        "dataset": "8gaussians",
        "architecture": {"name": "mlp", "width": 16},
        "train": {"steps": 10, "batch_size": 8, "optimizer": {"name": "adam", "lr": 1e-3}},
        "evaluate": {"every": 5, "samples": 100},
        **changes,
    }


def with_change(path: tuple[str, ...], value: Any) -> RunSpec:
    changed = json.loads(json.dumps(run_spec(content()).to_dict()))
    target = changed
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return run_spec(changed)


@pytest.mark.parametrize("loss", LOSSES)
def test_plain_data_and_back_is_the_same_spec(loss: str) -> None:
    spec = run_spec(content(loss=loss))
    again = run_spec(json.loads(json.dumps(spec.to_dict())))
    assert again == spec
    assert again.key == spec.key
    assert again.loss.paper == LOSSES[loss].paper


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), 1),
        (("loss", "penalties"), [{"gradient-norm": {"weight": 9.0}}]),
        (("dataset", "name"), "swissroll"),
        (("dataset", "image_size"), 32),
        (("architecture", "width"), 17),
        (("train", "steps"), 11),
        (("train", "optimizer"), {"name": "adam", "lr": 1.0001e-3}),
        (("train", "optimizer"), {"name": "rmsprop", "lr": 1e-3}),
        (("train", "n_critic"), 4),
        (("evaluate", "samples"), 101),
        (("evaluate", "seed"), 1),
    ],
)
def test_key_changes_with_every_number(path: tuple[str, ...], value: Any) -> None:
    assert with_change(path, value).key != run_spec(content()).key


def test_key_ignores_where_the_data_lies() -> None:
    here, there = (run_spec(content(dataset={"name": "cats", "folder": folder})) for folder in ("/a", "/b"))
    assert here.key == there.key


def test_the_canonical_form_is_the_spec() -> None:
    spec = run_spec(content(loss={"name": "wgan-gp", "weight": 0.1}))
    assert run_spec(json.loads(spec.canonical)) == spec


@dataclass(frozen=True)
class LaterTrainSpec(TrainSpec):
    """A TrainSpec as a later version may have it."""

    warm_up: int = 0


def test_a_new_field_renames_nothing() -> None:
    spec = run_spec(content())
    now = {entry.name: getattr(spec.train, entry.name) for entry in fields(spec.train)}
    assert replace(spec, train=LaterTrainSpec(**now)).key == spec.key
    assert replace(spec, train=LaterTrainSpec(**now, warm_up=3)).key != spec.key


def test_key_is_the_recorded_one() -> None:
    """A change here makes every recorded cell another cell: change it only on purpose."""
    assert run_spec(content()).key == "a9bf90b3ba33c832"


def test_spelled_out_defaults_are_the_same_cell() -> None:
    spelled = content(
        loss={"adversarial": "wasserstein", "penalties": [{"gradient-norm": {"weight": 10}}], "name": "wgan-gp"}
    )
    assert run_spec(spelled).key == run_spec(content()).key


def test_one_penalty_has_one_form_whatever_it_was_called() -> None:
    general = {"gradient-norm": {"at": "real", "target": 0, "weight": 0.05}}
    composed = [{"adversarial": "hinge", "penalties": [part]} for part in (general, {"r1": {"gamma": 0.1}})]
    first, second = (run_spec(content(loss=loss)) for loss in composed)
    assert first == second
    assert first.loss_name == "hinge+r1(gamma=0.1)"
    assert run_spec(first.to_dict()) == first


def test_parts_of_a_registered_loss_are_that_loss() -> None:
    spec = run_spec(
        content(loss={"adversarial": "relativistic", "penalties": [{"r1": {"gamma": 0.05}}, {"r2": {"gamma": 0.05}}]})
    )
    assert spec.loss_name == "r3gan"
    assert spec.loss == LOSSES["r3gan"]


@pytest.mark.parametrize("adversarial", ADVERSARIAL)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_any_adversarial_term_goes_with_any_penalty(adversarial: str, penalty: str) -> None:
    spec = run_spec(content(loss={"adversarial": adversarial, "penalties": [penalty, {penalty: OTHER[penalty]}]}))
    assert len(spec.loss.penalties) == 2
    assert run_spec(json.loads(json.dumps(spec.to_dict()))) == spec


OTHER = {
    "gradient-norm": {"weight": 3},
    "dragan": {"weight": 3},
    "r1": {"gamma": 3},
    "r2": {"gamma": 3},
    "wgan-div": {"k": 3},
}


def test_changed_and_composed_losses_get_names_that_tell_them_apart() -> None:
    names = [
        run_spec(content(loss=loss)).loss_name
        for loss in (
            "wgan-gp",
            {"name": "wgan-gp", "weight": 1},
            {"adversarial": "non-saturating", "penalties": [{"gradient-norm": {"at": "real", "target": 0}}]},
            {"adversarial": "non-saturating", "penalties": ["gradient-norm"]},
            {"adversarial": "wasserstein", "weight_clip": 0.1},
            {
                "adversarial": "hinge",
                "penalties": [{"gradient-norm": {"one_sided": True, "weight": 5}}, {"r1": {"gamma": 0.1}}],
            },
            {"adversarial": {"least-squares": {"a": -1, "c": 0}}, "critic_norm": "spectral"},
        )
    ]
    assert names == [
        "wgan-gp",
        "wgan-gp(weight=1)",
        "non-saturating+r1(gamma=20)",
        "non-saturating+gradient-norm",
        "wasserstein+clip(0.1)",
        "hinge+gradient-norm(weight=5,one_sided)+r1(gamma=0.1)",
        "least-squares(a=-1,c=0)+spectral",
    ]


def test_a_loss_may_require_spectral_normalisation_of_the_critic() -> None:
    spec = run_spec(content(loss="sngan"))
    assert spec.architecture.critic_norm == "spectral"
    assert run_spec(spec.to_dict()) == spec
    assert run_spec(content(loss="hinge")).architecture.critic_norm == "none"
    for architecture, message in (
        (
            {"name": "mlp", "critic_norm": "layer"},
            "architecture.critic_norm: 'sngan' requires a critic under spectral normalisation",
        ),
        ("table1:3", "architecture: 'table1' has no spectral normalisation of the critic, which 'sngan' requires"),
    ):
        with pytest.raises(SpecError, match=message):
            run_spec(content(loss="sngan", architecture=architecture))


def test_an_architecture_of_a_set_is_named_with_its_index() -> None:
    spec = run_spec(content(architecture="table1:17"))
    assert spec == run_spec(content(architecture={"name": "table1", "index": 17}))
    assert (
        run_spec(content(loss="minimax", architecture={"name": "table1:17", "critic_norm": "batch"})).architecture.index
        == 17
    )
    for name, message in (
        ("table1:x", "expected a whole number of up to 9 digits after ':', got 'x'"),
        ("mlp:3", "architecture.index: unknown key"),
    ):
        with pytest.raises(SpecError, match=message):
            run_spec(content(architecture=name))


REFUSED: dict[str, dict[str, Any]] = {
    "batch-norm-under-penalty": {"architecture": {"name": "mlp", "critic_norm": "batch"}},
    "clip-without-wasserstein": {"loss": {"adversarial": "hinge", "weight_clip": 0.01}},
    "clip-with-penalty": {"loss": {"adversarial": "wasserstein", "weight_clip": 0.01, "penalties": ["gradient-norm"]}},
    "clip-with-spectral": {"loss": "wgan-clip", "architecture": {"name": "mlp", "critic_norm": "spectral"}},
    "wasserstein-without-bound": {"loss": {"adversarial": "wasserstein"}},
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused_combinations_run_only_on_insistence_which_is_recorded(name: str) -> None:
    with pytest.raises(SpecError, match=r"et al\. 201\d.*insist: \[" + name):
        run_spec(content(**REFUSED[name]))
    spec = run_spec(content(**REFUSED[name], insist=[name]))
    assert spec.to_dict()["insist"] == [name]
    assert run_spec(spec.to_dict()) == spec


def test_insisting_on_nothing_changes_nothing() -> None:
    spec = run_spec(content(insist=list(REFUSALS)))
    assert spec == run_spec(content())
    assert "insist" not in spec.to_dict()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "wgan-gpp"}, "loss: unknown loss 'wgan-gpp' (did you mean 'wgan-gp'?)"),
        ({"loss": {"name": "wgan-gp", "wieght": 1}}, "loss.wieght: unknown key (did you mean 'weight'?)"),
        (
            {"loss": {"name": "wgan-gp", "weight": "big"}},
            'loss.weight: expected a number, got "big"',
        ),
        (
            {"loss": {"name": "wgan-gp", "weight": -1}},
            "loss.weight: expected more than 0, got -1",
        ),
        ({"loss": {"adversarial": "hing"}}, "loss.adversarial: unknown adversarial term 'hing'"),
        (
            {"loss": {"adversarial": "wasserstein", "penalty": []}},
            "loss.penalty: unknown key (did you mean 'penalties'?)",
        ),
        (
            {"loss": {"adversarial": "wasserstein", "weight_clip": 0}},
            "loss.weight_clip: expected more than 0, got 0",
        ),
        ({"loss": {"adversarial": "hinge", "critic_norm": "batch"}}, "loss.critic_norm: expected 'spectral'"),
        (
            {"insist": ["clip-with-penaltyy"]},
            "insist.0: unknown refusal 'clip-with-penaltyy' (did you mean 'clip-with-penalty'?)",
        ),
        ({"architecture": {"name": "mlp", "widht": 3}}, "architecture.widht: unknown key (did you mean 'width'?)"),
        ({"architecture": {"width": 3}}, "architecture.name: missing key"),
        ({"architecture": {"name": "mlp", "critic_norm": "batch"}}, "batch normalisation in the critic cannot go with"),
        ({"train": {"steps": 1, "batch_size": 1}}, "train.optimizer: missing key"),
        ({"train": {"batch_size": 1, "optimizer": {"name": "adam", "lr": 1}}}, "train.steps: missing key"),
        (
            {"train": {"steps": 0, "batch_size": 1, "optimizer": {"name": "adam", "lr": 1}}},
            "train.steps: expected more than 0",
        ),
        (
            {"train": {"steps": 1.5, "batch_size": 1, "optimizer": {"name": "adam", "lr": 1}}},
            "train.steps: expected a whole number",
        ),
        (
            {"train": {"steps": 1, "batch_size": 1, "optimizer": {"name": "rmsprop", "lr": 1, "betas": [0, 1]}}},
            "train.optimizer.betas: unknown key",
        ),
        ({"evaluate": {"every": 5, "samples": 9}}, "evaluate.samples: expected at least 10"),
        (
            {"loss": {"adversarial": "hinge", "penalties": [{"r1": {"gamma": 0}}]}},
            "loss.penalties.0.r1.gamma: expected more than 0, got 0",
        ),
        (
            {"loss": {"adversarial": "hinge", "penalties": [{"gradient-norm": {"target": 0, "one_sided": True}}]}},
            "loss.penalties.0.gradient-norm.one_sided: does nothing where target is 0",
        ),
        (
            {"loss": {"adversarial": "wasserstein", "weight_clip": float("inf")}},
            "loss.weight_clip: expected a finite number",
        ),
        ({"loss": {"adversarial": {}}}, "loss.adversarial: expected one adversarial term, as NAME or {NAME: settings}"),
        ({"loss": {"name": "None", "adversarial": "hinge"}}, "loss.name: 'None' is what tables call a missing value"),
        ({"loss": {"name": FLOOR, "adversarial": "hinge"}}, f"loss.name: '{FLOOR}' is what tables call a row"),
        ({"loss": {"name": "a  b", "adversarial": "hinge"}}, "loss.name: a name has no two spaces in a row"),
        ({"loss": {"name": "a/b", "adversarial": "hinge"}}, "loss.name: expected a word of letters"),
        ({"dataset": {"name": "../cats", "folder": "x"}}, "dataset.name: expected a word of letters"),
        ({"dataset": {"name": "cats", "folder": ""}}, "dataset.folder: expected some text"),
        (
            {"evaluate": {"every": 5, "samples": 100, "metrics": ["emd", "emd"]}},
            "evaluate.metrics.1: 'emd' stands here twice; keep one",
        ),
        ({"extra": 1}, "extra: unknown key"),
        ({"train": [1]}, "train: expected a mapping, got [1]"),
        ({"seed": 2**63}, "seed: expected less than 9223372036854775808, got 9223372036854775808"),
        ({"seed": -1}, "seed: expected at least 0, got -1"),
        ({"seed": True}, "seed: expected a whole number, got true"),
    ],
)
def test_bad_input_is_named_by_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        run_spec(content(**changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_batch_normalised_critic_is_fine_without_a_penalty() -> None:
    spec = run_spec(content(loss="minimax", architecture={"name": "mlp", "critic_norm": "batch"}))
    assert spec.architecture.critic_mixes_samples


@pytest.mark.parametrize("seed", [2**53 + 1, 2**63 - 1])
def test_large_seeds_are_exact(seed: int) -> None:
    spec = run_spec(content(seed=seed))
    assert spec.seed == seed
    assert run_spec(json.loads(spec.canonical)).seed == seed


def test_a_folder_may_lie_in_the_home_folder() -> None:
    spec = run_spec(content(dataset={"name": "cats", "folder": "~/cats"}))
    assert spec.dataset.folder == os.path.expanduser("~/cats") != "~/cats"
