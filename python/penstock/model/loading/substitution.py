"""Fills in `${env:NAME}`, `${env:NAME:-default}` and `${file:path}`.

Values are put into the data after it was read, so what an environment variable holds can never change the
structure of a document.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.base.problem import Problem, Steps

# Without a colon it is not ours: `${1}` is a group in the replacement of a regular expression.
_REFERENCE = re.compile(r"\$\{([A-Za-z]+):([^}]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def _no_variable(_name: str) -> str | None:
    return None


def _no_file(_file: str, path: str) -> str:
    raise OSError(f"files are not read here: {path}")


def _no_folder(_file: str, path: str) -> list[str]:
    raise OSError(f"folders are not read here: {path}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration may look up outside itself; by default nothing.

    `variable(name)` gives an environment variable or None. `file(of, path)` gives the text of a file whose
    path is relative to the configuration file `of`; it raises OSError or UnicodeError. `folder(of, path)` gives the
    names of the files in a folder and `name/` of each in it, with the files of that; it raises OSError.
    """

    variable: Callable[[str], str | None] = _no_variable
    file: Callable[[str, str], str] = _no_file
    folder: Callable[[str, str], Sequence[str]] = _no_folder


@dataclass(slots=True)
class Substituted:
    """Data with its references filled in, and the problems of those that could not be."""

    data: Any
    problems: list[Problem] = field(default_factory=list)


def substitute(data: Any, file: str, surroundings: Surroundings) -> Substituted:
    """The data with every reference replaced; values are text, whatever they look like."""
    result = Substituted(None)
    result.data = _walk(data, (), result.problems, lambda text: _fill(text, file, surroundings))
    return result


def _walk(data: Any, path: Steps, problems: list[Problem], fill: Callable[[str], str]) -> Any:
    if isinstance(data, dict):
        return {key: _walk(value, (*path, key), problems, fill) for key, value in data.items()}
    if isinstance(data, list):
        return [_walk(value, (*path, index), problems, fill) for index, value in enumerate(data)]
    if isinstance(data, str) and "${" in data:
        try:
            return fill(data)
        except ValueError as problem:
            problems.append(Problem(path, str(problem)))
    return data


def _fill(text: str, file: str, surroundings: Surroundings) -> str:
    def value(found: re.Match[str]) -> str:
        scheme, name = found.groups()
        if scheme == "env":
            return _variable(name, surroundings)
        if scheme == "file":
            return _file(name, file, surroundings)
        raise ValueError(f"no reference begins with `${{{scheme[:40]}:`; write ${{env:NAME}} or ${{file:path}}")

    return _REFERENCE.sub(value, text)


def _variable(name: str, surroundings: Surroundings) -> str:
    name, has_default, default = name.partition(":-")
    if not _VARIABLE.match(name):
        raise ValueError(f"{name[:80]!r} is no name of an environment variable")
    value = surroundings.variable(name)
    if value is None or (has_default and not value):
        if not has_default:
            raise ValueError(f"environment variable {name} is not set; set it or write ${{env:{name}:-default}}")
        return default
    return value


def _file(path: str, file: str, surroundings: Surroundings) -> str:
    if not path or "\0" in path:
        raise ValueError("a file reference without a path; write ${file:path}")
    try:
        return surroundings.file(file, path)
    except UnicodeError:
        raise ValueError(f"file {path} is not UTF-8 text") from None
    except OSError as problem:
        raise ValueError(f"file {path} cannot be read: {problem.strerror or problem}") from None
