"""Documents are read as YAML 1.2 says, and within bounds (I10, I11)."""

import time
from typing import Any

import pytest

from penstock.model.loading.tree import Malformed, read_json, read_yaml

SCALARS: list[tuple[str, Any]] = [
    ("on", "on"), ("off", "off"), ("no", "no"), ("yes", "yes"), ("y", "y"), ("true", True), ("False", False),
    ("null", None), ("~", None), ("", None), ("1", 1), ("-1", -1), ("012", 12), ("0o17", 15), ("0x1F", 31),
    ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("1_000", "1_000"), ("12:30:45", "12:30:45"), ("0b1", "0b1"),
    ("2001-01-01", "2001-01-01"), ('"1"', "1"), ("'on'", "on"), ("=", "="), ("1.2.3.4", "1.2.3.4"), ("!!str 1", "1"),
    ("! 1", "1"), ("!!int 1", 1), ("-", [None]), ("+", "+"), ("| \n a\n b\n", "a\nb\n"),
]  # fmt: skip
REFUSED = [
    ("!!python/object/apply:os.system ['true']", "tag"),
    ("!!python/name:os.system ''", "tag"),
    ("a: !!python/object:x.Y {}", "tag"),
    ("!!binary aGk=", "tag"),
    ("!custom x", "tag"),
    ("!!int x", "tag"),
    ("!!map [a]", "tag"),
    ("{a: 1, a: 2}", "`a` is given twice"),
    ("a: 1\n'a': 2", "`a` is given twice"),
    ("a: {b: 1, c: 2, b: 3}", "`b` is given twice"),
    ("<<: {a: 1}", "merge"),
    ("? [a]\n: 1", "as a key"),
    ("? {a: 1}\n: 1", "as a key"),
    ("a: *b", "without an anchor"),
    ("a: &a [*a]", "inside its own anchor"),
    ("a: .nan", "not a number"),
    ("a: -.inf", "not a number"),
    ("a: 1e999", "too large"),
    ("a: " + "1" * 5000, "too long"),
    ("a: [", "not YAML"),
    ("a: b: c", "not YAML"),
    ("\ta: 1", "not YAML"),
    ("a: \x00", "not YAML"),
    ("[" * 10_000, "nested"),
    ("{a: " * 100, "nested"),
    ('a: "\\ud800"', "not YAML"),
    ("a: 1\n...\nb: 2", "not YAML"),
]
NOT_JSON = [
    ('{"a": NaN}', "NaN"), ('{"a": Infinity}', "Infinity"), ('{"a": 1e999}', "too large"), ("[" * 10_000, "nested"),
    ('{"a": 1, "a": 2}', "twice"), ("{'a': 1}", "not JSON"), ("", "not JSON"),
    ('{"a": ' + "1" * 5000 + "}", "too long"),
    ("[" * 70 + "]" * 70, "nested"), ('["\\ud800"]', "surrogate"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=lambda value: repr(value)[:20])
def test_a_scalar_means_what_the_core_schema_says(text: str, value: Any) -> None:
    found = read_yaml(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text[:30] for text, _ in REFUSED])
def test_i10_what_is_not_plain_data_is_refused(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read_yaml(text)


@pytest.mark.parametrize(("text", "message"), NOT_JSON, ids=[text[:30] for text, _ in NOT_JSON])
def test_i11_json_is_read_as_strictly(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read_json(text)


def test_aliases_stand_for_what_they_name() -> None:
    assert read_yaml("a: &x {b: [1]}\nc: *x\nd: [*x]") == {"a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}]}


def test_i10_an_alias_bomb_is_refused_at_once() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    begin = time.monotonic()
    with pytest.raises(Malformed, match="1 MiB"):
        read_yaml("\n".join(levels))
    assert time.monotonic() - begin < 1


def test_i10_more_than_a_hundred_aliases_are_refused() -> None:
    assert len(read_yaml(f"a: &a x\nb: [{', '.join(['*a'] * 100)}]")["b"]) == 100
    with pytest.raises(Malformed, match="100 aliases"):
        read_yaml(f"a: &a x\nb: [{', '.join(['*a'] * 101)}]")


def test_a_problem_says_where_it_is() -> None:
    with pytest.raises(Malformed) as caught:
        read_yaml("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert (caught.value.line, caught.value.column) == (3, 2)
