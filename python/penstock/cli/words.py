"""Words for people: counts with their nouns, lists, spans of time."""

_UNCOUNTED = frozenset({"telemetry"})
_SPANS = (("d", 86400), ("h", 3600), ("min", 60))


def counted(count: int, noun: str) -> str:
    """A count and its noun: `1 route`, `4 routes`."""
    if noun in _UNCOUNTED:
        return noun
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(*words: str) -> str:
    """Words with commas between them; empty ones are left out."""
    return ", ".join(word for word in words if word)


def span(seconds: float) -> str:
    """A span of time by its two largest units: `12 s`, `3 min 20 s`, `5 d 2 h`.

    Units: seconds.
    """
    rest = int(seconds)
    said: list[str] = []
    for unit, length in _SPANS:
        if rest >= length or said:
            count, rest = divmod(rest, length)
            said.append(f"{count} {unit}")
    return " ".join([*said, f"{rest} s"][:2])
