"""Another build of the core for tests: its sources with changes, compiled apart."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.servers.other_version import other_version

ROOT = Path(__file__).resolve().parents[2]
_LAYOUT = "crates/penstock-shared/src/layout.rs"
ANOTHER_TABLE: Sequence[tuple[str, str, str]] = (
    (_LAYOUT, "pub const VERSION: u64 = ", "pub const VERSION: u64 = 1_000 + "),
    # A word more before all others: whoever took this table for its own would count astray.
    (
        _LAYOUT,
        "pub(crate) struct WorkerBlock {\n",
        "pub(crate) struct WorkerBlock {\n    pub(crate) later: AtomicU64,\n",
    ),
)
"""The shared table as a later version could have it."""


def other_core(folder: Path, changes: Sequence[tuple[str, str, str]]) -> Path:
    """The interpreter of an environment with another version whose core has such changes: file, what was, what is."""
    if not shutil.which("cargo"):
        pytest.skip("another core is built with cargo, which is not installed")
    sources = folder / "sources"
    sources.mkdir()
    for name in ("Cargo.toml", "Cargo.lock"):
        shutil.copy(ROOT / name, sources)
    shutil.copytree(ROOT / "crates", sources / "crates")
    for name, old, new in changes:
        text = (sources / name).read_text()
        assert old in text, (name, old)
        (sources / name).write_text(text.replace(old, new, 1))
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "other-core"
    # Quick to build: what it does is asked for, not how fast.
    quickly = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_TARGET_DIR": str(target)}
    command = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "penstock-python", "--lib"]
    subprocess.run(command, cwd=sources, env={**os.environ, **quickly}, check=True, timeout=3000)
    python = other_version(folder / "environment")
    (package,) = (folder / "environment").glob("lib/python*/site-packages/penstock")
    shutil.copy(target / "release" / "lib_core.so", package / "_core.abi3.so")
    return python
