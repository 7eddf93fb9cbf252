"""Lets a test run the interpreter as a user who may not look into the folders that it lies in."""

import shlex
import stat
import subprocess
import sys
from pathlib import Path

import penstock


def reachable(folder: Path) -> tuple[str, ...]:
    """A command that runs another one where everybody can reach the interpreter, in a network of its own too.

    Empty where the system does not let that be made. `folder` is for what is needed on the way.
    """
    needed = sorted({Path(sys.base_prefix).resolve(), Path(sys.prefix), Path(penstock.__file__).parent.parent})
    steps: list[str] = []
    for top in sorted({closed for path in needed if (closed := _closed(path))}):
        within = [path for path in needed if path.is_relative_to(top)]
        asides = [folder / f"aside-{number}" for number, _ in enumerate(within)]
        for path, aside in zip(within, asides, strict=True):
            steps.append(f"mkdir -p {_quoted(aside)} && mount --rbind {_quoted(path)} {_quoted(aside)}")
        steps.append(f"mount -t tmpfs -o mode=755 none {_quoted(top)}")
        for path, aside in zip(within, asides, strict=True):
            steps.append(f"mkdir -p {_quoted(path)} && mount --rbind {_quoted(aside)} {_quoted(path)}")
    command = ("unshare", "--net", "--mount", "sh", "-c", " && ".join([*steps, 'exec "$0" "$@"']))
    tried = subprocess.run([*command, "true"], check=False, capture_output=True, timeout=30)
    return command if tried.returncode == 0 else ()


def _closed(path: Path) -> Path | None:
    """The first folder on the way to a path that others may not enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
