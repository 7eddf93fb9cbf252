"""What to write instead of a text that is no YAML."""

import re

_IPV6 = re.compile(r"(?<![\"'/])\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]:\d+")
"""An address with its port, outside of quotes and of a URL."""
_HINTS = {
    "escape": "in double quotes a backslash is written twice; in single quotes once",
    "quoted scalar": "close the quote that stands open",
    "mapping values are not allowed": "a value that holds `: ` is written in quotes; keys of one mapping are aligned",
    "cannot start any token": "text that begins with such a character is written in quotes",
    "flow sequence": "close the `[` that stands open, with commas between the items",
    "flow node": "close the `[` or `{` that stands open",
    "flow mapping": "close the `{` that stands open, with commas between the keys",
    "could not find expected ':'": "write `key: value`, with a space behind the colon",
    "expected <block end>": "keys of one mapping, and items of one list, begin in the same column",
    "expected alphabetic": "text that begins with `*`, `&` or `!` is written in quotes",
}


def yaml_hint(said: str, content: str, line: int) -> str:
    """The hint for what the parser says of a line, counted from 0; empty where it says something rare."""
    text = _line(content, line)
    if "\t" in text[: len(text) - len(text.lstrip())]:
        return "indent with spaces, not with tabs"
    if address := _IPV6.search(text):
        return f'an IPv6 address is written in quotes: "{address[0]}"'
    return next((hint for words, hint in _HINTS.items() if words in said), "")


def key_hint(content: str, line: int, column: int) -> str:
    """The hint for a mapping or list where a key should stand, at a place counted from 0."""
    is_template = _line(content, line)[max(column - 1, 0) : column + 1] == "{{"
    return 'a template is written in quotes: "{{ ... }}"' if is_template else "write the key as text"


def twice_hint(key: str, *, is_outermost: bool) -> str:
    """The hint for a key that a mapping has twice."""
    if is_outermost and key in {"kind", "name"}:
        return "remove one of the two; if a further resource begins here, write `---` on a line before it"
    return "remove one of the two"


def _line(content: str, line: int) -> str:
    lines = content.split("\n", line + 1)
    return lines[line] if line < len(lines) else ""
