"""What a scenario is given, and what it gives."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Load:
    """How hard, how long and from which core the proxy is loaded."""

    seconds: int
    core: int
    idle_connections: int
    floor: Path


@dataclass(frozen=True)
class Sample:
    """One figure of one proxy in one round, and a line about it."""

    value: float
    line: str
    details: dict[str, float]
