"""Names of resources: what they may look like, and what was probably meant by a wrong one."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
"""What a name looks like: safe as a file name, a label and a part of a URL."""

_NAME = re.compile(NAME_PATTERN.removesuffix("$") + r"\Z")


def check_name(name: str) -> str:
    """The name itself, if it may be one.

    Raises: ValueError that says what a name looks like.
    """
    if not _NAME.match(name):
        # A name that would do, made of the wrong one.
        meant = re.sub(r"[^a-z0-9._]+", "-", name[:200].lower()).strip("-._")[:63]
        instead = f"; {meant} would be one" if meant else ""
        raise ValueError(f"not a name: {name[:70]!r}; write 1 to 63 of a-z, 0-9, '.', '_' and '-'{instead}")
    return name


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """A hint that names the known word closest to a wrong one; empty where none is close."""
    by_folded = {word.casefold(): word for word in known}
    close = get_close_matches(wrong.casefold()[:100], by_folded, n=1, cutoff=0.6)
    return f"did you mean `{by_folded[close[0]]}`?" if close else ""
