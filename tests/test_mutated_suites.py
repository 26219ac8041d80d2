"""Mutated suite files: each is a valid suite, or ends in exactly one clear line and exit code 2, and writes nothing.

Sixty of the mutations run with every test run, five hundred others with `nox -s faults`.
"""

import json
import random
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks.cli import main
from benchmarks.suites import suite as room

PATIENCE = 60
"""Seconds after which a mutation counts as hanging, on a machine however busy."""
SMALL = """\
name: small
losses: [minimax, wgan-clip, {adversarial: hinge, penalties: [{gradient-norm: {one_sided: true, weight: 5}}, r1]}]
datasets: [8gaussians, {name: cats, folder: ~/cats, image_size: 32}]
seeds: [0, 9007199254740993]
architecture: &net {name: mlp, width: 16}
train: {recipe: gulrajani2017/toy, steps: 10, batch_size: 8, optimizer: {lr: 1e-3}}
evaluate: {every: 5, samples: 100, metrics: [emd], repeats: 2}
overrides:
  wgan-clip: {train: {optimizer: {name: rmsprop, lr: 5e-5}}}
  cats: {architecture: *net, evaluate: {metrics: [fid_inception]}}
report: {baseline: minimax, rows: [minimax, wgan-clip], targets: {cats: 3.0}, checkpoint: best}
"""
SHIPPED = [path.read_text(encoding="utf-8") for path in sorted(Path(room.__file__).parent.glob("*.yaml"))]
TEXTS = [SMALL, *SHIPPED]
WORDS = [
    *("", "~", "null", "true", "yes", "NA", "None", "..", ".", "/", "a/b", "mlflow.db", "Default", "-", "?", ":"),
    *("!!str", "!!python/name:os.system", "|", ">", "'", '"', "{", "}", "[", "]", ",", "#", "---", "...", "%YAML 9"),
    *("&a", "*a", "<<", "1", "2", "3", "7", "20", "0.5", "swissroll", "hinge", "adam", "linear", "spectral", "a\nb"),
    *("0", "-1", "1e999", "1e-999", ".nan", "-.inf", "1_0", "0x10", "9" * 5000, "1.0", "1e9", "9007199254740993", "١"),
    *("\x00", "\x1b[31m", "\u2028", "λ", "\ufeff", "\t", "a" * 5000, "{a: " * 40, "[" * 2000, "&a [*a, *a]"),
    *("wgan-gp", "mlp", "table1:99999999999", "digits", "emd", "mean-99", "best", "rmsprop", "~/x"),
]
VALUES: list[Any] = [
    *(None, True, 0, -1, 1, 3.5, 10**9, 10**30, 1e308, "", " ", "x", "..", "nan", "a\nb", "\x07", "λ", "x" * 3000),
    *([], [[]], [None], ["emd", "emd"], [1, 1], {}, {"name": None}, {"name": []}, {"a": {"b": {"c": {}}}}, {"": 1}),
]


def of_bytes(text: str, draw: random.Random) -> bytes:
    """Some bytes changed, put in or taken out, or the end cut off."""
    content = bytearray(text.encode())
    for _ in range(draw.choice([1, 1, 2])):
        place = draw.randrange(len(content))
        match draw.randrange(4):
            case 0:
                content[place] ^= 1 << draw.randrange(7)
            case 1:
                content[place:place] = draw.randbytes(draw.randint(1, 3)) if draw.random() < 0.5 else b"1"
            case 2:
                del content[place : place + draw.randint(1, 9)]
            case _:
                content = content[: max(1, place)] if draw.random() < 0.3 else content + content[place:]
    return bytes(content)


def of_words(text: str, draw: random.Random) -> bytes:
    """Some words or signs replaced, doubled, swapped or left out."""
    tokens = re.findall(r"\w+|\s+|[^\w\s]", text)
    for _ in range(draw.choice([1, 1, 2])):
        one, other = draw.randrange(len(tokens)), draw.randrange(len(tokens))
        match draw.randrange(4):
            case 0:
                tokens[one] = draw.choice(WORDS)
            case 1:
                tokens[one] += draw.choice(["", " "]) + tokens[one]
            case 2:
                tokens[one], tokens[other] = tokens[other], tokens[one]
            case _:
                tokens[one] = ""
    return "".join(tokens).encode("utf-8", "surrogatepass")


def of_structure(text: str, draw: random.Random) -> bytes:
    """A value replaced, a key renamed, left out or given to another mapping; as JSON, which is YAML."""
    content = json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))
    for _ in range(draw.choice([1, 1, 2])):
        places = list(mappings_and_lists(content))
        place = draw.choice(places)
        if not place:
            continue
        key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
        match draw.randrange(3 if isinstance(place, dict) else 2):
            case 0:
                place[key] = draw.choice(VALUES)
            case 1:
                place[key] = draw.choice(places[1:])  # which may hold itself only in YAML, so not here
                if json_fails(content):
                    place[key] = None
            case _:
                place[draw.choice([*WORDS, key + "s"])] = place.pop(key)
    return json.dumps(content, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")


def mappings_and_lists(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for each in list(value.values() if isinstance(value, dict) else value):
            yield from mappings_and_lists(each)


def json_fails(content: Any) -> bool:
    try:
        return len(json.dumps(content)) > 100_000
    except (ValueError, RecursionError):
        return True


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    def hangs(*_: object) -> None:
        raise AssertionError(f"hangs: not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_one(number: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> int:
    """The exit code of a dry run of mutation `number`."""
    draw = random.Random(f"suite {number}")
    content = (of_bytes, of_words, of_structure)[number % 3](draw.choice(TEXTS), draw)
    path = folder / "mutated.yaml"
    path.write_bytes(content)
    with patience(PATIENCE):
        code = main(["run", str(path), "--dry-run", "--results", str(folder / "results"), "--data", str(folder / "d")])
    error = capsys.readouterr().err
    assert code in (0, 2), content
    if code == 2:
        assert error.startswith("gan-zoo: "), content
        assert error.count("\n") == 1, content
        assert len(error) < 800, content
        assert error.rstrip("\n").isprintable(), content
    else:
        assert error == "", content
    assert [entry.name for entry in folder.iterdir()] == ["mutated.yaml"], content
    return code


def check_many(numbers: range, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    patch.setattr("benchmarks.sweep.plan.make_plan", lambda *_: None)  # a valid suite's data are not loaded
    patch.setattr("benchmarks.sweep.progress.plan_text", lambda *_: "a valid suite")
    patch.chdir(folder)
    codes = [check_one(number, folder, capsys) for number in numbers]
    assert codes.count(2) > len(codes) / 2, "most mutations break a suite"
    assert codes.count(0) > 0, "and some do not"


def test_the_texts_that_are_mutated_are_valid(tmp_path: Path) -> None:
    for number, text in enumerate(TEXTS):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        assert room.load_suite(str(path)).cells


def test_sixty_mutations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    check_many(range(60), tmp_path, monkeypatch, capsys)


@pytest.mark.faults
def test_five_hundred_mutations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check_many(range(1000, 1500), tmp_path, monkeypatch, capsys)
