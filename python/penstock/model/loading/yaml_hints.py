"""What to write instead of a text that is no YAML."""

_HINTS = {
    "tab": "indent with spaces",
    "\\t": "indent with spaces",
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


def yaml_hint(said: str) -> str:
    """The hint for what the parser says; empty where it says something rare."""
    return next((hint for words, hint in _HINTS.items() if words in said), "")
