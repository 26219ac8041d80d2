"""Suite files: YAML 1.2 values, overrides by specificity, and errors that name file, line, key and remedy."""

from pathlib import Path

import pytest

from benchmarks.suites.suite import Suite, load_single, load_suite, suite_names
from gan_zoo.errors import UserError
from gan_zoo.spec import Adam, RMSprop

TEXT = """\
name: small
losses: [minimax, wgan-clip, wgan-gp]
datasets: [8gaussians, swissroll]
seeds: 2
architecture: {name: mlp, width: 16}
train:
  steps: 10
  batch_size: 8
  optimizer: {name: adam, lr: 1e-3, betas: [0.5, 0.9]}
evaluate: {every: 5, samples: 100}
overrides:
  wgan-clip: {train: {optimizer: {name: rmsprop, lr: 5e-5}}}
  swissroll: {train: {steps: 20, optimizer: {lr: 2e-3}}}
  wgan-gp/swissroll: {loss: {weight: 0.1}, train: {steps: 30}}
"""


def load(tmp_path: Path, text: str = TEXT, **settings: str) -> Suite:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return load_suite(str(path), settings)


def test_cells_are_losses_times_data_sets_times_seeds_with_overrides_by_specificity(tmp_path: Path) -> None:
    suite = load(tmp_path)
    cells = {(spec.loss_name, spec.dataset.name, spec.seed): spec for spec in suite.cells}
    assert len(cells) == len({spec.key for spec in suite.cells}) == 12
    assert cells["minimax", "8gaussians", 0].train.optimizer == Adam(1e-3, (0.5, 0.9))
    assert cells["minimax", "swissroll", 1].train.optimizer == Adam(2e-3, (0.5, 0.9))
    assert cells["wgan-clip", "8gaussians", 0].train.optimizer == RMSprop(5e-5)
    assert cells["wgan-clip", "swissroll", 0].train.optimizer == RMSprop(5e-5)
    assert [cells["wgan-gp", data, 0].train.steps for data in ("8gaussians", "swissroll")] == [10, 30]
    assert cells["wgan-gp", "swissroll", 0].loss.penalties[0].weight == 0.1
    assert cells["wgan-gp", "8gaussians", 0].loss.penalties[0].weight == 10


def test_settings_change_a_suite_as_if_written_there(tmp_path: Path) -> None:
    suite = load(tmp_path, **{"train.optimizer.lr": "4e-4", "seeds": "[7]", "evaluate.metrics": "[emd]"})
    assert suite.seeds == (7,)
    assert suite.cells[0].train.optimizer == Adam(4e-4, (0.5, 0.9))
    assert suite.cells[0].evaluate.metrics == ("emd",)


def test_single_cell_keeps_what_the_suite_says_of_it(tmp_path: Path) -> None:
    load(tmp_path)
    path = str(tmp_path / "small.yaml")
    suite = load_single(path, {}, "wgan-gp", "swissroll", 3)
    whole = {(spec.loss_name, spec.dataset.name): spec for spec in load(tmp_path, seeds="[3]").cells}
    assert suite.name == "train"
    assert suite.cells == (whole["wgan-gp", "swissroll"],)
    assert load_single(path, {}, "wgan-lp", "8gaussians", 0).cells[0].loss_name == "wgan-lp"
    with pytest.raises(UserError, match=r"small.yaml:3: datasets: no 'swisroll' here \(did you mean 'swissroll'\?\)"):
        load_single(path, {}, "wgan-gp", "swisroll", 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch_size", "bach_size", "small.yaml:8: train.bach_size: unknown key (did you mean 'batch_size'?)"),
        ("[minimax,", "[minmax,", "small.yaml:2: losses.0.name: unknown loss 'minmax' (did you mean 'minimax'?)"),
        (
            "lr: 5e-5",
            "lr: slow",
            "small.yaml:12: overrides.wgan-clip.train.optimizer.lr: input should be a valid number, got 'slow'",
        ),
        (
            "weight: 0.1",
            "wieght: 0.1",
            "small.yaml:14: overrides.wgan-gp/swissroll.loss.wieght: unknown key (did you mean 'weight'?)",
        ),
        (
            "  swissroll:",
            "  swisroll:",
            "small.yaml:13: overrides.swisroll: no loss, data set or loss/data set "
            "of this suite (did you mean 'swissroll'?)",
        ),
        (
            "  wgan-clip: {train",
            "  wgan-clip: {evaluate: {every: 2, samples: 50}, train",
            "small.yaml:12: overrides.wgan-clip.evaluate.samples: losses that are scored differently share no table",
        ),
        (
            "{steps: 20, ",
            "{steps: 20, stepz: 3, ",
            "small.yaml:13: overrides.swissroll.train.stepz: unknown key (did you mean 'steps'?)",
        ),
        (
            "seeds: 2",
            "seeds: yes",
            "small.yaml:4: seeds: expected a number of seeds > 0 or a list of different whole numbers >= 0, got 'yes'",
        ),
        ("seeds: 2", "seeds: [1, 1]", "small.yaml:4: seeds: expected"),
        ("seeds: 2\n", "", "small.yaml:1: seeds: missing key"),
        ("seeds: 2", "seeds: 2\nseeds: 3", "small.yaml:5: seeds: key given twice; keep one"),
        ("wgan-gp]", "minimax]", "small.yaml:2: losses.2: 'minimax' stands here twice; keep one"),
        ("name: small", "name: a b", "small.yaml:1: name: expected a word of letters"),
        ("datasets:", "datasets: []\nx:", "small.yaml:4: x: unknown key"),
        (
            "[8gaussians, swissroll]",
            "8gaussians",
            "small.yaml:3: datasets: expected a list with at least one entry, got '8gaussians'",
        ),
        ("width: 16", "width: 16.0", "small.yaml:5: architecture.width: input should be a valid integer"),
        (
            "name: small",
            "name: small\nreport: {baseline: wgan}",
            "small.yaml:2: report.baseline: not in this suite (did you mean",
        ),
        (
            "name: small",
            "name: small\nreport: {rows: [wgn-gp]}",
            "small.yaml:2: report.rows.0: 'wgn-gp' is not in this suite (did you mean",
        ),
        (
            "name: small",
            "name: small\nreport: {checkpoint: first}",
            "small.yaml:2: report.checkpoint: expected last, best or mean-K (as mean-3), got 'first'",
        ),
        (
            "name: small",
            "name: small\nreport: {row: []}",
            "small.yaml:2: report.row: unknown key (did you mean 'rows'?)",
        ),
        ("every: 5", "every: 0", "small.yaml:10: evaluate.every: input should be greater than 0, got 0"),
        ("{every", "{{every", "small.yaml:11: not YAML"),
    ],
)
def test_errors_name_file_line_key_and_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(UserError) as caught:
        load(tmp_path, TEXT.replace(old, new, 1))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_unknown_suites_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown suite 'quikstart' \(did you mean 'quickstart'\?\)"):
        load_suite("quikstart")
    with pytest.raises(UserError, match=r"nowhere.yaml: cannot be read"):
        load_suite(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(UserError, match=r"small.yaml: expected a mapping with the keys name"):
        load(tmp_path, "")


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_of_the_package_is_valid(name: str) -> None:
    suite = load_suite(name)
    assert suite.name == name
    assert suite.description
    assert len({spec.key for spec in suite.cells}) == len(suite.cells) > 0


def test_composed_losses_are_named_and_recorded_by_their_parts(tmp_path: Path) -> None:
    composed = "{adversarial: hinge, penalties: [{gradient-norm: {one_sided: true, weight: 5}}, {r1: {gamma: 0.1}}]}"
    suite = load(tmp_path, TEXT.replace("wgan-gp]", f"wgan-gp, {composed}]"))
    assert suite.losses[3] == "hinge+gradient-norm(weight=5,one_sided)+r1(gamma=0.1)"
    assert len({spec.key for spec in suite.cells}) == 16
    with pytest.raises(UserError, match=r"small.yaml:2: losses.3: 'wgan-gp' stands here twice"):
        load(tmp_path, TEXT.replace("wgan-gp]", "wgan-gp, {adversarial: wasserstein, penalties: [gradient-norm]}]"))
    with pytest.raises(
        UserError, match=r"small.yaml:2: losses.2.name: 'wgan-gp' is a registered loss, which this is not"
    ):
        load(tmp_path, TEXT.replace("wgan-gp]", "{name: wgan-gp, adversarial: hinge}]"))


def test_a_refusal_names_its_line_and_insisting_is_recorded_only_where_it_counts(tmp_path: Path) -> None:
    text = TEXT.replace("wgan-clip: {train", "wgan-clip: {architecture: {critic_norm: spectral}, train")
    with pytest.raises(UserError, match=r"small.yaml:2: losses.1.weight_clip: .*a spectrally normalised weight"):
        load(tmp_path, text)
    suite = load(tmp_path, text + "insist: [clip-with-spectral]\n")
    assert {spec.loss_name for spec in suite.cells if spec.insist} == {"wgan-clip"}
    plain = {spec.key for spec in load(tmp_path).cells}
    assert len(plain & {spec.key for spec in suite.cells}) == 8


def test_an_architecture_by_its_name_alone_can_be_overridden(tmp_path: Path) -> None:
    text = TEXT.replace("{name: mlp, width: 16}", "table1:17").replace(
        "overrides:", "overrides:\n  minimax: {architecture: {critic_norm: batch}}"
    )
    suite = load(tmp_path, text)
    found = {(spec.loss_name, spec.architecture.index, spec.architecture.critic_norm) for spec in suite.cells}
    assert found == {("minimax", 17, "batch"), ("wgan-clip", 17, "layer"), ("wgan-gp", 17, "layer")}
