"""What a plain word means: the core schema of YAML 1.2, where `on`, `off`, `yes` and `no` are plain words.

Source: YAML 1.2.2, section 10.3.2.
"""

import math
import re

_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_LONGEST_NUMBER = 300
"""Digits beyond any number a configuration needs; Python itself refuses over 4,300."""

Scalar = str | int | float | bool | None


def plain_value(text: str) -> Scalar:
    """What a scalar without quotes stands for.

    Raises: ValueError if it is a number that JSON cannot hold.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_STARTS:
        return _number(text)
    return text


def _number(text: str) -> Scalar:
    if _INTEGER.fullmatch(text):
        if len(text) > _LONGEST_NUMBER:
            raise ValueError(f"a number of {len(text)} digits is too long")
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return value
        raise ValueError(f"too large a number: {text[:40]}")
    if _NOT_A_NUMBER.fullmatch(text):
        raise ValueError(f"not a number that can be used here: {text}; write it in quotes if it is text")
    return text
