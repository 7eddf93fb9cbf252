"""Runs the project's checks and tests one after another, all of them, and closes with one count.

usage: checks.py GROUP...   (groups: check, test, long)
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tools.repository import ROOT

CARGO_RESULT = re.compile(
    r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed; (?P<skipped>\d+) ignored"
)
# A Rust test that cannot run here returns, and counts as passed, unless it says so.
RUST_SKIP = re.compile(r"^skipped test: ")
PYTEST_RESULT = re.compile(r"^=*\s*(?=\d+ \w+.* in [\d.]+s)")
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")
PYTEST_WORDS = {"error": "failed", "errors": "failed", "xfailed": "skipped", "xpassed": "failed"}


@dataclass(frozen=True)
class Step:
    """One command, and the group that runs it."""

    group: str
    name: str
    command: tuple[str, ...]


STEPS = (
    Step("check", "Rust format", ("cargo", "fmt", "--all", "--check")),
    Step("check", "Python format", ("ruff", "format", "--check", ".")),
    Step("check", "Python rules", ("ruff", "check", ".")),
    Step("check", "Python types", ("mypy",)),
    Step("check", "Python layers", ("lint-imports",)),
    Step("check", "generated files", ("python", "tools/generate.py", "check")),
    Step("check", "licences", ("python", "-m", "tools.licences")),
    Step("check", "sizes", ("python", "-m", "tools.sizes")),
    # The release profile throughout: a clean clone then builds the crates once.
    Step(
        "check",
        "Rust rules",
        ("cargo", "clippy", "--quiet", "--release", "--locked", "--workspace", "--all-targets", "--", "-Dwarnings"),
    ),
    Step(
        "test",
        "Rust tests",
        (
            "cargo",
            "test",
            "--quiet",
            "--release",
            "--locked",
            "--no-fail-fast",
            "--workspace",
            "--exclude=penstock-python",
        ),
    ),
    Step("test", "Python tests", ("python", "-m", "pytest", "--quiet")),
    Step(
        "long",
        "long Rust tests",
        (
            *("cargo", "test", "--quiet", "--release", "--locked", "--no-fail-fast", "--workspace"),
            *("--exclude=penstock-python", "--", "--ignored"),
        ),
    ),
    Step("long", "long Python tests", ("python", "-m", "pytest", "--quiet", "-m", "long", "--timeout=1800")),
)


@dataclass
class Count:
    """How many tests passed, failed and were skipped, and which steps failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failed_steps: list[str] = field(default_factory=list)

    def read(self, line: str) -> None:
        """Add what a test runner's closing line says; any other line says nothing."""
        if cargo := CARGO_RESULT.match(line):
            for outcome, number in cargo.groupdict().items():
                self.add(outcome, int(number))
        elif RUST_SKIP.match(line):
            self.add("skipped", 1)
            self.add("passed", -1)
        elif PYTEST_RESULT.match(line):
            for number, word in PYTEST_COUNT.findall(line):
                self.add(PYTEST_WORDS.get(word, word), int(number))

    def add(self, outcome: str, number: int) -> None:
        """Add to `passed`, `failed` or `skipped`."""
        setattr(self, outcome, getattr(self, outcome) + number)

    def close(self, step: Step, *, failed_before: int) -> None:
        """Note that a step failed; one that failed without naming a test counts as one failure."""
        self.failed_steps.append(step.name)
        if self.failed == failed_before:
            self.failed += 1

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def environment() -> dict[str, str]:
    """The environment of the steps: the tools of the virtual environment come first."""
    programs = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join((programs, os.environ.get("PATH", ""))), "PYTHONUNBUFFERED": "1"}


def run(step: Step, count: Count) -> None:
    """Run one step, show what it prints, and count what it tested."""
    started, failed_before = time.monotonic(), count.failed
    print(f"== {step.name}: {' '.join(step.command)}", flush=True)
    with subprocess.Popen(
        step.command, cwd=ROOT, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            count.read(line)
    if process.returncode:
        count.close(step, failed_before=failed_before)
    verdict = "FAILED" if process.returncode else "ok"
    print(f"-- {step.name}: {verdict}, {time.monotonic() - started:.0f} s", flush=True)


def main(groups: Iterable[str]) -> int:
    """Run the steps of the groups, in the table's order; 1 when any failed."""
    wanted, count = frozenset(groups), Count()
    if not wanted or not wanted <= {step.group for step in STEPS}:
        print(__doc__)
        return 2
    for step in STEPS:
        if step.group in wanted:
            run(step, count)
    if count.failed_steps:
        print(f"failed: {', '.join(count.failed_steps)}")
    if wanted & {"test", "long"}:
        print(count)
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
