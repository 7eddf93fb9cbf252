"""Looks whether the places that a configuration names for logs can be written to on this machine."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from penstock.base.problem import Problem, Severity, Steps
from penstock.model.access_log import NOWHERE
from penstock.model.loading import Placed
from penstock.model.telemetry import Telemetry


def log_problems(resources: Iterable[Placed]) -> Iterator[Problem]:
    """An error for a log that is a folder, a warning for one whose folder is missing.

    Only a warning: what is checked here may run on another machine.
    """
    for placed in resources:
        telemetry = placed.resource
        if isinstance(telemetry, Telemetry) and telemetry.enabled:
            for steps, log in telemetry.placed_logs():
                problem = _problem((*steps, "path"), log.path)
                if problem is not None:
                    yield placed.located(problem)


def _problem(steps: Steps, written: str) -> Problem | None:
    path = Path(written)
    if written in NOWHERE:
        return None
    if _is_folder(path):
        return Problem(steps, f"{written} is a folder", f"name a file in it: {path / 'access.log'}")
    if not _is_folder(path.parent):
        return Problem(steps, f"there is no folder {path.parent} here", "nothing is logged until there is", _WARNING)
    return None


_WARNING = Severity.WARNING


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
