"""An endpoint whose packets are lost from one moment on (R22)."""

import shutil
import subprocess
import sys

import pytest

from tools.repository import ROOT

ALONE = ("unshare", "--user", "--map-root-user", "--net")


@pytest.mark.long
def test_r22_an_endpoint_that_falls_silent_is_found_gone_while_nobody_asks(capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("ip") is None or subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network of one's own can be made here")
    command = [*ALONE, sys.executable, "-m", "tests.runtime.gone_endpoint"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    with capsys.disabled():
        sys.stderr.write(f"\n{told.stderr}")
