"""Recipes: named settings under a suite, where the suite's own word wins."""

from pathlib import Path

import pytest

from benchmarks.suites.recipes import RECIPES
from benchmarks.suites.suite import Suite, load_suite
from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES
from gan_zoo.spec import Adam, RMSprop

TEXT = """\
name: small
losses: [{losses}]
datasets: [8gaussians]
seeds: 1
train: {{recipe: {recipe}{more}}}
evaluate: {{every: 5, samples: 100}}
"""


def load(tmp_path: Path, recipe: str, losses: str, more: str = "", rest: str = "", **settings: str) -> Suite:
    path = tmp_path / "small.yaml"
    path.write_text(TEXT.format(recipe=recipe, losses=losses, more=more) + rest)
    return load_suite(str(path), settings)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_valid_runs_of_every_loss_it_speaks_of(tmp_path: Path, name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.source
    losses = [*recipe.losses, *(["wgan-gp"] if "wgan-gp" not in recipe.losses else [])]
    assert set(losses) <= set(LOSSES)
    suite = load(tmp_path, name, ", ".join(losses))
    assert [spec.loss_name for spec in suite.cells] == losses
    assert suite.recipe == {"name": name, "source": recipe.source, "note": recipe.note}
    assert set(suite.overrides) == {loss for loss, override in recipe.losses.items() if override}


def test_text_and_code_of_the_toy_experiment_differ_where_they_do(tmp_path: Path) -> None:
    text, code = (
        {spec.loss_name: spec for spec in load(tmp_path, name, "wgan-gp, wgan-clip").cells}
        for name in ("gulrajani2017/toy", "gulrajani2017/toy-code")
    )
    assert text["wgan-gp"].train.optimizer == Adam(1e-4, (0.0, 0.9))
    assert code["wgan-gp"].train.optimizer == Adam(1e-4, (0.5, 0.9))
    assert [spec["wgan-gp"].loss.penalties[0].weight for spec in (text, code)] == [10, 0.1]
    assert text["wgan-clip"] == code["wgan-clip"]
    assert code["wgan-clip"].train.optimizer == RMSprop(5e-5, 0.9)
    assert code["wgan-clip"].architecture.width == 512
    assert code["wgan-gp"].train.steps == 100_000


def test_the_suite_s_own_word_wins_over_the_recipe_s(tmp_path: Path) -> None:
    more = ", steps: 7, optimizer: {lr: 1e-2}"
    rest = "architecture: {width: 16}\noverrides: {wgan-gp: {loss: {weight: 3}}}\n"
    suite = load(tmp_path, "gulrajani2017/toy-code", "wgan-gp, wgan-clip", more, rest)
    gp, clip = suite.cells
    assert (gp.train.steps, gp.train.batch_size, gp.train.optimizer) == (7, 256, Adam(1e-2, (0.5, 0.9)))
    assert clip.train.optimizer == RMSprop(1e-2, 0.9)
    assert gp.architecture.width == clip.architecture.width == 16
    assert gp.loss.penalties[0].weight == 3
    assert suite.overrides["wgan-gp"] == {"loss": {"weight": 3}}
    assert suite.overrides["wgan-clip"]["train"]["optimizer"] == {"name": "rmsprop", "lr": 1e-2, "alpha": 0.9}


def test_another_net_drops_what_the_recipe_says_of_its_own(tmp_path: Path) -> None:
    recipe = "gulrajani2017/mnist"
    assert load(tmp_path, recipe, "wgan-clip").cells[0].architecture.critic_norm == "batch"
    other = load(tmp_path, recipe, "wgan-clip", rest="architecture: mlp\n").cells[0]
    assert (other.architecture.width, other.architecture.critic_norm) == (128, "none")
    assert other.train.optimizer == RMSprop(5e-5, 0.9)


def test_a_recipe_can_be_set_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    suite = load(tmp_path, "gulrajani2017/toy", "wgan-gp", **{"train.recipe": "tutorial/8gaussians"})
    assert suite.cells[0].train.n_critic == 20
    message = r"small.yaml:5: train.recipe: unknown recipe 'gulrajani2017/toys' \(did you mean 'gulrajani2017/toy'\?\)"
    with pytest.raises(UserError, match=message):
        load(tmp_path, "gulrajani2017/toys", "wgan-gp")


def test_recipes_have_their_sources_numbers_where_they_once_had_others(tmp_path: Path) -> None:
    (r1,) = load(tmp_path, "mescheder2018", "r1").cells
    assert r1.loss.penalties[0].settings.weight == 10  # their code: 10 E |grad f|^2, without the paper's 1/2
    for recipe in ("gulrajani2017/cifar10-figure3", "gulrajani2017/lsun"):  # batch normalisation but for WGAN-GP
        suite = load(tmp_path, recipe, ", ".join(RECIPES[recipe].losses))
        norms = {spec.loss_name: spec.architecture.critic_norm for spec in suite.cells}
        assert norms.pop("wgan-gp") != "batch"
        assert set(norms.values()) == {"batch"}
    lsgan = {spec.loss_name: spec for spec in suite.cells}["lsgan"]
    assert (lsgan.train.optimizer, lsgan.train.n_critic) == (RMSprop(1e-4, 0.9), 1)
    (petzka,) = load(tmp_path, "petzka2018/toy", "wgan-lp").cells
    assert petzka.architecture.activation == "leaky_relu"


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "gulrajani2017/toy": "fakes: noisy",
        "gulrajani2017/mnist": "[0, 1]",
        "gulrajani2017/cifar10-resnet": "U[0, 1/128)",
        "gulrajani2017/lsun": "uniform",
        "miyato2018/cifar10-resnet": "sum over pixels",
        "petzka2018/toy": "100 critic steps",
        "gulrajani2017/toy-code": "1e-10 in it",
    }.items(),
)
def test_a_recipe_says_where_it_differs_from_its_source(name: str, words: str) -> None:
    assert words in RECIPES[name].note
