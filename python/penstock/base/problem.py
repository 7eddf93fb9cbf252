"""What is wrong with a configuration, as values that can be listed, located and printed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

Steps = tuple[str | int, ...]
"""A place inside a document: keys and positions, from the outside in."""
_LONGEST_KEY = 80
"""Characters of a key that a message shows: no key is longer that is not a mistake."""


class Severity(StrEnum):
    """Whether a problem refuses the configuration."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is, and what to write instead.

    `file`, `line` and `column` are filled in where the document came from a file; lines and columns count
    from 1. `document` is the position of the document in its file, `resource` names it (`route/orders`).
    """

    path: Steps
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    resource: str = ""
    file: str = ""
    document: int = 0
    line: int = 0
    column: int = 0
    about_key: bool = False

    @property
    def path_text(self) -> str:
        """The path as users write it: `steps[0].to`."""
        return path_text(self.path)

    @property
    def is_error(self) -> bool:
        """Whether it refuses the configuration."""
        return self.severity is Severity.ERROR

    def below(self, *outer: str | int) -> "Problem":
        """The same problem, seen from further outside."""
        return replace(self, path=(*outer, *self.path))

    def to_json(self) -> dict[str, object]:
        """The form that machines read."""
        return {
            "severity": self.severity.value,
            "file": self.file or None,
            "line": self.line or None,
            "column": self.column or None,
            "resource": self.resource or None,
            "path": self.path_text,
            "message": self.message,
            "hint": self.hint or None,
        }

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        within = f"{self.resource}: " if self.resource else ""
        path = f"{self.path_text}: " if self.path else ""
        kind = "warning: " if self.severity is Severity.WARNING else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{place}{kind}{within}{path}{self.message}{hint}"


def path_text(path: Steps) -> str:
    """A path in the form users write: `hosts[1].regex`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{_shortened(step)}" for step in path)
    return text.removeprefix(".")


def _shortened(key: str) -> str:
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}..."


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that refuse a configuration."""
    return [problem for problem in problems if problem.is_error]
