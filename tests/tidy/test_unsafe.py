"""`unsafe` stays in the crates that exist for it, and each use says why it is sound."""

import re
from pathlib import Path

from tools.repository import ROOT, text, with_suffix

ALLOWED = (
    "crates/penstock-shared/",
    "crates/penstock-python/",
    "crates/penstock-proxy/tests/allocations.rs",
    "bench/src/epoll.rs",
)
SAFE_CRATES = ("penstock-plan", "penstock-proxy")
USE = re.compile(r"\bunsafe\s+(\{|impl\b|fn\b|extern\b|trait\b)|\bunsafe$")


def code(line: str) -> str:
    return re.sub(r'//.*|"(?:[^"\\]|\\.)*"', "", line)


def uses(path: Path) -> list[int]:
    return [number for number, line in enumerate(text(path).splitlines()) if USE.search(code(line).rstrip())]


def test_unsafe_stays_in_the_crates_that_exist_for_it() -> None:
    elsewhere = (path for path in with_suffix(".rs") if not str(path).startswith(ALLOWED))
    assert [f"{path}:{number + 1}" for path in elsewhere for number in uses(path)] == []


def test_the_other_crates_forbid_it() -> None:
    for crate in SAFE_CRATES:
        assert "#![forbid(unsafe_code)]" in (ROOT / "crates" / crate / "src/lib.rs").read_text(), crate
