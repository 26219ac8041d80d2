"""The reader of suite files: YAML 1.2 values exactly, every bound with its message, every key with its line."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.suites.document import DEEPEST, LARGEST_FILE, read_document, read_value
from gan_zoo.errors import UserError


def value(text: str) -> Any:
    return read_value(text, "here")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("9007199254740993", 2**53 + 1),
        ("-0x1f", -31),
        ("0o17", 15),
        ("017", 17),
        ("2e-4", 2e-4),
        ("1.5", 1.5),
        ("0.0e-999", 0.0),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("False", False),
        ("tRue", "tRue"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("10:30", "10:30"),
        ("2026-11-28", "2026-11-28"),
        ("~", None),
        ("Null", None),
        ("", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("[1, [2, a]]", [1, [2, "a"]]),
        ("{a: {b: [x]}, 1: 2, null: 3}", {"a": {"b": ["x"]}, "1": 2, "null": 3}),
        ("[&a {lr: 1}, *a]", [{"lr": 1}, {"lr": 1}]),
        ("-_", "-_"),
        ("%YAML 1.2\n---\n{a: 010, b: 1:40}", {"a": 10, "b": "1:40"}),
        ("[1e38, -1.2e-38, 0.0, 0e5, 0x0]", [1e38, -1.2e-38, 0.0, 0.0, 0]),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1e999", "here: 1e999 is no finite number of single precision, which trains"),
        ("-.inf", "here: -.inf is no finite number"),
        ("[.nan]", "here: 0: .nan is no finite number"),
        ("1e-999", "here: 1e-999 is no finite number"),
        ("3.5e38", "here: 3.5e38 is no finite number of single"),
        ("1" + "0" * 39, f"here: 1{'0' * 39} is no finite number of single"),
        ("-1e-38", "here: -1e-38 is no finite number of single"),
        ('"a\\u202eb"', "here: a control character ('\\u202e'): leave it out"),
        ("9" * 5000, "here: a text of more than 4000 characters"),
        ("9" * 61, "here: a number of more than 60 characters"),
        ("!!str 3", "here: a tag (tag:yaml.org,2002:str) has no meaning here: leave it out"),
        ("!!python/object/apply:os.system [ls]", "here: a tag (tag:yaml.org,2002:python/object/apply:os) has no meani"),
        ("!mine {a: 1}", "here: a tag (!mine) has no meaning here"),
        ("{? [1, 2] : 3}", "here: a key must be a word"),
        ("{{a: 1}: 2}", "here: a key must be a word"),
        ("{a: 1, a: 2}", "here: a: key given twice; keep one"),
        ("&a [1, *a]", "here: 1: *a: no value before it has this name (&a)"),
        ("*b", "here: *b: no value before it has this name (&b)"),
        ("[" * 100_000, f"here: 0.0: nested more than {DEEPEST} deep: write it flatter"),
        ("{a: " * 3000, f"here: a.a: nested more than {DEEPEST} deep: write it flatter"),
        ('"a\\x1b[31m"', "here: a control character ('\\x1b'): leave it out"),
        ('{"a\\0": 1}', "here: a control character ('\\x00'): leave it out"),
        ('"\\ud800"', "here: a control character ('\\ud800'): leave it out"),
        ("a\0b", "here: a control character ('\\x00'): leave it out"),
        ("%YAML 1.1\n---\n{a: 010, b: 1:40}", "here: %YAML 1.1: this is read as 1.2: leave it out"),
        ("1\n---\n2", "here: a second document ('---'): keep one"),
        ("[1, 2", "here: not YAML: "),
        ("a: b: c", "here: not YAML: "),
        ("@x", "here: not YAML: "),
        ("%YAML 9.9\n---\n1", "here: not YAML: "),
    ],
)
def test_what_is_no_plain_value_gets_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        value(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_aliases_that_grow_are_counted_not_made() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    before = time.process_time()
    with pytest.raises(UserError, match=r"more than 20000 values, aliases \(\*\) included: write less"):
        value("\n".join(lines))
    assert time.process_time() - before < 10, "a hang, not a measure of speed"


def test_every_key_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# a comment\nname: x\ntrain:\n  steps: 3\n  list:\n    - 1\n    - {b: 2}\n")
    document = read_document(path)
    assert document.content == {"name": "x", "train": {"steps": 3, "list": [1, {"b": 2}]}}
    for key, line in ((("name",), 2), (("train", "steps"), 4), (("train", "list", 1, "b"), 7), (("train", "x"), 3)):
        dotted = ".".join(map(str, key))
        assert str(document.error(key, "wrong")) == f"a.yaml:{line}: {dotted}: wrong"


def test_a_control_character_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: x\ndescription: a\ab\n")
    with pytest.raises(UserError, match=r"^a.yaml:2: a control character \('\\x07'\): leave it out$"):
        read_document(path)


def test_only_a_text_file_of_bounded_size_is_read(tmp_path: Path) -> None:
    def refused(name: str, message: str) -> None:
        with pytest.raises(UserError, match=message) as caught:
            read_document(tmp_path / name)
        assert "\n" not in str(caught.value)

    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    (tmp_path / "large.yaml").write_text("#" * LARGEST_FILE + "\n")
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "a\nb.yaml").write_text("- 1\n")
    refused("folder.yaml", "folder.yaml: not a file")
    refused("pipe.yaml", "pipe.yaml: not a file")
    refused("dangling.yaml", "dangling.yaml: cannot be read")
    refused("loop.yaml", "loop.yaml: cannot be read")
    refused("latin.yaml", r"latin.yaml: not UTF-8 \(byte 9\); save it as UTF-8")
    refused("large.yaml", f"large.yaml: larger than {LARGEST_FILE} bytes")
    refused("list.yaml", r"list.yaml: expected a mapping, got \[1\]")
    refused("a\nb.yaml", r'"a\\nb.yaml": expected a mapping')
    refused("x" * 300 + ".yaml", "cannot be read")
    refused("a\0.yaml", "cannot be read")
