"""What `make run` starts works, and nothing of it is left, however it ends.

Its ports are fixed, so it runs in a network of its own.
"""

import os
import subprocess
import sys
import tempfile

import pytest

from tools.repository import ROOT

ALONE = ("unshare", "--user", "--map-root-user", "--net")


@pytest.mark.parametrize("ending", ["interrupt", "end", "kill", "kill_parent"])
def test_the_example_serves_what_it_tells_to_try_and_leaves_nothing_behind(ending: str) -> None:
    if subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network of one's own can be made here")
    # Not pytest's folder: the paths of sockets in it would be too long.
    with tempfile.TemporaryDirectory(prefix="example-") as state:
        told = subprocess.run(
            [*ALONE, sys.executable, "-m", "tests.examples.story", ending],
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": state, "PENSTOCK_STATE_DIR": ""},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert told.returncode == 0, told.stdout + told.stderr
