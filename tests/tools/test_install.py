"""`pip install .` gives a package that stands alone, and the `penstock` command."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tools.repository import ROOT

CONFIGURATION = "kind: Listener\nname: web\naddress: 127.0.0.1:8080\n"


def run(*command: str | Path, cwd: Path, environment: dict[str, str]) -> str:
    """What a command prints; its failure is the test's."""
    ended = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_pip_installs_the_command_and_all_that_it_needs(tmp_path: Path) -> None:
    # What it depends on is taken from here, so that nothing is fetched.
    flags = ("--quiet", "--no-deps", "--no-build-isolation", "--ignore-installed", "--prefix", tmp_path)
    tools = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    run(sys.executable, "-m", "pip", "install", *flags, ".", cwd=ROOT, environment=tools)
    paths = sysconfig.get_paths(vars={"base": str(tmp_path), "platbase": str(tmp_path)})
    site = Path(paths["platlib"])
    assert (site / "penstock" / "py.typed").exists()
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site)}
    penstock = Path(paths["scripts"]) / "penstock"
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    assert "is fine: 1 listener" in run(penstock, "validate", "-c", file, cwd=tmp_path, environment=environment)
    assert "Forward" in run(penstock, "filters", cwd=tmp_path, environment=environment)
    script = "import penstock, penstock.sdk; print(penstock.__file__)"
    assert run(sys.executable, "-P", "-c", script, cwd=tmp_path, environment=environment).startswith(str(site))
