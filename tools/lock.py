"""Renews `requirements.lock`, `requirements-dev.lock` and `requirements-etcd.lock` from `pyproject.toml`.

The files hold hashes for every platform and no registry's address: whoever installs brings a registry of their own.
"""

import subprocess
import sys
import venv
from pathlib import Path

from tools.repository import ROOT

RESOLVER = ROOT / "build" / "resolver"
OPTIONS = (
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--upgrade",
    "--custom-compile-command=make lock",
)


def resolver() -> Path:
    """Path of `uv`, installed on first use into a folder of its own: nothing else needs it."""
    program = RESOLVER / "bin" / "uv"
    if not program.exists():
        venv.create(RESOLVER, with_pip=True)
        subprocess.run([RESOLVER / "bin" / "python", "-m", "pip", "install", "--quiet", "uv"], check=True)
    return program


def main() -> int:
    """Resolve all files; each agrees with the one before."""
    compile_command = (resolver(), "pip", "compile", "pyproject.toml", *OPTIONS)
    subprocess.run([*compile_command, "--output-file=requirements.lock"], check=True, cwd=ROOT)
    development = ("--group=development", "--constraint=requirements.lock", "--output-file=requirements-dev.lock")
    subprocess.run([*compile_command, *development], check=True, cwd=ROOT)
    etcd = ("--extra=etcd", "--constraint=requirements-dev.lock", "--output-file=requirements-etcd.lock")
    subprocess.run([*compile_command, *etcd], check=True, cwd=ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
