"""The command line: what it prints, and how it ends."""

import builtins
import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.cli import main, program
from benchmarks.cli.options import folder
from benchmarks.suites.suite import look_name
from benchmarks.sweep.run import commands_of
from benchmarks.tools import suite_run
from gan_zoo.errors import UserError, suggestion
from gan_zoo.losses import LOSSES

SUITE = """\
name: tiny
losses: [wgan-gp]
datasets: [8gaussians]
seeds: 1
architecture: {name: mlp, width: 8, depth: 1}
train: {steps: 4, batch_size: 8, n_critic: 1, optimizer: {name: adam, lr: 1e-3}}
evaluate: {every: 2, samples: 50}
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(SUITE)
    return str(path)


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The suite on a folder of images `pairs`, whose classifier is trained in a moment."""
    for least in ("LEAST_EPOCHS", "IMAGES_SHOWN"):
        monkeypatch.setattr(f"gan_zoo.metrics.training.{least}", 1)
    path = tmp_path / "tiny.yaml"
    path.write_text(SUITE.replace("8gaussians", "pairs"))
    return str(path)


def places(tmp_path: Path, results: Path) -> list[str]:
    return ["--results", str(results), "--data", str(tmp_path / "data"), "--device", "cpu"]


def test_list_names_everything_in_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    parts = ["losses", "adversarial", "penalties", "architectures", "datasets", "metrics", "optimizers"]
    assert list(content) == [*parts, "suites", "recipes"]
    assert content["penalties"]["r1"]["options"] == {"gamma": 10.0}
    assert list(content["losses"]) == list(LOSSES)
    assert "quickstart" in content["suites"]
    assert all(name in text for kind in content.values() for name in kind)


def test_a_run_ends_in_a_report_that_its_export_rebuilds_byte_for_byte(
    suite: str, tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", suite, "--workers", "0", *places(tmp_path, results)]) == 0
    printed = capsys.readouterr().out
    assert "done      wgan-gp / 8gaussians / seed 0" in printed
    assert "earth mover's distance ↓" in printed
    assert (results / "tiny" / "report.html").is_file()
    made = {path: path.read_bytes() for path in (results / "tiny").rglob("*") if path.is_file()}
    figures = results / "tiny" / "figures"
    (figures / "scores-digits-column.pdf").write_bytes(b"")
    with (results / "tiny" / "report.md").open("a") as earlier:
        earlier.write("![of an earlier report](figures/scores-digits.png)\n")
    (results / "tiny" / "table.tex").write_text("changed")
    (results / "tiny" / "table.csv").unlink()
    assert main(["report", "tiny", "--check", "--results", str(results)]) == 1
    told = [line.split(": ")[0] for line in capsys.readouterr().err.splitlines()]
    names = ["figures/scores-digits-column.pdf", "report.md", "table.csv", "table.tex"]
    assert told == [str(results / "tiny" / name) for name in names]
    (figures / "my-own.png").write_bytes(b"")
    assert main(["report", "tiny", "--results", str(results)]) == 0
    (figures / "my-own.png").unlink()
    assert {path: path.read_bytes() for path in (results / "tiny").rglob("*") if path.is_file()} == made
    file = results / "tiny" / "report.md"
    assert main(["report", "tiny", "--results", str(results), "--out", str(file)]) == 2
    assert capsys.readouterr().err == f"gan-zoo: {file}: a file, where a folder belongs: move it away, or mend it\n"


def test_a_dry_run_runs_nothing(suite: str, tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", suite, "--dry-run", "--workers", "0", *places(tmp_path, results)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["not", "run", "wgan-gp", "/", "8gaussians", "/", "seed", "0"]
    assert lines[1].startswith("1 of 1 cells to run, about ")
    assert not (results / "tiny").exists()


def test_a_dry_run_foretells_training_and_evaluations(
    suite: str, tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two evaluations of 20 s; each of three repeats takes half of one; two workers share all."""
    monkeypatch.setattr("benchmarks.sweep.plan.trial_seconds", lambda spec, shelf: 80.0)
    monkeypatch.setattr("benchmarks.sweep.plan.trial_evaluation", lambda spec, shelf: 20.0)
    run = ["run", suite, "--dry-run", *places(tmp_path, results)]
    for more, spent in (
        (["--workers", "1"], "80 s of training and 40 s of evaluation with 1 workers"),
        (["--workers", "1", "--set", "evaluate.repeats=3"], "80 s of training and 70 s of evaluation with 1 workers"),
        (["--workers", "2", "--set", "seeds=2"], "80 s of training and 40 s of evaluation with 2 workers"),
    ):
        assert main([*run, *more]) == 0
        said = capsys.readouterr().out.splitlines()[-1].partition("about ")[2]
        assert said == spent


def test_a_dry_run_of_what_cannot_be_trained_is_one_line(
    suite: str, tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object) -> float:
        raise RuntimeError("not enough memory:\n  you tried to allocate 17592186044416 bytes")

    monkeypatch.setattr("benchmarks.sweep.plan.trial_seconds", fail)
    assert main(["run", suite, "--dry-run", "--workers", "1", *places(tmp_path, results)]) == 2
    why = "RuntimeError: not enough memory: you tried to allocate 17592186044416 bytes"
    assert capsys.readouterr().err == f"gan-zoo: wgan-gp / 8gaussians / seed 0: cannot be trained ({why})\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quikstart"], "unknown suite 'quikstart' (did you mean 'quickstart'?)"),
        (["run", "--set", "train.stepz=3"], "--set train.stepz=3: unknown key (did you mean 'steps'?)"),
        (["run", "--set", "steps"], "--set steps: expected KEY=VALUE"),
        (["run", "--device", "cuda:7"], "--device cuda:7: not on this machine"),
        (["run", "--engine", "plane"], "--engine: unknown engine 'plane' (did you mean 'plain'?)"),
        (["run", "--workers", "-1"], '--workers: expected a whole number from 0 to 256, got "-1"'),
        (
            ["train", "--loss", "sngan", "--dataset", "8gaussians", "--engine", "closed-form"],
            "sngan / 8gaussians / seed 0: engine closed-form: no closed form for layer ",
        ),
        (["train", "--loss", "wgan-pg", "--dataset", "digits"], "unknown loss 'wgan-pg' (did you mean 'wgan-gp'?)"),
        (["train", "--loss", "wgan-gpp", "--dataset", "digits"], "unknown loss 'wgan-gpp' (did you mean 'wgan-gp'?)"),
        (["train", "--loss", "wgan-gp", "--dataset", "digit"], "unknown data set 'digit' (did you mean 'digits'?)"),
        (["report", "nothing"], "no record of suite 'nothing': run `gan-zoo run nothing` first"),
        (["diff", "a", "b"], "'a': expected SUITE/KEY"),
        (
            ["train", "--loss", "hinge", "--dataset", "digits", "--plugin", f"{'x' * 300}.py"],
            ": File name too long; choose another path",
        ),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--results", str(tmp_path / "results")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("gan-zoo: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_a_dry_run_leaves_nothing_behind(
    pairs: str, tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even where a classifier is trained and references are computed for it; and it downloads nothing."""
    for i in range(24):
        picture = Image.new("L", (8, 8), 10 * i)
        picture.save(made(tmp_path / "pairs" / "ab"[i % 2]) / f"{i}.png")
    before = sorted(tmp_path.rglob("*"))
    images = f"datasets=[{{name: pairs, folder: {tmp_path / 'pairs'}}}]"
    asked = ["run", pairs, "--dry-run", *places(tmp_path, results)]
    assert main([*asked, "--set", images]) == 0
    assert "not run     wgan-gp / pairs / seed 0" in capsys.readouterr().out
    assert main([*asked, "--set", "datasets=[mnist]"]) == 2
    message = capsys.readouterr().err
    assert "downloading is off" in message
    assert str(tmp_path / "data") in message
    assert main([*asked, "--set", images, "--set", "evaluate.metrics=[fid_inception]"]) == 2
    assert "--dry-run downloads nothing: gan-zoo fetch-weights first" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_sweep_prints_what_was_left_out_merged_and_changed_of_a_folder(
    pairs: str, tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also the second time, when the images are read from the cache and every cell is done."""
    folder = tmp_path / "pairs"
    pictures = [Image.new("L", (8, 8), 10 * i) for i in range(24)]
    for i, picture in enumerate(pictures):
        picture.save(made(folder / "ab"[i % 2] / ("deeper" if i < 4 else "")) / f"{i}.png")
    Image.new("L", (12, 8), 7).save(folder / "a" / "wide.png")
    pictures[0].save(folder / "b" / "moving.gif", save_all=True, append_images=pictures[1:3])
    pictures[0].save(folder / "a" / "._0.png")
    (folder / "labels.csv").write_text("")
    made(folder / "c")
    asked = ["run", pairs, "--workers", "0", *places(tmp_path, results)]
    asked += ["--set", f"datasets=[{{name: pairs, folder: {folder}, image_size: 8}}]"]
    for _ in range(2):
        assert main(asked) == 0
        said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("data set ")]
        assert said == [
            "data set pairs: 1 hidden image left out (._0.png)",
            "data set pairs: 1 file of other kinds left out (.csv)",
            "data set pairs: 1 folder without images left out (c/)",
            "data set pairs: 4 images in subfolders of their class folders",
            "data set pairs: 1 image not square: cut to the central square",
            "data set pairs: 1 image with several frames or pages: the first one taken",
        ]


def test_a_report_of_metrics_that_are_not_measured_is_refused_before_anything_runs(
    suite: str, tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", suite, "--set", "report.metrics=[fid_digits]", *places(tmp_path, results)]) == 2
    assert "report.metrics: 'fid_digits' is not measured (known: emd" in capsys.readouterr().err
    assert not (results / "tiny").exists()


def test_a_missing_data_set_is_told_before_anything_runs(
    suite: str, tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--set", "datasets=[{name: cats, folder: /nowhere}]"]
    assert main(["run", suite, *settings, *places(tmp_path, results)]) == 2
    assert "/nowhere" in capsys.readouterr().err
    assert not (results / "tiny" / "runs").exists()


@pytest.mark.parametrize("named", [True, False], ids=["by --data", "by the environment"])
def test_a_data_folder_that_cannot_be_written_is_blamed_on_its_option(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "data"
    place.mkdir()
    (place / "folders").write_text("")  # below a file root may not write either
    monkeypatch.setenv("GAN_ZOO_DATA", str(tmp_path if named else place))
    (tmp_path / "images").mkdir()
    for number in range(4):
        Image.new("L", (8, 8), number).save(tmp_path / "images" / f"{number}.png")
    images = str(tmp_path / "images")
    words = ["score", "--images", images, "--reference", images, *(["--data", str(place)] if named else [])]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gan-zoo: cannot write {place}")
    assert line.endswith("choose a folder that can be written with --data")


def test_help_loads_no_heavy_library() -> None:
    heavy = "{'torch', 'mlflow', 'pandas', 'matplotlib', 'ruamel', 'pydantic', 'sklearn'} & set(sys.modules)"
    code = f"import sys, benchmarks.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\nprint({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "unknown command 'rnu' (did you mean 'run'?)"),
        (["train", "--loss", "WGAN-GP!", "--dataset", "digits"], "did you mean 'wgan-gp'?"),
        (
            ["run", "--thread", "2"],
            "unrecognized arguments: --thread; for a key of the suite use --set KEY=VALUE; see gan-zoo run",
        ),
        (["list", "--long"], "unrecognized arguments: --long; see gan-zoo list --help"),
        (["run", "--threads", "1000000"], '--threads: expected a whole number from 1 to 256, got "1000000"'),
        (["run", "--workers", "9" * 5000], "--workers: expected a whole number from 0 to 256, got"),
        (["run", "--results", ""], '--results: expected a path, got ""'),
        (["run", "--data", "a\nb"], '--data: expected a path, got "a\\nb"'),
        (["train", "--loss", "wgan-gp"], "the following arguments are required: --dataset"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_mistyped_line_gets_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("gan-zoo: ")
    assert message in error
    assert error.count("\n") == 1


def run_program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_output_that_has_no_greek_letters_gets_marks_instead() -> None:
    done = run_program("list", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "wgan-gp" in done.stdout
    assert "?" in done.stdout


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("> /dev/full", 1, "gan-zoo: the output cannot be written (No space left on device); send it elsewhere\n"),
        ("| true", 1, ""),
        (">&-", 0, ""),
    ],
)
def test_exit_code_0_means_that_the_output_is_all_there_or_not_wanted(where: str, code: int, said: str) -> None:
    if where == "> /dev/full" and not Path("/dev/full").exists():
        pytest.skip("no device here that is always full")
    line = f"set -o pipefail; {sys.executable} -m benchmarks.cli list {where}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, said)


def test_version_and_help_need_no_home(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("gan-zoo 0.")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "examples:\n  gan-zoo run " in capsys.readouterr().out


def test_without_a_home_the_place_of_data_must_be_given(
    suite: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GAN_ZOO_DATA", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert main(["run", suite, "--dry-run"]) == 2
    assert "--data: there is no home folder to keep data sets in; give --data DIR" in capsys.readouterr().err


def test_a_place_of_data_that_cannot_be_entered_names_its_option(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = os.stat

    def closed(path: Any, *rest: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(str(tmp_path / "closed")):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path, *rest, **more)

    monkeypatch.setattr(os, "stat", closed)
    place = tmp_path / "closed" / "data"
    assert main(["run", suite, "--dry-run", "--data", str(place)]) == 2
    line = f"gan-zoo: {place}: cannot be entered (Permission denied); choose another folder with --data\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("place", ["file", "file/data"])
def test_a_file_in_the_place_of_data_is_refused_beforehand(
    suite: str, tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["run", suite, "--dry-run", "--data", str(tmp_path / place)]) == 2
    line = f"gan-zoo: {tmp_path / 'file'}: a file, where a folder belongs: move it away, or mend it\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    ("words", "path", "option"),
    [
        (["run", "--data", "a"], "a/b", " with --data"),
        (["run", "--data", "a"], "b", ""),
        (["run", "--data", "a", "--results", "a/b"], "a/b/c", " with --results"),
        (["train", "--loss", "hinge", "--dataset", "a/cats", "--data", "a"], "a/cats/1.png", " with --dataset"),
        (["score", "--images", "a/b", "--data", "a"], "a/b/1.png", " with --images"),
        (["list"], "a", ""),
    ],
)
def test_the_option_that_says_where_a_path_lies_is_named(
    words: list[str], path: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = PermissionError(errno.EACCES, "Permission denied", path)
    assert program.told(failure, program.parse(words)) == 2
    assert capsys.readouterr().err == f"gan-zoo: {path}: Permission denied; choose another path{option}\n"


def test_ctrl_c_while_the_program_loads_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.__import__", interrupted_at("benchmarks.cli.program", builtins.__import__))
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "gan-zoo: interrupted; the same command goes on from here\n"


def test_ctrl_c_that_a_library_turns_into_another_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def turned(words: list[str]) -> int:
        try:
            signal.raise_signal(signal.SIGINT)  # to this thread: one sent to the process may reach another, later
        except KeyboardInterrupt:
            raise AttributeError("numpy has no attribute") from None
        return 0

    monkeypatch.setattr(program, "run", turned)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores Ctrl-C
    try:
        assert main(["list"]) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "gan-zoo: interrupted; the same command goes on from here\n"


def test_ctrl_c_in_a_finaliser_is_not_lost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Last:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def run(words: list[str]) -> int:
        Last()
        threading.Event().wait(60)
        return 0

    monkeypatch.setattr(program, "run", run)
    before, hook = signal.signal(signal.SIGINT, signal.default_int_handler), sys.unraisablehook
    try:
        assert main(["list"]) == 130
        assert sys.unraisablehook is hook
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "gan-zoo: interrupted; the same command goes on from here\n"


@pytest.mark.parametrize(("during", "code"), [(False, 0), (True, 130)])
def test_ctrl_c_after_the_last_line_does_nothing(
    during: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(words: list[str]) -> int:
        if during:
            signal.raise_signal(signal.SIGINT)
        return 0

    monkeypatch.setattr(program, "run", run)
    monkeypatch.setattr("sys.argv", ["gan-zoo", "list"])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main() == code
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err.count("interrupted") == during


def test_an_error_without_ctrl_c_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(words: list[str]) -> int:
        raise AttributeError("numpy has no attribute")

    monkeypatch.setattr(program, "run", broken)
    with pytest.raises(AttributeError):
        main(["list"])


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["train", "--loss", "hinge", "--dataset", "8gaussians", "--seed", "1", "--seeds", "2"], "name all after one"),
        (["run", "--device", "cpu", "--device", "cpu"], "keep one"),
        (["report", "--losses", "hinge", "--rows", "lsgan"], "name all after one"),
        (["report", "quickstart", "--only", "primary", "--only", "losses"], "name all after one"),
        (["score", "--images", "a.npy", "--images", "b.npy"], "keep one"),
    ],
)
def test_an_option_given_twice_is_refused(words: list[str], remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert f"given twice; {remedy}; see gan-zoo " in capsys.readouterr().err


def test_a_home_folder_is_put_in_full_where_the_shell_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder("~/x") == tmp_path / "x"
    assert folder("x/~y") == Path("x/~y")
    assert main(["run", "--results=~no-such-user/x"]) == 2
    assert '--results: there is no home folder "~no-such-user"; write the path in full' in capsys.readouterr().err


def interrupted_at(module: str, importer: Callable[..., Any]) -> Callable[..., Any]:
    def importing(name: str, *rest: Any, **more: Any) -> Any:
        if name == module:
            raise KeyboardInterrupt
        return importer(name, *rest, **more)

    return importing


def test_of_many_known_words_some_are_named() -> None:
    words = [f"word{i:03}" for i in range(200)]
    hint = suggestion("~", words)
    assert hint.startswith("known: word000, word001, ")
    assert hint.endswith(", ...")
    assert len(hint) < 520
    assert suggestion("~", words[:50]) == f"known: {', '.join(words[:50])}"


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        ("gan-zoo rep", ["report", "reproduce"]),
        ("gan-zoo run quick", ["quickstart "]),
        ("gan-zoo run quickstart --num", ["--numerics "]),
        ("gan-zoo run quickstart --numerics ex", ["exact "]),
    ],
)
def test_a_shell_completes_commands_suites_and_options(typed: str, answers: list[str], tmp_path: Path) -> None:
    asked = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "answer"),
        "COMP_LINE": typed,
        "COMP_POINT": str(len(typed)),
    }
    subprocess.run([sys.executable, "-m", "benchmarks.cli"], env=asked, cwd=tmp_path, check=True)
    assert (tmp_path / "answer").read_text().splitlines() == answers


def test_the_command_that_a_page_names_makes_the_same_cells(monkeypatch: pytest.MonkeyPatch, suite: str) -> None:
    """What is changed of a suite, and which part of it was run, are in the command; typed again it is the same one."""
    seen: list[Any] = []

    def noted(suite: Any, how: Any, watch: Any, say: Any) -> None:
        seen.append(suite)
        raise UserError("enough")

    monkeypatch.setattr(suite_run, "first_look", noted)
    monkeypatch.setattr(suite_run, "run_and_report", noted)
    part = ["--losses", "wgan-gp", "--seeds", "1", "0", "--set", "seeds=[0, 1, 2]", "--set", "train.steps=6"]
    look = ["--dataset", "digits", "8gaussians", "--loss", "hinge", "--set", "evaluate.samples=60"]
    for words, report in ((["run", suite, *part], "tiny"), (["train", *look], None), (["run"], "quickstart")):
        assert main(words) == 2
        made, reported = commands_of(seen[-1])
        known = seen[-1].cells
        assert main(shlex.split(made)[1:]) == 2
        assert seen[-1].cells == known
        assert commands_of(seen[-1]) == [made, reported]
        assert reported == f"gan-zoo report {report or f'results/train/{look_name(seen[-1])}'}"
    assert made == "gan-zoo run quickstart"


def test_a_first_look_has_a_report_of_its_own_and_alone_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another loss, seed or setting is another folder; one run waits for no other process to load everything again."""
    seen: list[tuple[str, int | None]] = []

    def noted(suite: Any, how: Any, watch: Any, say: Any) -> None:
        seen.append((look_name(suite), how.workers))
        raise UserError("enough")

    monkeypatch.setattr(suite_run, "first_look", noted)
    look = ["train", "--dataset", "8gaussians", "--loss"]
    for words in (["hinge"], ["hinge"], ["hinge", "--seed", "1"], ["hinge", "--set", "train.batch_size=9"]):
        assert main([*look, *words]) == 2
    assert main([*look, "hinge", "lsgan", "--seeds", "0", "1"]) == 2
    assert main([*look, "hinge", "--workers", "2"]) == 2
    names = [name for name, _ in seen]
    assert [workers for _, workers in seen] == [0, 0, 0, 0, None, 2]
    assert names[0] == names[1] == names[5]
    assert len(set(names)) == 4
    assert names[0].startswith("hinge_8gaussians_")
    assert names[4].startswith("hinge+lsgan_8gaussians_")


def test_a_report_asked_of_a_suite_file_is_asked_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rings.yaml"
    path.write_text("name: rings\n")
    assert main(["report", str(path), "--results", str(tmp_path)]) == 2
    assert "is a suite file: give the suite's name" in capsys.readouterr().err
