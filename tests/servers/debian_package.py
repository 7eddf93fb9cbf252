"""Files of Debian packages, for servers of tests that nobody has to install."""

import shutil
import subprocess
from pathlib import Path

_SECONDS = 300.0


def unpacked(name: str, folder: Path) -> bool:
    """Fetch a package and unpack it into a folder; whether it can be had here."""
    if not shutil.which("apt-get"):
        return False
    fetch = ("apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", name)
    return _done(folder, fetch) and _done(folder, ("sh", "-c", f"dpkg -x {name}_*.deb ."))


def _done(folder: Path, command: tuple[str, ...]) -> bool:
    return not subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS, check=False).returncode
