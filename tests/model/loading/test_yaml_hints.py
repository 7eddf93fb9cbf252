"""A text that is no YAML comes with what to write, for the slips that are made most often."""

import pytest

from penstock.model.loading.tree import Malformed, read_yaml

SLIPS = [
    ("kind: Listener\nlimits:\n\tidle: 10s\n", "indent with spaces, not with tabs"),
    ("limits:\n  \tidle: 10s\n  headers: 1KiB\n", "indent with spaces, not with tabs"),
    ("kind: Listener\naddress: [::]:8080\n", 'an IPv6 address is written in quotes: "[::]:8080"'),
    ("endpoints:\n  - url: [fd00::1]:9000\n", 'an IPv6 address is written in quotes: "[fd00::1]:9000"'),
    ("body: {{ request.path }}\n", 'a template is written in quotes: "{{ ... }}"'),
    ("steps:\n  - {kind: Respond, body: {{ request.path }}}\n", 'a template is written in quotes: "{{ ... }}"'),
    ("? [a]\n: 1\n", "write the key as text"),
    ("kind: Listener\nname: a\nkind: Route\nname: b\n", "write `---` on a line before it"),
    ("kind: Route\nname: a\nname: b\n", "write `---` on a line before it"),
    ("kind: Route\npath: /a\npath: /b\n", "remove one of the two"),
    ("steps:\n  - {kind: Respond, kind: Forward}\n", "remove one of the two"),
    ("hosts: [a, b\npath: /\n", "close the `[` that stands open, with commas between the items"),
]


@pytest.mark.parametrize(("text", "hint"), SLIPS, ids=[repr(text)[:40] for text, _ in SLIPS])
def test_a_slip_is_told_with_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_yaml(text)
    assert hint in refused.value.hint


def test_only_keys_of_a_resource_are_taken_for_the_beginning_of_another() -> None:
    with pytest.raises(Malformed) as refused:
        read_yaml("path: /a\npath: /b\n")
    assert "---" not in refused.value.hint
