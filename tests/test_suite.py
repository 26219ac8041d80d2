"""Suite files: YAML 1.2 values, overrides by specificity, and errors that name file, line, key and remedy."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.suites.files import source_of
from benchmarks.suites.shipped import suite_names
from benchmarks.suites.suite import Suite, load_first_look, load_suite
from benchmarks.tools.tune import seen_from
from gan_zoo.datasets import DATASETS
from gan_zoo.errors import UserError
from gan_zoo.losses import LOSSES
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
    suite = load_first_look(path, {}, ["wgan-gp"], ["swissroll"], [3])
    whole = {(spec.loss_name, spec.dataset.name): spec for spec in load(tmp_path, seeds="[3]").cells}
    assert suite.name == "train"
    assert suite.cells == (whole["wgan-gp", "swissroll"],)
    assert load_first_look(path, {}, ["wgan-lp"], ["8gaussians"]).cells[0].loss_name == "wgan-lp"


def test_a_first_look_takes_any_registered_loss_and_data_set(tmp_path: Path) -> None:
    load(tmp_path)
    path = str(tmp_path / "small.yaml")
    suite = load_first_look(path, {}, list(LOSSES), list(DATASETS), [0, 1])
    assert len(suite.cells) == len(LOSSES) * len(DATASETS) * 2
    for losses, datasets, settings, message in (
        (["WGAN-GP"], ["swissroll"], {}, r"--losses: unknown loss 'WGAN-GP' \(did you mean 'wgan-gp'\?\)"),
        (["wgan-gp"], ["swisroll"], {}, r"--datasets: unknown data set 'swisroll' \(did you mean 'swissr"),
        (["wgan-gp", "wgan-gp"], ["swissroll"], {}, "--losses: 'wgan-gp' stands here twice"),
        (["wgan-gp"], ["swissroll"], {"seeds": "3"}, "--set seeds=...: does nothing for train"),
    ):
        with pytest.raises(UserError, match=message):
            load_first_look(path, settings, losses, datasets)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("mnist", "70c872b5b4b53703"),
        ("quickstart", "0b26f39531c750ca"),
        ("transport", "a6a0050503d2c120"),
        ("zoo", "975cb3e0f0e7e231"),
    ],
)
def test_the_cells_of_the_package_s_suites_are_the_recorded_ones(name: str, digest: str) -> None:
    """A change here makes their recorded cells other cells: change it only on purpose."""
    forms = [json.dumps(spec.to_dict(), sort_keys=True, separators=(",", ":")) for spec in load_suite(name).cells]
    assert hashlib.blake2b("\n".join(forms).encode(), digest_size=8).hexdigest() == digest


def test_large_seeds_are_exact(tmp_path: Path) -> None:
    assert load(tmp_path, seeds="[9007199254740993]").cells[0].seed == 9007199254740993


def test_true_is_true_in_any_case(tmp_path: Path) -> None:
    for word in ("true", "True", "TRUE"):
        penalty = f"{{gradient-norm: {{one_sided: {word}}}}}"
        suite = load(tmp_path, losses=f"[{{adversarial: hinge, penalties: [{penalty}]}}]")
        assert suite.losses == ("hinge+gradient-norm(one_sided)",)


def test_a_part_of_a_suite_has_the_cells_that_the_whole_has(tmp_path: Path) -> None:
    text = TEXT + "report: {baseline: minimax, rows: [minimax, wgan-gp], targets: {swissroll: 1.0}}\n"
    whole = load(tmp_path, text)
    part = whole.only(losses=["wgan-gp", "wgan-clip"], datasets=["8gaussians"], seeds=[1])
    assert part.cells == tuple(
        next(spec for spec in whole.cells if (spec.loss_name, spec.dataset.name, spec.seed) == (loss, "8gaussians", 1))
        for loss in ("wgan-gp", "wgan-clip")
    )
    assert part.report == {"rows": ["wgan-gp"]}
    assert load(tmp_path, text, losses="[wgan-gp, wgan-clip]", datasets="[8gaussians]", seeds="[1]") == replace(
        part, overrides={"wgan-clip": whole.overrides["wgan-clip"]}
    )
    assert whole.only() == whole
    for key, names, message in (
        ("losses", ["wgan-gpp"], r"--losses: 'wgan-gpp' is not in the suite 'small' \(did you mean 'wgan-gp'\?\)"),
        ("datasets", ["swissroll", "swissroll"], "--datasets: 'swissroll' stands there twice"),
        ("seeds", [7], r"--seeds: 7 is not in the suite 'small' \(known: 0, 1\)"),
    ):
        with pytest.raises(UserError, match=message):
            whole.only(**{key: names})


def test_overrides_of_what_the_command_line_took_out_are_unused_and_typos_are_not(tmp_path: Path) -> None:
    assert load_suite("quickstart", {"losses": "[wgan-gp, wgan-lp]"}).losses == ("wgan-gp", "wgan-lp")
    assert len(load_suite("zoo", {"losses": "[r3gan]", "datasets": "[swissroll]", "seeds": "1"}).cells) == 1
    with pytest.raises(UserError, match=r"small.yaml:13: overrides.swisroll: no loss, data set or loss/data set"):
        load(tmp_path, TEXT.replace("  swissroll:", "  swisroll:"), losses="[minimax]")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train.stepz": "3"}, "--set train.stepz=3: unknown key (did you mean 'steps'?)"),
        ({"train.steps": "3"}, "--set train.steps=3: evaluate.every: 5 steps are more than train.steps 3"),
        ({"losses": "[wgan-gp, wgan-gpp]"}, "--set losses=[wgan-gp, wgan-gpp]: unknown loss 'wgan-gpp'"),
        ({"train.optimizer.name": "rmsprop"}, "--set train.optimizer.name=rmsprop: train.optimizer.lr: missing key"),
        ({"architecture.depth": "1000000000"}, "--set architecture.depth=1000000000: architecture: "),
        ({"seeds": "3", "architecture.width": "-1"}, "--set architecture.width=-1: architecture: "),
        ({"a.b.c": "1"}, "--set a.b.c=1: a: unknown key"),
        ({"overrides.nobody.train.steps": "3"}, "--set overrides.nobody.train.steps=3: overrides.nobody: no loss"),
        ({"losses.0": "wgan-gp"}, "--set losses.0=wgan-gp: losses is a list: set all of it, as in KEY=[...]"),
        ({"seeds": "[1"}, "--set seeds=[1: not YAML: "),
        ({"seeds": "[1e999]"}, "--set seeds=[1e999]: 0: 1e999 is no finite number"),
        ({"name": ".."}, "--set name=..: expected a word of letters"),
        ({"seeds": "[" + "7, " * 50 + "]"}, "--set seeds=...: expected a number of seeds"),
    ],
)
def test_errors_blame_what_was_typed(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, **settings)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_setting_that_overrides_overrule_is_refused_or_said(tmp_path: Path) -> None:
    lr = "train.optimizer.lr"
    suite = load(tmp_path, **{lr: "4e-4"})
    assert [spec.train.optimizer.lr for spec in suite.only(seeds=[0]).cells] == [4e-4, 5e-5, 4e-4, 2e-3, 5e-5, 2e-3]
    (note,) = suite.notes
    where = "wgan-clip on 8gaussians, minimax on swissroll, wgan-clip on swissroll, wgan-gp on swissroll"
    assert note.startswith(f"--set {lr}=...: overruled by the suite's overrides for {where};")
    assert f"--set overrides.LOSS/DATASET.{lr}=... changes those" in note
    assert suite.only(losses=["minimax"], datasets=["8gaussians"]).notes == []
    refusal = f"--set {lr}=...: does nothing, for the suite's overrides say otherwise wherever it applies"
    with pytest.raises(UserError, match=refusal):
        suite.only(datasets=["swissroll"])
    with pytest.raises(UserError, match=refusal):  # what the file says of others is no less overruled here
        load_first_look(str(tmp_path / "small.yaml"), {lr: "1e-3"}, ["wgan-gp"], ["swissroll"])
    assert load(tmp_path, **{lr: "1e-3"}).only(datasets=["8gaussians"], losses=["minimax"]).notes == []


def test_as_many_evaluations_as_before_are_blamed_on_no_override(tmp_path: Path) -> None:
    """That many are what `every` says already, where nothing overrides it."""
    load(tmp_path)
    path = str(tmp_path / "small.yaml")
    spec = load_first_look(path, {}, ["minimax"], ["8gaussians"]).cells[0]
    times = spec.train.steps // spec.evaluate.every
    with pytest.raises(UserError, match=r"^--set evaluate\.times=\.\.\.: does nothing for these losses and data sets"):
        load_first_look(path, {"evaluate.times": str(times)}, ["minimax"], ["8gaussians"])
    (more,) = load_first_look(path, {"evaluate.times": str(spec.train.steps)}, ["minimax"], ["8gaussians"]).cells
    assert more.evaluate.every == 1


def test_a_setting_for_what_is_not_in_play_is_refused(tmp_path: Path) -> None:
    load(tmp_path)
    setting = {"overrides.swissroll.train.steps": "5"}
    with pytest.raises(
        UserError, match=r"--set overrides\.swissroll\.train\.steps=\.\.\.: does nothing for these losses"
    ):
        load_first_look(str(tmp_path / "small.yaml"), setting, ["wgan-gp"], ["8gaussians"])
    assert load_first_look(str(tmp_path / "small.yaml"), setting, ["minimax"], ["swissroll"]).cells[0].train.steps == 5


def test_a_fault_of_the_file_is_blamed_on_no_setting(tmp_path: Path) -> None:
    wrong = TEXT.replace("{name: mlp, width: 16}", "{name: mlp, width: -16}")
    with pytest.raises(UserError, match=r"^small.yaml:\d+: architecture: .*width is -16"):
        load(tmp_path, wrong, **{"architecture.depth": "2", "seeds": "1"})


def test_a_setting_reaches_into_a_name_alone_and_changes_kinds(tmp_path: Path) -> None:
    text = TEXT.replace("{name: mlp, width: 16}", "mlp")
    assert load(tmp_path, text, **{"architecture.width": "9"}).cells[0].architecture.width == 9
    settings = {"train.optimizer.name": "rmsprop", "train.optimizer.lr": "1e-3"}
    plain = load(tmp_path, TEXT.partition("overrides")[0], **settings)
    assert plain.cells[0].train.optimizer == RMSprop(1e-3)


@pytest.mark.parametrize(
    "name", ["..", ".", "mlartifacts", "mlflow.db", "MLruns", "Default", "published", "train", "claims", "verdicts"]
)
def test_no_suite_takes_the_name_of_other_records(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"small.yaml:1: name: .*(expected a word|taken by other records)"):
        load(tmp_path, TEXT.replace("name: small", f"name: {name}"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch_size", "bach_size", "small.yaml:8: train.bach_size: unknown key (did you mean 'batch_size'?)"),
        ("[minimax,", "[minmax,", "small.yaml:2: losses.0: unknown loss 'minmax' (did you mean 'minimax'?)"),
        (
            "lr: 5e-5",
            "lr: slow",
            'small.yaml:12: overrides.wgan-clip.train.optimizer.lr: expected a number, got "slow"',
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
            "small.yaml:4: seeds: expected a number of seeds, up to 10000, or a list of different whole numbers >= 0, "
            'got "yes"',
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
            'small.yaml:3: datasets: expected a list, got "8gaussians"',
        ),
        ("width: 16", "width: 16.0", "small.yaml:5: architecture.width: expected a whole number"),
        (
            "name: small",
            "name: small\nreport: {baseline: wgan}",
            "small.yaml:2: report.baseline: 'wgan' is not in this suite (did you mean",
        ),
        (
            "name: small",
            "name: small\nreport: {rows: [wgn-gp]}",
            "small.yaml:2: report.rows.0: 'wgn-gp' is not in this suite (did you mean",
        ),
        (
            "name: small",
            "name: small\nreport: {margin: 10}",
            "small.yaml:2: report.margin: expected a share above 0 and at most 1 (as 0.1 for 10 %), got 10",
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
        ("every: 5", "every: 0", "small.yaml:10: evaluate.every: expected more than 0, got 0"),
        ("[minimax,", "[{name: NA, adversarial: hinge},", "small.yaml:2: losses.0.name: 'NA' is what tables call a mi"),
        ("[minimax,", "[{name: a  b, adversarial: hinge},", "small.yaml:2: losses.0.name: a name has no two spaces"),
        ("[minimax,", "[{name: a/b, adversarial: hinge},", "small.yaml:2: losses.0.name: expected a word of letters"),
        (
            "[minimax,",
            "[{name: swissroll, adversarial: hinge},",
            "small.yaml:2: losses.0: 'swissroll' is also a data set: choose another name",
        ),
        ("[8gaussians,", "[{name: None, folder: x},", "small.yaml:3: datasets.0.name: 'None' is what tables call a mi"),
        ("[8gaussians,", "[{name: ../x, folder: x},", "small.yaml:3: datasets.0.name: expected a word of letters"),
        ("[8gaussians,", "[{name: mnist, folder: x},", "small.yaml:3: datasets.0.name: 'mnist' is taken"),
        ("[8gaussians,", "[{name: Swissroll, folder: x},", "small.yaml:3: datasets.1: 'swissroll' stands here twice"),
        ("[8gaussians,", "[cats,", "small.yaml:3: datasets.0: unknown data set 'cats' (known: 8gaussians"),
        (
            "[8gaussians,",
            "[{name: 8gaussians, image_size: 8},",
            "small.yaml:3: datasets.0.image_size: '8gaussians' has points, not images: leave it out",
        ),
        ("seeds: 2", "seeds: 1000000000", "small.yaml:4: seeds: expected a number of seeds, up to 10000"),
        ("seeds: 2", "seeds: [-1]", "small.yaml:4: seeds.0: expected at least 0"),
        ("seeds: 2", "seeds: 2\ninsist: [clip-with-spectral]", "small.yaml:5: insist.0: 'clip-with-spectral' refuses"),
        ("every: 5", "every: 11", "small.yaml:10: evaluate.every: 11 steps are more than train.steps 10"),
        ("every: 5", "every: 5, metrics: [emd, emd]", "small.yaml:10: evaluate.metrics.1: 'emd' stands here twice"),
        ("width: 16", "depth: 1000000000", "small.yaml:5: architecture: architecture mlp: depth is 1000000000"),
        ("weight: 0.1", "weight: 0", "small.yaml:14: overrides.wgan-gp/swissroll.loss.weight: expected more"),
        ("weight: 0.1", "weight: 1e999", "small.yaml:14: overrides.wgan-gp/swissroll.loss.weight: 1e999 is no finite"),
        ("{train: {steps: 20, optimizer: {lr: 2e-3}}}", "{train: {}}", "small.yaml:13: overrides.swissroll.train: say"),
        ("{train: {steps: 20, optimizer: {lr: 2e-3}}}", "{}", "small.yaml:13: overrides.swissroll: says nothing"),
        (
            "overrides:",
            "overrides:\n  wgan-clip/swissroll: {train: {steps: 9}}\n  wgan-clip/8gaussians: {train: {steps: 9}}\n"
            "  wgan-gp/8gaussians: {train: {steps: 9}}\n  minimax: {train: {steps: 9}}",
            "small.yaml:17: overrides.swissroll.train.steps: does nothing: a more specific override says otherwise",
        ),
        ("name: small", "name: small\nreport: {targets: {mnist: 1}}", "small.yaml:2: report.targets.mnist: 'mnist' is"),
        ("name: small", "name: small\nreport: {rows: []}", "small.yaml:2: report.rows: "),
        ("name: small", "name: small\nreport: {rows: [minimax, minimax]}", "small.yaml:2: report.rows.1: 'minimax' st"),
        ("name: small", "name: small\nreport: {checkpoint: mean-9}", "small.yaml:2: report.checkpoint: 'mean-9' needs"),
        ("name: small", "name: small\nreport: {checkpoint: best}", "small.yaml:2: report.checkpoint: 'best' is chosen"),
        ("{every", "{{every", "small.yaml:10: evaluate: a key must be a word"),
        ("samples: 100}", "samples: 100", "small.yaml:11: not YAML"),
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
    with pytest.raises(UserError, match=r"small.yaml: expected a mapping, got null"):
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


def test_folders_of_images_are_paths_from_the_suites_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "suites").mkdir()
    text = TEXT.replace("[8gaussians,", "[{name: cats, folder: ../cats}, {name: dogs, folder: ~/dogs},", 1)
    (tmp_path / "suites" / "small.yaml").write_text(text.partition("overrides:")[0])

    def folders(suite: str, settings: dict[str, str]) -> list[str]:
        places = [spec.dataset.folder for spec in load_suite(suite, settings).cells if spec.dataset.folder]
        return [os.path.normpath(place) for place in dict.fromkeys(places)]

    home = os.path.expanduser("~/dogs")
    assert folders(str(tmp_path / "suites" / "small.yaml"), {}) == [str(tmp_path / "cats"), home]
    monkeypatch.chdir(tmp_path)
    assert folders("suites/small.yaml", {}) == ["cats", home]
    typed = {"datasets": "[{name: cats, folder: ../cats}]"}
    assert folders("suites/small.yaml", typed) == ["../cats"]
    content = source_of("suites/small.yaml", {}).content
    moved = [seen_from(entry, Path("tuned/here")) for entry in content["datasets"]]
    assert moved[0]["folder"] == "../../cats"
    assert moved[2] == "swissroll"
    digest = source_of("suites/small.yaml", {}).digest
    monkeypatch.chdir(tmp_path / "suites")
    assert source_of("small.yaml", {}).digest == digest
