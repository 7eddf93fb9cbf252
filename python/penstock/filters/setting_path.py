"""Reads the path of a setting as the core writes it: `response.set.x-a` or `to[0].upstream`."""

import re
from typing import Any

from penstock.base.problem import Steps

_INDEX = re.compile(r"\[([0-9]{1,9})\]")


def read_setting_path(text: str, settings: Any) -> Steps:
    """The steps of a path; keys of the settings that hold dots are recognised."""
    steps: list[str | int] = []
    value = settings
    rest = text.removeprefix(".")
    while rest:
        step, rest = _next_step(rest, value)
        steps.append(step)
        value = _inside(value, step)
    return tuple(steps)


def _next_step(rest: str, value: Any) -> tuple[str | int, str]:
    index = _INDEX.match(rest)
    if index:
        return int(index[1]), rest[index.end() :].removeprefix(".")
    keys = (
        sorted((key for key in value if isinstance(key, str)), key=len, reverse=True) if isinstance(value, dict) else []
    )
    for key in keys:
        after = rest[len(key) :]
        if key and rest.startswith(key) and (not after or after[0] in ".["):
            return key, after.removeprefix(".")
    key = re.split(r"[.\[]", rest, maxsplit=1)[0] or rest
    if isinstance(value, list) and key.isdecimal() and key.isascii():
        return int(key[:9]), rest[len(key) :].removeprefix(".")
    return key, rest[len(key) :].removeprefix(".")


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None
