"""Versions whose shared tables differ take over from each other: neither touches the other's, traffic goes on (R12)."""

import subprocess
from pathlib import Path

import pytest

from tests.runtime.configurations import forwarding
from tests.runtime.test_deaths import table_of
from tests.runtime.upgrade.test_versions import upgraded
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin
from tests.servers.other_core import ANOTHER_TABLE, other_core
from tests.servers.other_version import changed_version

REFUSING = {
    "runtime/worker/takeover.py": [
        ("SharedTable.open(given.descriptor, given.boot_id)", "SharedTable.open(given.descriptor, given.boot_id + 1)"),
    ],
}
"""A version to which the tables of others are none: it checks more of them than ours do."""


def check(*versions: Path | None) -> None:
    """From one version to the next: nothing is lost, and each has a table of its own."""
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway, Load(gateway.port()) as load:
        for there in versions:
            before, table = load.losses.answered, table_of(gateway.worker_pids()[0])
            upgraded(gateway, there)
            tables = {table_of(pid) for pid in gateway.worker_pids()}
            assert len(tables) == 1
            assert table not in tables
            wait_until(lambda before=before: load.losses.answered > before + 50, 30)
            assert gateway.status()["restarts"] == 0
        assert (load.losses.lost, load.losses.dropped) == ([], 0)
        assert "gives no table" in gateway.said


def build_of(python: Path) -> str:
    """The name of the build that an interpreter has."""
    told = "from penstock._core import build_id; print(build_id())"
    asked = subprocess.run([str(python), "-P", "-c", told], capture_output=True, text=True, timeout=60, check=True)
    return asked.stdout.strip()


def test_r12_a_version_that_cannot_read_the_table_makes_another_and_nothing_is_lost(tmp_path: Path) -> None:
    check(changed_version(tmp_path, REFUSING))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_r12_a_build_whose_table_lies_otherwise_takes_over_and_gives_way_again(tmp_path: Path) -> None:
    from penstock._core import build_id  # noqa: PLC0415 - beside the one it is compared with

    python = other_core(tmp_path, ANOTHER_TABLE)
    # The same version, another build.
    assert build_of(python).partition("+")[0] == build_id().partition("+")[0]
    assert build_of(python) != build_id()
    check(python, None, python)
