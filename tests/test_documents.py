from __future__ import annotations

import json
from pathlib import Path

import pytest

from autorl.documents import as_number, looks_like_number, parse_document, read_document
from autorl.errors import InvalidInput


def refused(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_document(text, "x.yaml")
    message = str(caught.value)
    assert message.startswith("x.yaml")
    assert "\n" not in message
    return message


def test_plain_data_keeps_its_types_and_order() -> None:
    found = parse_document("b: 1\na: [1.0, true, null, text]\nc: {d: 2020-01-01}\n", "x.yaml")
    assert list(found) == ["b", "a", "c"]
    assert found == {"b": 1, "a": [1.0, True, None, "text"], "c": {"d": "2020-01-01"}}
    assert type(found["b"]) is int


def test_json_is_read_as_yaml_text_too() -> None:
    assert parse_document('{"a": {"b": [1, 2.5]}}', "x.yaml") == {"a": {"b": [1, 2.5]}}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: 1\nb: 2\na: 3\n", ["line 3", "duplicate key 'a'", "line 1"]),
        ("a:\n  b: 1\n  b: 2\n", ["line 3", "duplicate key 'b'", "line 2"]),
        ("a: [{b: 1, b: 2}]\n", ["line 1", "duplicate key 'b'"]),
        ("'a': 1\na: 2\n", ["line 2", "duplicate key 'a'"]),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", ["line 2", "python/object/apply:os.system", "tag"]),
        ("a: !x 1\n", ["line 1", "'!x'", "tag"]),
        ("a: !!int '3'\n", ["line 1", "!!int", "tag"]),
        ("a: &name 1\nb: *name\n", ["line 1", "&name", "anchor"]),
        ("a: *name\n", ["line 1", "*name", "alias"]),
        ("", ["empty"]),
        ("# only a comment\n", ["empty"]),
        ("null\n", ["empty"]),
        ("- a\n- b\n", ["a list where a mapping"]),
        ("text\n", ["the single value 'text' where a mapping"]),
        ("a: [1, 2\n", ["line 2", "broken YAML"]),
        ("a: 1\n b: 2\n", ["line 2", "broken YAML"]),
        ("a: 1\n---\nb: 2\n", ["broken YAML"]),
        ("a:\t1\n\tb: 2\n", ["broken YAML"]),
        ("1: a\n", ["line 1", "key 1 is no text"]),
        ("on: a\n", ["line 1", "key True is no text"]),
        ("a: {null: 1}\n", ["line 1", "key None is no text"]),
        ("? [a]\n: 1\n", ["line 1", "collection is no text"]),
        ("a: \x00\n", ["broken YAML"]),
        ("a: " + "[" * 3000 + "]" * 3000, ["line 1", "nested more than 50 levels"]),
        ("a: " + "9" * 5000 + "\n", ["digits"]),
    ],
)
def test_what_is_refused_names_the_line_and_the_rule(text: str, parts: list[str]) -> None:
    message = refused(text)
    for part in parts:
        assert part in message


def test_merge_keys_are_refused() -> None:
    assert "<<" in refused("a: {<<: {b: 1}}\n")


def test_files(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text("a: 1\n")
    assert read_document(good) == read_document(str(good)) == {"a": 1}
    with pytest.raises(InvalidInput, match=r"absent\.yaml: no such file"):
        read_document(tmp_path / "absent.yaml")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_document(tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: \xff\n")
    with pytest.raises(InvalidInput, match=r"binary\.yaml: byte 3 is no UTF-8"):
        read_document(binary)


def test_json_files_may_be_indented_by_tabs(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"a": [1, {"b": None}]}, indent="\t"))
    assert read_document(file) == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"a": 1, "a": 2}', "duplicate key 'a'"),
        ('{"a": {"b": 1, "b": 1}}', "duplicate key 'b'"),
        ('{"a": 1,\n ]', "line 2"),
        ("", "empty"),
        ("[1]", "a list where a mapping"),
        ("null", "empty"),
    ],
)
def test_broken_json_files(tmp_path: Path, text: str, part: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=r"a\.json") as caught:
        read_document(file)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), (2.5, 2.5), ("1e-5", 1e-5), ("1E+3", 1000.0), ("-.5", -0.5), ("16", 16), (" 7 ", 7), ("1.", 1.0)],
)
def test_numbers_and_text_that_is_one(value: object, number: float) -> None:
    found = as_number(value, "k")
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize("value", [True, False, float("nan"), "abc", "1e", "", "0x10", "1_000", "nan", None, [1]])
def test_what_is_no_number_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"study\.yaml: budget") as caught:
        as_number(value, "study.yaml: budget")
    assert repr(value) in str(caught.value)


def test_pyyaml_reads_exponents_without_a_dot_as_text() -> None:
    # The reason `as_number` takes text; should PyYAML change, this tells.
    assert parse_document("a: 1e-5\nb: 1.0e-5\nc: 1e5", "x") == {"a": "1e-5", "b": 1e-5, "c": "1e5"}


@pytest.mark.parametrize(("text", "expected"), [("1e-5", True), ("1.5E3", True), ("16", False), ("relu", False)])
def test_looks_like_number(text: str, expected: bool) -> None:
    assert looks_like_number(text) is expected
