"""The project's own files, as tools and tidy tests look at them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@cache
def files() -> tuple[Path, ...]:
    """All files that are or could be committed, relative to the root: nothing that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = (Path(name) for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in found if (ROOT / path).is_file())


def with_suffix(*suffixes: str) -> list[Path]:
    """The files with one of these suffixes, without the cases that tests are given."""
    return [path for path in files() if path.suffix in suffixes and "cases" not in path.parts]


def text(path: Path) -> str:
    """The text of a file; bytes that are no text are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")
