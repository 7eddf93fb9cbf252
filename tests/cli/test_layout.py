"""Formatting keeps what a file says and every comment of it, and done again changes nothing."""

from typing import Any

import pytest

from penstock.cli.layout import NotFormatted, formatted
from penstock.model.loading import Text
from penstock.model.loading.text import documents
from penstock.model.loading.tree import read_yaml

# Each text, and its form where that differs.
TEXTS: list[tuple[str, str | None]] = [
    ("a: &x [1, 2]  # keep\nb: *x\n", None),
    ("a: &x 5\nb: *x\nc: [*x, *x]\n", None),
    ("a: |\n  one\n    two\n  three # not comment\nb: 1\n", None),
    ("a: |+\n  one\n\n\nb: 1\n", None),
    ("a: |-\n  one\n\n\n", "a: |-\n  one\n"),
    ("a: |2\n    one\n  two\n", None),
    ("a: |\n  spaces at the end  \n  two\nb:   1\n", None),
    ("a: |\n  x\n # dedent comment\nb: 1\n", None),
    ("a: >\n  one\n  two\n\n  three\n# after\nb: 1\n", None),
    ("a: >-\n  long line of text\n  more\nb: 2\n", None),
    ("a: 1\r\n# c\r\nb:\r\n  - 1\r\n", "a: 1\n# c\nb:\n  - 1\n"),
    ("a: |\r\n  x\r\n  y\r\n", "a: |\n  x\n  y\n"),
    ('a: "x\ty"\n', 'a: "x\\ty"\n'),
    ("a:   1\t# c\n", None),
    ("a: 1   \nb: 2\t\n", "a: 1\nb: 2\n"),
    ("# h\n---\na: 1\n# mid\n---\n# only\n---\nb: 2\n...\n", "# h\n---\na: 1\n# mid\n---\n# only\n---\nb: 2\n"),
    ("a: 1\n---\n# about b\nb: 1\n---\n# about c\n\nc: 1\n", None),
    ("a: 1\n... # end\n", None),
    ("--- # c\na: 1\n", "# c\na: 1\n"),
    ("--- {a: 1}\n", "{a: 1}\n"),
    ("%YAML 1.2\n---\na: 1\n", None),
    ("a: h\u00e9llo \u2713 \u65e5\u672c\nb: \U0001f600\n", None),
    ("# one\n\n# two\n", None),
    ("a: 1    # one\nbb: 2   # two\n", None),
    ("a:\n  # before\n  - 1 # one\n  # between\n  - 2\n  # end\nb: 1\n", None),
    ("a: [1, # one\n  2, # two\n]\nb: {x: 1, # c\n y: 2}\n", None),
    ("a: 'x'\nb: \"y\"\nc: z\nd: 'it''s'\n", None),
    ("a: 012\nb: 0o17\nc: 0x1F\nd: 1_000\ne: 12:30:45\n", None),
    ("a: on\nb: off\nc: yes\nd: no\n", None),
    ("a: 2001-01-01\nb: 2001-12-14t21:59:43.10-05:00\n", None),
    ("a: 1.50\nb: 1e3\nc: .5\n", None),
    ("a: 123456789012345678901234567890\n", None),
    ("a: !!str 1\n", None),
    ("a: {}\nb: []\nc: ''\n", None),
    ("a: one\n  two\n  three\nb: 1\n", "a: one two three\nb: 1\n"),
    ("a: 'x\n\n  y'\n", None),
    ("'a: b': 1\n\"c#d\": 2\nc: 'x # y'\n", None),
    ("a:\n- b: 1\n  c: 2\n-   d: 3\n", "a:\n  - b: 1\n    c: 2\n  - d: 3\n"),
    ("a:\n    b:\n        c: 1 # x\n", "a:\n  b:\n    c: 1     # x\n"),
    ("a:\n-\n- 1\n", "a:\n  -\n  - 1\n"),
    ("a: 1", "a: 1\n"),
    ("a: 1 #c\n#d\nb: 2\n", None),
    ("a: ${env:X:-y}\nb: '${file:p}'\nc: '*.example.com'\nd: /orders/*\n", None),
    ("a: " + "word " * 60 + "end\n", None),
    ('path: {regex: "^/[a-z]+$"}\n', None),
    ("", None),
]  # fmt: skip


def data(text: str) -> list[Any]:
    return [read_yaml(document.content.removeprefix("---")) for document in documents(text)]


@pytest.mark.parametrize(("before", "after"), TEXTS, ids=lambda text: repr(text)[:40])
def test_an_odd_text_keeps_its_meaning_and_its_comments(before: str, after: str | None) -> None:
    found = formatted(Text(before, "a.yaml"))
    assert found == (before if after is None else after)
    assert data(found) == data(before)
    assert found.count("#") == before.count("#")
    assert formatted(Text(found, "a.yaml")) == found


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: {<<: {b: 1}}\n", "a: [\n", "a: 'x\x0cy'\n"])
def test_what_cannot_be_read_is_not_formatted(text: str) -> None:
    with pytest.raises(NotFormatted):
        formatted(Text(text, "a.yaml"))
