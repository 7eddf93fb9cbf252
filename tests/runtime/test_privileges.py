"""What the processes of a gateway may do, and as whom."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from penstock.runtime import privileges
from tests.runtime.configurations import forwarding
from tests.servers.as_nobody import reachable
from tests.servers.gateway_process import GatewayProcess, wait_until

NOWHERE = "http://127.0.0.1:1"
BIND_LOW_PORTS = 1 << 10
is_superuser = pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become another user")


def low_port(port: int) -> str:
    return forwarding(NOWHERE, address=f"0.0.0.0:{port}")


def said_of(pid: int) -> dict[str, str]:
    """What the system says of a process, by name."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def rights(pid: int) -> dict[str, int]:
    """The sets of rights of a process, by name."""
    return {name: int(value, 16) for name, value in said_of(pid).items() if name.startswith("Cap")}


@contextmanager
def nobodys(configuration: str) -> Iterator[GatewayProcess]:
    """A gateway that the superuser is to start and that is to become nobody, in a network of its own."""
    gateway = GatewayProcess(configuration, "--user", "nobody", workers=1)
    gateway.folder.chmod(0o755)
    gateway.before = reachable(gateway.folder)
    try:
        if not gateway.before:
            pytest.skip("no file system can be mounted here, or there is no network of its own")
        yield gateway
    finally:
        gateway.__exit__()


@is_superuser
def test_the_superuser_becomes_the_user_and_binds_low_ports_now_and_later_and_after_an_upgrade() -> None:
    nobody = pwd.getpwnam("nobody")
    with nobodys(low_port(80)) as gateway:
        gateway.start()
        for turn, port in enumerate((80, 81, 82)):
            gateway.write(low_port(port))
            wait_until(lambda port=port: gateway.status()["listeners"][0]["bound"] == f"0.0.0.0:{port}")
            for pid in (gateway.owner(), *gateway.worker_pids()):
                status = said_of(pid)
                assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
                assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
                assert status["NoNewPrivs"] == "1"
            assert rights(gateway.owner())["CapEff"] == BIND_LOW_PORTS
            # What carries traffic has no right at all, and can get none.
            for pid in gateway.worker_pids():
                assert {name for name, value in rights(pid).items() if value} <= {"CapBnd"}
                assert rights(pid)["CapBnd"] & ~BIND_LOW_PORTS == 0
            if turn == 1:
                owner = gateway.owner()
                assert gateway.command("upgrade", "--state-dir", str(gateway.state.path)).returncode == 0, gateway.said
                wait_until(lambda owner=owner: gateway.owner() != owner)
        owners = {path.lstat().st_uid for path in (gateway.state.path, *gateway.state.path.rglob("*"))}
        assert owners == {nobody.pw_uid}


@is_superuser
def test_a_state_folder_of_the_superuser_becomes_the_users() -> None:
    with nobodys(low_port(80)) as gateway:
        gateway.flags = (*gateway.flags, "--user", "root")
        gateway.start()
        gateway.process_ends()
        gateway.flags = gateway.flags[:-2]
        gateway.start()
        assert gateway.command("history", "--state-dir", str(gateway.state.path)).returncode == 0
        assert said_of(gateway.owner())["Uid"].split()[0] == str(pwd.getpwnam("nobody").pw_uid)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--user", "nobody-of-this-name"), "there is no user nobody-of-this-name"),
        (("--user", "nobody", "--group", "none-of-this-name"), "there is no group none-of-this-name"),
    ],
)
def test_r13_a_user_that_there_is_not(flags: tuple[str, ...], line: str) -> None:
    gateway = GatewayProcess(forwarding(NOWHERE))
    try:
        assert gateway.spawn(*flags).wait(15) == 1
        assert gateway.said == f"penstock: {line}\n"
    finally:
        gateway.__exit__()


@is_superuser
def test_whoever_swaps_a_folder_for_a_link_while_the_state_is_given_gets_nothing_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is the user's from an earlier start, and what runs as that user may be anything."""
    nobody, chown = privileges.person("nobody"), os.chown
    state, outside = tmp_path / "state", tmp_path / "outside"
    for folder in (state / "workers", outside):
        folder.mkdir(parents=True)
        for name in ("a", "b"):
            (folder / name).touch()
    swapped: list[str] = []

    def chown_and_swap(path: str, *owners: int, **rest: Any) -> None:
        chown(path, *owners, **rest)
        if not swapped and Path(path).name in {"a", "b"}:
            swapped.append(str(path))
            (state / "workers").rename(tmp_path / "aside")
            (state / "workers").symlink_to(outside)

    monkeypatch.setattr(os, "chown", chown_and_swap)
    monkeypatch.setattr(privileges, "_give_up", lambda _who: None)
    privileges.become(nobody, state)
    assert swapped
    assert {(outside / name).stat().st_uid for name in ("a", "b")} == {0}
    assert {(tmp_path / "aside" / name).stat().st_uid for name in ("a", "b")} == {nobody.user}


def test_nobody_of_the_same_user_looks_into_the_processes_and_nothing_they_run_gains_rights() -> None:
    with GatewayProcess(forwarding(NOWHERE)) as gateway:
        for pid in (gateway.owner(), *gateway.worker_pids()):
            assert said_of(pid)["NoNewPrivs"] == "1"
            # What may not be dumped belongs to the superuser, whoever runs it.
            assert Path(f"/proc/{pid}/mem").stat().st_uid == 0
